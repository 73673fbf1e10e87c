"""Every setting that runs of all methods have, declared once: default, label, help, unit, range and symbol. No torch.

The command line (``--set name=value``), the form on the Start page, the validation sentences and the stored
``config.json`` all derive from these classes. One class is one group of the form. What only one method reads stands in
a class of its own beside the method (see `c2r.registry`). Longer than other files, because the table of settings is
one.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict

from c2r.base.fields import Names, Radius, RadiusList, setting

Model = Literal["convnet", "resnet18", "mlp"]
TEXT: dict[str, Any] = {"max_length": 4096, "pattern": r"^[^\x00-\x1f\x7f]*$"}  # of paths and names


class Settings(BaseModel):
    """Base of every group: frozen, unknown names refused, defaults checked too."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False)


class RunSettings(Settings):
    """Run"""

    method: str = setting(
        "c2r",
        "Method",
        "Distillation method; its ablations are methods of their own",
        table="c2r.registry:METHODS",
    )
    seed: int = setting(
        0, "Seed", "Seed of every random draw: same seed and same device give the same bits", ge=0, le=2**31 - 1
    )
    device: Literal["auto", "cpu", "cuda"] = setting(
        "auto", "Device", "Where tensors live; auto takes CUDA when there is one", steers=False
    )
    threads: int = setting(
        0,
        "Processor threads",
        "Processor threads of the networks, 0 takes every core; more pay on large images only, and another number gives"
        " other last bits",
        "threads",
        ge=0,
        le=256,
        steers=False,
    )
    precision: Literal["float32", "bfloat16"] = setting(
        "float32", "Number format", "Number format of the networks; evaluation attacks always run in float32"
    )
    steps: int = setting(300, "Steps", "Updates of the synthetic images", "steps", ge=1, le=200_000)


class DataSettings(Settings):
    """Real data"""

    data: str = setting(
        "digits",
        "Data",
        "digits, cifar10, cifar100, mnist, fashion-mnist, svhn, imagenette, or a path to parquet files, an npz file or"
        " an image folder",
        **TEXT,
        min_length=1,
    )
    image_size: int = setting(0, "Image side", "Side that images are resized to; 0 keeps their own", "px", ge=0, le=256)


class SyntheticSettings(Settings):
    """Synthetic set"""

    ipc: int = setting(10, "Images per class", "Images per class (IPC)", "images", ge=1, le=1000)
    partition: int = setting(
        1,
        "Parts per side",
        "Partition-expansion: each stored image holds p × p small ones that are upsampled for training",
        "parts per side",
        ge=1,
        le=8,
    )
    imported: str = setting(
        "",
        "Set to start from",
        "Images to start from instead of real ones: a set in the app's own format, as 'python -m c2r import' and 'fork'"
        " write it",
        **TEXT,
    )
    parent: str = setting(
        "",
        "Forked from",
        "For a fork: the run and recorded step its images come from, as RUN@STEP",
        **TEXT | {"pattern": r"^$|^.+@\d+$"},
    )
    init: Literal["real", "noise", "easy", "hard"] = setting(
        "real",
        "Start of the images",
        "Where synthetic images start: random real training images or noise; easy and hard: of a random draw of real"
        " ones those with the largest, or the smallest, robust margin under the run's first scorer",
    )
    init_share: float = setting(
        0.2,
        "Share of the draw that starts",
        "For an easy or hard start: the share of the drawn real images that is taken; the smaller, the more extreme",
        ge=0.01,
        le=1,
    )


class NetworkSettings(Settings):
    """Network"""

    model: Model = setting(
        "convnet", "Network", "Architecture of pool and evaluation networks; normalisation is its first layer"
    )
    width: int = setting(
        48,
        "Width",
        "Channels of a block (convnet), of the first stage (resnet18), or hidden units (mlp)",
        "channels",
        ge=4,
        le=512,
    )
    depth: int = setting(
        3,
        "Depth",
        "Blocks of the ConvNet or hidden layers of the MLP; each ConvNet block halves the side",
        "blocks",
        ge=1,
        le=6,
    )
    norm: Literal["own", "instance", "group", "batch"] = setting(
        "own",
        "Norm layer",
        "Norm between the layers: own = instance norm in the ConvNet, group norm in ResNet-18, none in the MLP; batch"
        " norm couples the images of a training step",
    )


class ThreatSettings(Settings):
    """Threat model"""

    eps: Radius = setting(
        "2/255",
        "Attack strength ε",
        "L∞ radius of every attack, in pixel units of images in [0, 1]",
        "pixel units",
        gt=0,
        le=0.5,
        symbol="ε",
    )


