"""The terms of C2R's loss, their weights and what moves the images; the paper's own loop.

Run: pytest tests/test_c2r_terms.py
"""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from test_contracts import events, settings, tiny_data

from c2r import config
from c2r.base.errors import InputError
from c2r.core.contrastive import class_means
from c2r.events import Finished
from c2r.methods.c2r.balance import series, weighted
from c2r.methods.c2r.loop import Loop
from c2r.methods.context import Context, start_of
from c2r.methods.distill import distill
from c2r.methods.observer import Recorded


def loop_of(**changes):
    """A loop before its first update."""
    made, data = settings(method="c2r", **changes), tiny_data()
    generator = torch.Generator().manual_seed(0)
    return Loop.before(Context(made, data, start_of(made, data, None, generator), generator, score=None))


def made_terms(loop):
    """Three terms whose gradients on the images have the norms 3, 4 and 0.5."""
    images, count = loop.images, loop.images.numel() ** 0.5
    return {name: images.sum() / count * norm for name, norm in (("match", 3.0), ("ce", 4.0), ("crl", 0.5))}


def test_the_shares_are_those_of_the_weighted_gradients_and_add_up_to_all():
    loop = loop_of(eta=0.2, match_weight=0.5, crl_ratio=0.0)
    weighted(loop, made_terms(loop), 1)
    parts = np.array([0.5 * 3, 0.8 * 4, 0.2 * 0.5])
    assert [loop.shares[name] for name in ("match", "ce", "crl")] == pytest.approx(
        (100 * parts / parts.sum()).tolist(), rel=1e-4
    )


def test_a_ratio_sets_the_weight_of_the_contrast_so_that_its_gradient_has_that_size():
    loop = loop_of(eta=0.2, match_weight=0.5, crl_ratio=0.3)
    terms = weighted(loop, made_terms(loop), 1)
    norms = {name: float(torch.autograd.grad(t, loop.images, retain_graph=True)[0].norm()) for name, t in terms.items()}
    assert norms["crl"] == pytest.approx(0.3 * norms["match"], rel=1e-4)


def test_the_weight_holds_between_two_measurements():
    loop = loop_of(crl_ratio=0.3)
    weighted(loop, made_terms(loop), 1)
    before = loop.pull
    other = {name: 5 * term if name == "crl" else term for name, term in made_terms(loop).items()}
    weighted(loop, other, 2)
    assert loop.pull == before
    weighted(loop, other, 11)
    assert loop.pull == pytest.approx(before / 5, rel=1e-4)


def test_the_figures_of_an_update_add_up_to_their_total():
    loop = loop_of()
    terms = weighted(loop, made_terms(loop), 1)
    told = series(loop, terms)
    assert told["total"] == pytest.approx(told["match"] + told["ce"] + told["crl"])
    assert sum(told[f"share_{name}"] for name in terms) == pytest.approx(100)


@pytest.mark.parametrize("method", ["c2r-no-crl", "c2r-neither"])
def test_without_the_contrast_nothing_stands_in_its_place(method):
    last = [event for event in events(method) if isinstance(event, Recorded)][-1]
    assert last.event["series"]["crl"] is None and last.event["series"]["share_crl"] is None
    assert last.event["series"]["share_match"] + last.event["series"]["share_ce"] == pytest.approx(100)


def test_without_the_contrast_the_images_are_those_of_a_share_that_weighs_cross_entropy_alike():
    alone = events("c2r-no-crl", eta=0.17)[-1].made.images
    assert not np.array_equal(alone, events("c2r", eta=0.17)[-1].made.images)


def test_weights_of_one_give_the_class_means_without_weights(generator):
    embedded, labels = torch.randn(12, 5, generator=generator), torch.arange(12) % 3
    plain, weighed = class_means(embedded, labels, 3), class_means(embedded, labels, 3, torch.ones(12))
    torch.testing.assert_close(plain, weighed)
    heavy = torch.where(torch.arange(12) < 3, 1.0, 0.0)
    torch.testing.assert_close(class_means(embedded, labels, 3, heavy), embedded[:3])


def test_the_papers_own_loop_sees_no_real_image_but_those_it_starts_from():
    made, data = settings(method="c2r-literal"), tiny_data()
    *_, one = distill(made, data)
    turned = data.images.flip(0)  # the same images, so the same statistics, in another order
    *_, two = distill(made, replace(data, images=turned, labels=data.labels.flip(0)), one.made)
    *_, three = distill(made, data, one.made)
    assert isinstance(two, Finished) and np.array_equal(two.made.images, three.made.images)


def test_settings_of_a_run_of_before_mean_what_they_meant():
    stored = config.load("demo", {"method": "c2r-class-mean"}).model_dump(mode="json")
    for name in config.SINCE:
        stored.pop(name)
    read = config.from_json(json.dumps(stored | {"method": "c2r-no-crl"}))
    assert read.method == "c2r-class-mean" and read.crl_ratio == 0 and read.eval_average == 0
    now = config.load("demo", {"method": "c2r-no-crl"})
    assert config.from_json(config.to_json(now)) == now


def test_the_papers_own_loop_refuses_a_setting_that_it_does_not_read():
    with pytest.raises(InputError, match="'hard_step' is none of method 'c2r-literal'"):
        config.load("demo", {"method": "c2r-literal", "hard_step": 1.0})
