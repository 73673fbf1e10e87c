"""A run that goes on from a checkpoint gives the same bits as one that never stopped. Run: pytest
tests/test_checkpoint.py"""

import json
import shutil

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from test_contracts import QUICK, tiny_data

from c2r import config
from c2r.base.errors import InputError
from c2r.events import Finished, State
from c2r.methods.distill import distill
from c2r.methods.observer import Recorded
from c2r.presets import PRESETS
from c2r.registry import METHODS
from c2r.store.checkpoint import forget_parts, read_state, save_state
from c2r.store.runs import FRAME_ARRAYS

SETTINGS = QUICK | {"steps": 7, "record_every": 2, "batch": 4}


def until(path, count, settings, resume=False, copies=None):
    """Run the loop and store what it hands out, until `count` checkpoints are stored (None: to the end). Returns frames
    and the set. :param copies: the folder where what is stored after checkpoint N is copied to N"""
    frames, seen = {}, 0
    for event in distill(settings, tiny_data(), None, read_state(path) if resume else None):
        if isinstance(event, Recorded):
            frames[event.step] = event
        elif isinstance(event, State):
            save_state(path, event)
            seen += 1
            if copies:
                shutil.copytree(path, copies / str(seen))
            if seen == count:
                return frames, None
        elif isinstance(event, Finished):
            return frames, event.made
    raise AssertionError("the loop ended without a set")


@pytest.mark.parametrize(
    "changes",
    [
        *({"method": name} for name, row in METHODS.items() if row.source == "drawn"),
        {"partition": 2},
        {"method": "c2r-pgd", "anchors": "synthetic"},
        {"scorers": "ce-crl,ce"},
        {"scorers": "ce,on-set", "scorer_refresh": 3, "scorer_set_steps": 3},
        {"crl_ratio": 1.0, "whiten": "whiten", "labels": "soft", "partition": 2},
        {"method": "c2r-literal", "net_life": 3},
        {"method": "random-soft", "init": "easy"},
    ],
)
def test_a_run_resumed_at_any_checkpoint_is_the_run_that_never_stopped(tmp_path, changes):
    settings = config.validate(PRESETS["demo"] | SETTINGS | changes)
    (tmp_path / "run").mkdir()
    whole, result = until(tmp_path / "run", None, settings, copies=tmp_path)
    last = len(list(tmp_path.iterdir())) - 1
    for count in sorted({1, max(1, last - 2), last}) if "method" in changes else range(1, last + 1):
        frames, again = until(tmp_path / str(count), None, settings, resume=True)
        np.testing.assert_array_equal(again.images, result.images)
        for step, frame in frames.items():
            for name in FRAME_ARRAYS:
                np.testing.assert_array_equal(frame.arrays[name], whole[step].arrays[name])
            same = ("series", "forwards", "backwards", "search", "margin_adv", "separation")
            assert {key: frame.event[key] for key in same} == {key: whole[step].event[key] for key in same}


def test_without_a_checkpoint_a_resumed_run_starts_at_the_beginning(tmp_path):
    settings = config.load("demo", SETTINGS)
    assert read_state(tmp_path) is None
    _, one = until(tmp_path, None, settings, resume=True)
    _, two = until(tmp_path, None, settings)
    np.testing.assert_array_equal(one.images, two.images)


def test_damage_is_one_sentence(tmp_path):
    settings = config.load("demo", SETTINGS)
    until(tmp_path, 2, settings)
    file = tmp_path / "checkpoint.safetensors"
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match="checkpoint of run .* is damaged"):
        until(tmp_path, None, settings, resume=True)
    file.write_bytes(content)
    (tmp_path / "parts" / "network-0.safetensors").unlink()
    with pytest.raises(InputError, match="Part network-0 .* missing or damaged"):
        until(tmp_path, None, settings, resume=True)


def test_a_checkpoint_holds_no_queue_however_many_stages_there_are(tmp_path):
    """At most twice the set that networks are trained on, and the moments: float32 [9·p², 1, 8, 8] and [9, 1, 8, 8]."""
    settings = config.load("demo", SETTINGS | {"pool_size": 4, "pool_stage": 1, "queue_size": 64, "partition": 2})
    until(tmp_path, None, settings)
    effective, stored = 9 * 4 * 64 * 4, 9 * 64 * 4
    assert (tmp_path / "checkpoint.safetensors").stat().st_size < 2 * effective + 2 * stored + 10_000


