"""Settings of a run from a preset, a file or a form, and back; one sentence for the first thing that is wrong.

Which settings there are depends on the method (`kind_of`): those of every run, and the groups that its row adds.
"""

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from c2r.base.errors import InputError, quoted, unknown
from c2r.base.fields import as_names, choices, expected, steers
from c2r.base.named import named
from c2r.base.untrusted import parse_json
from c2r.presets import PRESETS
from c2r.registry import METHODS
from c2r.scorers import READS, deciding, order_problem
from c2r.settings import RunConfig, Settings, groups

# Settings that came later: a stored run that holds the setting beside, but not this one, ran as with this value.
SINCE: dict[str, tuple[str, Any]] = {
    "crl_ratio": ("match_weight", 0.0),
    "eval_average": ("eval_rate", 0.0),
    "eval_clean_share": ("eval_rate", 0.0),
}
RETIRED = ("carrier",)  # settings of runs of before that nothing reads any more


def kind_of(method: Any) -> type[RunConfig]:
    """The class of the settings of a method's runs; that of every run for a word that is no method."""
    row = METHODS.get(method) if isinstance(method, str) else None
    kind: type[RunConfig] = named(row.settings) if row else RunConfig
    return kind


def groups_of(method: str) -> list[type[Settings]]:
    """The groups of a method's settings, in the order of the form."""
    return groups(kind_of(method))


def kinds() -> list[type[RunConfig]]:
    """Every class of settings that a method has, each once, those of every run first."""
    return list(dict.fromkeys((RunConfig, *(kind_of(method) for method in METHODS))))


def every_name() -> list[str]:
    """The names of all settings of all methods."""
    return [name for group in every_group() for name in group.model_fields]


def every_group() -> list[type[Settings]]:
    """All groups of settings of all methods, each once, in the order of the form."""
    return list(dict.fromkeys(group for kind in reversed(kinds()) for group in groups(kind)))


def declared(name: str) -> FieldInfo:
    """How the setting `name` of whatever method is declared. Raises InputError for an unknown one."""
    for kind in kinds():
        if name in kind.model_fields:
            return kind.model_fields[name]
    raise unknown("setting", name, every_name())


def steering(config: RunConfig) -> dict[str, Any]:
    """The settings that a run's images and figures are meant to depend on, with their values; a scorer that decides
    nothing is left out, like all that only looks at a run."""
    decide = deciding(config.scorers)
    kept = {name for scorer in decide for name in READS.get(scorer, ())}
    kept |= {name for name, field in type(config).model_fields.items() if steers(field)}
    return config.model_dump(include=kept) | {"scorers": decide}


def load(preset: str = "demo", changes: dict[str, Any] | None = None) -> RunConfig:
    """The preset with `changes` applied. Raises InputError naming the setting, what was expected and what came; also
    for a change that the method does not read."""
    if preset not in PRESETS:
        raise unknown("preset", preset, list(PRESETS))
    values = PRESETS[preset] | (changes or {})
    config = validate(values)
    for name in changes or {}:
        if name not in type(config).model_fields:
            raise InputError(
                f"Setting '{name}' is none of method '{config.method}', which does not read it: leave it out, or choose"
                " another --method."
            )
    return config


def validate(values: dict[str, Any]) -> RunConfig:
    """The settings of a run from plain values, or an InputError with one sentence for the first thing that is wrong.

    What only other methods read is left out, so that the same values can be asked for under each of them.
    """
    kind, known = kind_of(values.get("method", RunConfig.model_fields["method"].default)), {*every_name(), *RETIRED}
    for name in values:
        if name not in known:
            raise unknown("setting", name, every_name())
    read = {name: value for name, value in values.items() if name in kind.model_fields}
    try:
        config = kind(**read)
    except ValidationError as error:
        name = str(error.errors()[0]["loc"][0])
        raise InputError(_sentence(name, values.get(name))) from None
    if problem := order_problem(config.scorers):
        raise InputError(problem)
    return config


def from_json(text: str, called: str = "The settings file") -> RunConfig:
    """A RunConfig from the text of a ``config.json``, which a sentence about damage names as `called`. Raises
    InputError."""
    try:
        values = parse_json(text)
    except ValueError:
        raise InputError(
            f"{called} is not JSON: expected what 'Save JSON' or a run's config.json holds; choose another file."
        ) from None
    if not isinstance(values, dict):
        raise InputError(
            f"{called} holds a {type(values).__name__}: expected an object of setting names and values; choose another"
            " file."
        )
    return validate(_of_before(values))


def _of_before(values: dict[str, Any]) -> dict[str, Any]:
    """Settings of a stored run as it meant them: what came later has the value under which nothing changes."""
    later = {name: value for name, (beside, value) in SINCE.items() if beside in values and name not in values}
    if "crl_ratio" in later and values.get("method") == "c2r-no-crl":
        later["method"] = "c2r-class-mean"  # what that row stood for
    return values | later


def to_json(config: RunConfig) -> str:
    """The text stored as ``config.json``; radii as ``n/255``, so that a person can read and edit it."""
    return json.dumps(config.model_dump(mode="json"), indent=2) + "\n"


def parse_assignments(pairs: list[str]) -> dict[str, str]:
    """``["ipc=5", "eps=4/255"]`` as a dictionary. Raises InputError for a pair without '='."""
    for pair in pairs:
        if "=" not in pair:
            raise InputError(f"--set expects name=value, found '{pair}'; write for example --set ipc=5.")
    return {name.strip(): value.strip() for name, value in (pair.split("=", 1) for pair in pairs)}


def changed(config: RunConfig, preset: str) -> dict[str, Any]:
    """What differs from the preset, as the plain values that `load` takes back."""
    base = load(preset, {"method": config.method}).model_dump(mode="json") | {"method": load(preset).method}
    return {name: value for name, value in config.model_dump(mode="json").items() if value != base[name]}


def command(config: RunConfig, preset: str, out: str | Path) -> list[str]:
    """The command line that starts this very run."""
    words = ["python", "-m", "c2r", "distill", "--preset", preset]
    for name, value in changed(config, preset).items():
        text = (
            ",".join(value)
            if isinstance(value, list)
            else str(value).lower()
            if isinstance(value, bool)
            else str(value)
        )
        words += ["--method", text] if name == "method" else ["--set", f"{name}={text}"]
    return [*words, "--out", str(out)]


def _sentence(name: str, value: Any) -> str:
    field = declared(name)
    shown = quoted(",".join(map(quoted, value)) if isinstance(value, list | tuple) else value)
    if name in ("method", "model", "eval_attacks"):
        kind = {"method": "method", "model": "model", "eval_attacks": "attack"}[name]
        names = as_names(value) if isinstance(value, str | list | tuple) else ()
        wrong = shown if kind != "attack" else next((a for a in names if a not in choices(field)), shown)
        return str(unknown(kind, wrong, choices(field)))
    return f"Setting '{name}' expects {expected(field)}, found '{shown}': change it and start again."
