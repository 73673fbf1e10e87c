"""Sets as picture files in class folders: SRe2L and CDA (``new003/class003_id000.jpg``), D4M (``3/3-image12.png``),
ours. No torch."""

import re
from pathlib import Path

import numpy as np
from PIL.Image import DecompressionBombError

from c2r.data.imagefiles import SUFFIXES
from c2r.data.pixels import decode, opened
from c2r.errors import InputError
from c2r.formats.imported import Raw
from c2r.formats.safe import Budget

FLOAT = 4  # bytes of a value of a set
INSIDE = ("train", "images", "syn", "synthetic")
NUMBERED = re.compile(r"(\d{1,12})(?:[_-](.+))?|[A-Za-z]+[_-]?(\d{1,12})")  # 3, 003_cat, new003


def class_folders(folder: Path) -> list[Path]:
    """The class folders of an image folder, in the order of their class numbers; [] when it is none.

    Looks into ``train`` and the like too. Folders that are numbered are ordered by number (2 before 10, unlike
    torchvision's ImageFolder), others by name.
    """
    for place in (folder, *(folder / name for name in INSIDE)):
        classes = [child for child in place.iterdir() if child.is_dir() and pictures(child)] if place.is_dir() else []
        if classes:
            numbers = {child.name: _number(child.name) for child in classes}
            whole = None not in numbers.values() and len(set(numbers.values())) == len(classes)
            return sorted(classes, key=lambda child: (numbers[child.name] if whole else 0, child.name))
    return []


def pictures(folder: Path) -> list[Path]:
    """The picture files of one class folder, numbers inside their names counted as numbers."""
    return sorted(
        (file for file in folder.iterdir() if file.suffix.lower() in SUFFIXES and file.is_file()),
        key=lambda f: _natural(f.name),
    )


def read_folder(folder: Path, budget: Budget, side: int = 0) -> Raw:
    """All pictures of an image folder, class by class.

    :param side: side in pixels to which pictures are cropped and resized; 0 keeps their own
    :raises InputError: no class folders, a picture beyond the pixel limit, unequal sizes, damage
    """
    classes = class_folders(folder)
    if not classes:
        raise InputError(
            f"{folder.name} holds no folders of pictures: expected one folder per class with PNG or JPEG files; add"
            " them."
        )
    groups = [pictures(child) for child in classes]
    files = [file for group in groups for file in group]
    for file in files:
        _pay(file, side, budget)
    images, grey = decode(files, side, lambda i: f"{files[i].parent.name}/{files[i].name}", lambda _text, _share: None)
    labels = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
    lossy = sorted({file.suffix.lower() for file in files} & {".jpg", ".jpeg", ".webp"})
    facts = {"files": [str(file.relative_to(folder)) for file in files], "lossy": ", ".join(lossy)}
    return Raw(
        images[:, :1] if grey else images, labels, tuple(_class_name(child.name) for child in classes), facts=facts
    )


def _pay(file: Path, side: int, budget: Budget) -> None:
    """Check the size that a picture's header claims before it is decoded; a damaged header is left to the decoder."""
    try:
        with opened(file) as picture:
            width, height = picture.size
    except DecompressionBombError:
        width = height = budget.limits.pixels
    except Exception:  # what foreign bytes make a parser raise cannot be listed
        return
    if width * height > budget.limits.pixels:
        raise InputError(
            f"The picture {file.name} claims {width}×{height} px: expected at most {budget.limits.pixels} pixels; do"
            " not trust it, or shrink it."
        )
    budget.spend(3 * FLOAT * (side * side or width * height))


def _number(name: str) -> int | None:
    match = NUMBERED.fullmatch(name)
    return int(match[1] or match[3]) if match else None


def _class_name(name: str) -> str:
    match = NUMBERED.fullmatch(name)
    return match[2] if match and match[2] else name


def _natural(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d{1,12})", name)]
