"""Housekeeping: names and tags, delete and undo, sizes, archives that come back byte for byte, and archives that are
refused."""

import json
import os
import stat
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import psutil
import pytest
from fake_run import make_evaluation, make_run

from app import state
from c2r.__main__ import main
from c2r.base.errors import InputError
from c2r.formats import archives, opening
from c2r.formats.safe import Limits
from c2r.store import deleting, describing, kinds, sizes, tagging
from c2r.store.claiming import hold
from c2r.store.files import save_arrays
from c2r.store.runs import list_runs, open_run
from c2r.store.writing import RunWriter


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("C2R_RUNS", str(tmp_path / "runs"))
    (tmp_path / "runs").mkdir()
    return tmp_path / "runs"


@pytest.fixture
def run(store):
    return make_run(store / "one", n=8, steps=3, mapped=False)


def files(folder: Path) -> dict[str, bytes]:
    return {
        file.relative_to(folder).as_posix(): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()
    }


def everything(place: Path) -> list[str]:
    """All paths below a folder, hidden ones too."""
    return sorted(file.relative_to(place).as_posix() for file in place.rglob("*"))


def one_sentence(error: pytest.ExceptionInfo) -> str:
    said = str(error.value)
    assert said.endswith(".") and "\n" not in said and "Traceback" not in said
    return said


# names, notes, tags


def test_what_was_written_is_read_back_and_the_folder_keeps_its_name(run):
    describing.describe(run, "First try", "It works.\nAlmost.", ["good", " slow ", "good"])
    assert describing.about(run) == describing.About("First try", "It works.\nAlmost.", ("good", "slow"))
    assert run.name == "one" and open_run(run).problem == ""


def test_a_value_that_is_not_given_stays_and_an_empty_one_goes(run):
    describing.describe(run, "a", "b", ["c"])
    assert describing.describe(run, note="") == describing.About("a", "", ("c",))
    assert describing.describe(run, tags=[]) == describing.About("a", "", ())


def test_control_characters_and_line_breaks_of_a_name_become_spaces(run):
    assert describing.describe(run, "a\nb\x1b[31m\u202ec", "x\r\ny\x00z").name == "a b [31m c"
    assert describing.about(run).note == "x\ny z"


def test_markup_is_kept_as_the_text_it_is(run):
    assert describing.describe(run, "<b>*x*</b> $y$").name == "<b>*x*</b> $y$"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": "n" * 81}, "The name has 81 characters: expected at most 80; shorten it."),
        ({"note": "n" * 2001}, "The note has 2001 characters: expected at most 2000; shorten it."),
        ({"tags": ["t" * 31]}, "The tag has 31 characters: expected at most 30; shorten it."),
        ({"tags": [str(k) for k in range(13)]}, "Run one would have 13 tags: expected at most 12; leave some out."),
    ],
)
def test_what_is_too_long_is_refused_in_one_sentence_and_nothing_changes(run, changes, said):
    describing.describe(run, "before")
    with pytest.raises(InputError, match="expected at most") as error:
        describing.describe(run, **changes)
    assert one_sentence(error) == said and describing.about(run) == describing.About("before")


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("a, b ,,c", ["a", "b", "c"]),
        ('good, "slow, but sure"', ["good", "slow, but sure"]),
        ('"say ""hi"", twice", x', ['say "hi", twice', "x"]),
        ("", []),
        (" , ", []),
        ("two\nlines", ["two lines"]),
        ('5" tall', ['5" tall']),
    ],
)
def test_tags_are_read_as_csv_and_written_so_that_they_read_back(text, tags):
    assert tagging.tags_of(text) == tags and tagging.tags_of(tagging.tags_text(tags)) == tags


