"""The plane of an image of a run: its points, networks, frame, landings, refusals. Run: pytest tests/test_planes.py"""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from fake_run import make_run
from safetensors.torch import save_file

from c2r.base.errors import InputError
from c2r.core.partition import expand
from c2r.look.plane import levels
from c2r.networks.models import build
from c2r.store.networks import called, file_of, kept
from c2r.store.runs import frame_steps, read_frame
from c2r.work import planepoints, planes
from c2r.work.keptnetworks import load
from c2r.work.planepoints import Ask, config_of
from c2r.work.planewords import statement


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr("c2r.look.boundary.SIDE", 13)
    monkeypatch.setattr("c2r.look.boundary.sweep.__defaults__", (13, map))


@pytest.fixture
def ask(finished):
    return Ask(finished, "seed0", frame_steps(finished)[-1], 4)


def drawn(ask):
    *_, record = (one for one in planes.render(ask) if one.about["kind"] == "grid")
    return record


def test_a_run_keeps_its_scorers_and_evaluation_networks_which_are_found_by_name_only(finished):
    assert list(kept(finished)) == ["ce", "ce-crl", "seed0", "seed1"]
    assert called("seed1") == "evaluation network, seed 1" and called("ce").startswith("scorer ce: trained with")
    for name in ("../seed0", "seed2", "", "seed0.safetensors"):
        with pytest.raises(InputError, match="expected one of ce, ce-crl, seed0, seed1"):
            file_of(finished, name)


@pytest.mark.parametrize(("name", "shown"), [("ce", ""), ("ce-crl", "ce-crl")])
def test_a_kept_scorer_gives_the_margins_that_were_recorded_with_it(finished, name, shown):
    frame = read_frame(finished, 0, ("images", "labels", "margin_clean"), shown)  # real ones, stored without rounding
    logits = load(finished, name)(torch.from_numpy(frame["images"]).float() / 255)
    own = logits.gather(1, torch.from_numpy(frame["labels"])[:, None]).squeeze(1)
    others = logits.scatter(1, torch.from_numpy(frame["labels"])[:, None], -torch.inf).amax(1)
    assert np.allclose((own - others).numpy(), frame["margin_clean"], atol=1e-4)


def test_the_plane_holds_the_image_its_twin_and_the_nearest_of_another_class(ask):
    record = drawn(ask)
    frame = read_frame(ask.path, ask.step, ("images", "labels", "delta"))
    x = frame["images"] / 255
    apart = [
        levels(one - x[4]) if k != frame["labels"][4] else np.inf for one, k in zip(x, frame["labels"], strict=True)
    ]
    image, twin, other = record.about["points"]
    assert image["place"] == [0, 0] and f"image {np.argmin(apart)}," in other["name"]
    assert np.isclose(np.hypot(*other["place"]), min(apart)) and max(p["distance"] for p in (image, twin, other)) < 1e-6
    assert np.isclose(twin["place"][0], levels(np.clip(x[4] + frame["delta"][4], 0, 1) - x[4]), rtol=1e-5)
    assert record.arrays["classes"].shape == (13, 13) and record.about["last"]
    chosen = drawn(replace(ask, other=0)).about["points"][2]
    assert chosen["name"] == "image 0" and chosen["distance"] < 1e-6


def test_the_frame_does_not_change_with_the_network_or_the_shown_step(ask):
    first, second = drawn(ask), drawn(replace(ask, network="ce-crl"))
    assert all(first.about[key] == second.about[key] for key in ("window", "ball", "allowed"))
    assert not np.array_equal(first.arrays["own"], second.arrays["own"])
    earlier = frame_steps(ask.path)[0]
    moved = drawn(replace(ask, step=earlier, held=ask.step))
    assert moved.about["window"] == first.about["window"] and moved.about["points"][0]["distance"] > 0
    assert np.array_equal(moved.arrays["own"], first.arrays["own"])


def test_two_networks_on_one_plane_agree_with_themselves_and_less_with_others(ask):
    same = drawn(replace(ask, beside=ask.path, beside_network="seed0"))
    assert same.about["agreement"]["whole"] == 1 and same.about["agreement"]["points"] == 169
    other = drawn(replace(ask, beside=ask.path, beside_network="seed1"))
    share = np.mean(other.arrays["classes"] == other.arrays["classes_beside"])
    assert other.about["agreement"]["whole"] == pytest.approx(share)
    assert np.array_equal(other.arrays["classes_beside"], drawn(replace(ask, network="seed1")).arrays["classes"])


def test_a_network_of_other_images_or_classes_is_not_laid_beside(ask, tmp_path):
    other = shutil.copytree(ask.path, tmp_path / "other")
    told = json.loads((other / "manifest.json").read_text())
    (other / "manifest.json").write_text(json.dumps(told | {"classes": told["classes"][::-1]}))
    with pytest.raises(InputError, match="expected two networks of the same ones"):
        drawn(replace(ask, beside=other, beside_network="seed0"))
    large = make_run(tmp_path / "large", steps=1, n=4, classes=2, shape=(3, 16, 16))
    settings = config_of(large)
    network = build(settings, (3, 16, 16), 2, (torch.zeros(3), torch.ones(3)), torch.Generator())
    (large / "networks").mkdir()
    save_file(network.state_dict(), large / "networks" / "seed0.safetensors")
    with pytest.raises(InputError, match="expected two networks of the same ones"):
        drawn(replace(ask, beside=large, beside_network="seed0"))