class ScorerSettings(Settings):
    """Networks trained on real data, the scorer first"""

    scorers: Annotated[tuple[Literal["ce", "ce-crl", "on-set"], ...], Names] = setting(
        ("ce",),
        "Scorers",
        "Networks under which margins, embeddings and map are recorded: ce = trained on real data with cross-entropy"
        " alone, ce-crl = with the contrastive loss too, on-set = trained on the synthetic images; the first decides"
        " the order",
        min_length=1,
        max_length=3,
        steers=False,
    )
    scorer_eta: float = setting(
        0.6,
        "Contrastive share of a scorer",
        "Share of the contrastive loss in training the scorer ce-crl",
        ge=0,
        le=1,
        steers=False,
    )
    scorer_refresh: int = setting(
        50,
        "Refresh of the scorer on the set",
        "The scorer on-set is trained anew at the first recorded step after every so many updates",
        "updates",
        ge=1,
        le=200_000,
        steers=False,
    )
    scorer_set_steps: int = setting(
        150,
        "Training of the scorer on the set",
        "Training steps of the scorer on-set, by the evaluation's recipe",
        "steps",
        ge=1,
        le=200_000,
        steers=False,
    )
    pool_steps: int = setting(
        1200,
        "Pool training steps",
        "Training steps of one pool network (single-step adversarial training)",
        "steps",
        ge=1,
        le=200_000,
    )
    pool_stage: int = setting(
        200,
        "Steps between stages",
        "A stage of each network is kept every so many training steps",
        "steps",
        ge=1,
        le=200_000,
    )
    pool_batch: int = setting(
        128, "Pool batch", "Real images in one training step of a pool network", "images", ge=8, le=4096
    )
    pool_rate: float = setting(
        0.05, "Pool learning rate", "Peak learning rate of pool networks (SGD, momentum 0.9)", gt=0, le=10
    )


class AttackSettings(Settings):
    """Attacks while distilling (LS-PGD)"""

    ls_alpha: float = setting(0.5, "First step size", "first step of the line search", "ε", gt=0, le=4, symbol="α")
    ls_beta: float = setting(
        2.0, "Growth of the step", "growth of the step from one candidate to the next", gt=1, le=8, symbol="β"
    )
    ls_tries: int = setting(
        3,
        "Candidates per search",
        "candidates of one line search, forward passes only",
        "candidates",
        ge=1,
        le=5,
        symbol="Z",
    )
    ls_rounds: int = setting(
        1,
        "Searches per attack",
        "line searches one warm-started attack may spend on a sample, one backward each",
        "rounds",
        ge=1,
        le=50,
        symbol="T",
    )
    cold_rounds: int = setting(
        4,
        "Searches of a first attack",
        "Line searches of the first attack on a synthetic image, which has no warm start",
        "rounds",
        ge=1,
        le=50,
    )


class RecordSettings(Settings):
    """Recording"""

    record_every: int = setting(
        10,
        "Record every",
        "A step is recorded (events, frame) every so many updates; the first and last always are",
        "steps",
        ge=1,
        le=100_000,
        steers=False,
    )
    frames_recent: int = setting(
        64,
        "Newest steps with images",
        "The newest recorded steps that all keep their images; of older ones every second, then every fourth, … keeps"
        " them. The figures of every recorded step are kept",
        "steps",
        ge=2,
        le=100_000,
        steers=False,
    )
    map_points: int = setting(
        300,
        "Images on the map",
        "Synthetic images on the UMAP; more are sampled class by class",
        "images",
        ge=10,
        le=5000,
        steers=False,
    )
    map_steps: int = setting(
        4,
        "Steps the map is fitted on",
        "Recorded steps the joint UMAP is fitted on, evenly spread; the others are placed by their nearest fitted"
        " points. Many steps make each image its own cluster",
        "steps",
        ge=1,
        le=50,
        steers=False,
    )
    map_neighbors: int = setting(
        40,
        "Map neighbours",
        "UMAP n_neighbors: small shows local, large shows global structure; keep it well above map_steps",
        "neighbours",
        ge=2,
        le=200,
        steers=False,
    )
    map_spread: float = setting(
        0.3, "Map spread", "UMAP min_dist: how tightly points may pack", "map units", ge=0, le=0.99, steers=False
    )


