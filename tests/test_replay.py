"""A replay: what the file holds, how large it gets, who may fetch it, the page and the GIF made of it. Run: pytest
tests/test_replay.py"""

import io
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from fake_run import make_run
from PIL import Image
from starlette.applications import Starlette
from starlette.middleware import Middleware
from test_api import Client, store

from app import api, cache, guard, replays, state
from app.door import Door
from c2r.__main__ import main
from c2r.base.errors import InputError
from c2r.look import replay as caps
from c2r.look.replay import replay
from c2r.look.replaymap import FINEST, NOWHERE
from c2r.look.summary import hardest_first, margin_summary, ranks
from c2r.report.replaygif import read, replay_gif
from c2r.report.replaypage import replay_page
from c2r.store import describing, runs
from c2r.store.files import save_arrays

__all__ = ["store"]  # a fixture
EVIL = '</script><script>alert(1)</script><img src=x onerror="alert(2)">'


def test_the_file_says_what_every_recorded_step_was(tmp_path):
    path = make_run(tmp_path / "one", steps=5, n=24, classes=3)
    arrays, about = read(replay(path))
    assert arrays["steps"].tolist() == runs.frame_steps(path) == [0, 10, 20, 30, 40]
    assert (about["n"], about["classes"], about["eps"]) == (24, ["zero", "one", "two"], "32/255")
    frame = runs.read_frame(path, 20)
    adv, clean = frame["margin_adv"], frame["margin_clean"]
    assert np.allclose(arrays["margins"][2], np.stack([adv, clean]), atol=5e-3)
    assert np.array_equal(arrays["ranks"][2], ranks(hardest_first(adv)))
    assert arrays["counts"][2].tolist() == [margin_summary(adv)["counts"], margin_summary(clean)["counts"]]
    assert arrays["broken"][2] == (adv <= 0).sum() and np.allclose(
        arrays["medians"][2], np.median([adv, clean], axis=1)
    )
    assert np.allclose(arrays["by_rank"][2], np.sort(adv), atol=5e-3)
    assert np.array_equal(arrays["labels"], frame["labels"]) and arrays["shown"].tolist() == list(range(24))
    assert np.array_equal(arrays["pictures"][2], frame["images"].transpose(0, 2, 3, 1))
    events = {event["step"]: event for event in runs.read_events(path)}
    assert arrays["separation"][2, 1, 0] == np.float32(events[20]["separation"]["adv"]["knn"])
    assert np.isnan(arrays["series"][0]).all() and len(about["series"]) == arrays["series"].shape[1]


def test_places_are_those_of_the_umap_and_without_one_those_on_the_pca_axes(tmp_path):
    path = make_run(tmp_path / "one", steps=3, n=24, classes=3)
    stored = runs.read_arrays(path, "map")
    arrays, about = read(replay(path))
    left, bottom, side = about["map"]["window"]
    assert about["map"]["method"] == "UMAP" and not about["map"]["note"]
    there = arrays["places"][1, 1].astype(float) / FINEST * side + (left, bottom)
    assert np.allclose(there, stored["umap_adv"][1], atol=side / 1000)
    (path / "map.safetensors").unlink()
    arrays, about = read(replay(path))
    assert about["map"]["method"] == "PCA" and arrays["places"].shape == (3, 2, 24, 2)
    (path / "basis.safetensors").unlink()
    arrays, about = read(replay(path))
    assert about["map"] is None and "places" not in arrays


def test_a_place_that_is_not_finite_is_nowhere(tmp_path):
    path = make_run(tmp_path / "one", steps=2, n=8, classes=2)
    stored = runs.read_arrays(path, "map")
    stored["umap_clean"][0, 3] = np.nan
    save_arrays(path, "map", stored)
    arrays, _ = read(replay(path))
    assert (arrays["places"][0, 0, 3] == NOWHERE).all() and (arrays["places"][0, 0, 4] <= FINEST).all()


def test_large_runs_are_thinned_and_their_counts_are_still_of_all_images(tmp_path, monkeypatch):
    path = make_run(tmp_path / "one", steps=6, n=60, classes=3, shape=(3, 20, 20))
    for name, least in {"POINTS": 30, "STEPS": 4, "RANKS": 10, "PICTURES": 9, "SIDE": 10}.items():
        monkeypatch.setattr(caps, name, least)
    monkeypatch.setattr(caps, "PICTURE_BYTES", 2 * 9 * 300)
    monkeypatch.setattr(caps, "MOMENTS", 2)
    arrays, about = read(replay(path))
    assert arrays["steps"].tolist() == [0, 20, 30, 50] and about["n"] == 60
    assert len(arrays["shown"]) == 30 and set(np.bincount(arrays["labels"])) == {10}
    assert (arrays["counts"].sum(2) == 60).all() and arrays["by_rank"].shape == (4, 10)
    assert arrays["ranks"].max() > 30 and arrays["places"].shape == (4, 2, 30, 2)
    assert arrays["pictures"].shape == (2, 9, 10, 10, 3) and arrays["moments"].tolist() == [0, 3]


def test_a_thousand_images_over_two_hundred_steps_stay_a_few_megabytes():
    """By the shapes that the caps allow."""
    s, n, m = 200, 1000, 1000
    size = s * (2 * 60 * 4 + caps.RANKS * 2 + 2 * n * 2 + n * 2 + 2 * m * 2 * 2) + caps.PICTURE_BYTES
    assert size < 6e6


