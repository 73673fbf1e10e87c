"""What commands share on a terminal: a progress bar, result rows as a table."""

import json
import sys
import time
from typing import Any

from c2r.evaluation.metrics import by_attack


class Bar:
    """A progress bar on a terminal; one line per phase where there is none."""

    def __enter__(self) -> "Bar":
        from tqdm import tqdm

        self.bar = tqdm(total=1, bar_format="{bar:24} {desc}", disable=None, dynamic_ncols=True, leave=False)
        self.phase, self.began, self.drawn = "", time.monotonic(), 0.0
        return self

    def __exit__(self, *_: Any) -> None:
        self.bar.close()

    def show(self, progress: Any, eta: float | None) -> None:
        """Show one Progress of the worker."""
        if progress.phase != self.phase:
            self.phase = progress.phase
            if self.bar.disable:
                print(f"[{time.monotonic() - self.began:5.0f} s] {self.phase}", file=sys.stderr, flush=True)
        figures = "  ".join(f"{name} {100 * value:.0f} %" for name, value in progress.figures.items())
        left = f"  {int(eta // 60)}:{int(eta % 60):02d} left" if eta is not None else ""
        self.bar.total, self.bar.n = max(progress.total, 1), progress.step
        share = (
            f"{100 * progress.step // max(progress.total, 1)} %"
            if progress.doing
            else f"{progress.step}/{progress.total}"
        )
        self.bar.set_description_str(f"{progress.phase} {share}{left}  {progress.doing}{figures}", refresh=False)
        if time.monotonic() - self.drawn > 0.1:
            self.drawn = time.monotonic()
            self.bar.refresh()


def print_rows(rows: list[dict[str, Any]], as_json: bool = False) -> None:
    """Result rows: as JSON, or one line per attempt with mean and standard deviation over the networks."""
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    for figure in by_attack(rows).values():
        spread = f"± {100 * figure['std']:4.1f}" if figure["std"] is not None else "(single)"
        radius = (
            ""
            if figure["attack"] in ("clean", "clamp")
            else f", ε = {figure['eps']} {NORMS.get(figure['norm'], figure['norm'])}"
        )
        hit = f", target reached {100 * figure['success']:.1f} %" if figure.get("success") is not None else ""
        passes = f"{figure.get('passes') or 0:.0f}"
        cost = f", {passes} pass{'' if passes == '1' else 'es'} per image" if figure.get("passes") else ""
        many = f"{figure['seeds']} network{'s' if figure['seeds'] > 1 else ''}"
        print(
            f"  {figure['label']:22} {100 * figure['mean']:5.1f} % {spread}  ({many}, n = {figure['n']}"
            f" images{radius}{hit}{cost})"
        )


def print_badges(badges: list[Any]) -> None:
    """One line per check, worst first."""
    for badge in badges:
        print(
            f"  [{badge.colour:5}] {badge.number:2} {badge.title}:"
            f" {badge.evidence}{'' if badge.colour == 'green' else ' ' + badge.advice}"
        )


NORMS = {"Linf": "L∞"}