class EvaluationSettings(Settings):
    """Evaluation"""

    eval_training: Literal["pgd-at", "standard"] = setting(
        "pgd-at",
        "Evaluation training",
        "Downstream training on the synthetic set: PGD adversarial training at ε, or standard",
    )
    eval_seeds: int = setting(
        3,
        "Evaluation networks",
        "Fresh networks trained on the set; figures are their mean ± standard deviation",
        "networks",
        ge=1,
        le=20,
    )
    eval_steps: int = setting(
        1000, "Evaluation steps", "Training steps of one evaluation network", "steps", ge=1, le=200_000
    )
    eval_batch: int = setting(
        128,
        "Evaluation batch",
        "Synthetic (expanded) images in one training step of an evaluation network",
        "images",
        ge=1,
        le=4096,
    )
    eval_rate: float = setting(
        0.02,
        "Evaluation learning rate",
        "Peak learning rate of evaluation networks (SGD, momentum 0.9, one cycle)",
        gt=0,
        le=10,
    )
    eval_average: float = setting(
        0.0,
        "Weight averaging",
        "Decay of the running mean of the weights that is evaluated in place of the last weights; 0 takes the last",
        ge=0,
        le=0.9999,
    )
    eval_clean_share: float = setting(
        0.0,
        "Clean share in training",
        "Share of the clean images' loss beside that of the attacked ones in adversarial training; RSLAD takes 1/6",
        ge=0,
        le=1,
    )
    eval_at_steps: int = setting(
        3,
        "Attack steps in training",
        "PGD steps of adversarial training, of size 2.5·ε/steps, random start",
        "steps",
        ge=1,
        le=50,
    )
    protocol: str = setting(
        "custom",
        "Protocol",
        "Which attacks at which radii: pixel-2/255 (DD-RobustBench in pixel space, with AutoAttack), guard-1/255,"
        " robustbench-8/255, beard-legacy, or custom = the four settings below",
        table="c2r.attacks.protocols:PROTOCOLS",
    )
    eval_attacks: Annotated[tuple[str, ...], Names] = setting(
        ("fgsm", "pgd", "cw", "vmi-fgsm", "jitter"),
        "Attacks",
        "Attacks of the custom protocol, on the test images and on the synthetic images",
        table="c2r.attacks.catalog:CATALOG",
    )
    eval_eps: RadiusList = setting(
        (),
        "Radii of the attacks",
        "Radii of the custom protocol's L∞ attacks, a sweep when there are several; nothing takes the run's ε",
        "pixel units",
        max_length=12,
    )
    eval_eps_l2: Radius = setting(
        "128/255",
        "L2 radius",
        "Radius of the custom protocol's L2 attacks, and the threshold within which cw-l2 and deepfool count",
        "pixel units",
        gt=0,
        le=20,
    )
    eval_targeted: bool = setting(
        False, "Targeted attacks too", "Also aim every attack that can at the class (y + 1) mod K"
    )
    eval_pgd_steps: int = setting(
        10,
        "PGD steps",
        "Steps of the custom protocol's PGD attack, of size ε/4, random start, an image leaves when it is fooled",
        "steps",
        ge=1,
        le=1000,
    )
    eval_set_budget: Literal["lite", "official"] = setting(
        "lite",
        "AutoAttack on the synthetic images",
        "AutoAttack on the synthetic images: lite = 1 target class and 500 queries, because networks were trained on"
        " them and nearly all withstand; official = as on test images, which about doubles an evaluation",
    )
    eval_images: int = setting(
        1000,
        "Test images",
        "Test images that are attacked, class-balanced and fixed by the seed; 0 takes all",
        "images",
        ge=0,
        le=1_000_000,
    )


class RunConfig(
    EvaluationSettings,
    RecordSettings,
    AttackSettings,
    ScorerSettings,
    ThreatSettings,
    NetworkSettings,
    SyntheticSettings,
    DataSettings,
    RunSettings,
):
    """The settings of one run, flat; a method with settings of its own adds their groups to these bases.

    Building blocks take the group they need. (Bases in reverse order: fields keep the form's.)
    """


def groups(config: type[RunConfig]) -> list[type[Settings]]:
    """The groups of a method's settings in the order of the form: its own ones stand before those of its attacks."""
    plain = [c for c in reversed(config.__mro__) if issubclass(c, Settings) and c is not Settings]
    declared = [group for group in plain if not issubclass(group, RunConfig)]
    own = [group for group in declared if not issubclass(RunConfig, group)]
    common = [group for group in declared if group not in own]
    place = common.index(AttackSettings)
    return [*common[:place], *own, *common[place:]]
