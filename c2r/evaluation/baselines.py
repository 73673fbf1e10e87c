"""The baselines that every set should be read against: their settings, and the run that already made one. No torch."""

from collections.abc import Sequence

from c2r import config
from c2r.config import RunConfig
from c2r.store.runs import Run

REFERENCE = "full-data"  # its networks see every real image: a ceiling beside the others, never ranked with them
BASELINES = ("random-real", REFERENCE)

# Settings that say nothing about the set itself.
_UNLIKE = {"device", "threads", *config.EvaluationSettings.model_fields, *config.RecordSettings.model_fields}
# What a baseline never reads: it makes no update, and all real images need no set either.
_UPDATES = {
    name
    for group in (config.ObjectiveSettings, config.ContrastSettings, config.CurriculumSettings, config.AttackSettings)
    for name in group.model_fields
}
_UNREAD = {
    "random-real": _UPDATES | {"pool_size"},
    REFERENCE: _UPDATES | {*config.PoolSettings.model_fields, *config.SyntheticSettings.model_fields},
}


def baseline_settings(settings: RunConfig, method: str) -> RunConfig:
    """The same settings with a baseline's method. Raises InputError when they do not fit it."""
    return config.validate(settings.model_dump(mode="json") | {"method": method, "imported": ""})


def baseline_run(settings: RunConfig, runs: Sequence[Run]) -> Run | None:
    """The first run that makes its set as these settings say and has not ended badly, None when there is none;
    evaluations may differ."""
    ignored = _UNLIKE | _UNREAD[settings.method]
    wanted = settings.model_dump(exclude=ignored)
    usable = (run for run in runs if not run.problem and (run.alive or run.state == "done"))
    return next((run for run in usable if run.config and run.config.model_dump(exclude=ignored) == wanted), None)
