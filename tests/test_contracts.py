"""Every row of every table goes through the same checks. Run: pytest tests/test_contracts.py"""

import functools

import numpy as np
import pytest
import torch

from c2r import config
from c2r.attacks.catalog import CATALOG
from c2r.attacks.protocols import PROTOCOLS
from c2r.base.fields import choices
from c2r.core.linesearch import Search, ls_pgd
from c2r.core.margins import logit_margin, worst_part
from c2r.core.partition import expand
from c2r.core.pgd import Inner
from c2r.core.threat import Threat
from c2r.data.real import RealData
from c2r.distilled import DistilledSet
from c2r.events import Finished, Snapshot
from c2r.methods.distill import distill
from c2r.methods.observer import Basis, Recorded
from c2r.methods.scoring import score
from c2r.networks.models import MODELS, build, frozen
from c2r.presets import PRESETS
from c2r.registry import METHODS
from c2r.store.runs import FRAME_ARRAYS

QUICK = {
    "scorers": "ce",
    "ipc": 3,
    "width": 8,
    "depth": 2,
    "pool_size": 2,
    "pool_steps": 6,
    "pool_stage": 3,
    "pool_batch": 16,
    "steps": 5,
    "record_every": 2,
    "batch": 5,
    "real_batch": 4,
    "queue_size": 4,
    "hard_negatives": 3,
}


LOOKS = (
    {"scorers": "ce"},
    {"scorers": "ce,ce-crl", "scorer_eta": 0.2},
    {"scorers": "ce,on-set", "scorer_refresh": 3, "scorer_set_steps": 2},
)
DECIDES = (
    {"scorers": "ce"},
    {"scorers": "ce-crl"},
    {"scorers": "ce-crl", "scorer_eta": 0.2},
    {"scorers": "ce-crl,ce"},
    {"scorers": "ce", "pool_steps": 7},
)


def tiny_data(classes: int = 3, side: int = 8, channels: int = 1) -> RealData:
    """Real-looking data: one pattern per class and noise."""
    generator = torch.Generator().manual_seed(7)
    patterns = torch.rand(classes, channels, side, side, generator=generator)

    def split(count: int) -> tuple[torch.Tensor, torch.Tensor]:
        labels = torch.arange(count) % classes
        noise = 0.3 * torch.rand(count, channels, side, side, generator=generator)
        return ((patterns[labels] * 0.7 + noise) * 255).to(torch.uint8), labels

    return RealData("tiny", *split(90), *split(30), tuple(f"class {k}" for k in range(classes)), "0" * 16)


def settings(**changes):
    """Quick ones of the demo; what the method does not read is left out."""
    return config.validate(PRESETS["demo"] | QUICK | changes)


def events(method="c2r", *start, **changes):
    return list(distill(settings(**{"method": method} | changes), tiny_data(), *start))


@functools.cache
def known(method="c2r", **changes):
    """`events` of a run that several tests compare with, made once; their arrays cannot be written."""
    found = events(method, **changes)
    for event in found:
        for array in event.arrays.values() if isinstance(event, Recorded) else ():
            array.flags.writeable = False
    found[-1].made.images.flags.writeable = False
    return tuple(found)


def test_the_words_of_the_settings_are_the_rows_of_the_tables():
    fields = {name: config.declared(name) for name in config.every_name()}
    assert list(METHODS) == list(choices(fields["method"]))
    assert list(MODELS) == list(choices(fields["model"]))
    assert list(CATALOG) == list(choices(fields["eval_attacks"]))
    assert list(PROTOCOLS) == list(choices(fields["protocol"]))


def test_a_setting_is_declared_once_whatever_the_methods():
    """A second declaration of one name would be shown and checked on the form as the first."""
    names = config.every_name()
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("method", [name for name, row in METHODS.items() if row.source == "drawn"])
def test_every_method_yields_a_basis_frames_and_a_set_within_the_threat_model(method):
    found = known(method)
    frames = [e for e in found if isinstance(e, Recorded)]
    assert [f.step for f in frames] == ([0, 2, 4, 5] if METHODS[method].updates else [0])
    assert sum(isinstance(e, Basis) for e in found) == 1
    assert isinstance(found[-1], Finished)
    for frame in frames:
        arrays = frame.arrays
        assert set(arrays) - {"soft_labels"} == set(FRAME_ARRAYS)
        assert (arrays["margin_adv"] <= arrays["margin_clean"] + 1e-4).all()
        assert sorted(arrays["order"].tolist()) == list(range(9))
        falling = (arrays["score"][arrays["order"]][:-1] >= arrays["score"][arrays["order"]][1:]).all()
        assert falling == (METHODS[method].order != "random")
        images, delta = torch.tensor(arrays["images"]) / 255, torch.tensor(arrays["delta"]).float()
        assert Threat(config.load("demo").eps).contains(delta, images, slack=3e-3)
        assert frame.event["n"] == 9
        assert sum(frame.event["margin_adv"]["counts"]) == 9
    moved = (frames[-1].arrays["images"] != frames[0].arrays["images"]).mean()
    assert (moved > 0.3) == METHODS[method].updates


