"""The settings that C2R and its ablations add to those of every run, declared as `c2r.settings` does. No torch."""

from typing import Literal

from c2r.base.fields import setting
from c2r.settings import RunConfig, Settings


class PoolSettings(Settings):
    """Pool of adversarially trained networks"""

    pool_size: int = setting(
        6,
        "Pool networks",
        "Networks that are adversarially trained on real data; their stages are what images are matched under",
        "networks",
        ge=1,
        le=100,
    )


class ObjectiveSettings(Settings):
    """Objective"""

    image_rate: float = setting(
        0.01, "Image learning rate", "Adam's learning rate on the pixels", "pixel units", gt=0, le=1
    )
    real_batch: int = setting(
        32, "Real images", "Real images drawn per class and step", "images per class", ge=1, le=1024
    )
    match_weight: float = setting(
        0.017, "Matching weight", "Weight of the matching loss beside (1 − η)·CE + η·CRL", ge=0, le=100
    )
    eta: float = setting(
        0.17, "Contrastive share", "share of the contrastive loss against clean cross-entropy", ge=0, le=1, symbol="η"
    )


class ContrastSettings(Settings):
    """Contrastive loss and its queue"""

    anchors: Literal["real", "synthetic"] = setting(
        "real",
        "Anchors",
        "Anchors of the contrastive loss: adversarial real images against synthetic keys, or the synthetic images"
        " themselves",
    )
    tau: float = setting(0.2, "Temperature", "temperature of the cosine similarities", gt=0, le=10, symbol="τ")
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
        "Extra weight of the hardest image in cross-entropy and CRL, falling linearly with rank over the whole set; 0"
        " orders only",
        ge=0,
        le=10,
    )
    real_rounds: int = setting(
        1,
        "Searches on real images",
        "Line searches of an attack on the real images of a step, which are seen once",
        "rounds",
        ge=1,
        le=50,
    )


class C2RConfig(CurriculumSettings, ContrastSettings, ObjectiveSettings, PoolSettings, RunConfig):
    """The settings of a run of C2R."""
