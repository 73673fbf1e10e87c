"""How templates become a page. Markup stands in templates only; every value put into one is text and gets escaped."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from c2r.report import wording

TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    finalize=wording.told,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)
TEMPLATES.filters |= {word.__name__: word for word in (wording.percent, wording.in_percent, wording.number)}
TEMPLATES.filters |= {"interval": wording.interval}


def render(template: str, **shown: Any) -> str:
    """The text of a template that shows these values.

    :raises jinja2.UndefinedError: the template asks for a value that was not given
    """
    return TEMPLATES.get_template(template).render(shown)
