"""Starts that robust margins choose: the easiest and the hardest of a draw. Run: pytest tests/test_starting.py"""

import pytest
import torch
from test_contracts import settings, tiny_data

from c2r.core.margins import logit_margin
from c2r.core.partition import expand
from c2r.evaluation.baselines import baseline_settings, unread
from c2r.evaluation.ladder import rungs
from c2r.events import Finished
from c2r.methods.context import Context, start_of
from c2r.methods.distill import distill
from c2r.methods.starting import candidates, settled
from c2r.networks.models import build, frozen
from c2r.registry import describe


def network():
    generator = torch.Generator().manual_seed(1)
    return frozen(build(settings(), (1, 8, 8), 3, (torch.tensor([0.5]), torch.tensor([0.3])), generator))


def start(init, drawn=True, **changes):
    made, data = settings(init=init, ipc=2, **changes), tiny_data()
    generator = torch.Generator().manual_seed(0)
    context = Context(made, data, start_of(made, data, None, generator), generator, None, drawn)
    return context, settled(context, network())


def margins(seen, partition):
    x, y = expand(seen.images, partition), seen.labels.repeat_interleave(partition**2)
    return torch.stack([logit_margin(network()(x), y)[y == label].mean() for label in range(3)])


@pytest.mark.parametrize("partition", [1, 2])
def test_an_easy_start_has_larger_margins_than_a_hard_one_in_every_class(partition):
    easy, hard = (start(init, partition=partition, init_share=0.3, eps=0.0001)[1] for init in ("easy", "hard"))
    assert (margins(easy, partition) > margins(hard, partition)).all()


def test_of_all_images_the_easiest_are_those_of_the_largest_margin():
    context, seen = start("easy", init_share=0.01, eps=0.0001)
    data, model = context.data, network()
    assert candidates(context.config, data) == int(torch.bincount(data.labels).min())
    label = int(torch.bincount(data.labels).argmin())  # the class that is drawn whole
    real = data.images[data.labels == label].float() / 255
    best = logit_margin(model(real), torch.full((len(real),), label)).topk(2).indices
    mine = {image.numpy().tobytes() for image in seen.images[seen.labels == label]}
    assert mine == {real[i].numpy().tobytes() for i in best}


def test_the_whole_draw_is_neither_easy_nor_hard():
    easy, hard = (start(init, init_share=1.0)[1] for init in ("easy", "hard"))
    assert torch.equal(easy.images, hard.images)


def test_a_start_that_was_given_or_random_stays():
    for context, seen in (start("easy", drawn=False), start("real")):
        assert seen is context.start


def test_all_methods_of_a_seed_start_from_the_same_images_and_a_given_set_is_kept():
    data = tiny_data()
    made = [settings(method=method, init="easy", ipc=2, steps=1) for method in ("random-real", "c2r", "c2r-pgd")]
    seen = [next(e for e in distill(m, data) if type(e).__name__ == "Recorded").made.images for m in made]
    assert (seen[0] == seen[1]).all() and (seen[0] == seen[2]).all()
    given = [e for e in distill(made[0], data) if isinstance(e, Finished)][0].made
    turned = type(given)(255 - given.images, given.labels, None, given.partition)
    kept = [e for e in distill(made[0], data, start=turned) if isinstance(e, Finished)][0].made
    assert (kept.images == turned.images).all()


def test_the_label_says_so_and_the_baseline_of_a_run_is_random_all_the_same():
    made = settings(method="random-real", init="easy")
    assert describe(made)["method"]["label"].endswith(", easy start")
    assert baseline_settings(made, "random-real").init == "real"
    assert "cold_rounds" not in unread(made) and "cold_rounds" in unread(settings(method="random-real"))


def test_the_ladder_has_a_rung_for_it():
    labels = [rung.label for rung in rungs(settings(init="easy"))]
    assert "+ easy start" in labels
    assert "+ easy start" not in [rung.label for rung in rungs(settings())]
