"""What commands share on a terminal: a progress bar, result rows as a table."""

import json
import sys
import time
from typing import Any

from c2r.attacks.figurekey import NORMS
from c2r.evaluation.attempts import by_attack
from c2r.evaluation.wording import number, percent
from c2r.store.headline import NO_ATTACK


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
        print(_line(figure))


def _line(figure: dict[str, Any]) -> str:
    """``  PGD-10                  41.0 % ±  1.2  (3 networks, n = 359 images, ε = 2/255 L∞, 20 passes per image)``."""
    spread = "(single)" if figure["std"] is None else f"± {number(figure['std']):>4}"
    many = f"{figure['seeds']} network{'' if figure['seeds'] == 1 else 's'}"
    said = [many, f"n = {figure['n']} images"]
    if figure["attack"] not in NO_ATTACK:
        said.append(f"ε = {figure['eps']} {NORMS.get(figure['norm'], figure['norm'])}")
    if figure["success"] is not None:
        said.append(f"target reached {percent(figure['success'])}")
    if figure["passes"]:
        passes = f"{figure['passes']:.0f}"
        said.append(f"{passes} pass{'' if passes == '1' else 'es'} per image")
    return f"  {figure['label']:22} {number(figure['mean']):>5} % {spread}  ({', '.join(said)})"


def print_badges(badges: list[Any]) -> None:
    """One line per check, worst first."""
    for badge in badges:
        print(
            f"  [{badge.colour:5}] {badge.number:2} {badge.title}:"
            f" {badge.evidence}{'' if badge.colour == 'green' else ' ' + badge.advice}"
        )