def test_a_text_far_too_long_to_be_tags_is_refused():
    with pytest.raises(InputError, match="The tags have 200002 characters: expected at most 12 of 30 each"):
        tagging.tags_of('"' + "x" * 200_000 + '"')


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'{"name": 3, "note": null, "tags": "x"}',
        b'{"tags": [1, {}, null]}',
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
def test_a_damaged_about_file_reads_as_nothing(run, content):
    (run / "about.json").write_bytes(content)
    assert describing.about(run) == describing.About()


def test_a_foreign_about_file_is_cut_to_the_limits(run):
    (run / "about.json").write_text(
        json.dumps({"name": "n" * 999 + "\n", "note": "m" * 9999, "tags": ["t" * 99, *map(str, range(99))]})
    )
    found = describing.about(run)
    assert (len(found.name), len(found.note), len(found.tags), len(found.tags[0])) == (80, 2000, 12, 30)


@pytest.fixture
def sample(run):
    """A run of the store that says of itself that it is a sample."""
    (run / kinds.SAMPLE).touch()
    return run


def test_a_sample_stays_as_it_is_wherever_it_lies(store, sample, capsys):
    before = files(sample)
    for action in (lambda: describing.describe(sample, "mine"), lambda: deleting.delete(sample, store)):
        with pytest.raises(InputError, match="The sample run stays as it is"):
            action()
    for words in (["about", str(sample), "--name", "mine"], ["delete", str(sample), "--store", str(store)]):
        assert main(words) == 2 and "The sample run stays as it is" in capsys.readouterr().err
    assert files(sample) == before


@pytest.mark.usefixtures("store")
def test_a_run_that_comes_out_of_the_archive_of_a_sample_is_ones_own(sample, tmp_path):
    file = archives.archive(sample, tmp_path / "sample.zip")
    assert archives.left_out(sample) == ""
    again = opening.open_archive(file, tmp_path / "elsewhere")
    assert not kinds.is_sample(again) and describing.describe(again, "mine").name == "mine"


def test_the_sample_run_of_the_app_says_that_it_is_one(monkeypatch):
    monkeypatch.delenv("C2R_SAMPLE", raising=False)
    assert kinds.is_sample(state.sample_path())


# delete and undo


def test_a_deleted_run_is_in_no_list_and_undo_brings_back_every_byte(store, run):
    describing.describe(run, "kept")
    place = deleting.delete(run, store)
    before = files(place)
    assert list_runs(store) == [] and place.parent == store / ".trash" and not run.exists()
    assert [(one.id, one.path) for one in deleting.deleted(store)] == [("one", place)]
    assert deleting.undo("one", store) == run and files(run) == before and deleting.deleted(store) == []


def test_undo_takes_the_run_that_was_deleted_last_and_another_id_when_it_is_taken(store, run):
    first = deleting.delete(run, store)
    make_run(store / "one", n=8, steps=1, mapped=False)
    deleting.delete(store / "one", store)
    make_run(store / "one", n=8, steps=2, mapped=False)
    assert len(list((deleting.undo("one", store) / "frames").iterdir())) == 1
    assert deleting.undo(first.name, store).name == "one-3"
    assert sorted(found.id for found in list_runs(store)) == ["one", "one-2", "one-3"]


@pytest.mark.parametrize("name", ["nothing", "../one", "", ".", "one/../one", "/etc"])
def test_undo_of_what_is_not_in_the_trash_is_refused(store, run, name):
    deleting.delete(run, store)
    with pytest.raises(InputError, match="holds no run") as error:
        deleting.undo(name, store)
    one_sentence(error)
    assert len(deleting.deleted(store)) == 1


@pytest.mark.parametrize("state", ["queued", "running", "paused"])
def test_a_living_run_is_not_deleted_and_not_archived(store, state):
    path = make_run(store / "alive", n=8, steps=1, state=state)
    for action in (lambda: deleting.delete(path, store), lambda: archives.archive(path, store.parent / "x.zip")):
        with pytest.raises(InputError, match=f"Run alive is {state} and cannot be") as error:
            action()
        one_sentence(error)
    assert path.is_dir() and not (store.parent / "x.zip").exists()


