"""Words of the glossary as links to it: a sentence in, Markdown out. No Streamlit.

What a sentence quotes of a file is escaped before any link is made, so that markup comes from here alone. A link opens
within the app (`app.components.listener`); with Ctrl, or without scripts, it is an ordinary address.
"""

import re
from functools import cache

from app import teaching, words


def link(term: str, label: str = "") -> str:
    """A glossary's term as a link to it, called `label`; KeyError for what the glossary has not."""
    found = teaching.glossary()[term]
    return f"[{words.plain(label or found.term)}](learn?term={found.id}#{found.id})"


def linked(text: str) -> str:
    """The sentence as `words.plain` writes it, with each term of the glossary a link where it is first said."""
    seen = set()

    def once(found: re.Match[str]) -> str:
        term = next(name for name, said in found.groupdict().items() if said).replace("_", "-")
        if term in seen:
            return found[0]
        seen.add(term)
        return link(term, found[0])

    return _pattern().sub(once, words.plain(text))


@cache
def _pattern() -> re.Pattern[str]:
    """Every spoken term, longer ones first, in the plural or with a number of steps, too."""
    spoken = (term for term in teaching.glossary().values() if term.spoken)
    terms = sorted(spoken, key=lambda term: -len(term.term))
    said = "|".join(f"(?P<{term.id.replace('-', '_')}>{re.escape(term.term)}(?:s|-\\d+)?)" for term in terms)
    return re.compile(rf"(?<![\w-])(?:{said})(?![\w-])", re.IGNORECASE)