def test_damaged_and_foreign_frames_are_left_out_and_nothing_to_play_is_said(tmp_path):
    path = make_run(tmp_path / "one", steps=4, n=8, classes=2)
    runs.frame_file(path, 10).write_bytes(b"no frame")
    other = make_run(tmp_path / "two", steps=4, n=6, classes=2)
    shutil.copy(runs.frame_file(other, 20), runs.frame_file(path, 20))
    assert read(replay(path)).arrays["steps"].tolist() == [0, 30]
    for step in (0, 20, 30):
        runs.frame_file(path, step).unlink()
    with pytest.raises(InputError, match="no recorded step that can be read"):
        replay(path)
    (path / "status.json").write_text("{")
    with pytest.raises(InputError, match="is damaged"):
        replay(path)


@pytest.fixture
def client():
    return Client(Starlette(routes=api.routes(), middleware=[Middleware(Door)]))


def test_a_replay_is_served_and_made_again_when_the_run_grows(client, store, monkeypatch):
    path = make_run(store / "one", steps=2, n=8, classes=2)
    made = []
    monkeypatch.setattr(replays, "replay", lambda path: made.append(path) or replay(path))
    cache.clear()
    first = client.ask("/api/replay?run=one")
    assert first.status_code == 200 and first.headers["content-type"] == "application/octet-stream"
    assert first.headers["cache-control"] == "no-store" and first.content == replay(path)
    assert client.ask("/api/replay?run=one").content == first.content and len(made) == 1
    describing.describe(path, name="Another name")
    assert read(client.ask("/api/replay?run=one").content).about["name"] == "Another name" and len(made) == 2


@pytest.mark.parametrize("name", ["../one", "/etc", "..", "one/../one", "one%00", "two", state.SAMPLE_NAME])
def test_a_run_is_compared_and_never_a_path(client, store, name):
    make_run(store / "one", steps=2, n=8, classes=2)
    answer = client.ask(f"/api/replay?run={name}")
    assert answer.status_code == 404 and answer.text.startswith("There is no run") and "\n" not in answer.text


def test_password_read_only_rule_and_methods_hold_for_replays(client, store, monkeypatch):
    make_run(store / "one", steps=2, n=8, classes=2)
    assert client.ask("/api/replay").status_code == 400
    assert client.ask("/api/replay?run=one", "POST").status_code == 405
    monkeypatch.setattr(guard.st, "get_option", lambda name: "0.0.0.0" if name == "server.address" else "")
    assert client.ask("/api/replay?run=one").status_code == 403
    monkeypatch.setenv(guard.READ_ONLY, "1")
    assert client.ask("/api/replay?run=one").status_code == 200
    monkeypatch.setenv(guard.PASSWORD, "sesame")
    assert client.ask("/api/replay?run=one").status_code == 401
    assert Client(Starlette(routes=api.routes())).ask("/api/replay?run=one").status_code == 401


def test_a_run_without_a_step_is_refused_in_one_sentence(client, store):
    make_run(store / "one", steps=0, state="running")
    answer = client.ask("/api/replay?run=one")
    assert answer.status_code == 422 and "no recorded step" in answer.text


def test_what_a_run_says_of_itself_never_becomes_markup(tmp_path):
    path = make_run(tmp_path / "one", steps=2, n=8, classes=2)
    manifest = json.loads((path / "manifest.json").read_text())
    (path / "manifest.json").write_text(json.dumps(manifest | {"classes": [EVIL, "b"]}))
    describing.describe(path, name=EVIL[:60], note=EVIL)
    page = replay_page([path])
    assert "<script>alert" not in page and "<img src=x" not in page and "&lt;/script&gt;" in page
    assert len(re.findall("<script", page)) == 3 == len(re.findall("</script>", page))
    with pytest.raises(InputError, match="one or two runs, found 3"):
        replay_page([path] * 3)


def test_the_command_writes_a_page_and_a_gif_and_takes_no_file_away(tmp_path, monkeypatch, capsys):
    path = make_run(tmp_path / "one", steps=3, n=8, classes=2)
    monkeypatch.chdir(tmp_path)
    assert main(["replay", str(path)]) == 0 and Path("one-replay.html").stat().st_size < 1e6
    assert main(["replay", str(path)]) == 2 and "exists already" in capsys.readouterr().err
    assert main(["replay", str(path), "--beside", str(path), "--out", "two.html", "--gif", "one.gif"]) == 0
    assert Path("two.html").read_text().count('class="data">') == 2
    assert main(["replay", str(tmp_path / "none"), "--out", "x.html"]) == 2 and not Path("x.html").exists()


def test_the_gif_moves_and_begins_anew(tmp_path):
    picture = Image.open(io.BytesIO(replay_gif(make_run(tmp_path / "one", steps=4, n=24, classes=3))))
    frames = []
    for i in range(picture.n_frames):
        picture.seek(i)
        frames.append(np.asarray(picture.convert("RGB")))
    assert len(frames) == 4 and picture.info["loop"] == 0
    assert all((a != b).any() for a, b in zip(frames, frames[1:], strict=False))


def test_the_page_and_the_gif_of_the_sample_run_are_small():
    sample = Path(api.__file__).parent / "sample_run"
    assert len(replay_page([sample])) < 1e6 and len(replay_gif(sample)) < 1.5e6