def test_a_run_with_a_living_evaluation_is_not_deleted(store, run):
    make_evaluation(run, "now", state="running")
    with pytest.raises(InputError, match="Run now is running"):
        deleting.delete(run, store)
    assert run.is_dir()


def test_a_run_that_another_process_holds_is_not_deleted(store, run):
    with hold(run), pytest.raises(InputError, match="being written by another process"):
        deleting.delete(run, store)
    assert run.is_dir()


def test_only_run_folders_of_the_store_are_deleted(store, run):
    outside = make_run(store.parent / "outside", n=8, steps=1)
    (store / "linked").symlink_to(outside)
    (store / "notes").mkdir()
    evaluation = make_evaluation(run, "e1")
    wrong = [
        outside,
        store / "linked",
        store / ".." / "outside",
        evaluation,
        store / "notes",
        store / "none",
        store,
        store / "..",
        run / "..",
    ]
    for path in wrong:
        with pytest.raises(InputError) as error:
            deleting.delete(path, store)
        one_sentence(error)
    assert outside.is_dir() and run.is_dir() and (store / "linked").is_symlink() and (store / "notes").is_dir()
    assert not (store / ".trash").exists()


def test_a_trash_that_is_a_link_is_not_followed(store, run):
    elsewhere = store.parent / "elsewhere"
    elsewhere.mkdir()
    (store / ".trash").symlink_to(elsewhere)
    with pytest.raises(InputError, match="is a link"):
        deleting.delete(run, store)
    assert run.is_dir() and everything(elsewhere) == []


def test_emptying_removes_only_what_is_older_and_nothing_that_is_no_deleted_run(store, run):
    place = deleting.delete(run, store)
    old = place.with_name(f"old-{datetime.now(UTC) - timedelta(days=8):%Y%m%d-%H%M%S-%f}")
    make_run(old, n=8, steps=1)
    (store / ".trash" / "stranger").mkdir()
    outside = make_run(store.parent / "outside", n=8, steps=1)
    (store / ".trash" / "link-20200101-000000-000000").symlink_to(outside)
    assert deleting.empty_trash(store, older_than_days=7) == 1 and not old.exists() and place.is_dir()
    assert deleting.empty_trash(store) == 1 and not place.exists()
    assert (store / ".trash" / "stranger").is_dir() and (outside / "config.json").exists()


@pytest.mark.parametrize("days", [-1, float("nan")])
def test_days_that_are_no_days_are_refused(store, days):
    with pytest.raises(InputError, match="Days must be 0 or more"):
        deleting.empty_trash(store, days)


# sizes


def test_sizes_are_counted_by_kind_and_sum_to_all_bytes(run):
    make_evaluation(run, "e1")
    for name, folder, count in (
        ("network-0", "parts", 100),
        ("seed0", "networks", 10),
        ("seed0", "evaluations/e1/networks", 1),
    ):
        (run / folder).mkdir(exist_ok=True)
        (run / folder / f"{name}.safetensors").write_bytes(b"x" * count)
    found = sizes.size(run)
    assert found["parts"] == 100 and found["networks"] == 11
    assert found["frames"] == sum(file.stat().st_size for file in (run / "frames").iterdir())
    assert found["evaluations"] == sum(
        len(data) for name, data in files(run / "evaluations").items() if "networks" not in name
    )
    assert sum(found.values()) == sum(map(len, files(run).values()))


def test_the_storage_of_a_store_sums_to_all_its_bytes(store, run):
    make_run(store / "two", n=8, steps=1)
    deleting.delete(run, store)
    (store / ".logs").mkdir()
    (store / ".logs" / "x.log").write_bytes(b"x" * 50)
    found = sizes.storage(store)
    assert [one["id"] for one in found["runs"]] == ["two"] and [one["id"] for one in found["deleted"]] == ["one"]
    assert found["rest"] == 50 and found["total"] == sum(map(len, files(store).values()))
    assert found["total"] == 50 + found["runs"][0]["total"] + found["deleted"][0]["total"] and found["free"] > 0


