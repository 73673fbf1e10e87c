"""Where a run is written and what its folder says of itself: numbers, known words, the kind of work. Run: pytest tests/test_claiming.py"""

import json
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from fake_run import make_run

from c2r import claiming, forking, keeping, runs, writing
from c2r.__main__ import main
from c2r.commands import work
from c2r.config import load
from c2r.errors import InputError

EVIL = "/../../x/y"


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("C2R_RUNS", str(tmp_path / "home" / "runs"))
    return tmp_path / "home" / "runs"


def everything(place: Path) -> list[str]:
    return sorted(path.relative_to(place).as_posix() for path in place.rglob("*"))


@pytest.fixture(params=["npz", "safetensors"])
def hostile(tmp_path, request):
    """A set that fits the digits and names a method that is a path."""
    images, labels = np.zeros((10, 1, 8, 8), np.uint8), np.arange(10)
    file = tmp_path / f"set.{request.param}"
    if request.param == "npz":
        np.savez(file, images=images, labels=labels, metadata=np.array(json.dumps({"method": EVIL})))
    else:
        from safetensors.numpy import save_file

        save_file({"images": images, "labels": labels}, file, metadata={"method": EVIL})
    return file


def test_words_from_a_file_never_choose_where_its_run_is_written(store, hostile, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(work, "start", lambda _config, _preset, out, *_, **__: asked.append(out) or 0)
    assert main(["import", str(hostile), "--data", "digits"]) == 0
    assert asked[0].parent == store and re.fullmatch("[a-z0-9-]+", asked[0].name), asked
    assert not [name for name in everything(tmp_path) if "x/y" in name or name.startswith("x")]


@pytest.mark.parametrize(
    "refusal", [["--data", "fashion"], ["--data", "digits", "--set", "ipc=0"], ["--data", "digits", "--set", "depth=4"]]
)
def test_a_refused_import_leaves_nothing(store, hostile, tmp_path, refusal):
    before = everything(tmp_path)
    assert main(["import", str(hostile), *refusal]) == 2
    assert [name for name in everything(tmp_path) if name not in before and not (tmp_path / name).is_dir()] == []
    assert not store.exists() or everything(store) == [".imports"] or everything(store) == []


def test_a_refused_import_leaves_a_set_that_another_run_brought(store, tmp_path):
    file = tmp_path / "set.npz"
    np.savez(file, images=np.zeros((10, 1, 8, 8), np.uint8), labels=np.arange(10))
    taken = store / "taken"
    make_run(taken, steps=1)
    words = ["import", str(file), "--data", "digits", "--out", str(taken)]
    assert main(words) == 2
    assert not list((store / ".imports").glob("*"))


def test_a_refused_fork_leaves_nothing(store):
    run = make_run(store / "one", steps=2)
    for changes in ({"ipc": 3}, {"eps": "9"}, {"method": "full-data"}):
        with pytest.raises(InputError):
            forking.prepare(run, 0, store, changes)
    assert not list(store.glob(".imports/*"))


@pytest.mark.parametrize("data", ["/d/../../evil/…/Ünïcode.npz", "a" * 400 + ".npz", "~nouser/x"])
def test_the_name_of_a_run_is_short_and_of_plain_letters(data):
    name = runs.new_id(load("demo", {"data": data}))
    assert re.fullmatch("[a-z0-9-]+", name) and len(name) < 100


def test_twenty_claims_of_one_name_at_once_all_get_a_folder_of_their_own(tmp_path):
    with ThreadPoolExecutor(20) as pool:
        writers = list(pool.map(lambda _: writing.RunWriter(tmp_path / "store" / "run", load("demo"), numbered=True), range(20)))
    names = {writer.path.name for writer in writers}
    assert names == {"run", *(f"run-{number}" for number in range(2, 21))}
    assert all(runs.open_run(writer.path).state == "queued" for writer in writers)
    assert not [name for name in everything(tmp_path) if name.endswith(".tmp")]


def test_processes_that_claim_one_name_at_once_all_get_a_folder_of_their_own(tmp_path):
    code = (
        "import sys, time; from pathlib import Path; from c2r import claiming\n"
        "sys.stdin.readline()\n"
        "print(*[claiming.claim(Path(sys.argv[1]), {'config.json': '{}'}, 'frames', numbered=True).name for _ in range(5)])"
    )
    words = [sys.executable, "-c", code, str(tmp_path / "store" / "run")]
    children = [subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    for child in children:
        child.stdin.write("\n")
        child.stdin.flush()
    names = [name for child in children for name in child.communicate(timeout=30)[0].split()]
    assert len(names) == len(set(names)) == 20 and all((tmp_path / "store" / name / "config.json").exists() for name in names)


def test_of_two_that_claim_one_folder_without_a_number_one_is_told_so(tmp_path, monkeypatch):
    rename = claiming.os.rename

    def late(source, target):
        writing.RunWriter(target, load("demo")) if not (target / "config.json").exists() and monkeypatch.undo() is None else None
        rename(source, target)

    monkeypatch.setattr(claiming.os, "rename", late)
    with pytest.raises(InputError, match="is not empty: expected a new or empty folder; choose another --out"):
        writing.RunWriter(tmp_path / "run", load("demo"))
    assert runs.open_run(tmp_path / "run").state == "queued"


def test_a_folder_that_a_killed_claim_left_empty_is_no_run_and_in_nobodys_way(tmp_path):
    (tmp_path / "run").mkdir()
    assert runs.list_runs(tmp_path) == []
    assert writing.RunWriter(tmp_path / "run", load("demo"), numbered=True).path.name == "run-2"
    assert keeping.settle(make_run(tmp_path / "other", steps=1), tmp_path, "run").name == "run-3"


def test_the_commands_claim_by_number_and_an_out_that_is_taken_is_refused(store, monkeypatch):
    claimed = []
    monkeypatch.setattr(work.writing, "RunWriter", lambda out, _config, *_, numbered=False, **__: claimed.append((out, numbered)) or 1 / 0)
    run = make_run(store / "one", steps=2)
    for words in (["distill"], ["evaluate", str(run)], ["fork", str(run), "--step", "0"]):
        for extra, expected in (([], True), (["--out", str(store / "mine")], False)):
            with pytest.raises(ZeroDivisionError):
                main([*words, *extra])
            assert claimed[-1][1] is expected


def evaluation_of(run: Path, out: Path, **status: object) -> Path:
    """An evaluation of `run` that was cut off before anything was recorded."""
    writer = writing.RunWriter(out, load("demo"), of=run)
    writer.status(force=True, state="stopped", **status)
    writer._lock.close()
    return out


@pytest.mark.parametrize("place", ["elsewhere/mine", "home/runs/one/evaluations/mine"])
def test_a_resumed_evaluation_evaluates_the_run_that_it_began_with_wherever_it_lies(store, tmp_path, monkeypatch, place):
    run = make_run(store / "one", steps=2)
    out = evaluation_of(run, tmp_path / place)
    seen = []
    tasks = type(
        "", (), {"evaluate_set": lambda _w, _c, source: seen.append(source) or [], "distil": lambda *_, **__: pytest.fail("distilled")}
    )
    monkeypatch.setattr(work, "_tasks", lambda: tasks)
    assert main(["resume", str(out)]) == 0
    assert seen == [run]


def test_an_evaluation_in_its_run_moves_with_it(store):
    run = make_run(store / "one", steps=2)
    evaluation_of(run, run / "evaluations" / "mine")
    moved = run.rename(store / "two")
    assert runs.evaluated(runs.open_run(moved / "evaluations" / "mine")) == moved


def test_an_evaluation_whose_run_is_gone_is_not_resumed(store, tmp_path, capsys):
    run = make_run(store / "one", steps=2)
    out = evaluation_of(run, tmp_path / "mine")
    keeping.delete(run, store)
    assert main(["resume", str(out)]) == 2
    said = capsys.readouterr().err.strip()
    assert (
        said.startswith(f"Evaluation mine is of the run in {run}, which is not there any more") and said.endswith(".") and "\n" not in said
    )


def test_folders_of_before_that_do_not_say_what_they_hold_are_told_apart(store, tmp_path):
    run = make_run(store / "one", steps=2)
    for out in (tmp_path / "mine", run / "evaluations" / "mine"):
        status = json.loads((evaluation_of(run, out) / "status.json").read_text())
        (out / "status.json").write_text(json.dumps({key: value for key, value in status.items() if key != "of"}))
    assert runs.evaluated(runs.open_run(run / "evaluations" / "mine")) == run
    assert runs.evaluated(runs.open_run(tmp_path / "mine")) is None
    (tmp_path / "mine" / "manifest.json").write_text('{"step": null}')
    with pytest.raises(InputError, match="Evaluation mine does not say which run it is of: .* start a new evaluation"):
        runs.evaluated(runs.open_run(tmp_path / "mine"))


def test_a_run_that_lies_in_a_folder_called_evaluations_is_a_run(store):
    run = make_run(store / "one", steps=2)
    assert runs.evaluated(runs.open_run(make_run(run / "evaluations" / "no evaluation", steps=1))) is None
