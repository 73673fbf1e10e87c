"""FKD soft labels (``epoch_e/batch_b.tar``) beside an image folder, averaged into one soft label per image. numpy, no
torch.

FKD (Shen & Xing 2022; used by SRe2L, CDA, GUARD and D4M) stores a teacher's logits for augmented views, batch by batch,
as [crop coordinates, flips, mix index, λ, box, logits float16]. Which image a view shows follows from the order in
which torch's RandomSampler with seed 42 draws, over torchvision's ImageFolder, whose order is by name.
"""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from c2r.errors import InputError
from c2r.formats.folders import class_folders, read_folder
from c2r.formats.imported import Raw
from c2r.formats.safe import Budget, Limits, require_file
from c2r.formats.standins import as_array
from c2r.formats.tensors import read_tensors

SEED = 42
UNPACKED = 8  # times its own size that a batch may take in memory
LEAST_GAIN = 2.0  # agreement of labels and teacher relative to chance, below which the order is not believed
HOW = (
    "softmax of the logits at temperature 1, credited to the image that covers most of the view, weighted by its share,"
    " averaged over all views; order: RandomSampler with seed 42 over the files by name{again}"
)


def epoch_folders(folder: Path) -> list[Path]:
    """The ``epoch_<e>`` folders of a soft-label folder in their order; [] when it is none."""
    folders = [c for c in folder.iterdir() if re.fullmatch(r"epoch_\d{1,6}", c.name)] if folder.is_dir() else []
    return sorted(folders, key=lambda c: int(c.name[6:]))


def label_folder(folder: Path) -> Path | None:
    """The folder of soft labels: `folder` itself or a child; None when there is none."""
    children = sorted(c for c in folder.iterdir() if c.is_dir()) if folder.is_dir() else []
    return next((c for c in (folder, *children) if epoch_folders(c)), None)


def image_folder(folder: Path) -> Path | None:
    """The image folder beside the soft labels: a child, `folder` itself or a child of the folder above; None when there
    is none."""
    children = sorted(c for c in folder.iterdir() if c.is_dir())
    beside = sorted(c for c in folder.parent.iterdir() if c.is_dir()) if epoch_folders(folder) else []
    return next((c for c in (folder, *children, *beside) if not epoch_folders(c) and class_folders(c)), None)


def read_fkd(folder: Path, budget: Budget, side: int = 0) -> Raw:
    """Images with averaged soft labels [N, K].

    :raises InputError: one of the two folders is missing, batches do not add up, or the teacher agrees with the labels
        no more often than chance would, so that the order must be another one
    """
    labels, images = label_folder(folder), image_folder(folder)
    if not labels or not images:
        missing = "class folders with pictures" if labels else "epoch_0 folders with batch_0.tar"
        raise InputError(
            f"{folder.name} has no {missing}: expected an image folder and FKD soft labels side by side; put them"
            " together."
        )
    raw = read_folder(images, budget, side)
    by_name = np.array(sorted(range(len(raw.labels)), key=lambda i: _torchvision(raw.facts["files"][i])))
    soft, again, epochs = _best_average(epoch_folders(labels), raw.labels, by_name, budget)
    share, chance = _agreement(soft, raw.labels), 1 / soft.shape[1]
    if share < min(LEAST_GAIN * chance, 0.9):
        raise InputError(
            f"The soft labels of {folder.name} agree with the classes of {100 * share:.0f} % of the images, chance"
            f" gives {100 * chance:.0f} %: expected the order of RandomSampler with seed 42; read the images alone with"
            " format image-folder."
        )
    note = HOW.format(again=", redrawn at each epoch's end" if again else "")
    return Raw(raw.images, raw.labels, (), soft, raw.facts | {"soft_from": note, "epochs": epochs, "agreement": share})


