"""How a report words a value: shares, metrics, intervals, balls; a dash where there is none."""

from typing import Any

DASH = "–"


def told(value: Any) -> Any:
    """The value, or a dash for None."""
    return DASH if value is None else value


def percent(share: float | None, digits: int = 1) -> str:
    """A share as ``41.2 %``."""
    return DASH if share is None else f"{100 * share:.{digits}f} %"


def in_percent(value: float | None) -> str:
    """A metric that is in percent already, as ``41.2 %``."""
    return DASH if value is None else f"{value:.1f} %"


def number(value: float | None, digits: int = 2) -> str:
    """A value under a head that says its unit."""
    return DASH if value is None else f"{value:.{digits}f}"


def interval(bounds: tuple[float, float] | None) -> str:
    """Two shares as ``20.8 to 93.9 %``."""
    return DASH if bounds is None else f"{100 * bounds[0]:.1f} to {100 * bounds[1]:.1f} %"


def threat(norm: str, eps: Any) -> str:
    """A ball as ``L∞ 2/255``."""
    return f"{'L∞' if norm == 'Linf' else norm}\u00a0{eps}".strip()
