"""A form drawn from the settings classes: one widget per setting, by its type, choices and limits."""

from typing import Any

import streamlit as st
from pydantic.fields import FieldInfo

from app import words
from c2r import config, fields, protocols
from c2r.errors import InputError

MAIN_GROUPS = ("Run", "Real data", "Synthetic set", "Threat model", "Objective")
CUSTOM = ("eval_attacks", "eval_eps", "eval_eps_l2", "eval_targeted", "eval_pgd_steps")
# name → the setting and its value with which alone it is read
ONLY_WITH = {"imported": ("method", "imported")} | dict.fromkeys(CUSTOM, ("protocol", "custom"))


def show(base: config.RunConfig, key: str) -> dict[str, Any]:
    """Draw every group, the less used ones folded, starting from `base`; returns all values, valid or not."""
    values: dict[str, Any] = {}
    for group in config.GROUPS:
        title = group.__doc__ or group.__name__
        with st.container(border=True) if title in MAIN_GROUPS else st.expander(title):
            if title in MAIN_GROUPS:
                st.markdown(f"**{words.plain(title)}**")
            values |= some(list(group.model_fields), base, key, values)
    return values


def some(names: list[str], base: config.RunConfig, key: str, known: dict[str, Any], drop: str = "") -> dict[str, Any]:
    """Draw the settings `names` in two columns; one that is read only together with another choice keeps its value unseen without it.

    `known` are the values chosen so far; `drop` is a beginning that labels go without.
    """
    values = dict(known)
    columns, shown = st.columns(2), 0
    for name in names:
        other, wanted = ONLY_WITH.get(name, ("", None))
        if other and values.get(other, getattr(base, other)) != wanted:
            values[name] = getattr(base, name)
            continue
        with columns[shown % 2]:
            values[name] = setting(name, getattr(base, name), f"{key}-{name}", name.removeprefix(drop))
        shown += 1
    return values


def setting(name: str, value: Any, key: str, spoken: str = "") -> Any:
    """One setting as a widget with its unit and help; below it what its choice means, or what is wrong with it, if anything."""
    field = config.RunConfig.model_fields[name]
    spoken, unit = (spoken or name).replace("_", " "), fields.unit(field)
    label = f"{spoken} ({unit})" if unit and unit != spoken else spoken
    found = _widget(label, field, value, key)
    try:
        config.validate({name: found})
    except InputError as error:
        st.caption(f":red[{words.plain(str(error))}]")
    if name == "protocol" and found in protocols.PROTOCOLS:
        _protocol(found)
    return found


def _protocol(name: str) -> None:
    """What a protocol tries, and the warning that comes with it."""
    chosen = protocols.PROTOCOLS[name]
    st.caption(words.plain(chosen.help))
    if chosen.warning:
        st.warning(words.plain(chosen.warning), icon=":material/warning:")


def _widget(label: str, field: FieldInfo, value: Any, key: str) -> Any:
    options, limits = fields.choices(field), fields.limits(field)
    if fields.is_list(field) and options:
        return st.multiselect(
            label, options, default=[word for word in value if word in options], key=key, persist_state="session", help=_help(field)
        )
    if options:
        return st.selectbox(label, options, index=options.index(value), key=key, persist_state="session", help=_help(field))
    if fields.is_radius(field):
        written = "2/255,4/255" if fields.is_list(field) else "2/255"
        text = f"{_help(field)}. Written as {written}."
        return st.text_input(label, fields.shown(field, value), key=key, persist_state="session", help=text)
    if field.annotation is bool:
        return st.toggle(label, value, key=key, persist_state="session", help=_help(field))
    if field.annotation is str:
        return st.text_input(label, value, key=key, persist_state="session", help=_help(field))
    kind = int if field.annotation is int else float
    low, high = limits.get("ge", limits.get("gt")), limits.get("le", limits.get("lt"))
    step = {"step": 1} if kind is int else {"format": "%g", "step": _nudge(value)}
    bounds = {"min_value": None if low is None else kind(low), "max_value": None if high is None else kind(high)}
    return st.number_input(label, value=kind(value), key=key, persist_state="session", help=_help(field), **bounds, **step)


def _help(field: FieldInfo) -> str:
    """The setting's description as text; Streamlit would read it as Markdown."""
    return words.plain(field.description or "")


def _nudge(value: float) -> float:
    """How far one click moves a number: a tenth of its order of magnitude."""
    return float(f"1e{int(f'{abs(value):e}'.split('e')[1]) - 1}") if value else 0.1
