"""One finished evaluation of one set, as it stands beside others: its rows, and what is recorded of it. No torch.

Letters: M evaluation networks, n test images.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from c2r.attacks.figurekey import radius
from c2r.base.errors import InputError
from c2r.config import RunConfig
from c2r.evaluation.digest import Digest, summarise
from c2r.evaluation.outcomes import of_kind
from c2r.networks.naming import network_name
from c2r.registry import METHODS

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Contestant:
    """One evaluation. `test` holds the arrays of test.safetensors, {} when there are none."""

    name: str
    rows: Sequence[dict[str, Any]]
    config: RunConfig | None = None
    manifest: dict[str, Any] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    test: Arrays = field(default_factory=dict)

    @property
    def is_reference(self) -> bool:
        """Whether its networks were trained on all real data."""
        return self.config is not None and METHODS[self.config.method].kind == "reference"

    @cached_property
    def correct(self) -> Arrays:
        """Attempt key → [M, n], 1 where a network is right."""
        return of_kind(self.test, "correct")

    @cached_property
    def margin(self) -> Arrays:
        """Attempt key → [M, n] logit margins at the point found."""
        return of_kind(self.test, "margin")

    @cached_property
    def digest(self) -> Digest:
        """What its rows say, with the per-image worst case where the outcomes of the test images are stored and fit.

        :raises InputError: rows of more than one evaluation
        """
        try:
            return summarise(self.rows, self.correct)
        except InputError:
            return summarise(self.rows)


def stored_bytes(contestant: Contestant) -> int | None:
    """Bytes of the stored images, with soft labels when there are some; without facts, from the settings and the shape
    of the data."""
    facts, settings = contestant.facts, contestant.config
    if "bytes" in facts:
        return int(facts["bytes"]) + (int(facts.get("label_bytes", 0)) if facts.get("labels") == "soft" else 0)
    shape = (contestant.manifest.get("data") or {}).get("shape")
    classes = len(contestant.manifest.get("classes") or ())
    if settings is None or METHODS[settings.method].kind in ("reference", "imported") or not shape or not classes:
        return None
    return settings.ipc * classes * int(np.prod(shape))


def data_hash(contestant: Contestant) -> str | None:
    """The hash of the real data that it was evaluated on."""
    return contestant.facts.get("data_hash") or (contestant.manifest.get("data") or {}).get("hash")


def label_type(contestant: Contestant) -> str | None:
    """``hard`` or ``soft``; older records of sets made here do not say it, and those are hard."""
    made_here = contestant.config is not None and METHODS[contestant.config.method].kind != "imported"
    return contestant.facts.get("labels") or ("hard" if made_here else None)


def network(contestant: Contestant) -> str | None:
    """The evaluation network: ``convnet-32-d2``."""
    settings = contestant.config
    return network_name(settings) if settings else contestant.facts.get("network")


def recipe(contestant: Contestant) -> str | None:
    """How its networks were trained, with the radius only where they are trained against one."""
    c = contestant.config
    if c is None:
        return None
    attacked = f", {c.eval_at_steps} PGD steps at ε = {radius(c.eps)}" if c.eval_training == "pgd-at" else ""
    extras = f", {c.eval_clean_share:g} clean" if c.eval_clean_share else ""
    extras += f", weights averaged at {c.eval_average:g}" if c.eval_average else ""
    return f"{c.eval_training}, {c.eval_steps} steps of {c.eval_batch}, rate {c.eval_rate:g}{attacked}{extras}"


def tested_on(contestant: Contestant) -> tuple[tuple[int, ...], str]:
    """How many test images its rows count, and which."""
    counts, settings = tuple(sorted({int(row["n"]) for row in contestant.rows})), contestant.config
    if settings is None:
        return counts, "subset not recorded"
    return counts, "all of the test set" if settings.eval_images == 0 else f"subset of seed {settings.seed}"