def test_a_store_that_does_not_exist_yet_takes_nothing(tmp_path):
    assert sizes.storage(tmp_path / "none")["total"] == 0


# archives that come back


def rich(run: Path) -> Path:
    """A run with every kind of file."""
    make_evaluation(run, "pixel-2-255.pgd-at")
    describing.describe(run, "A run", "with a note", ["t"])
    arrays = {"x": np.zeros(200_000, np.float32)}
    save_arrays(run, "checkpoint", arrays)
    save_arrays(run, "parts/network-0", arrays)
    save_arrays(run, "networks/seed0", arrays)
    return run


def kept(run: Path) -> dict[str, bytes]:
    """The files of a run folder that an archive holds."""
    return {name: data for name, data in files(run).items() if not name.endswith(("lock", "control", "strange.bin"))}


def test_an_archive_comes_back_byte_for_byte_and_without_locks_commands_and_strangers(run, tmp_path):
    rich(run)
    (run / "control").write_text("stop")
    (run / "strange.bin").write_bytes(b"?")
    (run / "frames" / "000099.safetensors").symlink_to("/etc/passwd")
    file = archives.archive(run, tmp_path / "out" / "run.zip")
    (run / "frames" / "000099.safetensors").unlink()
    other = opening.open_archive(file, tmp_path / "elsewhere")
    assert other == tmp_path / "elsewhere" / "one" and files(other) == kept(run)
    assert everything(tmp_path / "out") == ["run.zip"] and open_run(other).state == "done"


def test_equal_runs_give_equal_archives_in_the_order_of_the_names(run, tmp_path):
    first = archives.archive(rich(run), tmp_path / "a.zip")
    os.utime(run / "config.json", (1, 1))
    second = archives.archive(run, tmp_path / "b.zip")
    assert first.read_bytes() == second.read_bytes()
    names = zipfile.ZipFile(first).namelist()
    assert names == sorted(names) and all(name.startswith("one/") for name in names)


def test_a_taken_id_gets_a_number(store, run, tmp_path):
    file = archives.archive(run, tmp_path / "run.zip")
    assert [opening.open_archive(file, store, again=True).name for _ in range(2)] == ["one-2", "one-3"]


def test_an_unfinished_run_opens_as_lost_even_when_its_process_id_is_in_use_here(store, tmp_path):
    path = make_run(store / "cut", n=8, steps=2, state="lost")
    make_evaluation(path, "e1", state="lost")
    file = archives.archive(path, tmp_path / "run.zip")
    me = psutil.Process()
    hostile = rewritten(
        file, tmp_path / "hostile.zip", lambda status: status | {"pid": me.pid, "pid_started": me.create_time()}
    )
    other = opening.open_archive(hostile, tmp_path / "elsewhere")
    assert open_run(other).state == open_run(other / "evaluations" / "e1").state == "lost"
    writer = RunWriter(other, open_run(other).config, reopen=True)
    assert writer.state == "queued"


def test_a_stopped_run_opens_as_stopped(store, tmp_path):
    path = make_run(store / "cut", n=8, steps=2, state="stopped", evaluated=False)
    assert (
        open_run(opening.open_archive(archives.archive(path, tmp_path / "run.zip"), tmp_path / "elsewhere")).state
        == "stopped"
    )


def test_an_archive_that_was_packed_again_without_its_folder_opens_under_the_name_of_the_file(run, tmp_path):
    file = zipped(tmp_path / "mine.zip", kept(run))
    assert opening.open_archive(file, tmp_path / "elsewhere").name == "mine"


def test_an_id_that_is_no_folder_name_is_replaced(run, tmp_path):
    for top in (".hidden", "a\x1b", "x" * 200, "läuft", "end "):
        file = zipped(tmp_path / "x.zip", {f"{top}/{name}": data for name, data in kept(run).items()})
        assert opening.open_archive(file, tmp_path / "elsewhere", again=True).name.startswith("opened")


