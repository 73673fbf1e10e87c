"""The settings that C2R and its ablations add to those of every run, declared as `c2r.settings` does. No torch."""

from typing import Literal

from c2r.base.fields import Radius, setting
from c2r.methods.settings import LabelSettings, PoolSettings, TeacherSettings
from c2r.settings import RunConfig, Settings


class ImageSettings(Settings):
    """Images and their loss"""

    image_rate: float = setting(
        0.01, "Image learning rate", "Adam's learning rate on the pixels", "pixel units", gt=0, le=1
    )
    eta: float = setting(
        0.17,
        "Contrastive share",
        "share of the contrastive loss against clean cross-entropy; 0 leaves it out",
        ge=0,
        le=1,
        symbol="η",
    )


class MatchingSettings(Settings):
    """Matching real images"""

    real_batch: int = setting(
        32, "Real images", "Real images drawn per class and step", "images per class", ge=1, le=1024
    )
    match_weight: float = setting(
        0.017, "Matching weight", "Weight of the matching loss beside (1 − η)·CE + η·CRL", ge=0, le=100
    )
    real_rounds: int = setting(
        1,
        "Searches on real images",
        "Line searches of an attack on the real images of a step, which are seen once",
        "rounds",
        ge=1,
        le=50,
    )
    distill_eps: Radius = setting(
        "0/255",
        "Attack strength while distilling",
        "L∞ radius of the attacks on real and synthetic images in an update; 0 takes ε",
        "pixel units",
        ge=0,
        le=0.5,
    )


class ContrastSettings(Settings):
    """Contrastive loss and its queue"""

    tau: float = setting(0.1, "Temperature", "temperature of the cosine similarities", gt=0, le=10, symbol="τ")
    queue_size: int = setting(
        64, "Queue length", "embeddings the queue keeps per class", "embeddings per class", ge=1, le=8192, symbol="Q"
    )
    queue_rank: int = setting(
        32,
        "Search dimensions",
        "dimensions of the random projection that retrieves hard negatives",
        "dimensions",
        ge=1,
        le=1024,
        symbol="r",
    )
    hard_negatives: int = setting(
        32, "Hard negatives", "hard negatives an anchor takes from the queue", "embeddings", ge=1, le=4096, symbol="k"
    )


class PullSettings(Settings):
    """What the contrast compares, and how hard it pulls"""

    anchors: Literal["real", "synthetic", "both"] = setting(
        "both",
        "Anchors",
        "Anchors of the contrastive loss: synthetic = the clean synthetic images against themselves and their"
        " adversaries, as the paper has it; both = adversarial real images are keys too; real = those are the anchors",
    )
    whiten: Literal["none", "centre", "whiten"] = setting(
        "none",
        "Space of the contrast",
        "Embeddings are compared as they are, centred on real images, or centred and whitened on them, per stage",
    )
    crl_ratio: float = setting(
        0.3,
        "Pull of the contrast",
        "size of the contrastive loss's gradient on the images, as a share of the matching's: its weight is set every"
        " ten updates so that it holds; 0 leaves the weight at η",
        ge=0,
        le=10,
        symbol="ρ",
    )


class CurriculumSettings(Settings):
    """Attack-aware curriculum (AAC)"""

    batch: int = setting(
        50,
        "Mini-batch",
        "Synthetic images in a mini-batch cut from the order, hardest first",
        "images",
        ge=1,
        le=10_000,
    )
    hard_weight: float = setting(
        0.0,
        "Extra weight of the hardest",
        "Extra weight of the hardest image in all terms, falling linearly with rank over the whole set; 0 orders only",
        ge=0,
        le=10,
    )


class StepSettings(Settings):
    """Steps of the images"""

    hard_step: float = setting(
        0.0,
        "Extra step of the hardest",
        "How much further than the easiest image the hardest one moves in an update, falling linearly with rank",
        ge=0,
        le=10,
    )


class LiteralSettings(Settings):
    """Network that is trained on the images"""

    net_rate: float = setting(
        0.01, "Network learning rate", "Learning rate of the network (SGD, momentum 0.9)", gt=0, le=10
    )
    net_life: int = setting(
        100,
        "Life of a network",
        "Updates after which a fresh network takes its place; 0 keeps one to the end",
        "updates",
        ge=0,
        le=200_000,
    )


class C2RConfig(
    StepSettings,
    CurriculumSettings,
    PullSettings,
    ContrastSettings,
    MatchingSettings,
    ImageSettings,
    TeacherSettings,
    LabelSettings,
    PoolSettings,
    RunConfig,
):
    """The settings of a run of C2R."""


class LiteralConfig(LiteralSettings, CurriculumSettings, ContrastSettings, ImageSettings, RunConfig):
    """The settings of the paper's own loop."""
