"""Every export is read again with the same images and labels, and the training script runs. Run: pytest
tests/test_formats_write.py"""

import ast
import csv
import io
import json
import os
import subprocess
import sys
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import torch
from fake_run import make_run
from PIL import Image

from c2r.base.errors import InputError
from c2r.base.untrusted import class_names
from c2r.core.partition import expand
from c2r.formats import NORMALISATIONS, ImportedSet, read_set, read_upload
from c2r.formats.fromrun import from_run, training_constants
from c2r.formats.write import EXPORTS, export_bytes, rows_csv, rows_json, write_set

CLASSES = ("plane", "cat/dog", "ship")


def a_set(
    channels: int = 3, side: int = 16, soft: bool = False, parts: int | None = 2, shuffled: bool = False
) -> ImportedSet:
    """Twelve images of three classes whose pixels are whole 255ths."""
    draw = np.random.default_rng(0)
    images = draw.integers(0, 256, (12, channels, side, side)).astype(np.float32) / 255
    labels = np.repeat(np.arange(3), 4)
    labels = draw.permutation(labels) if shuffled else labels
    chances = 0.7 * np.eye(3, dtype=np.float32)[labels] + 0.1 if soft else None
    notes = {"ipc": 4, "partition": parts, "method": "c2r", "seed": 7, "data_hash": "ab" * 8, "config": {"tau": 0.2}}
    return ImportedSet(
        images,
        labels,
        chances,
        CLASSES,
        None,
        None,
        "run",
        "runs/x",
        {"partition": parts, "partition_reason": "stored in the run", "metadata": notes},
    )


@pytest.mark.parametrize("kind", ["safetensors", "npz"])
@pytest.mark.parametrize("soft", [False, True])
def test_arrays_come_back_exactly_with_everything_known_about_them(tmp_path, kind, soft):
    mine = a_set(soft=soft, shuffled=True)
    found = read_set(write_set(kind, tmp_path / f"out{EXPORTS[kind].suffix}", mine))
    assert np.array_equal(found.images, mine.images) and np.array_equal(found.labels, mine.labels)
    assert found.classes == CLASSES and found.partition == 2 and found.facts["partition_reason"] == "stored in the run"
    assert (found.soft is None) is not soft and (not soft or np.array_equal(found.soft, mine.soft))
    stored = found.facts["metadata"]
    assert (stored["ipc"], stored["seed"], stored["method"], stored["data_hash"], stored["config"]) == (
        4,
        7,
        "c2r",
        "ab" * 8,
        {"tau": 0.2},
    )
    guessed = replace(mine, facts={"partition": 3, "partition_reason": "IDM usually stores 3×3 parts"})
    again = read_upload([("up" + EXPORTS[kind].suffix, export_bytes(kind, guessed))])
    assert again.partition == 3 and again.facts["partition_reason"].startswith("IDM usually")
    assert read_upload([("up" + EXPORTS[kind].suffix, export_bytes(kind, found))]).facts["metadata"] == stored


@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_come_back_exactly_from_the_folder_and_the_zip(tmp_path, channels):
    mine = a_set(channels)
    mine = replace(mine, labels=mine.labels * 5, classes=tuple(f"k{i}" for i in range(11)))
    folder = write_set("png", tmp_path / "pictures", mine)
    names = sorted(str(f.relative_to(folder)) for f in folder.rglob("*.png"))
    assert names[0] == "00000_k0/000000.png" and names[-1] == "00010_k10/000011.png" and len(names) == 12
    assert os.listdir(tmp_path) == ["pictures"]
    for found in (read_set(folder), read_upload([("x.zip", export_bytes("png", mine))])):
        assert (
            found.format == "image-folder"
            and np.array_equal(found.images, mine.images)
            and found.classes == ("k0", "k5", "k10")
        )
        assert found.labels.tolist() == [0] * 4 + [1] * 4 + [2] * 4 and found.facts["lossy"] == ""


def test_class_names_are_as_many_as_classes_whatever_they_are():
    assert class_names(["a (2)", "a", "a", "a"]) == ("a (2)", "a", "a (3)", "a (4)")
    assert len(class_names(["", "", "2", "x", "x (4)", "x"])) == 6


def test_class_names_cannot_lead_a_picture_out_of_its_folder(tmp_path):
    folder = write_set("png", tmp_path / "p", replace(a_set(), classes=("../../evil", "/etc", "")))
    assert sorted(child.name for child in folder.iterdir()) == ["00000_evil", "00001_etc", "00002"]


