"""The baselines that every set should be read against: their settings, and the run that already made one. No torch."""

from collections.abc import Sequence
from typing import Any

from c2r import config
from c2r.config import RunConfig
from c2r.registry import CHOSEN, METHODS, of_kind
from c2r.settings import AttackSettings, EvaluationSettings, ScorerSettings, SyntheticSettings
from c2r.store.runs import Run

# What a baseline never reads beside what its settings leave out: no update is made, and all real images need no set.
_NO_UPDATES = {"steps", *AttackSettings.model_fields}
_UNREAD = {
    "baseline": _NO_UPDATES,
    "reference": _NO_UPDATES | {*ScorerSettings.model_fields, *SyntheticSettings.model_fields},
}


def unread(settings: RunConfig) -> set[str]:
    """The settings that a set made as `settings` say does not depend on, though its runs have them."""
    kind, chosen = METHODS[settings.method].kind, settings.init in CHOSEN
    spared = {*AttackSettings.model_fields} if chosen and kind == "baseline" else set()
    return _UNREAD.get(kind, set()) - spared | (set() if chosen else {"init_share"})


def baseline_methods() -> tuple[str, ...]:
    """The methods that are baselines, and the reference."""
    return *of_kind("baseline"), *of_kind("reference")


def baseline_settings(settings: RunConfig, method: str) -> RunConfig:
    """The same settings with a baseline's method, whose real images are random ones. Raises InputError when they do not
    fit it."""
    return config.validate(settings.model_dump(mode="json") | {"method": method, "imported": "", "init": "real"})


def baseline_run(settings: RunConfig, runs: Sequence[Run]) -> Run | None:
    """The first run that makes its set as these settings say and has not ended badly, None when there is none;
    evaluations may differ."""
    wanted = _of_set(settings)
    usable = (run for run in runs if not run.problem and (run.alive or run.state == "done"))
    return next((run for run in usable if run.config and _of_set(run.config) == wanted), None)


def _of_set(settings: RunConfig) -> dict[str, Any]:
    """The settings that the set of a run depends on."""
    ignored = {*EvaluationSettings.model_fields, *unread(settings)}
    return {name: value for name, value in config.steering(settings).items() if name not in ignored}
