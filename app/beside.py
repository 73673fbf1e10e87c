"""What can stand beside the map of a page: another scorer of the same run, or another run of the same data."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from app import state, views
from c2r.store.runs import Run

NOTHING, RUN = "nothing", "another run"  # besides the names of scorers, what the box and the address say


@dataclass(frozen=True)
class Second:
    """What stands beside the map: the look at it, what each of the two is called, and what is said about the choice.

    same: both show the same images, so that a selection is of both
    """

    view: state.View
    names: tuple[str, str]
    same: bool
    note: str = ""


def choices(scorers: Iterable[str], shown: str) -> list[str]:
    """What may stand beside the map of the scorer `shown`; `scorers`: the names of those of the run."""
    return [NOTHING, *(name for name in scorers if name != shown), RUN]


def usual(offered: Sequence[str]) -> str:
    """What stands beside the map where nobody chose: the first other scorer, else nothing."""
    return next((name for name in offered if name not in (NOTHING, RUN)), NOTHING)


def shown_scorer(view: state.View) -> str:
    """The name of the scorer whose map a view shows."""
    return view.scorer or next(iter(view.method.scorers))


def under(view: state.View, name: str) -> state.View:
    """The same look at a run under its scorer `name`, under its first one where it has none of that name."""
    first, *others = view.method.scorers
    return replace(view, scorer=name if name in others else "")


def alike(run: Run, listed: Sequence[Run]) -> list[Run]:
    """The runs of `listed` other than `run` that hold images of the same data and classes, with a recorded step."""
    wanted = _data(run)
    return [
        other
        for other in listed
        if other.path != run.path and not other.problem and _data(other) == wanted and state.recorded_steps(other.path)
    ]


def _data(run: Run) -> tuple[object, object]:
    return (run.manifest.get("data") or {}).get("hash"), run.manifest.get("classes")


def of_run(run: Run, view: state.View) -> state.View:
    """The look at another run that comes nearest to `view`: its nearest recorded step, and the same scorer."""
    steps = state.recorded_steps(run.path)
    other = replace(
        view,
        run=run,
        steps=steps,
        step=views.nearest(steps, view.shown),
        names=state.names_of(run, steps),
        is_sample=state.is_sample(run.path),
        results=None,
        called={},
    )
    return under(other, shown_scorer(view))
