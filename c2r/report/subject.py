"""What a report knows of one run. numpy, no torch.

Letters: N synthetic images, n test images, M evaluation networks.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from c2r.attacks.figurekey import FigureKey
from c2r.config import RunConfig
from c2r.evaluation.badges import Badge
from c2r.store.runs import Run

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Subject:
    """One run of a report.

    :param letter: A to F, what charts and tables call it; run: its folder; config: what was evaluated with
    :param evaluation: the manifest of the evaluation, that of the run where it has no folder of its own
    :param digest: of `c2r.evaluation.digest.summarise`, {} without rows; per_image: on which images its per-image worst
        case was counted
    :param badges: of the checks; facts: facts.json; test: per-image results on test images; outcomes: key → [M, N] on
        the set
    :param images: uint8 [N, C, H, W] or None; labels [N]; order [N]: hardest first, or None; margins [N]: robust, or
        None
    :param missing: sentences
    """

    letter: str
    run: Run
    config: RunConfig
    evaluation: dict[str, Any]
    separate: bool
    digest: dict[str, Any] = field(default_factory=dict)
    per_image: str = ""
    badges: list[Badge] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    test: Arrays = field(default_factory=dict)
    outcomes: Arrays = field(default_factory=dict)
    images: np.ndarray | None = None
    labels: np.ndarray | None = None
    soft: bool | None = None
    order: np.ndarray | None = None
    margins: np.ndarray | None = None
    missing: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Letter and folder name."""
        return f"{self.letter}: {self.run.id}"

    @property
    def attempts(self) -> dict[str, dict[str, Any]]:
        """What `by_attack` says of every attempt, clean first."""
        clean = self.digest.get("clean")
        return ({"clean": clean} if clean else {}) | self.digest.get("attempts", {})

    def attempt(self, of: FigureKey) -> tuple[str, dict[str, Any] | None]:
        """The attempt that a key means, and what this evaluation calls it; ('', None) when it was not tried."""
        return next(((key, a) for key, a in self.attempts.items() if a["of"] == of), ("", None))

    @property
    def keys(self) -> list[str]:
        """Attempt keys in the order of the rows, then those that only arrays have."""
        stored = [key.partition("/")[2] for key in self.test if "/" in key]
        return list(dict.fromkeys([*self.attempts, *self.outcomes, *stored]))

    def per_test_image(self, kind: str) -> Arrays:
        """key → [M, n] of one kind: ``correct`` or ``margin``, in the order of `keys`."""
        return {key: self.test[f"{kind}/{key}"] for key in self.keys if f"{kind}/{key}" in self.test}

    def class_name(self, k: int) -> str:
        """The name of class `k`."""
        names = self.run.manifest.get("classes")
        return str(names[k]) if isinstance(names, list) and k < len(names) else str(k)
