"""The table of methods. A row is a whole method as data: no torch, and nothing of a method is loaded before it is run.

A method is one file (or folder) in `c2r.methods` and one row here; an ablation is a row, of the same `run` with other
`parts`. The settings of a method are part of what a setting may be, so the table stands where everybody may read it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

MOVES = "What moves the images"  # the axis of each term's share in the size of the images' gradient
CHOSEN = ("easy", "hard")  # starts of the images that margins choose
ATTACKS = {"ls-pgd": "LS-PGD", "pgd": "PGD-10"}  # what the attacks behind the margins are called on screen


class Phase(NamedTuple):
    """One stretch of a method's work: its name in status.json, what it is called while it goes on (in a table: brief),
    what its steps are, and its share in the work, used where a method names no cost."""

    name: str
    label: str
    brief: str = ""
    unit: str = "steps"
    share: float = 1.0


POOL = Phase("pool", "Training the pool", "Pool", "training steps", 0.4)
UPDATES = Phase("distill", "Distilling", "", "updates", 0.6)


class Series(NamedTuple):
    """One figure of every recorded step: the name it is stored under, what it is called, its unit and axis.

    weight: for a term of a sum, what it is multiplied with, from the settings; None for a figure of its own. The terms
    of an axis add up to the axis's first figure. stacked: the figures of the axis are shares of one whole, drawn as
    stacked areas.
    """

    name: str
    label: str
    unit: str = ""
    axis: str = "Loss"
    weight: Callable[[Any], float] | None = None
    stacked: bool = False


@dataclass(frozen=True)
class Method:
    """One row.

    :param label: name on screen; family: whose ablation or relative it is; sentence: what it is or what is left out
    :param run: ``module:function``, a function (context, state) → events (see `c2r.events`)
    :param settings: ``module:class``, the `RunConfig` of its runs, with the groups of settings that it adds
    :param phases: of its work, in order; none for a set that stays as it is
    :param series: figures that it hands out with every recorded step
    :param attack: what margins are measured with; order: how its mini-batches are cut: ``hardest``
        first, at ``random``, or '' for not at all
    :param cost: ``module:function``, a function (settings, shape) → `c2r.methods.cost.Spent`
    :param source: where its images come from: ``drawn`` from real ones, a ``file``, or ``all`` real training images
    :param parts: switches of its `run`, for ablations
    :param still: whether its images stay as they are though it works, on their labels
    """

    label: str
    family: str
    sentence: str
    run: str = "c2r.methods.baselines:keep"
    settings: str = "c2r.settings:RunConfig"
    phases: tuple[Phase, ...] = ()
    series: tuple[Series, ...] = ()
    attack: str = "ls-pgd"
    order: str = ""
    cost: str = "c2r.methods.cost:nothing"
    source: str = "drawn"
    parts: Mapping[str, Any] = field(default_factory=dict)
    still: bool = False

    @property
    def updates(self) -> bool:
        """Whether the images are optimised; those of baselines and imported sets stay as they are."""
        return bool(self.phases) and not self.still

    @property
    def kind(self) -> str:
        """``distilled``, ``baseline``, ``imported`` or ``reference`` (all real images)."""
        if self.source != "drawn":
            return {"file": "imported", "all": "reference"}[self.source]
        return "distilled" if self.updates else "baseline"


def _c2r(label: str, sentence: str, shaped: str = "contrastive (CRL)", order: str = "hardest", **parts: Any) -> Method:
    """A row of C2R's family: its loss is (1 − η)·cross-entropy + η·(what shapes the embedding) + λ·matching."""
    return Method(
        label,
        "C2R",
        sentence,
        run="c2r.methods.c2r.run:run",
        settings="c2r.methods.c2r.settings:C2RConfig",
        phases=(
            POOL,
            UPDATES,
        ),
        series=(
            Series("total", "Loss"),
            Series("match", "matching", weight=lambda c: float(c.match_weight > 0)),
            Series("ce", "cross-entropy", weight=lambda c: float(c.eta < 1)),
            *((Series("crl", shaped, weight=lambda c: float(c.eta > 0)),) if shaped else ()),
            Series("share_match", "matching", "%", MOVES, stacked=True),
            Series("share_ce", "cross-entropy", "%", MOVES, stacked=True),
            *((Series("share_crl", shaped, "%", MOVES, stacked=True),) if shaped else ()),
        ),
        attack=parts.get("attack", "ls-pgd"),
        order=order,
        cost="c2r.methods.c2r.cost:spent",
        parts=parts | {"order": order},
    )