def test_a_checkpoint_of_another_version_is_refused_with_the_way_on(tmp_path):
    settings = config.load("demo", SETTINGS)
    until(tmp_path, 2, settings)
    _told(tmp_path, lambda told: told.pop("version"))
    with pytest.raises(InputError, match="version 1, expected 3.*fork the run"):
        until(tmp_path, None, settings, resume=True)


def _told(path, change):
    """Change what a checkpoint says about itself."""
    file = path / "checkpoint.safetensors"
    with safe_open(file, "pt") as stored:
        told = json.loads(stored.metadata()["state"])
    change(told)
    save_file(load_file(file), file, {"state": json.dumps(told)})


def test_a_checkpoint_of_the_version_before_goes_on_as_one_of_now(tmp_path):
    """It kept the networks as pool/NUMBER and said so in an entry of another name."""
    settings = config.load("demo", SETTINGS)
    _, result = until(tmp_path, None, settings)
    path = tmp_path / "old"
    path.mkdir()
    until(path, 3, settings)
    file = path / "checkpoint.safetensors"
    with safe_open(file, "pt") as stored:
        told = json.loads(stored.metadata()["state"])
    told |= {"version": 2, "networks": len(told.pop("parts"))}
    save_file(load_file(file), file, {"loop": json.dumps(told)})
    (path / "parts").rename(path / "pool")
    for part in (path / "pool").glob("network-*"):
        part.rename(part.with_name(part.name.removeprefix("network-")))
    _, again = until(path, None, settings, resume=True)
    np.testing.assert_array_equal(again.images, result.images)


def test_a_checkpoint_that_calls_the_series_losses_goes_on_too(tmp_path):
    """As those of C2R did, until every method that optimises images kept them alike."""
    settings = config.load("demo", SETTINGS)
    _, result = until(tmp_path, None, settings)
    path = tmp_path / "old"
    path.mkdir()
    until(path, 4, settings)
    _told(path, lambda told: told["facts"].update(losses=told["facts"].pop("series")))
    frames, again = until(path, None, settings, resume=True)
    np.testing.assert_array_equal(again.images, result.images)
    assert 7 in frames


KEPT = {
    "c2r": ({"delta", "loss", "order"}, {"position", "pull", "shares"}),
    "c2r-literal": ({"delta", "loss", "order", "network", "velocity", "queue"}, {"position"}),
    "rome": (set(), set()),
}


@pytest.mark.parametrize("method", KEPT)
def test_what_a_state_holds_keeps_its_names(method):
    """So that a run that an earlier version kept goes on; of what has several tensors, such as a network, the name
    before the point."""
    settings = config.validate(PRESETS["demo"] | SETTINGS | {"method": method})
    *_, last = (event for event in distill(settings, tiny_data()) if isinstance(event, State))
    tensors, facts = KEPT[method]
    always = {"images", "exp_avg", "exp_avg_sq", "step", "generator"}
    assert {name.partition(".")[0] for name in last.tensors} == always | tensors
    assert set(last.facts) == {"series", "forwards", "backwards", "seconds"} | facts


@pytest.mark.parametrize("name", ["../../elsewhere", "network-0.safetensors", "", "/etc/passwd", 3])
def test_the_name_of_a_part_never_becomes_another_path(tmp_path, name):
    settings = config.load("demo", SETTINGS)
    until(tmp_path, 2, settings)
    _told(tmp_path, lambda told: told.update(parts=[name]))
    with pytest.raises(InputError, match="is damaged"):
        read_state(tmp_path)


def test_parts_that_no_state_names_are_made_again(tmp_path):
    """A kill between a part and its state leaves the part of a process that is gone."""
    settings = config.load("demo", SETTINGS)
    until(tmp_path, 1, settings)
    left = tmp_path / "parts" / "network-1.safetensors"
    left.write_bytes((tmp_path / "parts" / "network-0.safetensors").read_bytes())
    forget_parts(tmp_path, read_state(tmp_path))
    assert not left.exists() and (tmp_path / "parts" / "network-0.safetensors").exists()
    forget_parts(tmp_path, None)
    assert not list((tmp_path / "parts").iterdir())
