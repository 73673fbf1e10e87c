"""A distilled set: the one thing that goes from a method to a file, an evaluation, an export, a fork and the gallery.

Letters: N stored images, C channels, H W sides, K classes, p parts per side, V parts (p²) or views of an image.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class DistilledSet:
    """Images with their labels, and how networks are to be trained on them.

    :param images: uint8 [N, C, H, W]; labels: int64 [N], of a soft label the class it stands for
    :param soft: float [N, K] or [N, V, K] probabilities, one per image, part or view; None where labels are hard
    :param partition: p, parts per side of an image, each upsampled when networks are trained
    :param recipe: plain values, where there are any: ``temperature`` of the soft labels, ``learned_rate``, ``teacher``
    """

    images: np.ndarray
    labels: np.ndarray
    soft: np.ndarray | None = None
    partition: int = 1
    recipe: Mapping[str, Any] = field(default_factory=dict)

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """As they are stored."""
        stored = {"images": self.images, "labels": self.labels}
        return stored if self.soft is None else stored | {"soft_labels": self.soft}

    @property
    def about(self) -> dict[str, Any]:
        """What is stored beside the arrays, as plain values."""
        return {"partition": self.partition} | ({"recipe": dict(self.recipe)} if self.recipe else {})

    @property
    def parts(self) -> int:
        """p²: the images that one stored image is expanded into."""
        return self.partition**2

    @property
    def effective(self) -> int:
        """N·p²: images that networks are trained on."""
        return len(self.images) * self.parts

    @property
    def label_bytes(self) -> int:
        """Bytes of the labels: one for a hard label, as its class number needs, all of them for soft ones."""
        return len(self.labels) if self.soft is None else int(self.soft.nbytes)

    @property
    def stored_bytes(self) -> int:
        """Bytes of images and labels together."""
        return int(self.images.nbytes) + self.label_bytes

    @property
    def label_type(self) -> str:
        """``hard``, ``soft``, or ``soft, one per part`` or ``view``."""
        if self.soft is None:
            return "hard"
        if self.soft.ndim == 2:
            return "soft"
        return "soft, one per part" if self._per_part else "soft, one per view"

    @property
    def _per_part(self) -> bool:
        return self.soft is not None and self.soft.ndim == 3 and self.soft.shape[1] == self.parts and self.parts > 1

    def targets(self) -> np.ndarray:
        """What networks are trained towards: classes int64 [N·p²], or probabilities float32 [N·p², K].

        Labels of views, which no training draws again, are averaged over the views of an image.
        """
        if self.soft is None:
            return self.labels.repeat(self.parts)
        if self._per_part:
            return self.soft.reshape(-1, self.soft.shape[2]).astype(np.float32)
        per_image = self.soft if self.soft.ndim == 2 else self.soft.mean(1)
        return per_image.astype(np.float32).repeat(self.parts, 0)
