"""LS-PGD: never below its start, inside ball and box, reuse, cost. Run: pytest tests/test_linesearch.py"""

import pytest
import torch
from conftest import linear_case

from c2r.config import load
from c2r.core.linesearch import Search, Start, ls_pgd
from c2r.core.margins import sample_losses
from c2r.core.threat import Threat
from c2r.networks.models import build, frozen

THREAT = Threat(8 / 255)


@pytest.fixture
def network(generator):
    statistics = torch.tensor([0.5]), torch.tensor([0.25])
    return frozen(build(load("demo", {"width": 8, "depth": 2}), (1, 8, 8), 10, statistics, generator))


@pytest.fixture
def batch(generator):
    return torch.rand(64, 1, 8, 8, generator=generator), torch.randint(10, (64,), generator=generator)


def test_the_loss_never_falls_below_the_start_and_the_trace_reports_it_truly(network, batch, generator):
    x, y = batch
    start = THREAT.random(x, generator)
    trace = ls_pgd(network, x, y, Search(THREAT, load()), Start(start))
    torch.testing.assert_close(trace.start_loss, sample_losses(network(x + start), y), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(trace.loss, sample_losses(network(x + trace.delta), y), atol=1e-5, rtol=1e-5)
    assert (trace.loss >= trace.start_loss).all()
    assert trace.improved.any()


def test_the_perturbation_stays_in_the_ball_and_the_box_even_from_a_start_outside(network, batch):
    x, y = batch
    trace = ls_pgd(network, x, y, Search(THREAT, load()), Start(torch.ones_like(x)))
    assert THREAT.contains(trace.delta, x)


def test_unchanged_samples_are_reused_for_one_forward_each(network, batch):
    x, y = batch
    first = ls_pgd(network, x, y, Search(THREAT, load()))
    again = ls_pgd(network, x, y, Search(THREAT, load()), Start(first.delta, first.loss))
    assert again.reused.all()
    assert (again.forwards, again.backwards) == (len(x), 0)
    assert torch.equal(again.delta, first.delta)


def test_only_samples_whose_loss_has_fallen_are_searched(network, batch):
    x, y = batch
    first = ls_pgd(network, x, y, Search(THREAT, load(), rounds=1))
    cached = first.loss.clone()
    cached[:10] += 1.0
    again = ls_pgd(network, x, y, Search(THREAT, load(), rounds=1), Start(first.delta, cached))
    assert again.reused.tolist() == [False] * 10 + [True] * 54
    assert again.backwards == 10
    assert again.forwards == 64 + 10 * (1 + load().ls_tries)


def test_more_rounds_never_find_a_lower_loss(network, batch):
    x, y = batch
    losses = torch.stack([ls_pgd(network, x, y, Search(THREAT, load(), rounds=n)).loss for n in (1, 2, 4)])
    assert (losses.diff(dim=0) >= 0).all()
    assert losses[2].mean() > losses[0].mean()


def test_one_sample_alone_gives_the_same_perturbation_as_in_its_batch():
    model, x, y = linear_case(5)
    together = ls_pgd(model, x, y, Search(THREAT, load())).delta
    alone = ls_pgd(model, x[7:8], y[7:8], Search(THREAT, load())).delta
    torch.testing.assert_close(alone[0], together[7])


def test_sign_gradients_in_bfloat16_agree_with_float32(generator):
    """Attacks of a bfloat16 run go through its networks: at least 97 % of the signs must be those of float32."""
    statistics = torch.tensor([0.5]), torch.tensor([0.25])
    network = frozen(build(load("demo", {"width": 32, "depth": 2}), (1, 8, 8), 10, statistics, generator, "bfloat16"))
    x, y = torch.rand(256, 1, 8, 8, generator=generator), torch.randint(10, (256,), generator=generator)
    signs = {}
    for reduced in (True, False):
        network.reduced = reduced
        point = x.clone().requires_grad_(True)
        signs[reduced] = torch.autograd.grad(sample_losses(network(point), y).sum(), point)[0].sign()
    agreement = (signs[True] == signs[False]).float().mean().item()
    assert 0.97 <= agreement < 1, f"agreement {agreement:.4f} (1.0 would mean bfloat16 was not used)"
