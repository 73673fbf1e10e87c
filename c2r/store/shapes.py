"""A table of what the arrays of a run folder may hold: kinds of numbers, shapes and ranges. numpy, no torch.

Readers ask here first, for the reasons of `c2r.store.schema`. Letters: N images, D embedding, S steps, P images on the
map, M evaluation networks, n test images, K classes.
"""

from collections.abc import Callable, Mapping

import numpy as np

from c2r.scorers import plain
from c2r.untrusted import MOST_CLASSES

Arrays = Mapping[str, np.ndarray]
# name → kinds of numbers (numpy's letters), its sides: a letter is the same number wherever it stands, a number is
# itself
SHAPES: dict[str, dict[str, tuple[str, str]]] = {
    "frames": {
        "images": ("u", "N C H W"),
        "labels": ("i", "N"),
        "delta": ("f", "N C H W"),
        "margin_clean": ("f", "N"),
        "margin_adv": ("f", "N"),
        "score": ("f", "N"),
        "order": ("i", "N"),
        "pred_clean": ("i", "N"),
        "pred_adv": ("i", "N"),
        "embedding_clean": ("f", "N D"),
        "embedding_adv": ("f", "N D"),
        "soft_labels": ("f", "N K|N V K"),
    },
    "basis": {"mean": ("f", "D"), "axes": ("f", "D 2"), "explained": ("f", "2")},
    "map": {
        "steps": ("i", "S"),
        "index": ("i", "P"),
        "umap_clean": ("f", "S P 2"),
        "umap_adv": ("f", "S P 2"),
        "fitted": ("b", "S"),
    },
    "synthetic": {"images": ("u", "N C H W"), "labels": ("i", "N"), "soft_labels": ("f", "N K|N V K")},
    "test": {"labels": ("i", "n"), "index": ("i", "n"), "correct/": ("ub", "M n"), "margin/": ("f", "M n")},
    "outcomes": {"": ("ub", "M N")},
}
WHOLE = ("basis", "map")  # of no use when an array is missing


def mismatch(name: str, arrays: Arrays, *, whole: bool = True) -> str:
    """Return what is wrong with the arrays of ``<name>.safetensors`` of a run folder, '' when nothing is.

    :param whole: all of the file was read
    """
    kind = name.partition("/")[0]
    known, sides = SHAPES.get(kind, {}), dict[str, int]()
    missing = [key for key in known if key not in arrays] if whole and kind in WHOLE else []
    if missing:
        return f"it lacks {', '.join(missing)}"
    for key, array in arrays.items():
        kinds, letters = known.get(plain(key)) or next(
            (known[start] for start in known if start.endswith("/") and key.startswith(start)), known.get("", ("", ""))
        )
        if not kinds:
            continue
        choices = [choice.split() for choice in letters.split("|")]
        wanted = next((choice for choice in choices if len(choice) == array.ndim), choices[0])
        fits = array.dtype.kind in kinds and array.ndim == len(wanted) and 0 not in array.shape
        if not fits or any(
            side != (int(letter) if letter.isdigit() else sides.setdefault(letter, side))
            for letter, side in zip(wanted, array.shape, strict=True)
        ):
            return f"'{key}' is {array.dtype} {list(array.shape)}"
    return _values(arrays, sides) if known else ""


def _values(arrays: Arrays, sides: Mapping[str, int]) -> str:
    """Return what is wrong with the values of arrays whose shapes fit."""
    rules: dict[str, Callable[[np.ndarray], bool]] = {
        "labels": lambda a: a.min() >= 0 and a.max() < MOST_CLASSES,
        "order": lambda a: np.array_equal(np.sort(a), np.arange(len(a))),
        "index": lambda a: a.min() >= 0 and a.max() < 2**31,
        "steps": lambda a: a.min() >= 0 and a.max() < 2**31,
        "images": lambda a: a.dtype == np.uint8 and a.shape[1] in (1, 3),
    }
    wrong = next((key for key, rule in rules.items() if key in arrays and not rule(arrays[key])), "")
    wrong = wrong or next(
        (key for key, a in arrays.items() if "M" in sides and a.dtype.kind in "ub" and a.max() > 1), ""
    )
    return f"'{wrong}' holds values that cannot be" if wrong else ""
