"""Every setting, declared once: default, label, help, unit, range and symbol in one line each. Imports no torch, so the
app opens fast.

The command line (``--set name=value``), the form on the Start page, the validation sentences and the stored
``config.json`` all derive from these classes. One class is one group of the form; `RunConfig` joins the groups,
so a name can exist only once. Longer than other files, because the table of settings is one.
"""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from c2r.errors import InputError, quoted, unknown
from c2r.fields import Names, Radius, RadiusList, as_names, choices, expected, setting
from c2r.untrusted import parse_json

Method = Literal["c2r", "c2r-no-aac", "c2r-no-crl", "c2r-pgd", "c2r-no-queue", "random-real", "full-data", "imported"]
Model = Literal["convnet", "resnet18", "mlp"]
Attack = Literal[
    "fgsm",
    "pgd",
    "pgd-l2",
    "cw",
    "cw-l2",
    "mi-fgsm",
    "vmi-fgsm",
    "jitter",
    "deepfool",
    "square",
    "spsa",
    "apgd-ce",
    "apgd-t",
    "fab-t",
    "autoattack",
]
ProtocolName = Literal["custom", "pixel-2/255", "guard-1/255", "robustbench-8/255", "beard-legacy"]
TEXT: dict[str, Any] = {"max_length": 4096, "pattern": r"^[^\x00-\x1f\x7f]*$"}  # of paths and names


