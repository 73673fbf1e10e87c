"""A form drawn from the settings classes: one widget per setting, labelled in words; numbers are typed as text and
judged by the server.

A number field of the browser would fall back to its old value in silence when what is typed is out of range.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import streamlit as st
from pydantic.fields import FieldInfo
from streamlit.delta_generator import DeltaGenerator

from app import settings, words
from c2r import config
from c2r.attacks import protocols
from c2r.base import fields
from c2r.base.errors import InputError
from c2r.data.sources import WORDS

CUSTOM = ("eval_attacks", "eval_eps", "eval_eps_l2", "eval_targeted", "eval_pgd_steps")
# name → the setting and its value with which alone it is read
ONLY_WITH = dict.fromkeys(CUSTOM, ("protocol", "custom"))
WIDE = ("protocol", "eval_attacks")  # their choices need a whole row


@dataclass(frozen=True)
class Asked:
    """What a form says: every value, valid or not, and for each wrong one its sentence."""

    values: dict[str, Any]
    wrong: dict[str, str] = field(default_factory=dict)

    @property
    def problem(self) -> str:
        """The first wrong value with its label and sentence, '' when all are right."""
        return next((f"{settings.called(name)}: {said}" for name, said in self.wrong.items()), "")


def show(base: config.RunConfig, key: str, plain: DeltaGenerator, rest: DeltaGenerator) -> Asked:
    """Draw the plain settings into `plain` and, folded, the others by group into `rest`, starting from `base`.

    What is folded keeps what was typed.
    """
    with plain.container(border=True):
        values = some(settings.PLAIN, base, key, {})
    opened = rest.expander("All settings", icon=":material/tune:", key="all-settings", on_change="rerun")
    for group in config.groups_of(str(values.get("method", base.method))):
        names = [name for name in group.model_fields if name not in settings.PLAIN and settings.can_choose(name)]
        if opened.open and names:
            with opened:
                st.markdown(f"**{words.plain(group.__doc__ or group.__name__)}**")
                values = some(names, base, key, values)
    values = {name: _typed(name, base, key) for name in _names(values, base)} | values
    return Asked(values, {name: said for name, value in values.items() if (said := wrong(name, value))})


def _names(values: Mapping[str, Any], base: config.RunConfig) -> list[str]:
    """The settings that the chosen method reads."""
    return list(config.kind_of(values.get("method", base.method)).model_fields)


def some(names: Sequence[str], base: config.RunConfig, key: str, known: Mapping[str, Any]) -> dict[str, Any]:
    """Draw the settings `names`, two in a row, wide ones alone; one that is read only together with another choice
    keeps its value unseen without it.

    `known` are the values chosen so far.
    """
    values = dict(known)
    row: list[DeltaGenerator] = []
    for name in names:
        other, wanted = ONLY_WITH.get(name, ("", None))
        if other and values.get(other, getattr(base, other)) != wanted:
            values[name] = _default(base, name)
            continue
        if name in WIDE:
            row = [st.container()]
        row = row or list(st.columns(2))
        with row.pop(0):
            values[name] = setting(name, _default(base, name), f"{key}-{name}")
    return values


def setting(name: str, value: Any, key: str) -> Any:
    """One setting as a widget with its unit and help; below it what its choice means, or what is wrong with it, if
    anything."""
    value = _widget(name, value, key)
    if said := wrong(name, value):
        st.caption(f":red[{words.plain(said)}]")
    if name == "method" and (said := settings.sentence(value)):
        st.caption(words.plain(said))
    if name == "protocol" and value in protocols.PROTOCOLS:
        _protocol(value)
    return value


def wrong(name: str, value: Any) -> str:
    """What is wrong with a value, '' when nothing is."""
    try:
        config.validate({name: value})
    except InputError as error:
        return str(error)
    return ""


def changes(chosen: config.RunConfig, preset: str) -> str:
    """What is folded and differs from the preset, as a sentence; '' when nothing does."""
    said = settings.differences(config.load(preset), chosen, settings.PLAIN)
    return f"Not as in the preset: {'; '.join(said)}." if said else ""


def _protocol(name: str) -> None:
    """What a protocol tries, and the warning that comes with it."""
    chosen = protocols.PROTOCOLS[name]
    st.caption(words.plain(chosen.help))
    if chosen.warning:
        st.warning(words.plain(chosen.warning), icon=":material/warning:")


def _default(base: config.RunConfig, name: str) -> Any:
    """What a setting starts from: its value in `base`, or, where the method of `base` does not read it, its default."""
    return getattr(base, name, config.declared(name).default)


def _typed(name: str, base: config.RunConfig, key: str) -> Any:
    """What was typed into a folded field of the form, else the value it starts from."""
    value = _default(base, name)
    return st.session_state.get(f"{key}-{name}", value) if settings.can_choose(name) else value


def _widget(name: str, value: Any, key: str) -> Any:
    declared, options = config.declared(name), settings.offered(name, value)
    named = settings.of_family if name == "method" else partial(settings.choice, name)
    common: dict[str, Any] = {"key": key, "persist_state": "session", "help": _help(name, declared)}
    if name == "data":
        options = list(dict.fromkeys((*WORDS, value, str(st.session_state.get(key, value)))))
        return st.selectbox(
            settings.label(name), options, index=options.index(value), accept_new_options=True, **common
        )
    if fields.is_list(declared) and options:
        return st.multiselect(
            settings.label(name),
            options,
            default=[option for option in value if option in options],
            format_func=named,
            **common,
        )
    if options:
        return st.selectbox(settings.label(name), options, index=options.index(value), format_func=named, **common)
    if declared.annotation is bool:
        return st.toggle(settings.label(name), value, **common)
    return st.text_input(settings.label(name), fields.shown(declared, value), **common)


def _help(name: str, declared: FieldInfo) -> str:
    """Symbol, flag and description as text; Streamlit would read it as Markdown."""
    symbol, flag = fields.symbol(declared), "--method" if name == "method" else f"--set {name}"
    said = (declared.description or "").removeprefix(f"{symbol}: " if symbol else "")
    written = (
        f". Written as {'2/255,4/255' if fields.is_list(declared) else '2/255'}" if fields.is_radius(declared) else ""
    )
    return words.plain(f"{symbol + ', ' if symbol else ''}{flag}: {said}{written}.")
