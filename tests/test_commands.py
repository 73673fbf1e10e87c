"""Commands around a finished run: import, export, attack, check, transfer, metrics. Run: pytest
tests/test_commands.py"""

import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import TINY
from safetensors.numpy import load_file, save_file

from c2r.__main__ import main
from c2r.formats import archives, read_set
from c2r.store import runs
from c2r.store.results import own_rows, read_rows
from c2r.work import tasks

CHANGES = {
    name: TINY[name]
    for name in (
        "width",
        "pool_steps",
        "pool_batch",
        "eval_seeds",
        "eval_steps",
        "eval_images",
        "eval_attacks",
        "map_points",
    )
}


def said(capsys, words, code=0):
    """What a command printed; on bad input its one sentence."""
    assert main(words) == code
    captured = capsys.readouterr()
    return captured.out if code == 0 else captured.err.strip().splitlines()[-1]


def sets(**changes):
    return [f"--set={name}={value}" for name, value in (CHANGES | changes).items()]


@pytest.fixture
def foreign(finished, tmp_path):
    """The run's set as another project would store it: normalised to [-1, 1], in a DC-style file."""
    stored = runs.read_arrays(finished, "synthetic")
    images, labels = torch.from_numpy(stored["images"]).float() / 127.5 - 1, torch.from_numpy(stored["labels"])
    torch.save({"data": [[images, labels]], "accs_all_exps": {"ConvNet": []}}, tmp_path / "res_DC_digits.pt")
    return tmp_path / "res_DC_digits.pt"


def test_a_normalised_file_is_asked_about_then_imported_scored_and_evaluated(finished, foreign, tmp_path, capsys):
    said(capsys, ["list", "--store", str(tmp_path)])
    words = ["import", str(foreign), "--data", "digits", "--out", str(tmp_path / "imported"), *sets()]
    assert "look normalised" in said(capsys, words, 2)
    assert main([*words, "--json"]) == 2
    assert "half" in json.loads(capsys.readouterr().out)["guesses"]
    assert main([*words, "--normalisation", "half"]) == 0
    run = runs.open_run(tmp_path / "imported")
    assert (run.state, run.config.method, run.problem) == ("done", "imported", "")
    own, imported = (runs.read_arrays(path, "synthetic")["images"].astype(int) for path in (finished, run.path))
    assert np.abs(own - imported).max() <= 1
    assert runs.frame_steps(run.path) == [0]
    assert {row["attack"] for row in read_rows(run.path)} == {"clean", "fgsm", "pgd"}
    assert json.loads((run.path / "facts.json").read_text())["origin"] == "imported"


def test_runs_of_the_same_name_in_two_stores_fork_from_their_own_images(finished, tmp_path):
    from c2r.work import forking

    other = tmp_path / "other" / finished.name
    shutil.copytree(finished, other)
    frame = other / "frames" / "000002.safetensors"
    arrays = load_file(frame)
    save_file(arrays | {"images": 255 - arrays["images"]}, frame)
    assert forking.start_file(finished, 2, tmp_path) != forking.start_file(other, 2, tmp_path)


@pytest.fixture
def soft(finished, tmp_path, capsys):
    """A run of an imported set with soft labels, and those."""
    stored = runs.read_arrays(finished, "synthetic")
    labels = np.full((30, 10), 0.05, np.float32)
    labels[np.arange(30), stored["labels"]] = 0.55
    np.savez(tmp_path / "soft.npz", images=stored["images"], labels=stored["labels"], soft_labels=labels)
    assert (
        main(["import", str(tmp_path / "soft.npz"), "--data", "digits", "--out", str(tmp_path / "soft"), *sets()]) == 0
    )
    capsys.readouterr()
    return tmp_path / "soft", labels


def test_soft_labels_survive_the_import_and_are_trained_on(soft):
    run, labels = soft
    np.testing.assert_allclose(runs.read_arrays(run, "synthetic")["soft_labels"], labels, atol=1e-6)
    facts = json.loads((run / "facts.json").read_text())
    assert (facts["labels"], facts["label_bytes"]) == ("soft", 30 * 10 * 4)