@pytest.mark.parametrize("name", ["run.tar", "run", ".zip"])
def test_an_archive_is_named_zip(run, tmp_path, name):
    with pytest.raises(InputError, match="An archive is a zip file"):
        archives.archive(run, tmp_path / name)


def test_what_is_no_run_or_cannot_be_written_is_not_archived(run, tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "empty").mkdir()
    for path, file in (
        (tmp_path / "none", tmp_path / "x.zip"),
        (tmp_path / "empty", tmp_path / "x.zip"),
        (run, tmp_path / "file" / "x.zip"),
    ):
        with pytest.raises(InputError) as error:
            archives.archive(path, file)
        one_sentence(error)
    assert not list(tmp_path.glob("*.zip")) and not list(tmp_path.glob(".*"))


# archives that are refused


def zipped(file: Path, members: dict, compression: int = zipfile.ZIP_DEFLATED) -> Path:
    """A zip of `members`: name or ZipInfo → content."""
    with zipfile.ZipFile(file, "w", compression) as into:
        for name, data in members.items():
            into.writestr(name, data)
    return file


def rewritten(file: Path, to: Path, change) -> Path:
    """The archive `file` with every status.json changed."""
    with zipfile.ZipFile(file) as found:
        members = {name: found.read(name) for name in found.namelist()}
    return zipped(
        to,
        {
            name: json.dumps(change(json.loads(data))) if name.endswith("status.json") else data
            for name, data in members.items()
        },
    )


def special(name: str, kind: int) -> zipfile.ZipInfo:
    """A member that is no regular file."""
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, (kind | 0o777) << 16
    return info


def lying(file: Path, name: str, count: int) -> None:
    """Make the list of members say that `name` has `count` bytes."""
    data = bytearray(file.read_bytes())
    place = data.rindex(b"PK\x01\x02", 0, data.rindex(name.encode()))
    data[place + 24 : place + 28] = count.to_bytes(4, "little")
    file.write_bytes(bytes(data))


def bomb(count: int) -> bytes:
    """Zeros that deflate a thousandfold."""
    return bytes(count)


PLANTED = {
    "a member that climbs out": ({"one/../../evil.json": "{}"}, "leads out"),
    "a member that climbs out at the top": ({"../evil.json": "{}"}, "leads out"),
    "an absolute member": ({"/tmp/c2r-evil.json": "{}"}, "leads out"),
    "a member with backslashes": ({"one\\..\\..\\evil.json": "{}"}, "leads out"),
    "a member with a drive": ({"C:/evil.json": "{}"}, "leads out"),
    "a symbolic link": ({special("one/config.json", stat.S_IFLNK): "/etc/passwd"}, "is a link"),
    "a device": ({special("one/log.txt", stat.S_IFCHR): ""}, "is a link"),
    "a program": ({"one/run.sh": "rm"}, "belongs to no run folder"),
    "a pickle": ({"one/pool/0.pt": b"x"}, "belongs to no run folder"),
    "a lock": ({"one/lock": b""}, "belongs to no run folder"),
    "a sample's mark": ({"one/sample.txt": b""}, "belongs to no run folder"),
    "a command": ({"one/control": b"stop"}, "belongs to no run folder"),
    "a hidden file": ({"one/.streamlit/config.toml": b""}, "belongs to no run folder"),
    "a second run": ({"two/config.json": b"{}"}, "belongs to no run folder"),
    "frames of an evaluation": ({"one/evaluations/e/frames/000000.safetensors": b""}, "belongs to no run folder"),
    "a name with a line break": ({"one/log.txt\nx": b""}, "belongs to no run folder"),
    "a bomb": ({"one/frames/000001.safetensors": bomb(60_000_000)}, "would unpack to 60"),
    "JSON too large to be read": ({"one/facts.json": b" " * 9_000_000 + b"{}"}, "has more than 8 MB"),
    "JSON nested too deep": ({"one/checks.json": b"[" * 200_000}, "damaged"),
    "no JSON": ({"one/manifest.json": b"{"}, "damaged"),
    "settings of another program": ({"one/config.json": b'{"colour": "red"}'}, "no run that opens"),
    "an unknown state": ({"one/status.json": b'{"state": "sleeping"}'}, "no run that opens"),
}


