"""Networks trained on a set: the recipe, and the scorer that follows the set. Run: pytest tests/test_students.py"""

import copy

import numpy as np
import pytest
import torch
from test_contracts import settings, tiny_data

from c2r.base.errors import InputError
from c2r.core.threat import Threat
from c2r.methods.context import made_of, start_of
from c2r.methods.distill import distill
from c2r.methods.observer import Recorded
from c2r.methods.students import Follower, recipe
from c2r.networks.models import build
from c2r.networks.training import Training, cross_entropy, train, with_clean


def network_and_batches(made):
    generator = torch.Generator().manual_seed(3)
    network = build(made, (1, 8, 8), 3, (torch.tensor([0.5]), torch.tensor([0.3])), generator)
    return network, lambda: (torch.rand(6, 1, 8, 8, generator=generator), torch.arange(6) % 3)


def test_the_running_mean_of_the_weights_is_what_a_training_ends_with():
    network, batches = network_and_batches(settings())
    kept, decays = [], [min(0.9, (step + 1) / (step + 10)) for step in range(4)]
    weights = copy.deepcopy(list(network.parameters()))
    for step in train(network, batches, Training(4, 0.05, average=0.9), torch.Generator().manual_seed(0)):
        kept.append([p.detach().clone() for p in network.parameters()] if step < 4 else None)
    last, _ = network_and_batches(settings())
    _, batches = network_and_batches(settings())
    for _ in train(last, batches, Training(4, 0.05), torch.Generator().manual_seed(0)):
        pass
    kept[3] = [p.detach().clone() for p in last.parameters()]
    mean = [p.detach().clone() for p in weights]
    for decay, seen in zip(decays, kept, strict=True):
        mean = [decay * m + (1 - decay) * p for m, p in zip(mean, seen, strict=True)]
    for ours, expected in zip(network.parameters(), mean, strict=True):
        torch.testing.assert_close(ours.detach(), expected, atol=1e-5, rtol=1e-4)


def test_a_clean_share_of_one_forgets_the_attack_and_of_zero_is_cross_entropy(generator):
    network, batches = network_and_batches(settings())
    x, y = batches()
    attacked = Threat(0.3).random(x, generator) + x
    assert with_clean(0.0) is cross_entropy
    clean, moved = (torch.nn.functional.cross_entropy(network(z), y) for z in (x, attacked))
    torch.testing.assert_close(with_clean(1.0)(network, x, attacked, y), clean)
    torch.testing.assert_close(with_clean(0.25)(network, x, attacked, y), 0.25 * clean + 0.75 * moved)


def test_the_recipe_is_that_of_the_settings():
    how = recipe(settings(eval_average=0.9, eval_steps=7, eval_training="standard"))
    assert (how.steps, how.average, how.threat) == (7, 0.9, None)


def follower(**changes):
    made, data = settings(scorer_set_steps=3, **changes), tiny_data()
    generator = torch.Generator().manual_seed(0)
    start = made_of(start_of(made, data, None, generator), 1)
    follows = Follower.untrained(made, data)
    for _ in follows.refresh(start, 0):
        pass
    return follows, start, data


def test_a_student_is_trained_anew_after_every_stretch_of_updates():
    follows, _, _ = follower(scorer_refresh=10)
    assert [step for step in (3, 9, 10, 14, 21) if follows.due(step)] == [10, 14, 21]
    follows.since = 10
    assert [step for step in (14, 19, 20) if follows.due(step)] == [20]


def test_a_new_students_embeddings_are_turned_and_keep_their_distances():
    follows, start, data = follower()
    x = data.images[:20].float() / 255
    first = follows.network.embed(x)
    assert torch.equal(follows.turned(first), first)
    for _ in follows.refresh(start, 50):
        pass
    second = follows.network.embed(x)
    turned = follows.turned(second)
    torch.testing.assert_close(torch.cdist(turned, turned), torch.cdist(second, second), atol=2e-3, rtol=1e-2)
    assert (turned - first).norm() < (second - first).norm()


def test_watching_under_a_student_changes_nothing_of_the_run():
    plain = list(distill(settings(), tiny_data()))
    seen = list(distill(settings(scorers="ce,on-set", scorer_refresh=2, scorer_set_steps=2), tiny_data()))
    assert np.array_equal(plain[-1].made.images, seen[-1].made.images)
    frames = [event for event in seen if isinstance(event, Recorded)]
    assert all("margin_adv@on-set" in frame.arrays for frame in frames)


def test_a_student_cannot_decide_the_order():
    with pytest.raises(InputError, match="expects a network trained on real data first"):
        settings(scorers="on-set,ce")