def test_a_fork_keeps_soft_labels(soft, tmp_path):
    run, labels = soft
    words = [
        "fork",
        str(run),
        "--step",
        "0",
        "--set",
        "method=c2r",
        "--set",
        "steps=2",
        "--out",
        str(tmp_path / "fork"),
    ]
    assert main(words) == 0
    np.testing.assert_allclose(runs.read_arrays(tmp_path / "fork", "synthetic")["soft_labels"], labels, atol=1e-6)
    assert (
        main(["fork", str(tmp_path / "fork"), "--step", "2", "--set", "steps=1", "--out", str(tmp_path / "again")]) == 0
    )
    np.testing.assert_allclose(runs.read_arrays(tmp_path / "again", "synthetic")["soft_labels"], labels, atol=1e-6)


def test_a_stop_during_the_map_keeps_soft_labels(soft, tmp_path, monkeypatch):
    run, labels = soft

    def stopped(*_):
        raise tasks.Stopped

    monkeypatch.setattr(tasks, "_draw", stopped)
    words = [
        "fork",
        str(run),
        "--step",
        "0",
        "--set",
        "method=c2r",
        "--set",
        "steps=2",
        "--out",
        str(tmp_path / "fork"),
    ]
    assert main(words) == 130
    np.testing.assert_allclose(runs.read_arrays(tmp_path / "fork", "synthetic")["soft_labels"], labels, atol=1e-6)


def test_look_only_says_what_a_file_holds(foreign, capsys):
    found = json.loads(said(capsys, ["import", str(foreign), "--normalisation", "half", "--look", "--json"]))
    assert (found["format"], found["shape"], found["soft"]) == ("dc-pt", [30, 1, 8, 8], False)


def test_a_set_whose_real_data_nobody_names_is_asked_about(finished, tmp_path, capsys):
    np.savez(tmp_path / "plain.npz", **runs.read_arrays(finished, "synthetic"))
    assert "expected --data NAME" in said(
        capsys, ["import", str(tmp_path / "plain.npz"), "--out", str(tmp_path / "x")], 2
    )
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("kind", ["safetensors", "npz", "png", "dc-pt"])
def test_every_export_of_a_set_is_read_again_as_the_same_set(finished, tmp_path, capsys, kind):
    place = Path(
        said(
            capsys,
            [
                "export",
                str(finished),
                "--format",
                kind,
                "--out",
                str(tmp_path / f"set{'.pt' if kind == 'dc-pt' else ''}"),
            ],
        ).strip()
    )
    found = read_set(
        place,
        {"png": "image-folder"}.get(kind, kind),
        normalisation="ask" if kind == "png" else "none" if kind != "dc-pt" else "mnist",
    )
    own = runs.read_arrays(finished, "synthetic")
    assert found.images.shape == own["images"].shape
    if kind != "dc-pt":
        np.testing.assert_array_equal(found.pixels, own["images"])
        np.testing.assert_array_equal(found.labels, own["labels"])


def test_rows_are_exported_as_csv_and_json(finished, tmp_path, capsys):
    said(capsys, ["export", str(finished), "--format", "rows-csv,rows-json", "--out", str(tmp_path)])
    rows = json.loads((tmp_path / "run-rows.json").read_text())
    assert rows == json.loads(json.dumps(read_rows(finished)))
    assert (tmp_path / "run-rows.csv").read_text().count("\n") == len(rows) + 1
    assert "Unknown export format 'gif'" in said(capsys, ["export", str(finished), "--format", "gif"], 2)


def test_any_network_is_attacked_and_says_which_normalisation_it_got(finished, capsys):
    words = [
        "attack",
        "--weights",
        str(finished / "networks" / "seed0.safetensors"),
        "--data",
        "digits",
        "--n",
        "40",
        "--protocol",
        "custom",
    ]
    found = json.loads(said(capsys, [*words, "--set", "eval_attacks=fgsm,pgd", "--set", "eps=32/255", "--json"]))
    assert found["normalisation"].startswith("Normalisation stored in the file.")
    clean, fgsm, pgd = (row["accuracy"] for row in found["rows"])
    own = {row["attack"]: row["accuracy"] for row in own_rows(finished) if row["seed"] == 0}
    assert (clean, fgsm) == pytest.approx((own["clean"], own["fgsm"]))
    assert pgd <= fgsm + 0.05
    assert {badge["number"] for badge in found["checks"]} >= {1, 2, 3, 4}


