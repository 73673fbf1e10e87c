"""A form drawn from the settings classes: one widget per setting, by its type, choices and limits."""

from typing import Any, get_origin

import streamlit as st
from pydantic.fields import FieldInfo

from app import words
from c2r import config, fields
from c2r.errors import InputError

MAIN_GROUPS = ("Run", "Real data", "Synthetic set", "Threat model", "Objective")


def show(base: config.RunConfig, key: str) -> dict[str, Any]:
    """Draw every group, the less used ones folded, starting from `base`; returns all values, valid or not."""
    values: dict[str, Any] = {}
    for group in config.GROUPS:
        title = group.__doc__ or group.__name__
        with st.container(border=True) if title in MAIN_GROUPS else st.expander(title):
            if title in MAIN_GROUPS:
                st.markdown(f"**{words.plain(title)}**")
            columns = st.columns(2)
            for i, name in enumerate(group.model_fields):
                with columns[i % 2]:
                    values[name] = setting(name, config.RunConfig.model_fields[name], getattr(base, name), f"{key}-{name}")
    return values


def setting(name: str, field: FieldInfo, value: Any, key: str) -> Any:
    """One setting as a widget with its unit and help; below it the sentence that says what is wrong with it, if anything."""
    spoken, unit = name.replace("_", " "), fields.unit(field)
    label = f"{spoken} ({unit})" if unit and unit != spoken else spoken
    found = _widget(label, field, value, key)
    try:
        config.validate({name: found})
    except InputError as error:
        st.caption(f":red[{words.plain(str(error))}]")
    return found


def _widget(label: str, field: FieldInfo, value: Any, key: str) -> Any:
    options, limits, several = fields.choices(field), fields.limits(field), get_origin(field.annotation) is tuple
    if several:
        return st.multiselect(
            label, options, default=[word for word in value if word in options], key=key, persist_state="session", help=_help(field)
        )
    if options:
        return st.selectbox(label, options, index=options.index(value), key=key, persist_state="session", help=_help(field))
    if fields.is_radius(field):
        return st.text_input(
            label, fields.format_radius(value), key=key, persist_state="session", help=f"{_help(field)}. Written as 2/255."
        )
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
