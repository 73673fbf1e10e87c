"""The one error a person is meant to read: a sentence that says what was expected, what came, what to do next."""

NO_CUDA = (
    "Setting 'device' is cuda, found no GPU that this build of torch can use: set device to auto or cpu, or install a CUDA build of torch."
)
FEW = 16  # names a sentence can hold


class InputError(ValueError):
    """Something a person gave (a setting, a file, a folder, a device) cannot be used.

    The message is one complete sentence; the terminal and the app print it as it is, without a traceback.
    """


def unknown(kind: str, found: str, known: list[str] | tuple[str, ...]) -> InputError:
    """The sentence for a name that stands in no table, with the nearest known name when there is one."""
    from difflib import get_close_matches

    near = get_close_matches(str(found), known, n=1)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    expected = (
        f"one of {', '.join(known)}" if len(known) <= FEW else f"one of the {len(known)} that 'python -m c2r distill --settings' lists"
    )
    return InputError(f"Unknown {kind} '{found}': expected {expected}.{hint}")