def test_checks_run_again_on_demand_and_are_stored(finished, tmp_path, capsys):
    assert main(["evaluate", str(finished), "--out", str(tmp_path / "again")]) == 0
    capsys.readouterr()
    found = json.loads(
        said(capsys, ["check", str(tmp_path / "again"), "--only", "batch-coupling,train-mode", "--json"])
    )
    assert [badge["colour"] for badge in found] == ["green", "green"]
    stored = {badge["number"]: badge for badge in json.loads((tmp_path / "again" / "checks.json").read_text())}
    assert stored[9]["colour"] == "green"
    assert "Unknown check 'nothing'" in said(capsys, ["check", str(tmp_path / "again"), "--only", "nothing"], 2)


def test_transfer_has_the_white_box_case_on_its_diagonal(finished, tmp_path, capsys):
    assert (
        main(
            [
                "evaluate",
                str(finished),
                "--set",
                "eval_training=standard",
                "--set",
                "seed=5",
                "--out",
                str(tmp_path / "other"),
            ]
        )
        == 0
    )
    capsys.readouterr()
    out = tmp_path / "matrix.json"
    found = json.loads(said(capsys, ["transfer", str(finished), str(tmp_path / "other"), "--out", str(out), "--json"]))
    assert found == json.loads(out.read_text())
    assert (len(found["accuracy"]), len(found["clean"]), found["networks"], found["attack"]) == (2, 2, 2, "pgd")
    assert all(line[i] <= found["clean"][i] for i, line in enumerate(found["accuracy"]))
    assert "expects 2 to 6 runs" in said(capsys, ["transfer", str(finished)], 2)


def test_metrics_reads_a_beard_log(capsys):
    logs = sorted((Path(__file__).parent / "data").glob("*"))
    assert logs, "the fixture logs lie in tests/data"
    assert "RR" in said(capsys, ["metrics", str(logs[0])])


def test_an_imported_set_that_does_not_fit_the_data_is_refused(tmp_path, capsys, generator):
    images = (torch.rand(20, 3, 12, 12, generator=generator) * 255).to(torch.uint8).numpy()
    np.savez(tmp_path / "colour.npz", images=images, labels=np.arange(20) % 10)
    words = ["import", str(tmp_path / "colour.npz"), "--data", "digits", "--out", str(tmp_path / "x"), *sets()]
    assert "The set has 3 channels and 10 classes, digits has 1 and 10" in said(capsys, words, 2)


def test_a_fork_starts_from_a_recorded_step_and_both_know_of_each_other(finished, tmp_path, capsys):
    from c2r.work import forking

    out = tmp_path / "fork"
    assert main(["fork", str(finished), "--step", "2", "--set", "steps=3", "--set", "eta=0.5", "--out", str(out)]) == 0
    capsys.readouterr()
    run = runs.open_run(out)
    assert (run.state, run.config.eta, forking.parent(run.config)) == ("done", 0.5, ("run", 2))
    np.testing.assert_array_equal(runs.read_frame(out, 0)["images"], runs.read_frame(finished, 2)["images"])
    assert (runs.read_frame(out, 3)["images"] != runs.read_frame(out, 0)["images"]).any()
    assert [child.id for child in forking.children("run", tmp_path)] == ["fork"]
    (given,) = (tmp_path / ".imports").iterdir()
    assert (out / tasks.START).read_bytes() == given.read_bytes()
    given.unlink()
    assert len(tasks._start(out, run.config).images), "a fork needs nothing beyond its own folder"
    assert archives.left_out(out) == archives.left_out(finished) == ""
    with zipfile.ZipFile(archives.archive(out, tmp_path / "fork.zip")) as stored:
        assert f"fork/{tasks.START}" in stored.namelist()
    assert "has no recorded step 1" in said(capsys, ["fork", str(finished), "--step", "1"], 2)