def test_along_the_gradient_the_plane_is_repeatable_and_its_window_holds_the_ball(ask):
    first, again = (drawn(replace(ask, along="gradient")) for _ in range(2))
    assert np.array_equal(first.arrays["own"], again.arrays["own"])
    ball, window = np.array(first.about["ball"]), first.about["window"]
    assert ball.min() > window["left"] and ball.max() < window["left"] + window["side"]
    *_, low = (row for row in first.arrays["own"][6:7])
    assert first.about["way"]["where"] == "up the loss gradient" and first.about["way"]["length"] == pytest.approx(40)
    assert low[7] < low[5]  # one step along the gradient the margin is smaller than one step back


def test_every_light_attack_of_the_evaluation_lands_within_its_ball(ask):
    *_, record = planes.render(replace(ask, attacks=True))
    eps = 32
    assert [one["key"] for one in record.about["landings"]] == ["fgsm", "pgd"] and not record.about["left_out"]
    for one in record.about["landings"]:
        assert one["fooled"] == (one["class"] != drawn(ask).about["label"]) and one["distance"] <= eps + 1e-3
        assert np.hypot(np.hypot(*one["place"]), one["distance"]) <= eps + 1e-3


def test_parts_of_a_stored_image_are_what_the_plane_holds(ask):
    frame = read_frame(ask.path, ask.step, ("images", "labels", "delta"))
    config = config_of(ask.path).model_copy(update={"partition": 2})
    found = planepoints.points(replace(ask, part=3), ask.step, config)
    parts = expand(torch.from_numpy(frame["images"]).float() / 255, 2).numpy()
    assert np.allclose(found.images["image"], parts[4 * 4 + 3]) and "expanded like the image" in found.note
    assert found.names["image"] == "image 4 part 4" and " part " in found.names["other"]
    apart = ((parts - parts[4 * 4 + 3]) ** 2).reshape(len(parts), -1).sum(1)
    apart[np.repeat(frame["labels"] == frame["labels"][4], 4)] = np.inf
    assert np.allclose(found.images["other"], parts[apart.argmin()])


def test_an_image_without_a_twin_of_its_own_gets_a_random_direction(ask, monkeypatch):
    monkeypatch.setattr(planepoints, "read_rows_of", lambda *_: np.zeros((1, 1, 8, 8), np.float16))
    record = drawn(ask)
    image, twin, other = record.about["points"]
    assert twin["place"] == image["place"] == [0, 0] and np.isclose(other["place"][1], 0)
    assert record.about["axes"] == [f"towards {other['name'].split(',')[0]}", "along a random direction"]


@pytest.mark.parametrize(
    "change",
    [
        {"sample": -1},
        {"sample": 30},
        {"part": 1},
        {"other": 30},
        {"step": 1},
        {"network": "seed9"},
        {"beside_network": "x"},
    ],
)
def test_what_is_not_there_is_refused_in_one_sentence(ask, change):
    asked = replace(ask, **({"beside": ask.path} if "beside_network" in change else {}) | change)
    with pytest.raises(InputError, match=r"^[^.].*[a-z]\.$"):
        drawn(asked)


def test_damaged_weights_and_deltas_are_refused(ask, tmp_path, monkeypatch):
    copy = shutil.copytree(ask.path, tmp_path / "run")
    (copy / "networks" / "seed0.safetensors").write_bytes(b"x" * 100)
    shutil.copy(copy / "networks" / "seed1.safetensors", copy / "parts" / "scorer-0.safetensors")
    for name in ("seed0", "ce-crl"):
        with pytest.raises(InputError, match="is damaged: expected the weights of a network"):
            load(copy, name)
    monkeypatch.setattr(planepoints, "read_rows_of", lambda *_: np.full((1, 1, 8, 8), np.nan, np.float16))
    with pytest.raises(InputError, match="expected finite δ"):
        drawn(ask)


def test_the_statement_says_where_the_boundary_lies():
    def point(k):
        return {"name": "image 12", "class": k}

    way = {"where": "towards its adversarial twin", "length": 8.0, "boundary": 3.24, "class": 1}
    about = {"classes": ["cat", "dog"], "label": 0, "way": way, "points": [point(0)]}
    assert statement(about) == (
        "Image 12 leaves class cat after 3.2 of 8.0 levels towards its adversarial twin, to class dog"
    )
    safe = about | {"way": way | {"boundary": None, "class": None}}
    assert statement(safe) == "Image 12 stays class cat for all 8.0 levels towards its adversarial twin"
    assert statement(about | {"points": [point(1)]}) == "Image 12 of class cat is taken for class dog"