def draws(count: int, epochs: int, again: bool) -> list[np.ndarray]:
    """The orders in which RandomSampler with seed 42 visits `count` images, one per epoch.

    torch's ``randperm`` on the CPU: its Mersenne Twister is NumPy's, and each place i is swapped with i + z mod (N −
    i).

    :param again: newer torch draws one more order at the end of each epoch, which is thrown away
    """
    random = np.random.RandomState(SEED)
    orders = []
    for _ in range(epochs * (2 if again else 1)):
        order = np.arange(count)
        for i, z in enumerate(random.randint(0, 2**32, count - 1, dtype=np.uint64).tolist() if count > 1 else ()):
            j = i + z % (count - i)
            order[i], order[j] = order[j], order[i]
        orders.append(order)
    return orders[:: 2 if again else 1]


def _torchvision(file: str) -> tuple[str, str]:
    place = Path(file)
    return place.parent.name, place.name


def _epoch(folder: Path, count: int, budget: Budget) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of the views of one epoch, in order: probabilities [N, K], which other view is mixed in [N], and the own share
    [N]."""
    batches = sorted((f for f in folder.glob("batch_*.tar")), key=lambda f: int(re.sub(r"\D", "", f.stem) or 0))
    parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    start = 0
    for file in batches:
        own = Budget(_batch_limits(require_file(file, budget.limits), budget.limits), file.name)
        stored, _ = read_tensors(file, own)
        parts.append(_batch(stored, start, own))
        start += len(parts[-1][0])
    if start != count:
        raise InputError(
            f"{folder.name} has soft labels of {start} views: expected one per image, {count}; check that the folders"
            " belong together."
        )
    probabilities, mixed, share = (np.concatenate(column) for column in zip(*parts, strict=True))
    return probabilities, mixed, share


def _batch_limits(file: Path, limits: Limits) -> Limits:
    """What one batch may cost: torch stores its numbers unpacked, and a set has thousands of batches."""
    return replace(limits, bytes=min(limits.bytes, UNPACKED * file.stat().st_size))


def _batch(stored: Any, start: int, budget: Budget) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    if not isinstance(stored, list | tuple) or len(stored) != 6:
        raise ValueError("a batch is no list of six")
    logits = as_array(stored[5], budget).astype(np.float32)
    raised = np.exp(logits - logits.max(1, keepdims=True))
    own = np.arange(len(logits))
    mixed = own if stored[2] is None else as_array(stored[2], budget).astype(np.int64)
    share = 1.0 if stored[3] is None else float(stored[3])
    return raised / raised.sum(1, keepdims=True), start + mixed, np.full(len(logits), share, np.float32)


def _best_average(
    folders: list[Path], labels: np.ndarray, by_name: np.ndarray, budget: Budget
) -> tuple[np.ndarray, bool, int]:
    """Soft labels [N, K] under the sampler of older and of newer torch: the one that agrees better with the labels, and
    which."""
    count = len(labels)
    orders = [draws(count, len(folders), again) for again in (False, True)]
    totals: list[Any] = [0.0, 0.0]
    for number, folder in enumerate(folders):
        views = _epoch(folder, count, budget)
        totals = [total + _credit(*views, by_name[order[number]]) for total, order in zip(totals, orders, strict=True)]
    averages = [(total[:, :-1] / np.maximum(total[:, -1:], 1e-9)).astype(np.float32) for total in totals]
    again = _agreement(averages[1], labels) > _agreement(averages[0], labels)
    return averages[again], again, len(folders)


def _credit(probabilities: np.ndarray, mixed: np.ndarray, share: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Weighted sums of probabilities and, in the last column, of weights, [N, K + 1], by image; view i shows `image[i]`
    at `share[i]`."""
    main = image[np.where(share >= 0.5, np.arange(len(image)), mixed)]
    covered = np.maximum(share, 1 - share)[:, None]
    total = np.zeros((len(image), probabilities.shape[1] + 1))
    np.add.at(total, main, np.hstack([probabilities * covered, covered]))
    return total


def _agreement(soft: np.ndarray, labels: np.ndarray) -> float:
    return float((soft.argmax(1) == labels).mean())