class Settings(BaseModel):
    """Base of every group: frozen, unknown names refused, defaults checked too."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False)


class RunSettings(Settings):
    """Run"""

    method: Method = setting("c2r", "Method", "Distillation method; the ablations of C2R are methods of their own")
    seed: int = setting(
        0, "Seed", "Seed of every random draw: same seed and same device give the same bits", ge=0, le=2**31 - 1
    )
    device: Literal["auto", "cpu", "cuda"] = setting(
        "auto", "Device", "Where tensors live; auto takes CUDA when there is one"
    )
    threads: int = setting(
        0,
        "Processor threads",
        "Processor threads of the networks, 0 takes every core; more pay on large images only, and another number gives"
        " other last bits",
        "threads",
        ge=0,
        le=256,
    )
    precision: Literal["float32", "bfloat16"] = setting(
        "float32", "Number format", "Number format of the networks; evaluation attacks always run in float32"
    )


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
        le=3,
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
    init: Literal["real", "noise"] = setting(
        "real", "Start of the images", "Where synthetic images start: real training images or noise"
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


class ObjectiveSettings(Settings):
    """Objective"""

    carrier: Literal["matching"] = setting(
        "matching",
        "Carrier of the real data",
        "How real data enter: matching = class means of every block's features, clean to clean and adversarial to"
        " adversarial",
    )
    steps: int = setting(300, "Steps", "Updates of the synthetic images", "steps", ge=1, le=200_000)
    image_rate: float = setting(
        0.01, "Image learning rate", "Adam's learning rate on the pixels", "pixel units", gt=0, le=1
    )
    real_batch: int = setting(
        32, "Real images", "Real images drawn per class and step", "images per class", ge=1, le=1024
    )
    match_weight: float = setting(
        0.017, "Matching weight", "Weight of the carrier's matching loss beside (1 − η)·CE + η·CRL", ge=0, le=100
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
    real_rounds: int = setting(
        1,
        "Searches on real images",
        "Line searches of an attack on the real images of a step, which are seen once",
        "rounds",
        ge=1,
        le=50,
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


class RecordSettings(Settings):
    """Recording"""

    record_every: int = setting(
        10,
        "Record every",
        "A step is recorded (events, frame) every so many updates; the first and last always are",
        "steps",
        ge=1,
        le=100_000,
    )
    frames_recent: int = setting(
        64,
        "Newest steps with images",
        "The newest recorded steps that all keep their images; of older ones every second, then every fourth, … keeps"
        " them. The figures of every recorded step are kept",
        "steps",
        ge=2,
        le=100_000,
    )
    map_points: int = setting(
        300,
        "Images on the map",
        "Synthetic images on the UMAP; more are sampled class by class",
        "images",
        ge=10,
        le=5000,
    )
    map_steps: int = setting(
        4,
        "Steps the map is fitted on",
        "Recorded steps the joint UMAP is fitted on, evenly spread; the others are placed by their nearest fitted"
        " points. Many steps make each image its own cluster",
        "steps",
        ge=1,
        le=50,
    )
    map_neighbors: int = setting(
        40,
        "Map neighbours",
        "UMAP n_neighbors: small shows local, large shows global structure; keep it well above map_steps",
        "neighbours",
        ge=2,
        le=200,
    )
    map_spread: float = setting(
        0.3, "Map spread", "UMAP min_dist: how tightly points may pack", "map units", ge=0, le=0.99
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
    eval_at_steps: int = setting(
        3,
        "Attack steps in training",
        "PGD steps of adversarial training, of size 2.5·ε/steps, random start",
        "steps",
        ge=1,
        le=50,
    )
    protocol: ProtocolName = setting(
        "custom",
        "Protocol",
        "Which attacks at which radii: pixel-2/255 (DD-RobustBench in pixel space, with AutoAttack), guard-1/255,"
        " robustbench-8/255, beard-legacy, or custom = the four settings below",
    )
    eval_attacks: Annotated[tuple[Attack, ...], Names] = setting(
        ("fgsm", "pgd", "cw", "vmi-fgsm", "jitter"),
        "Attacks",
        "Attacks of the custom protocol, on the test images and on the synthetic images",
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
    CurriculumSettings,
    AttackSettings,
    ContrastSettings,
    ObjectiveSettings,
    PoolSettings,
    ThreatSettings,
    NetworkSettings,
    SyntheticSettings,
    DataSettings,
    RunSettings,
):
    """All settings of one run, flat; building blocks take the group they need. (Bases in reverse order: fields keep the
    form's.)"""


GROUPS: tuple[type[Settings], ...] = tuple(reversed(RunConfig.__bases__))

PRESETS: dict[str, dict[str, Any]] = {
    "demo": {
        "data": "digits",
        "threads": 1,
        "ipc": 10,
        "eps": "32/255",
        "width": 32,
        "depth": 2,
        "pool_size": 4,
        "pool_steps": 150,
        "pool_stage": 50,
        "pool_batch": 64,
        "steps": 240,
        "record_every": 8,
        "real_batch": 16,
        "batch": 25,
        "eval_seeds": 3,
        "eval_steps": 300,
        "eval_batch": 64,
        "eval_images": 0,
    },
    "cifar10-small": {
        "data": "cifar10",
        "image_size": 16,
        "ipc": 10,
        "partition": 2,
        "eps": "2/255",
        "width": 48,
        "depth": 3,
        "pool_size": 5,
        "pool_steps": 1000,
        "pool_stage": 200,
        "pool_batch": 64,
        "steps": 300,
        "record_every": 10,
        "batch": 50,
        "eval_seeds": 3,
        "eval_steps": 600,
        "eval_batch": 128,
        "eval_at_steps": 2,
        "eval_images": 1000,
    },
    "cifar10": {
        "data": "cifar10",
        "ipc": 10,
        "partition": 2,
        "eps": "2/255",
        "width": 128,
        "depth": 3,
        "device": "cuda",
        "pool_size": 20,
        "pool_steps": 4000,
        "pool_stage": 500,
        "pool_batch": 256,
        "steps": 3000,
        "record_every": 50,
        "real_batch": 64,
        "batch": 50,
        "queue_size": 256,
        "eval_seeds": 5,
        "eval_steps": 3000,
        "eval_batch": 256,
        "eval_images": 0,
    },
}

PRESET_HELP: dict[str, str] = {
    "demo": "1,797 real 8 × 8 digits, built in. Under a minute on two processor cores, evaluation included.",
    "cifar10-small": (
        "CIFAR-10 at 16 × 16, ConvNet-3 of width 48, 2 × 2 partition. Under ten minutes on two processor cores."
    ),
    "cifar10": "CIFAR-10 at full size, ConvNet-3 of width 128, 2 × 2 partition. Wants a CUDA GPU; not measured yet.",
}


def load(preset: str = "demo", changes: dict[str, Any] | None = None) -> RunConfig:
    """The preset with `changes` applied. Raises InputError naming the setting, what was expected and what came."""
    if preset not in PRESETS:
        raise unknown("preset", preset, list(PRESETS))
    return validate(PRESETS[preset] | (changes or {}))


def validate(values: dict[str, Any]) -> RunConfig:
    """A RunConfig from plain values, or an InputError with one sentence for the first thing that is wrong."""
    for name in values:
        if name not in RunConfig.model_fields:
            raise unknown("setting", name, list(RunConfig.model_fields))
    try:
        return RunConfig(**values)
    except ValidationError as error:
        problem = error.errors()[0]
        name = str(problem["loc"][0])
        raise InputError(_sentence(name, values.get(name))) from None


def from_json(text: str, called: str = "The settings file") -> RunConfig:
    """A RunConfig from the text of a ``config.json``, which a sentence about damage names as `called`. Raises
    InputError."""
    try:
        values = parse_json(text)
    except ValueError:
        raise InputError(
            f"{called} is not JSON: expected what 'Save JSON' or a run's config.json holds; choose another file."
        ) from None
    if not isinstance(values, dict):
        raise InputError(
            f"{called} holds a {type(values).__name__}: expected an object of setting names and values; choose another"
            " file."
        )
    return validate(values)


def to_json(config: RunConfig) -> str:
    """The text stored as ``config.json``; radii as ``n/255``, so that a person can read and edit it."""
    return json.dumps(config.model_dump(mode="json"), indent=2) + "\n"


def parse_assignments(pairs: list[str]) -> dict[str, str]:
    """``["ipc=5", "eps=4/255"]`` as a dictionary. Raises InputError for a pair without '='."""
    for pair in pairs:
        if "=" not in pair:
            raise InputError(f"--set expects name=value, found '{pair}'; write for example --set ipc=5.")
    return {name.strip(): value.strip() for name, value in (pair.split("=", 1) for pair in pairs)}


def changed(config: RunConfig, preset: str) -> dict[str, Any]:
    """What differs from the preset, as the plain values that `load` takes back."""
    base, mine = load(preset).model_dump(mode="json"), config.model_dump(mode="json")
    return {name: value for name, value in mine.items() if value != base[name]}


def command(config: RunConfig, preset: str, out: str | Path) -> list[str]:
    """The command line that starts this very run."""
    words = ["python", "-m", "c2r", "distill", "--preset", preset]
    for name, value in changed(config, preset).items():
        text = (
            ",".join(value)
            if isinstance(value, list)
            else str(value).lower()
            if isinstance(value, bool)
            else str(value)
        )
        words += ["--method", text] if name == "method" else ["--set", f"{name}={text}"]
    return [*words, "--out", str(out)]


def _sentence(name: str, found: Any) -> str:
    field = RunConfig.model_fields[name]
    shown = quoted(",".join(map(quoted, found)) if isinstance(found, list | tuple) else found)
    if name in ("method", "model", "eval_attacks"):
        kind = {"method": "method", "model": "model", "eval_attacks": "attack"}[name]
        names = as_names(found) if isinstance(found, str | list | tuple) else ()
        wrong = shown if kind != "attack" else next((a for a in names if a not in choices(field)), shown)
        return str(unknown(kind, wrong, choices(field)))
    return f"Setting '{name}' expects {expected(field)}, found '{shown}': change it and start again."
