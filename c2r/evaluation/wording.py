"""How figures are written: shares, differences, intervals, sizes, lists. Shares are in [0, 1]. No torch."""

from collections.abc import Sequence

NONE = "–"  # for what is undefined or not there


def number(share: float | None, digits: int = 1) -> str:
    """A share in percent without its sign, as in a column of percentages: ``67.0``, a dash for None."""
    return NONE if share is None else f"{100 * share:.{digits}f}"


def percent(share: float | None, digits: int = 1) -> str:
    """``67.0 %``, a dash for None."""
    return NONE if share is None else f"{number(share, digits)} %"


def spread(mean: float, std: float | None) -> str:
    """A mean over networks with its standard deviation, in percent: ``67.0 ± 1.0``; ``67.0`` for a single one."""
    return number(mean) + ("" if std is None else f" ± {number(std)}")


def span(low: float, high: float) -> str:
    """An interval in percent without its sign: ``20.8–93.9``."""
    return f"{number(low)}–{number(high)}"


def interval(bounds: Sequence[float] | None) -> str:
    """``20.8–93.9 %``; '' for None."""
    return "" if bounds is None else f"{span(*bounds)} %"


def points(share: float) -> str:
    """A difference of shares in points, with its sign and never a minus zero: ``+3.2``."""
    return f"{round(100 * share, 1) + 0.0:+.1f}"


def size(count: float) -> str:
    """Bytes: ``512 B``, ``76.8 kB``, ``307 kB``, ``1.23 MB`` (powers of 1000)."""
    if count < 1000:
        return f"{count:.0f} B"
    power = 2 if count >= 999_500 else 1
    value = count / 1000**power
    return f"{value:.{0 if value >= 100 else 1 if value >= 10 else 2}f} {('kB', 'MB')[power - 1]}"


def listed(words: Sequence[str]) -> str:
    """``a, b and c``."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
