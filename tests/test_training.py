"""Training: the optimiser's step and the schedule. Run: pytest tests/test_training.py"""

import pytest
import torch
from test_contracts import tiny_data

from c2r.config import load
from c2r.core.threat import Threat
from c2r.networks.models import build
from c2r.networks.training import descend, one_cycle, train


def test_descend_equals_torch_sgd_with_nesterov_momentum(generator):
    ours = [torch.randn(4, 3, generator=generator), torch.randn(5, generator=generator)]
    theirs = [p.clone().requires_grad_(True) for p in ours]
    reference = torch.optim.SGD(theirs, lr=0.1, momentum=0.9, weight_decay=5e-4, nesterov=True)
    velocities = [torch.zeros_like(p) for p in ours]
    for _ in range(5):
        gradients = [torch.randn(p.shape, generator=generator) for p in ours]
        for p, g in zip(theirs, gradients, strict=True):
            p.grad = g.clone()
        reference.step()
        descend(ours, gradients, velocities, 0.1)
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b.detach(), atol=1e-6, rtol=1e-6)


def test_the_rate_rises_to_its_peak_at_a_fifth_and_falls_to_zero():
    assert [one_cycle(p) for p in (0.0, 0.1, 0.2, 0.6, 1.0)] == pytest.approx([0.0, 0.5, 1.0, 0.5, 0.0])


@pytest.mark.parametrize("threat", [None, Threat(8 / 255)], ids=["standard", "adversarial"])
def test_training_learns_the_tiny_data_and_leaves_every_parameter_trainable(threat, generator):
    data = tiny_data()
    x, y = data.images.float() / 255, data.labels
    model = build(
        load("demo", {"width": 8, "depth": 2}), (1, 8, 8), 3, (torch.tensor([0.4]), torch.tensor([0.2])), generator
    )
    steps = list(train(model, lambda: (x, y), steps=30, rate=0.1, threat=threat, at_steps=2, generator=generator))
    assert steps == list(range(1, 31))
    assert (model(x).argmax(1) == y).float().mean() > 0.9
    assert all(p.requires_grad for p in model.parameters())
