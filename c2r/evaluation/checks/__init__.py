"""The twelve checks of an evaluation (methods spec §6); each is one function of a `Subject` that gives a `Badge`."""

from c2r.evaluation.checks.subject import Check, Subject
from c2r.evaluation.checks.twelve import CHECKS, THOROUGH, described, run

__all__ = ["CHECKS", "THOROUGH", "Check", "Subject", "described", "run"]