def test_a_dc_file_is_what_other_code_expects_and_comes_back(tmp_path):
    mine = replace(a_set(shuffled=True), facts={"partition": 2, "data": "cifar10"})
    file = write_set("dc-pt", tmp_path / "res.pt", mine)
    stored = torch.load(file, weights_only=True)
    images, labels = stored["data"][0]
    assert (
        stored["accs_all_exps"] == {}
        and len(stored["data"]) == 1
        and labels.dtype == torch.int64
        and images.dtype == torch.float32
    )
    assert labels.tolist() == sorted(mine.labels.tolist())
    order = np.argsort(mine.labels, kind="stable")
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in NORMALISATIONS["cifar10-dc"])
    assert torch.allclose(images * std + mean, torch.from_numpy(mine.images[order]), atol=1e-6)
    found = read_set(file)
    assert (
        found.format == "dc-pt"
        and np.abs(found.images - mine.images[order]).max() < 1e-6
        and np.array_equal(found.pixels, mine.pixels[order])
    )
    assert (
        found.partition == 2
        and found.mean == pytest.approx(NORMALISATIONS["cifar10-dc"][0])
        and found.facts["clipped"] == 0
    )


def test_a_dc_file_can_hold_the_parts_one_by_one(tmp_path):
    mine = a_set()
    found = read_set(write_set("dc-pt", tmp_path / "res.pt", mine, expanded=True, normalisation="half"))
    assert (
        found.images.shape == (48, 3, 16, 16)
        and found.partition == 1
        and found.labels.tolist() == np.repeat(mine.labels, 4).tolist()
    )
    assert np.allclose(found.images, expand(torch.from_numpy(mine.images), 2).numpy(), atol=1e-6)
    with pytest.raises(InputError, match="holds hard labels and this set has soft ones"):
        export_bytes("dc-pt", a_set(soft=True))


