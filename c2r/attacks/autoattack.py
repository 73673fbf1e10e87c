"""Standard AutoAttack (Croce and Hein 2020): four attacks in turn on the images that are still right; methods spec
§1.2."""

from collections.abc import Iterator

from c2r.attacks.catalog import function, options, passes
from c2r.attacks.state import AttackState


def autoattack(state: AttackState, *, steps: int, targets: int, queries: int) -> Iterator[float]:
    """APGD-CE, APGD-T, FAB-T and Square on one state; the official budgets are the catalog's defaults.

    What it yields is passes spent / (passes spent + those the live images still need): it jumps ahead when images
    leave.
    """
    parts: dict[str, dict[str, int]] = {
        "apgd-ce": {"steps": steps},
        "apgd-t": {"steps": steps, "targets": targets},
        "fab-t": {"steps": steps, "targets": targets},
        "square": {"queries": queries},
    }
    cost = {name: passes(name, changes, state.classes) for name, changes in parts.items()}
    rest = sum(cost.values())
    for name, changes in parts.items():
        rest -= cost[name]
        for share in function(name)(state, **options(name, changes)):
            spent, ahead = state.spent(), len(state.live) * (rest + (1 - share) * cost[name])
            yield spent / (spent + ahead)
    yield 1.0