ALONE: dict[str, Any] = {"align": "nothing", "queue": False}  # C2R without what shapes its embedding

METHODS: dict[str, Method] = {
    "c2r": _c2r("C2R", "Attack-aware curriculum, contrastive robustness loss with queue, line-search PGD"),
    "c2r-no-aac": _c2r("C2R without AAC", "Mini-batches in random order", order="random"),
    "c2r-no-crl": _c2r("C2R without CRL", "No contrastive loss, and nothing in its place", "", **ALONE),
    "c2r-neither": _c2r(
        "C2R without AAC and CRL",
        "Matching and cross-entropy alone, mini-batches in random order",
        "",
        "random",
        **ALONE,
    ),
    "c2r-class-mean": _c2r(
        "C2R with class means for CRL",
        "ROME's idea in the place of the contrastive loss: clean and adversarial class means are drawn together",
        "class-mean alignment",
        align="class-mean",
        queue=False,
    ),
    "c2r-pgd": _c2r("C2R with T-step PGD", "Ten-step PGD from scratch instead of LS-PGD", attack="pgd"),
    "c2r-no-queue": _c2r("C2R without queue", "Contrast within the batch only", queue=False),
    "c2r-literal": Method(
        "C2R, the paper's own loop",
        "C2R",
        "The network is trained on the images by the loss that moves them, hardest first; no real images take part",
        run="c2r.methods.c2r.literal:run",
        settings="c2r.methods.c2r.settings:LiteralConfig",
        phases=(UPDATES,),
        series=(
            Series("total", "Loss"),
            Series("ce", "cross-entropy", weight=lambda c: float(c.eta < 1)),
            Series("crl", "contrastive (CRL)", weight=lambda c: float(c.eta > 0)),
        ),
        order="hardest",
        cost="c2r.methods.c2r.cost:literal",
    ),
    "rome": Method(
        "ROME",
        "ROME",
        "Class means of real images under targeted attacks, cross-entropy weighted by the network's accuracy; in pixel"
        " space",
        run="c2r.methods.rome.run:run",
        settings="c2r.methods.rome.settings:RomeConfig",
        phases=(POOL, UPDATES),
        series=(
            Series("total", "Loss"),
            Series("match", "class means", weight=lambda c: float(c.rome_share > 0)),
            Series("ce", "cross-entropy", weight=lambda c: float(c.rome_share < 1)),
            Series("network_accuracy", "accuracy under attack", "%", "Visited network on real images"),
        ),
        cost="c2r.methods.rome.cost:spent",
    ),
    "random-real": Method(
        "Random real images",
        "Baselines",
        "The initial real images, not optimised: the baseline every method must beat",
    ),
    "random-soft": Method(
        "Random real images, soft labels",
        "Baselines",
        "Random real images with what a pool of adversarially trained networks answers to each part as labels",
        run="c2r.methods.baselines:relabelled",
        settings="c2r.methods.settings:SoftConfig",
        phases=(POOL,),
        cost="c2r.methods.cost:pool_only",
        still=True,
    ),
    "full-data": Method(
        "All real images", "Baselines", "Networks trained on the whole training set: the ceiling", source="all"
    ),
    "imported": Method(
        "Imported set", "Imported", "A distilled set from a file, scored and evaluated as it is", source="file"
    ),
}


def of_kind(kind: str) -> tuple[str, ...]:
    """The names of the methods of a kind, see `Method.kind`, in the order of the table."""
    return tuple(name for name, row in METHODS.items() if row.kind == kind)


def describe(config: Any) -> dict[str, Any]:
    """What the shell has to know of a run's method, as plain values for its manifest.

    :param config: the run's settings, from which the weights of the series come
    """
    row = METHODS[config.method]
    return {
        "method": {
            "name": config.method,
            "label": row.label + (f", {config.init} start" if config.init in CHOSEN else ""),
            "family": row.family,
            "sentence": row.sentence,
            "kind": row.kind,
        },
        "phases": [phase._asdict() for phase in row.phases],
        "series": [s._asdict() | {"weight": s.weight(config) if s.weight else None} for s in row.series],
        "margins": {"attack": ATTACKS[row.attack], "order": row.order},
    }
