"""What a run says of its method: label, kind, phases, series, and what its margins are measured with.

The shell reads it here and nowhere else, and so names no method, loss or phase. It stands in the manifest; for a run
of before, whose manifest does not say it, the table of methods does.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from c2r.registry import ATTACKS, METHODS, Phase, describe
from c2r.scorers import SCORERS
from c2r.settings import RunConfig
from c2r.store.runs import Run


class Term(NamedTuple):
    """A figure of every recorded step as it is drawn: see `c2r.registry.Series`. weight: a number, None for a figure of
    its own; stacked: a share of one whole, which runs of before do not say."""

    name: str
    label: str
    unit: str
    axis: str
    weight: float | None
    stacked: bool = False


@dataclass(frozen=True)
class Description:
    """A run's method in the words of its row.

    :param kind: ``distilled``, ``baseline``, ``imported`` or ``reference`` (all real images)
    :param attack: what its margins are measured with; order: how its mini-batches are cut, '' for no order
    :param scorers: the networks under which it was recorded, by name: label
    """

    name: str
    label: str
    family: str
    sentence: str
    kind: str
    phases: tuple[Phase, ...]
    series: tuple[Term, ...]
    attack: str
    order: str
    scorers: Mapping[str, str]

    @property
    def updates(self) -> bool:
        """Whether its images are optimised, so that it has steps."""
        return self.kind == "distilled"

    def phase(self, name: str) -> Phase | None:
        """The phase of its method with this name; None for what every run does."""
        return next((phase for phase in self.phases if phase.name == name), None)


UNKNOWN: dict[str, Any] = {
    "method": {"name": "", "label": "Unknown method", "family": "", "sentence": "", "kind": "distilled"},
    "phases": [],
    "series": [],
    "margins": {"attack": ATTACKS["ls-pgd"], "order": ""},
}

WEIGHTS_OF_BEFORE: dict[str, Callable[[Any], float]] = {
    "match": lambda c: c.match_weight,
    "ce": lambda c: 1 - c.eta,
    "crl": lambda c: c.eta,
}


def description(run: Run) -> Description:
    """What the manifest of a run says of its method, and what its row says where the manifest is of before."""
    told = run.manifest if "phases" in run.manifest else {}
    known = _of_row(run.config, bool(told)) if run.config and run.config.method in METHODS else UNKNOWN
    said = {key: told.get(key, known[key]) for key in UNKNOWN}
    names = run.config.scorers if run.config else ("ce",)
    return Description(
        **{key: str(said["method"].get(key, "")) for key in ("name", "label", "family", "sentence", "kind")},
        phases=tuple(Phase(*(phase[key] for key in Phase._fields)) for phase in said["phases"]),
        series=tuple(Term(**{key: term[key] for key in Term._fields if key in term}) for term in said["series"]),
        attack=str(said["margins"]["attack"]),
        order=str(said["margins"]["order"]),
        scorers={name: SCORERS[name] for name in names},
    )


def _of_row(config: RunConfig, recent: bool) -> dict[str, Any]:
    """What the row of a run's method says; of a run whose manifest does not, its terms with the weights of then, when
    they were recorded without."""
    said = describe(config)
    then = {name: weigh(config) for name, weigh in WEIGHTS_OF_BEFORE.items() if hasattr(config, "match_weight")}
    if recent or not then:
        return said
    terms = [term | {"weight": then.get(term["name"])} for term in said["series"] if not term["stacked"]]
    return said | {"series": terms}
