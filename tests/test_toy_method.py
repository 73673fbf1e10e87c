"""A method in a file of its own works everywhere without another line: on every page and through every command.

The file is tests/toy_method.py: two phases, soft labels, two figures of its own, no order, no pool.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import toy_method
from test_contracts import tiny_data
from test_pages import check, open_page, store, text
from test_resume import same
from test_start_page import field, rerun, start

from c2r import config, registry
from c2r.__main__ import main
from c2r.formats.fromrun import from_run
from c2r.formats.sets import read_own
from c2r.methods.distill import distill
from c2r.methods.observer import Recorded
from c2r.store import runs
from c2r.store.results import read_rows

__all__ = ["store"]
HERE = Path(__file__).parent
ROW = registry.METHODS.pop("toy")  # tests that ask for it register it, and others never see it
QUICK = {"steps": 40, "record_every": 10, "pool_steps": 20, "eval_steps": 20, "eval_seeds": 1, "width": 8, "drift": 0.3}


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    """The method's row stands in the table of this process."""
    monkeypatch.setitem(registry.METHODS, "toy", ROW)


def terminal(*words):
    """What ``python -m c2r …`` does and answers, in this process, which knows the method."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(registry.METHODS, "toy", ROW)
        return main([str(word) for word in words])


def launched(place, *words):
    """The same in a process of its own, which imports the method's file first."""
    (place / "sitecustomize.py").write_text("import toy_method\n")
    paths = os.pathsep.join(map(str, (place, HERE, HERE.parent)))
    environment = os.environ | {"PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen([sys.executable, "-m", "c2r", *map(str, words)], env=environment, text=True)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A finished run of the method, and one that was killed after its first checkpoint and resumed."""
    folder = tmp_path_factory.mktemp("toys")
    settings = [word for pair in QUICK.items() for word in ("--set", "=".join(map(str, pair)))]
    words = ("distill", "--preset", "demo", "--method", "toy", *settings, "--out")
    assert terminal(*words, folder / "whole") == 0
    killed = launched(tmp_path_factory.mktemp("site"), *words, folder / "killed")
    while killed.poll() is None and not (folder / "killed" / "checkpoint.safetensors").exists():
        time.sleep(0.005)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert not (folder / "killed" / "rows.jsonl").exists(), "it was killed before its evaluation"
    assert terminal("resume", folder / "killed") == 0
    return folder


@pytest.fixture
def shown(made, store):
    """The runs in the store of the pages."""
    for name in ("whole", "killed"):
        shutil.copytree(made / name, store / name)
    return store


def test_the_whole_method_stands_in_one_short_file():
    assert len(Path(toy_method.__file__).read_text(encoding="utf-8").splitlines()) <= 60


@pytest.mark.usefixtures("store")
def test_start_offers_it_with_its_own_settings_and_no_other_methods():
    app = start(opened=True)
    field(app, "Method").set_value("toy")
    rerun(app)
    labels = {w.label.split(" (")[0] for kind in (app.text_input, app.selectbox, app.toggle) for w in kind}
    assert "Drift" in labels and "Images drift to their class mean." in "\n".join(c.value for c in app.caption)
    assert "Contrastive share" not in labels and "Extra weight of the hardest" not in labels
    assert config.load("demo", {"method": "toy", "drift": 0.5}).drift == 0.5


def test_a_run_that_was_killed_and_resumed_is_the_one_that_never_was(made):
    same(made / "whole", made / "killed")
    for step in runs.frame_steps(made / "whole"):
        one, two = (runs.read_arrays(made / name, f"frames/{step:06d}") for name in ("whole", "killed"))
        assert set(one) == set(two) >= {"soft_labels"}
        for key in one:
            np.testing.assert_array_equal(one[key], two[key], err_msg=f"step {step}: {key}")


def test_it_is_evaluated_with_its_soft_labels(made):
    facts = json.loads((made / "whole" / "facts.json").read_text())
    assert (facts["labels"], facts["label_type"], facts["label_bytes"]) == ("soft", "soft", 100 * 10 * 4)
    assert facts["recipe"]["temperature"] == pytest.approx(0.2)
    rows = read_rows(made / "whole")
    assert {row["method"] for row in rows} == {"toy"} and 0 < rows[0]["accuracy"] <= 1


@pytest.mark.parametrize("page", ["live", "embeddings", "gallery"])
@pytest.mark.usefixtures("shown")
def test_every_page_shows_it_and_says_what_it_has_not(page):
    app = open_page(page, run="whole")
    check(app, page)
    said = text(app)
    if page == "live":
        assert "Distance to the class mean of each update" in said and "Label heat of each update" in said
        assert "This method cuts no mini-batches by them" in said and "hardest first" not in said
    assert not re.search(r"\b(CRL|AAC|pool|matching|queue)\b", said)


@pytest.mark.usefixtures("shown")
def test_it_is_compared():
    app = open_page("compare", runs="whole,killed")
    check(app, "compare")
    assert "Toy" in text(app) and "soft labels" in "\n".join(caption.value for caption in app.caption)


def test_it_is_exported_and_imported_with_its_soft_labels_and_recipe(made, tmp_path):
    assert terminal("export", made / "whole", "--format", "safetensors", "--out", tmp_path / "set") == 0
    again = read_own(next(tmp_path.glob("set*"))).distilled
    whole = from_run(made / "whole").distilled
    np.testing.assert_array_equal(again.images, whole.images)
    np.testing.assert_array_equal(again.soft, whole.soft)
    assert again.recipe == whole.recipe == {"temperature": pytest.approx(0.2), "teacher": "none: sharpened by hand"}
    out = tmp_path / "imported"
    short = [word for name in ("eval_steps=5", "eval_seeds=1", "pool_steps=5") for word in ("--set", name)]
    assert terminal("import", next(tmp_path.glob("set*")), "--data", "digits", *short, "--out", out) == 0
    np.testing.assert_array_equal(runs.read_arrays(out, "synthetic")["soft_labels"], whole.soft)


def test_a_fork_of_an_early_step_keeps_the_labels_of_that_step(made, tmp_path):
    words = ("--step", 0, "--set", "steps=10", "--set", "eval_steps=5", "--out", tmp_path / "fork")
    assert terminal("fork", made / "whole", *words) == 0
    began = runs.read_arrays(tmp_path / "fork", "start", only=("soft_labels",))["soft_labels"]
    np.testing.assert_array_equal(began, runs.read_arrays(made / "whole", "frames/000000")["soft_labels"])


def test_a_run_that_is_stopped_keeps_the_labels_of_the_step_it_had_reached():
    """What a stop stores is what the last recorded step says the set would be."""
    settings = config.load("demo", QUICK | {"method": "toy", "width": 8, "depth": 2})
    recorded = [event for event in distill(settings, tiny_data()) if isinstance(event, Recorded)]
    assert [event.step for event in recorded] == [0, 10, 20, 30, 40]
    for event in recorded:
        np.testing.assert_array_equal(event.made.soft, event.arrays["soft_labels"])
    assert (recorded[0].made.soft != recorded[-1].made.soft).any()
