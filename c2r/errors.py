"""The one error a person is meant to read: a sentence that says what was expected, what came, what to do next."""


class InputError(ValueError):
    """Something a person gave (a setting, a file, a folder, a device) cannot be used.

    The message is one complete sentence; the terminal and the app print it as it is, without a traceback.
    """


def unknown(kind: str, found: str, known: list[str] | tuple[str, ...]) -> InputError:
    """The sentence for a name that stands in no table, with the nearest known name when there is one."""
    from difflib import get_close_matches

    near = get_close_matches(str(found), known, n=1)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    return InputError(f"Unknown {kind} '{found}': expected one of {', '.join(known)}.{hint}")
