"""The one error a person is meant to read: a sentence that says what was expected, what came, what to do next."""

import re

NO_CUDA = (
    "Setting 'device' is cuda, found no GPU that this build of torch can use: set device to auto or cpu, or install a"
    " CUDA build of torch."
)
FEW = 16  # names a sentence can hold
LONGEST = 80  # letters of what came that a sentence repeats
# C0 and C1 controls, line and paragraph separators, embeddings and overrides of the writing direction, lone surrogates
UNSPEAKABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


class InputError(ValueError):
    """Something a person gave (a setting, a file, a folder, a device) cannot be used.

    The message is one complete sentence on one line, whatever names it quotes; the terminal and the app print it as it
    is,
    without a traceback.
    """

    def __init__(self, sentence: str = ""):
        super().__init__(one_line(sentence))


def one_line(text: object) -> str:
    """A text without line breaks, control characters, changes of writing direction and letters that cannot be
    written."""
    return UNSPEAKABLE.sub("?", str(text))


def quoted(value: object) -> str:
    """What came, short enough for a sentence."""
    try:
        text = str(value)
    except ValueError:  # a whole number of more digits than Python writes
        text = "a number of thousands of digits"
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def unknown(kind: str, came: str, known: list[str] | tuple[str, ...]) -> InputError:
    """The sentence for a name that stands in no table, with the nearest known name when there is one."""
    from difflib import get_close_matches

    came = quoted(came)
    near = get_close_matches(came, known, n=1)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    expected = (
        f"one of {', '.join(known)}"
        if len(known) <= FEW
        else f"one of the {len(known)} that 'python -m c2r distill --settings' lists"
    )
    return InputError(f"Unknown {kind} '{came}': expected {expected}; choose one.{hint}")
