"""Standard AutoAttack (Croce and Hein 2020): four attacks in turn on the images that are still right; methods spec
§1.2."""

from collections.abc import Callable, Iterator

from c2r.attacks.apgd import apgd_ce, apgd_t
from c2r.attacks.catalog import options, passes
from c2r.attacks.fab import fab_t
from c2r.attacks.square import square
from c2r.attacks.state import Hunt


def autoattack(hunt: Hunt, *, steps: int, targets: int, queries: int) -> Iterator[float]:
    """APGD-CE, APGD-T, FAB-T and Square on one hunt; the official budgets are the catalog's defaults.

    What it yields is passes spent / (passes spent + those the live images still need): it jumps ahead when images
    leave.
    """
    parts: dict[str, tuple[Callable[..., Iterator[float]], dict[str, int]]] = {
        "apgd-ce": (apgd_ce, {"steps": steps}),
        "apgd-t": (apgd_t, {"steps": steps, "targets": targets}),
        "fab-t": (fab_t, {"steps": steps, "targets": targets}),
        "square": (square, {"queries": queries}),
    }
    cost = {name: passes(name, changes, hunt.classes) for name, (_, changes) in parts.items()}
    rest = sum(cost.values())
    for name, (part, changes) in parts.items():
        rest -= cost[name]
        for share in part(hunt, **options(name, changes)):
            spent, ahead = hunt.spent(), len(hunt.live) * (rest + (1 - share) * cost[name])
            yield spent / (spent + ahead)
    yield 1.0