@pytest.mark.parametrize("planted", PLANTED)
def test_an_archive_with_something_planted_is_refused_in_one_sentence_and_leaves_nothing(store, run, tmp_path, planted):
    members, said = PLANTED[planted]
    replaced = {getattr(name, "filename", name) for name in members}
    own = {f"one/{name}": data for name, data in kept(run).items() if f"one/{name}" not in replaced}
    file = zipped(tmp_path / "planted.zip", own | members)
    before = everything(tmp_path)
    with pytest.raises(InputError, match=said) as error:
        opening.open_archive(file, store)
    assert len(one_sentence(error)) < 400
    assert everything(tmp_path) == before and not Path("/tmp/c2r-evil.json").exists()


@pytest.mark.parametrize("missing", ["config.json", "status.json"])
def test_an_archive_without_settings_or_state_is_no_run(store, run, tmp_path, missing):
    file = zipped(tmp_path / "x.zip", {f"one/{name}": data for name, data in kept(run).items() if name != missing})
    with pytest.raises(InputError, match=f"has no {missing}"):
        opening.open_archive(file, store)
    assert not opening.is_archive(file) and [found.id for found in list_runs(store)] == ["one"]


def test_a_member_that_stands_twice_is_refused(store, run, tmp_path):
    file = archives.archive(run, tmp_path / "x.zip")
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(file, "a") as into:
        into.writestr("one/config.json", "{}")
    with pytest.raises(InputError, match="stands twice"):
        opening.open_archive(file, store)


def test_a_member_that_is_larger_than_it_says_is_refused(store, run, tmp_path):
    name = "one/frames/000777.safetensors"
    file = zipped(
        tmp_path / "x.zip", {f"one/{key}": data for key, data in kept(run).items()} | {name: bomb(50_000_000)}
    )
    lying(file, name, 100)
    before = everything(store)
    with pytest.raises(InputError, match="damaged") as error:
        opening.open_archive(file, store)
    one_sentence(error)
    assert everything(store) == before


def test_a_hundred_thousand_members_are_refused_before_any_is_read(store, tmp_path):
    with zipfile.ZipFile(tmp_path / "many.zip", "w") as into:
        for number in range(100_000):
            into.writestr(zipfile.ZipInfo(f"one/frames/{number:06d}.safetensors"), b"")
    with pytest.raises(InputError, match="has 100000 files: expected at most 50000") as error:
        opening.open_archive(tmp_path / "many.zip", store)
    one_sentence(error)
    assert everything(store) == []


def test_a_list_of_members_beyond_all_bounds_is_not_read(store, run, tmp_path, monkeypatch):
    file = archives.archive(run, tmp_path / "x.zip")
    monkeypatch.setattr(opening, "DIRECTORY", 200)
    with pytest.raises(InputError, match="lists too many files"):
        opening.open_archive(file, store)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_a_truncated_archive_is_refused(store, run, tmp_path, share):
    file = archives.archive(run, tmp_path / "x.zip")
    file.write_bytes(file.read_bytes()[: int(share * file.stat().st_size)])
    before = everything(store)
    with pytest.raises(InputError) as error:
        opening.open_archive(file, store)
    assert "x.zip" in one_sentence(error) and everything(store) == before


def test_a_flipped_byte_is_noticed(store, run, tmp_path):
    file = archives.archive(run, tmp_path / "x.zip")
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 0xFF
    file.write_bytes(bytes(data))
    before = everything(store)
    with pytest.raises(InputError, match=r"x\.zip") as error:
        opening.open_archive(file, store)
    one_sentence(error)
    assert everything(store) == before


