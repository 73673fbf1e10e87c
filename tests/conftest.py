"""Small shared pieces: a linear classifier whose margins are known in closed form, a tiny run, a limit in time."""

import contextlib
import functools
import importlib
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from c2r.__main__ import main


def pytest_configure() -> None:
    """One thread for numba, in this process and its children: where a map is drawn, the number of numba's threads
    becomes that of torch, and those threads wait for work on the cores of the other test process."""
    os.environ.setdefault("NUMBA_NUM_THREADS", "1")


class Linear(nn.Module):
    """z = W x + b on flattened images; its L∞ robust margin has a closed form while the pixel box does not bind."""

    def __init__(self, classes: int, shape: tuple[int, int, int], seed: int = 0):
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        size = shape[0] * shape[1] * shape[2]
        self.weight = nn.Parameter(torch.randn(classes, size, generator=generator), requires_grad=False)
        self.bias = nn.Parameter(torch.randn(classes, generator=generator), requires_grad=False)
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1) @ self.weight.T + self.bias

    def robust_margin(self, x: Tensor, y: Tensor, eps: float) -> Tensor:
        """min_{k≠y} (z_y − z_k) − ε‖w_y − w_k‖₁, [B]: a slow loop over samples and classes."""
        logits = self(x)
        found = []
        for i, own in enumerate(y.tolist()):
            gaps = [
                logits[i, own] - logits[i, k] - eps * (self.weight[own] - self.weight[k]).abs().sum()
                for k in range(len(self.bias))
                if k != own
            ]
            found.append(torch.stack(gaps).min())
        return torch.stack(found)


class TooLong(BaseException):
    """Raised in the middle of what takes too long; no `except Exception` swallows it."""


@contextlib.contextmanager
def within(seconds: int) -> Iterator[None]:
    """What happens inside ends in time, or is ended with `TooLong`."""

    def late(*_: object) -> None:
        raise TooLong

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="session", autouse=True)
def components_are_looked_for_once() -> Iterator[None]:
    """Every page that is opened looks through all installed packages for components of Streamlit, for 0.15 s: what it
    finds does not change while tests run."""
    with pytest.MonkeyPatch.context() as patched:
        if "streamlit.testing.v1" in sys.modules:
            scanner = importlib.import_module("streamlit.components.v2.manifest_scanner")
            patched.setattr(scanner, "scan_component_manifests", functools.cache(scanner.scan_component_manifests))
        yield


@pytest.fixture(scope="session", autouse=True)
def no_page_starts_the_process_that_draws() -> Iterator[None]:
    """Pages start it when they open, so that the first plane does not wait: here nobody looks at one."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("app.renderer.SHARED.warm", lambda: None)
        yield


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def linear_case(classes: int, count: int = 40) -> tuple[Linear, Tensor, Tensor]:
    """A linear model, images well inside the box and labels."""
    model = Linear(classes, (1, 4, 4))
    generator = torch.Generator().manual_seed(1)
    x = 0.3 + 0.4 * torch.rand(count, 1, 4, 4, generator=generator)
    return model, x, torch.randint(classes, (count,), generator=generator)


# The smallest run that goes through every phase: a few seconds on one core.
TINY = {
    "data": "digits",
    "ipc": 3,
    "width": 8,
    "pool_size": 2,
    "pool_steps": 4,
    "pool_stage": 2,
    "pool_batch": 16,
    "steps": 5,
    "record_every": 2,
    "real_batch": 4,
    "batch": 5,
    "eval_seeds": 2,
    "eval_steps": 4,
    "eval_batch": 16,
    "eval_images": 40,
    "map_points": 10,
    "eval_attacks": "fgsm,pgd",
}


def arguments(out: Path, **changes: object) -> list[str]:
    """The command line of a tiny run into `out`."""
    pairs = [f"--set={name}={value}" for name, value in (TINY | changes).items()]
    return ["distill", "--preset", "demo", *pairs, "--out", str(out)]


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny run, finished once for each test process; look, but do not change it (evaluations with their own --out are
    fine)."""
    out = tmp_path_factory.mktemp("store") / "run"
    assert main(arguments(out)) == 0
    return out
