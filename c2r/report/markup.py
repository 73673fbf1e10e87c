"""Small pieces of HTML. Everything that is not `Html` is text and gets escaped, so a name can never become markup."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

DASH = "–"


class Html(str):
    """Text that is markup already, made by the functions here."""

    __slots__ = ()


def text(value: Any) -> Html:
    """A value as it may stand in a page: `Html` as it is, None as a dash, anything else escaped."""
    return value if isinstance(value, Html) else Html(DASH if value is None else escape(str(value)))


def join(parts: Iterable[Any], between: str = "") -> Html:
    """Several values one after another."""
    return Html(between.join(text(part) for part in parts))


def tag(name: str, *inside: Any, **attributes: Any) -> Html:
    """``<name …>inside</name>``; attributes are escaped, `class_` and `data_` names lose their underscore, None leaves
    one out."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Html(f"<{name}{written}>{join(inside)}</{name}>")


def paragraph(*inside: Any, kind: str | None = None) -> Html:
    """A paragraph; kind is its CSS class (``note``, ``warning``)."""
    return tag("p", *inside, class_=kind)


def bullets(items: Iterable[Any], kind: str | None = None) -> Html:
    """A list; nothing without items."""
    items = list(items)
    return tag("ul", *(tag("li", item) for item in items), class_=kind) if items else Html("")


def section(title: str, *inside: Any) -> Html:
    """A section under a heading."""
    return tag("section", tag("h2", title), *inside)


def table(head: Sequence[Any], rows: Iterable[Sequence[Any]], caption: str = "", numbers: Sequence[int] = ()) -> Html:
    """A table whose first column names the row. `numbers`: columns set to the right. A cell may be a whole ``<td>``
    already."""
    top = tag(
        "tr", *(tag("th", name, scope="col", class_="number" if i in numbers else None) for i, name in enumerate(head))
    )
    body = [tag("tr", *(_cell(value, i, i in numbers) for i, value in enumerate(row))) for row in rows]
    title = tag("caption", caption) if caption else ""
    return tag(
        "div",
        tag("table", title, tag("thead", top), tag("tbody", *body)),
        class_="scroll",
        tabindex="0",
        role="group",
        aria_label=caption or "Table",
    )


def _cell(value: Any, column: int, number: bool) -> Html:
    if isinstance(value, Html) and value.startswith("<td"):
        return value
    return tag("td" if column else "th", value, scope=None if column else "row", class_="number" if number else None)


def figure(title: str, picture: Html, note: Any = "") -> Html:
    """A chart under a title that says what is seen, with what one needs to read it below."""
    return tag("figure", tag("figcaption", title), picture, paragraph(note, kind="note") if note else "")


def percent(share: float | None, digits: int = 1) -> str:
    """A share as ``41.2 %``."""
    return DASH if share is None else f"{100 * share:.{digits}f} %"


def number(value: float | None, digits: int = 2) -> str:
    """A number that is no share, such as a metric in percent."""
    return DASH if value is None else f"{value:.{digits}f}"


def interval(bounds: tuple[float, float] | None) -> str:
    """Two shares as ``20.8 to 93.9 %``."""
    return DASH if bounds is None else f"{100 * bounds[0]:.1f} to {100 * bounds[1]:.1f} %"


def threat(norm: str, eps: Any) -> str:
    """A ball as ``L∞ 2/255``."""
    return f"{'L∞' if norm == 'Linf' else norm}\u00a0{eps}".strip()
