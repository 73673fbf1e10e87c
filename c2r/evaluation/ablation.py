"""C2R's ablation as the paper prints it: which of our methods is which printed row, and our figures beside.
No torch."""

from collections.abc import Sequence
from typing import NamedTuple

from c2r.attacks.figurekey import FigureKey
from c2r.evaluation import literature
from c2r.evaluation.across import comparable, needed
from c2r.evaluation.groupfigures import Spread, difference, spread
from c2r.evaluation.groups import Group
from c2r.evaluation.paired import Difference
from c2r.evaluation.tables import Columns
from c2r.evaluation.wording import NONE, number
from c2r.registry import METHODS


class Printed(NamedTuple):
    """A row of the printed ablation: our method, the row's name in the table of the literature, and whether the method
    has the contrastive loss. (Whether it has the curriculum, its row in the table of methods says.)"""

    method: str
    row: str
    contrast: bool


TABLE = "c2r-ablation"
PRINTED = (  # in the order of the paper
    Printed("c2r-neither", "C2R without AAC and CRL", False),
    Printed("c2r-no-crl", "C2R without CRL", False),
    Printed("c2r-no-aac", "C2R without AAC", True),
    Printed("c2r", "C2R", True),
    Printed("c2r-no-queue", "C2R with in-batch negatives only", True),
    Printed("c2r-pgd", "C2R with T-step PGD", True),
)
FULL = "c2r"
NAMED = {"cifar10": "CIFAR-10", "cifar100": "CIFAR-100", "imagenette": "ImageNette"}  # our data → the table's
USUAL = "CIFAR-10"  # whose printed figures stand beside ours where the table has none of our data


class Row(NamedTuple):
    """One row: the method and its label; its group, figures and paired difference to the full method (or why there is
    none; None where the group is missing or is the full method's own); the printed figure and its difference to the
    printed full method, in shares (None where nothing is printed)."""

    method: str
    label: str
    group: Group | None
    clean: Spread | None
    attacked: Spread | None
    difference: Difference | str | None
    printed: float | None
    printed_difference: float | None


def family() -> tuple[str, ...]:
    """The methods of the full method's family: the printed ones in the order of the paper, then the others."""
    printed = [row.method for row in PRINTED if row.method in METHODS]
    return *printed, *(m for m, row in METHODS.items() if row.family == METHODS[FULL].family and m not in printed)


def anchor(groups: Sequence[Group], base: Group) -> Group | None:
    """The group of the full method whose settings are those of `base`, else a group of its family; None without any."""
    members = [group for group in comparable(groups, base, {"method"}).groups if group.method in family()]
    return max(members, key=lambda group: (group.method == FULL, group is base, len(group.seeds)), default=None)


def rows(groups: Sequence[Group], base: Group, clean: FigureKey, of: FigureKey) -> tuple[list[Row], str]:
    """The rows of the family under the settings of `base`, and who is left out and why.

    Printed rows without a run stand there empty; others only where there is one.
    """
    kept, left_out = comparable([group for group in groups if group.method in family()], base, {"method"})
    by_method = {group.method: group for group in kept}
    full, dataset = by_method.get(FULL), printed_data(base)
    printed = _printed(dataset)
    methods = [m for m in family() if m in by_method or any(row.method == m for row in PRINTED)]
    return [_row(m, by_method.get(m), full, printed, (clean, of)) for m in methods], left_out


def printed_data(base: Group) -> str:
    """The data whose printed figures stand beside those of `base`."""
    return NAMED.get(base.first.made.data, USUAL)


def _printed(dataset: str) -> dict[str, float]:
    """Method → the printed figure in shares."""
    ours = {row.row: row.method for row in PRINTED}
    cells = [cell for cell in literature.rows(TABLE) if cell["dataset"] == dataset and cell["value"] is not None]
    return {ours[cell["method"]]: cell["value"] / 100 for cell in cells if cell["method"] in ours}


def _row(
    method: str,
    group: Group | None,
    full: Group | None,
    printed: dict[str, float],
    figures: tuple[FigureKey, FigureKey],
) -> Row:
    clean, attacked = (spread(group, of) if group else None for of in figures)
    apart = difference(group, full, figures[1]) if group and full and group is not full else None
    told = printed.get(method)
    gap = told - printed[FULL] if told is not None and FULL in printed and method != FULL else None
    return Row(method, METHODS[method].label, group, clean, attacked, apart, told, gap)


def missing(found: Sequence[Row], base: Group) -> str:
    """The commands that make the rows without a run; '' when none is missing."""
    texts = [needed(base, {"method": row.method}) for row in found if row.group is None]
    return "\n".join(filter(None, texts))


def as_columns(found: Sequence[Row], attack: str, dataset: str) -> Columns:
    """The ablation as a table, in percent and points; the printed figures are marked."""
    return {
        "Row": [row.label for row in found],
        "Clean (%)": [row.clean.text if row.clean else "no run" for row in found],
        f"{attack} (%)": [row.attacked.text if row.attacked else "no run" for row in found],
        "Minus the full method (points)": [_difference(row) for row in found],
        "Seeds": [str(row.attacked.seeds) if row.attacked else NONE for row in found],
        f"Paper, {dataset} (%) †": [number(row.printed) for row in found],
    }


def _difference(row: Row) -> str:
    if isinstance(row.difference, Difference):
        return f"{row.difference.text}: {row.difference.verdict}"
    return "not paired" if row.difference else NONE


def statement(found: Sequence[Row]) -> str:
    """What the ablation says: which rows are better or worse than the full method, which undecided."""
    decided = [(row, row.difference) for row in found if isinstance(row.difference, Difference)]
    if not decided:
        return "No row can be compared with the full method yet"
    told = []
    for verdict in ("worse", "better"):
        names = [row.label for row, difference in decided if difference.verdict == verdict]
        told += [f"{verdict}: {', '.join(names)}"] if names else []
    undecided = sum(difference.verdict == "undecided" for _, difference in decided)
    told += [f"{undecided} undecided"] if undecided else []
    return f"Against {METHODS[FULL].label}, {'; '.join(told)}"
