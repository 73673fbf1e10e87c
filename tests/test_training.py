"""Training: the optimiser's step, the schedule and batch norm's statistics. Run: pytest tests/test_training.py"""

import copy

import pytest
import torch
from test_contracts import QUICK, tiny_data

from c2r.config import load
from c2r.core.threat import Threat
from c2r.events import State
from c2r.methods.pool import Pool, train_network
from c2r.networks.models import MODELS, build, frozen
from c2r.networks.training import Training, descend, one_cycle, train
from c2r.store.checkpoint import read_state, save_state


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
    steps = list(train(model, lambda: (x, y), Training(30, 0.1, threat, 2), generator))
    assert steps == list(range(1, 31))
    assert (model(x).argmax(1) == y).float().mean() > 0.9
    assert all(p.requires_grad for p in model.parameters())


@pytest.mark.parametrize("model", MODELS)
def test_batch_norm_counts_only_the_images_that_are_trained_on(model, generator):
    data = tiny_data()
    x, y = data.images[:30].float() / 255, data.labels[:30]
    settings = load("demo", {"width": 8, "depth": 2, "model": model, "norm": "batch"})
    network = build(settings, (1, 8, 8), 3, (torch.tensor([0.4]), torch.tensor([0.2])), generator)
    threat = Threat(8 / 255)
    for _ in train(network, lambda: (x, y), Training(4, 0.1, threat, 3), generator):
        assert all(part.training for part in network.modules())
    counted = [value for name, value in network.state_dict().items() if name.endswith("num_batches_tracked")]
    assert counted and all(int(value) == 4 for value in counted)


@pytest.mark.parametrize("model", MODELS)
def test_stages_of_a_pool_with_batch_norm_stay_as_they_were_and_come_back_from_their_file(model, generator, tmp_path):
    data, pool = tiny_data(), Pool()
    settings = load("demo", QUICK | {"model": model, "norm": "batch"})
    x, seen = data.test_images.float() / 255, []
    for _ in train_network(pool, settings, data, generator):
        seen += [stage(x) for stage in pool.stages[len(seen) :]]
    assert len(seen) == 2 and not torch.allclose(seen[0], seen[1])
    assert not any(part.training for stage in pool.stages for part in stage.modules())
    save_state(tmp_path, State(0, parts=pool.parts("network")))
    again, kept = Pool(), read_state(tmp_path)
    again.restore("network", kept.parts, settings, data)
    for stage, restored, logits in zip(pool.stages, again.stages, seen, strict=True):
        assert torch.equal(stage(x), logits) and torch.equal(restored(x), logits)


def test_a_copy_that_is_frozen_leaves_training_as_it_was():
    """What the pool does between two steps."""
    data = tiny_data()
    batch = data.images.float() / 255, data.labels
    settings = load("demo", {"width": 8, "depth": 2, "norm": "batch"})
    whole, stopped = (
        build(settings, (1, 8, 8), 3, (torch.tensor([0.4]), torch.tensor([0.2])), torch.Generator().manual_seed(1))
        for _ in range(2)
    )
    for network, freeze in ((whole, False), (stopped, True)):
        draws = torch.Generator().manual_seed(2)
        for _ in train(network, lambda: batch, Training(5, 0.1, Threat(0.03), 1), draws):
            if freeze:
                frozen(copy.deepcopy(network))(batch[0])
    for name, value in whole.state_dict().items():
        assert torch.equal(value, stopped.state_dict()[name]), name