@pytest.mark.parametrize(
    "changes",
    [
        {"partition": 2},
        {"anchors": "synthetic"},
        {"anchors": "real"},
        {"crl_ratio": 2.0},
        {"whiten": "whiten"},
        {"whiten": "centre"},
        {"pool_eta": 0.5},
        {"distill_eps": "64/255"},
        {"hard_weight": 1.0},
        {"hard_step": 1.0},
        {"hard_weight": 1.0, "eta": 1.0},
        {"init": "noise"},
        {"precision": "bfloat16"},
    ],
)
def test_the_settings_that_switch_code_paths_run_and_change_the_result(changes):
    plain, changed = (
        known(**{name: changes[name] for name in ("eta",) if name in changes})[-1].made.images,
        known(**changes)[-1].made.images,
    )
    assert changed.shape == plain.shape
    assert (plain != changed).any()


@pytest.mark.parametrize("ablation", [m for m, row in METHODS.items() if m != "c2r" and row.updates])
def test_every_ablation_changes_the_images(ablation):
    assert (known()[-1].made.images != known(ablation)[-1].made.images).any()


def test_same_seed_same_bits_and_another_seed_other_bits():
    one, two, other = known(), events(), events(seed=1)
    for a, b in zip(
        (e for e in one if isinstance(e, Recorded)), (e for e in two if isinstance(e, Recorded)), strict=True
    ):
        assert all((a.arrays[name] == b.arrays[name]).all() for name in FRAME_ARRAYS)
    assert (one[-1].made.images == two[-1].made.images).all()
    assert (one[-1].made.images != other[-1].made.images).any()


@pytest.mark.parametrize(
    "changes", [{"method": name} for name, row in METHODS.items() if row.updates] + [{"partition": 2}]
)
def test_the_images_do_not_depend_on_how_often_they_are_recorded(changes):
    own, *others = known(**changes), *(events(record_every=n, **changes) for n in (100, 1))
    for other in others:
        assert (other[-1].made.images == own[-1].made.images).all()
        first, last = (next(e for e in reversed(found) if isinstance(e, Recorded)) for found in (other, own))
        assert {name: first.event[name] for name in ("series", "forwards", "backwards", "margin_adv")} == {
            name: last.event[name] for name in ("series", "forwards", "backwards", "margin_adv")
        }


def test_the_images_do_not_depend_on_who_looks_at_them():
    """What `config.steering` leaves out moves no image; a scorer that it keeps may."""
    plain, *others = (events(steps=12, record_every=3, pool_eta=0.5, **changes) for changes in LOOKS)
    for looked in others:
        assert (looked[-1].made.images == plain[-1].made.images).all()
    assert len({str(config.steering(settings(pool_eta=0.5, **changes))) for changes in LOOKS}) == 1


def test_who_decides_is_told_apart():
    told = [config.steering(settings(**changes)) for changes in DECIDES]
    assert all(one != other for place, one in enumerate(told) for other in told[:place])


def test_the_margins_of_a_partition_set_are_those_of_what_networks_are_trained_on():
    """A perturbation of stored pixels, upsampled, is a smoother one: an attack on the effective images finds smaller
    margins."""
    settings = config.load("demo", QUICK | {"partition": 2, "cold_rounds": 8})
    generator = torch.Generator().manual_seed(2)
    scorer = build(settings, (1, 8, 8), 3, (torch.tensor([0.5]), torch.tensor([0.3])), generator, "float32")
    images, stored_labels = torch.rand(9, 1, 8, 8, generator=generator), torch.arange(9) % 3
    seen = score(Snapshot(0, images, stored_labels), 2, frozen(scorer), Inner("ls-pgd", settings, generator))
    effective, labels = expand(images, 2), stored_labels.repeat_interleave(4)
    assert Threat(settings.eps).contains(seen.delta, effective)
    again = worst_part(logit_margin(scorer(effective + seen.delta), labels), 4)
    torch.testing.assert_close(again, seen.margin_adv)
    stored = ls_pgd(
        lambda x: scorer(expand(x, 2)),
        images,
        stored_labels,
        Search(Threat(settings.eps), settings, rounds=8),
    )
    assert seen.margin_adv.mean() < worst_part(logit_margin(stored.logits, labels), 4).mean()


def test_a_set_without_images_of_some_class_is_matched_on_the_others():
    """As a fork of an imported set may be: the highest class has no image."""
    labels = np.array([0, 0, 1, 1])
    made = events("c2r", DistilledSet(np.full((4, 1, 8, 8), 99, np.uint8), labels), ipc=2)[-1].made
    assert made.labels.tolist() == labels.tolist() and (made.images != 99).any()