@pytest.mark.parametrize(("soft", "parts", "channels", "side"), [(False, 1, 3, 16), (True, 3, 1, 12)])
def test_the_training_script_runs_on_the_npz_beside_it(tmp_path, soft, parts, channels, side):
    mine = a_set(channels, side, soft, parts)
    write_set("npz", tmp_path / "set.npz", mine)
    script = write_set("snippet", tmp_path / "train.py", mine, file="set.npz")
    ran = subprocess.run(
        [sys.executable, script.name, "2"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith(f"{12 * parts**2} images, 2 steps, loss ") and "Warning" not in ran.stderr
    weights = torch.load(tmp_path / "model.pt", weights_only=True)
    assert [len(value) for name, value in weights.items() if name.endswith("bias")][-1] == 3
    assert "c2r" not in script.read_text() and len(script.read_text().splitlines()) <= (14 if parts == 1 else 19)


HOSTILE = (
    'x"""; open("INJECTED", "w"); """',
    "x'; open('INJECTED', 'w'); '",
    "x\n open('INJECTED', 'w')\n",
    "\\",
    'x\\"',
    "{0} {x}",
    "%s\r\x00\x85\u2028",
    "\udcff\ud800",
    "x" * 5000,
)


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_a_name_in_the_training_script_is_one_constant_and_nothing_else(name):
    """The script is that of a plain name, but for the text that it opens."""

    def parsed(file: str) -> tuple[str, list[str]]:
        tree = ast.parse(export_bytes("snippet", replace(a_set(), classes=(file, "b", "c")), file=file))
        texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and node.value == file]
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and node.value == file:
                node.value = "FILE"
        return ast.dump(tree), texts

    assert parsed(name) == (parsed("plain.npz")[0], [name])


@pytest.mark.parametrize(
    "notes",
    [
        {"mean": [float("nan")] * 3, "std": [1.0] * 3},
        {"mean": [0.5] * 3, "std": [0.0] * 3},
        {"mean": "123", "std": "123"},
        {"mean": [{}], "std": [{}]},
        {"mean": 5, "std": 5},
        {"mean": [0.5] * 3, "std": [1e-7] * 3},
    ],
)
def test_constants_of_a_file_that_are_none_are_not_trained_with(notes):
    mean, std = training_constants(replace(a_set(), facts={"metadata": notes}))
    assert np.isfinite([*mean, *std]).all() and min(std) > 0 and len(mean) == len(std) == 3
    assert "/ torch.tensor([0.0" not in export_bytes("snippet", replace(a_set(), facts={"metadata": notes})).decode()


def test_the_parts_of_the_training_script_are_those_of_the_evaluation():
    mine = a_set(3, 16, parts=3)
    text = export_bytes("snippet", mine).decode()
    start, end = text.index("cut = "), text.index("x = (x - ")
    names = {
        "x": torch.from_numpy(mine.images),
        "y": torch.from_numpy(mine.labels),
        "torch": torch,
        "F": torch.nn.functional,
    }
    exec(text[start:end], names)
    assert (
        torch.equal(names["x"], expand(torch.from_numpy(mine.images), 3))
        and names["y"].tolist() == np.repeat(mine.labels, 9).tolist()
    )


def test_a_run_is_exported_with_its_settings(tmp_path):
    run = make_run(tmp_path / "run", steps=3)
    found = read_set(write_set("safetensors", tmp_path / "out.safetensors", from_run(run)))
    stored = found.facts["metadata"]
    assert found.images.shape == (40, 1, 8, 8) and found.classes == ("zero", "one", "two", "three")
    assert (stored["ipc"], stored["method"], stored["data_hash"], stored["config"]["eps"]) == (
        10,
        "c2r",
        "d1" * 8,
        "32/255",
    )
    assert len(stored["mean"]) == 1 and 0 <= stored["mean"][0] <= 1
    assert np.array_equal(from_run(run, step=10).labels, found.labels)
    with pytest.raises(InputError, match="no run folder"):
        from_run(tmp_path / "absent")


def test_constants_to_train_with_come_from_the_nearest_source():
    mine = a_set()
    own = training_constants(mine)
    assert own[0] == pytest.approx(mine.images.mean((0, 2, 3)).tolist())
    named = replace(mine, facts={"data": "cifar10"})
    assert training_constants(named) == NORMALISATIONS["cifar10-dc"]
    assert (
        training_constants(replace(named, facts={"data": "cifar10", "metadata": {"mean": [0.1] * 3, "std": [1] * 3}}))[
            0
        ]
        == (0.1,) * 3
    )
    assert training_constants(replace(named, mean=(0.2,), std=(0.3,))) == ((0.2,), (0.3,))
    assert training_constants(named, "svhn") == NORMALISATIONS["svhn"] and training_constants(named, "none") == (
        (0.0,) * 3,
        (1.0,) * 3,
    )


def test_rows_come_back_from_json_and_csv():
    rows = [
        {"label": "PGD-10", "accuracy": 0.5, "interval": [0.4, 0.6], "n": 10},
        {"label": "=1+1", "success": None, "targeted": False},
    ]
    assert json.loads(rows_json(rows)) == rows and json.loads(rows_json([])) == []
    table = list(csv.DictReader(io.StringIO(rows_csv(rows))))
    assert list(table[0]) == ["label", "accuracy", "interval", "n", "success", "targeted"]
    assert float(table[0]["accuracy"]) == 0.5 and json.loads(table[0]["interval"]) == [0.4, 0.6]
    assert (table[1]["label"], table[1]["accuracy"], table[1]["targeted"]) == ("'=1+1", "", "false")


def test_a_taken_folder_and_an_unwritable_place_get_one_sentence_and_leave_nothing(tmp_path):
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "mine.txt").write_text("keep")
    (tmp_path / "file").write_text("keep")
    for kind, path, part in (
        ("png", tmp_path / "taken", "is taken"),
        ("png", tmp_path / "file", "is taken"),
        ("npz", tmp_path / "file" / "x.npz", "cannot be written"),
        ("npz", tmp_path / "taken", "cannot be written"),
        ("jpg", tmp_path / "x", "Unknown export format 'jpg'"),
        ("png", tmp_path / "five", "have 5 channels"),
    ):
        with pytest.raises(InputError, match=part):
            write_set(kind, path, a_set(channels=5 if part.startswith("have") else 3))
    assert sorted(os.listdir(tmp_path)) == ["file", "taken"] and (tmp_path / "file").read_text() == "keep"


def test_an_interrupted_folder_leaves_nothing_behind(tmp_path, monkeypatch):
    calls = []

    def fail(self, *args, **kwargs):
        calls.append(1)
        if len(calls) == 5:
            raise OSError(28, "No space left on device")
        return original(self, *args, **kwargs)

    original = Image.Image.save
    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(InputError, match="No space left on device"):
        write_set("png", tmp_path / "p", a_set())
    assert os.listdir(tmp_path) == []


def test_the_png_zip_holds_the_names_of_the_folder(tmp_path):
    folder = write_set("png", tmp_path / "p", a_set())
    with zipfile.ZipFile(io.BytesIO(export_bytes("png", a_set()))) as archive:
        assert sorted(archive.namelist()) == sorted(str(f.relative_to(folder)) for f in folder.rglob("*.png"))


def test_every_row_of_the_table_gives_bytes_with_a_label():
    for kind, export in EXPORTS.items():
        assert export.label and export.mime and export.suffix.startswith(".") and len(export_bytes(kind, a_set())) > 100
