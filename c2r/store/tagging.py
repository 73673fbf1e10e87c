"""Tags as one text that a person writes, separated by commas, in double quotes where a tag holds one. No torch."""

import csv
from collections.abc import Iterable

from c2r.errors import InputError

TAG, TAGS = 30, 12  # most characters of a tag, and most tags
QUOTE = '"'


def tags_of(text: str) -> list[str]:
    """Return the tags of a text, as in a line of a CSV file: ``good, "slow, but sure"``.

    Raises InputError for a text too long to be tags.
    """
    try:
        rows = list(csv.reader([" ".join(text.split())], skipinitialspace=True))
    except csv.Error:
        raise InputError(
            f"The tags have {len(text)} characters: expected at most {TAGS} of {TAG} each; shorten them."
        ) from None
    return [tag.strip() for row in rows for tag in row if tag.strip()]


def tags_text(tags: Iterable[str]) -> str:
    """Return the text that `tags_of` reads back."""
    return ", ".join(f'"{tag.replace(QUOTE, 2 * QUOTE)}"' if set(tag) & {",", QUOTE} else tag for tag in tags)
