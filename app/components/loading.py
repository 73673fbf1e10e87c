"""What the form of each preset starts from: the preset itself, or settings from a file applied over it."""

from dataclasses import dataclass

import streamlit as st

from app import guard, state
from app.components import shell
from c2r import config, presets
from c2r.base.errors import InputError
from c2r.store import runs
from c2r.store.runs import Run
from c2r.work import forking

FEW = 6  # so many loaded settings are named


@dataclass(frozen=True)
class Start:
    """Settings the form starts from, with a number of their own so that its fields start afresh; `said`: what was
    loaded."""

    settings: config.RunConfig
    number: int = 0
    said: str = ""


def start(preset: str) -> Start:
    """What the form of `preset` starts from; what is typed over it is kept by the form's fields."""
    return st.session_state.get(f"start-{preset}") or Start(config.load(preset))


def save(settings: config.RunConfig) -> None:
    """A button that downloads the settings as JSON."""
    st.download_button(
        "Save JSON",
        config.to_json(settings),
        "config.json",
        "application/json",
        icon=":material/download:",
        on_click="ignore",
        key="save-json",
    )


def load(preset: str, settings: config.RunConfig | None) -> None:
    """A field that takes a JSON file, what it changed or what is wrong with it, and a way back from `settings` to the
    preset."""
    text = (
        "Settings saved here, or the config.json of a run; a setting that the file does not name stays as in the preset"
    )
    st.file_uploader(
        "Load JSON", type="json", max_upload_size=1, key="load-json", on_change=_take, args=(preset,), help=text
    )
    if st.session_state.get("load-problem"):
        shell.problem(st.session_state["load-problem"])
    if settings != config.load(preset):
        st.button(
            "Back to the preset",
            icon=":material/undo:",
            key="unload",
            on_click=_begin,
            args=(preset, config.load(preset)),
        )


def fork(run: Run, step: int) -> None:
    """Make the form of the Start page start from this run's settings and its images at `step`. Raises InputError."""
    guard.refuse_changes()
    settings = forking.prepare(run.path, step, runs.default_store())
    preset = str(run.manifest.get("preset"))
    preset = preset if preset in presets.PRESETS else next(iter(presets.PRESETS))
    st.session_state["preset"] = preset
    _begin(
        preset,
        settings,
        f"A fork of {state.spoken_name(run)}: it starts from the images at step {step}, with the settings below.",
    )


def _begin(preset: str, settings: config.RunConfig, said: str = "") -> None:
    st.session_state[f"start-{preset}"] = Start(settings, start(preset).number + 1, said)


def _take(preset: str) -> None:
    file = st.session_state["load-json"]
    st.session_state["load-problem"] = ""
    if file is None:
        return
    try:
        given = config.from_json(file.getvalue().decode("utf-8", "replace"))
        values = given.model_dump(mode="json", include=given.model_fields_set)
        settings = config.load(preset, values)
    except InputError as error:
        st.session_state["load-problem"] = str(error)
        return
    named = f": {', '.join(sorted(values))}" if 0 < len(values) <= FEW else ""
    what = "1 setting" if len(values) == 1 else f"{len(values)} settings"
    _begin(preset, settings, f"Loaded {what} from {file.name} over the preset {preset}{named}.")