def test_limits_and_the_free_disk_are_kept(store, run, tmp_path, monkeypatch):
    file = archives.archive(run, tmp_path / "x.zip")
    with pytest.raises(InputError, match="would unpack to"):
        opening.open_archive(file, store, Limits(bytes=1000))
    with pytest.raises(InputError, match="files: expected at most 3"):
        opening.open_archive(file, store, Limits(files=3))
    monkeypatch.setattr(sizes, "free", lambda store: 10)  # noqa: ARG005
    with pytest.raises(InputError, match="10 bytes free"):
        opening.open_archive(file, store)


def test_an_error_while_writing_leaves_nothing(store, run, tmp_path, monkeypatch):
    file, before = archives.archive(run, tmp_path / "x.zip"), everything(store)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match="No space left on device"):
        opening.open_archive(file, store)
    with pytest.raises(InputError, match="No space left on device"):
        archives.archive(run, tmp_path / "y.zip")
    assert everything(store) == before and not list(tmp_path.glob("*y.zip*"))


def test_what_is_no_zip_is_refused(store, tmp_path):
    (tmp_path / "x.zip").write_bytes(b"PK\x03\x04 nothing")
    for file in (tmp_path / "x.zip", tmp_path / "none.zip", tmp_path):
        with pytest.raises(InputError) as error:
            opening.open_archive(file, store)
        one_sentence(error)
        assert not opening.is_archive(file)


# commands


def said(capsys) -> str:
    return capsys.readouterr().out


def test_the_commands_name_delete_undo_archive_and_open(store, run, tmp_path, capsys):
    assert main(["about", str(run), "--name", "Mine", "--tags", "a, b", "--json"]) == 0
    assert json.loads(said(capsys)) == {"name": "Mine", "note": "", "tags": ["a", "b"], "headline": ""}
    assert (
        main(["archive", str(run), str(tmp_path / "a.zip")]) == 0
        and main(["export", str(run), str(tmp_path / "b.zip")]) == 0
    )
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    assert main(["delete", str(run)]) == 0 and not run.exists()
    assert main(["undo", "one"]) == 0 and run.exists()
    assert main(["open", str(tmp_path / "a.zip"), "--again"]) == 0 and describing.about(store / "one-2").name == "Mine"
    assert main(["import", str(tmp_path / "a.zip")]) == 2
    assert main(["open", str(tmp_path / "b.zip"), "--again"]) == 0 and (store / "one-3" / "config.json").exists()
    said(capsys)
    assert main(["storage", "--json"]) == 0
    assert [one["id"] for one in json.loads(said(capsys))["runs"]] == ["one-3", "one-2", "one"]
    assert main(["delete", str(store / "one-3")]) == 0 and main(["storage", "--empty-trash", "0"]) == 0
    assert "Removed 1 deleted run for good." in said(capsys) and deleting.deleted(store) == []


@pytest.mark.parametrize(
    "words",
    [
        ["about", "none"],
        ["delete", "none"],
        ["undo", "none"],
        ["archive", "none", "x.zip"],
        ["open", "none.zip"],
        ["export", "none", "x.zip"],
    ],
)
def test_a_command_on_nothing_says_one_sentence(store, tmp_path, capsys, monkeypatch, words):  # noqa: ARG001
    monkeypatch.chdir(tmp_path)
    assert main(words) == 2
    found = capsys.readouterr()
    assert found.out == "" and found.err.count("\n") == 1 and "expected" in found.err or "choose" in found.err


def test_an_import_does_not_take_a_planted_archive_for_a_set(store, run, tmp_path, capsys):
    file = zipped(
        tmp_path / "x.zip", {f"one/{name}": data for name, data in kept(run).items()} | {"one/../../evil": b"x"}
    )
    assert main(["import", str(file)]) == 2 and "leads out of the archive" in capsys.readouterr().err
    assert [found.id for found in list_runs(store)] == ["one"]
