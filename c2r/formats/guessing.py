"""What a file of a distilled set does not say: method and data from its name, parts per side from its pictures. numpy.

Letters: N images, C channels, H W sides.
"""

import re
from pathlib import Path
from typing import Any

import numpy as np

from c2r.data.splits import SMALLEST_PART

SEAM = 1.8  # relative jump of pixels, see `seam`, from which it is taken for the seam of parts
METHODS = {
    "c2r": None,
    "rome": 2,
    "bacon": 2,
    "idm": 2,
    "idc": 2,
    "dream": 2,
    "dsa": 1,
    "dm": 1,
    "dc": 1,
    "mtt": 1,
    "tesla": 1,
    "sre2l": 1,
    "cda": 1,
    "guard": 1,
    "d4m": 1,
}
DATA_NAMES = {
    "fashion": "fashion-mnist",
    "cifar100": "cifar100",
    "cifar10": "cifar10",
    "svhn": "svhn",
    "tiny": "tiny-imagenet",
    "imagen": "imagenet",
    "mnist": "mnist",
}


def guess_names(path: Path) -> tuple[str, str]:
    """The method and the data set that a file's name speaks of, else its folder's; '' for each that neither does."""
    texts = [path.stem.lower(), path.parent.name.lower()]
    words = [word for text in texts for word in re.split(r"[^a-z0-9]+", text)]
    plain = [re.sub(r"[^a-z0-9]", "", text) for text in texts]
    data = (name for text in plain for word, name in DATA_NAMES.items() if word in text)
    return next((word for word in words if word in METHODS), ""), next(data, "")


def partition_facts(images: np.ndarray, method: str) -> dict[str, Any]:
    """A guess of the parts per side, and why: the seam in the pictures first, then what the named method usually
    does."""
    for parts in (2, 3):
        jump = seam(images, parts)
        if jump > SEAM:
            return {
                "partition": parts,
                "partition_reason": f"pixels jump {jump:.1f} × as much across the {parts}×{parts} seams as beside them",
            }
    usual = METHODS.get(method)
    if usual and images.shape[-1] // usual >= SMALLEST_PART:
        return {
            "partition": usual,
            "partition_reason": f"{method.upper()} usually stores {usual}×{usual} parts, found no seam in the pictures",
        }
    return {"partition": None, "partition_reason": "nothing in the file tells"}


def seam(images: np.ndarray, parts: int) -> float:
    """Mean jump between neighbouring pixels across the seams of `parts` per side, relative to the largest one within
    two pixels of them.

    On CIFAR-10 3.1 to 3.9 with parts and at most 1.1 without; where pictures have empty borders the seams cannot be
    seen.
    """
    ratios = []
    for axis in (2, 3):
        side = images.shape[axis]
        if side < 4 * parts:
            return 0.0
        jumps = np.abs(np.diff(images[:500], axis=axis)).mean(axis=tuple(i for i in range(4) if i != axis))
        cuts = [round(i * side / parts) - 1 for i in range(1, parts)]
        near = [cut + away for cut in cuts for away in (-2, -1, 1, 2)]
        ratios.append(jumps[cuts].mean() / max(jumps[near].max(), 1e-6))
    return float(min(ratios))
