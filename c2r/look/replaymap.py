"""Where the images of a replay lie at every step: on the run's joint UMAP, else on its PCA axes. numpy, no torch.

Places are whole numbers from 0 to 65,534 across one square window that holds for all steps, 65,535 for what is not
finite. Letters: S steps, M images on the map.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from c2r.base.errors import InputError
from c2r.look.project import apply_basis, sample_per_class
from c2r.store.files import read_arrays
from c2r.store.runs import read_rows_of

FINEST, NOWHERE = 65_534, 65_535
ROOM = 1.06  # the window over what it holds

Window = tuple[float, float, float]


class Found(NamedTuple):
    """Places uint16 [S, 2, M, 2], clean and adversarial, in a window (left, bottom, side), and what to know of them."""

    places: np.ndarray
    window: Window
    note: str


@dataclass(frozen=True)
class Places:
    """Where the images `index` [M], ascending, lie: by UMAP with the arrays that a run stores, or by its PCA axes."""

    method: str
    path: Path
    index: np.ndarray
    stored: dict[str, np.ndarray]

    def at(self, steps: list[int]) -> Found | None:
        """The places at `steps`; None when a frame lacks the embeddings."""
        try:
            both, note = self._umap(steps) if self.method == "UMAP" else self._pca(steps)
        except InputError:
            return None
        window = _window(both)
        return Found(_whole(both, window), window, note)

    def _umap(self, steps: list[int]) -> tuple[np.ndarray, str]:
        """Of the nearest step that the map holds: [S, 2, M, 2]."""
        known, order = self.stored["steps"], np.argsort(self.stored["index"], kind="stable")
        rows = [int(np.abs(known - step).argmin()) for step in steps]
        kept = order[np.searchsorted(self.stored["index"][order], self.index)]
        both = np.stack([self.stored[name][rows][:, kept] for name in ("umap_clean", "umap_adv")], axis=1)
        missing = sum(int(known[row]) != step for row, step in zip(rows, steps, strict=True))
        return both, f"{missing} steps are not on the map: their nearest one is shown." if missing else ""

    def _pca(self, steps: list[int]) -> tuple[np.ndarray, str]:
        """Of embeddings on the axes that were fitted once: [S, 2, M, 2]. Raises InputError."""
        names = ("embedding_clean", "embedding_adv")
        return np.stack([np.stack([self._projected(step, name) for name in names]) for step in steps]), ""

    def _projected(self, step: int, name: str) -> np.ndarray:
        whole = int(self.index[-1]) == len(self.index) - 1  # read at once, ten times as fast as row by row
        embedding = read_rows_of(self.path, step, name, range(len(self.index)) if whole else self.index)
        if embedding.shape[1] != len(self.stored["mean"]):
            raise InputError(
                f"basis.safetensors of run {self.path.name} belongs to other images: expected what this run wrote;"
                " choose another run."
            )
        return apply_basis(embedding, self.stored)


def places_of(path: Path, labels: np.ndarray, most: int) -> Places | None:
    """Where at most `most` of the images with these `labels` [N] lie; None for a run with neither map nor axes."""
    stored = _stored(path, "map")
    if stored and len(stored["index"]) and stored["index"].max() < len(labels):
        index = np.unique(stored["index"])
        index = index if len(index) <= most else index[sample_per_class(labels[index], most)]
        return Places("UMAP", path, index, stored)
    axes = _stored(path, "basis")
    if axes and {"mean", "axes"} <= axes.keys():
        index = np.arange(len(labels)) if len(labels) <= most else sample_per_class(labels, most)
        return Places("PCA", path, index, axes)
    return None


def _stored(path: Path, name: str) -> dict[str, np.ndarray] | None:
    try:
        return read_arrays(path, name)
    except InputError:
        return None


def _window(both: np.ndarray) -> Window:
    """One square around all finite places [.., 2], with a little room."""
    flat = both.reshape(-1, 2).astype(np.float64)
    flat = flat[np.isfinite(flat).all(axis=1)]
    if not len(flat):
        return -1.0, -1.0, 2.0
    low, high = flat.min(axis=0), flat.max(axis=0)
    side = ROOM * float((high - low).max()) or 1.0
    left, bottom = (low + high - side) / 2
    return float(left), float(bottom), side


def _whole(both: np.ndarray, window: Window) -> np.ndarray:
    left, bottom, side = window
    shares = (both.astype(np.float64) - (left, bottom)) / side
    lost = ~np.isfinite(shares).all(axis=-1, keepdims=True)
    return np.where(lost, NOWHERE, np.round(np.nan_to_num(shares) * FINEST)).astype(np.uint16)
