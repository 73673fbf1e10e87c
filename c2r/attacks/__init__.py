"""The table of evaluation attacks. Model in (frozen, logits out), images in [0, 1], same words for the same ideas.

Each attack: ``attack(model, x, y, *, threat, generator, steps) -> Attacked``.
"""

from c2r.attacks.gradient import Attacked, Model, fgsm, pgd
from c2r.config import EvaluationSettings
from c2r.errors import unknown

ATTACKS = {"fgsm": fgsm, "pgd": pgd}

LABELS = {"clean": "clean", "fgsm": "FGSM", "pgd": "PGD"}


def label(name: str, settings: EvaluationSettings) -> str:
    """The attack's name on screen, with what defines it: ``PGD-10``."""
    if name not in LABELS:
        raise unknown("attack", name, list(LABELS))
    return f"{LABELS[name]}-{settings.eval_pgd_steps}" if name == "pgd" else LABELS[name]


__all__ = ["ATTACKS", "LABELS", "Attacked", "Model", "fgsm", "label", "pgd"]
