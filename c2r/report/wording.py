"""How a report words a value beside what `c2r.evaluation.wording` says: metrics, and a dash where there is none."""

from typing import Any

from c2r.evaluation.wording import NONE


def told(value: Any) -> Any:
    """The value, or a dash for None."""
    return NONE if value is None else value


def in_percent(value: float | None) -> str:
    """A metric that is in percent already, as ``41.2 %``."""
    return NONE if value is None else f"{value:.1f} %"


def number(value: float | None, digits: int = 2) -> str:
    """A value under a head that says its unit."""
    return NONE if value is None else f"{value:.{digits}f}"
