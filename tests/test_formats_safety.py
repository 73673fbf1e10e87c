"""Hostile and broken files: one sentence, nothing executed, nothing huge allocated. Run: pytest
tests/test_formats_safety.py"""

import io
import json
import os
import pickle
import re
import resource
import socket
import struct
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from conftest import within
from PIL import Image
from safetensors.numpy import save_file

from c2r.data import sources
from c2r.errors import InputError
from c2r.evaluation import beardlog, weights
from c2r.formats import Limits, opening, read_set, read_upload
from c2r.formats.pickles import read_pickle
from c2r.formats.safe import Budget
from c2r.formats.write import export_bytes
from c2r.store import schema
from c2r.untrusted import parse_json

ROOT = Path(__file__).resolve().parents[1]
X = torch.rand(8, 3, 16, 16, generator=torch.Generator().manual_seed(0))
Y = torch.arange(4).repeat_interleave(2)


class Evil:
    """Leaves a marker file when it is unpickled."""

    def __init__(self, marker: Path, function=os.system):
        self.call = (function, (f"touch {marker}",))

    def __reduce__(self):
        return self.call


def sentence(path, **options) -> str:
    """What reading `path` says; it must be one sentence with an end, and no other error."""
    with pytest.raises(InputError) as error:
        read_set(path, **options)
    text = str(error.value)
    assert text.endswith(".") and ". " not in text and "\n" not in text and "Traceback" not in text and len(text) < 500
    return text


def save_old(content, file) -> None:
    torch.save(content, file, _use_new_zipfile_serialization=False)


def evil_dc(folder: Path, evil, save) -> Path:
    save({"data": [[X, Y]], "accs_all_exps": evil}, folder / "a.pt")
    return folder / "a.pt"


def evil_pair(folder: Path, evil, save) -> Path:
    save((X, evil), folder / "a.pt")
    return folder / "a.pt"


def evil_mtt(folder: Path, evil, save) -> Path:
    save(evil, folder / "images_best.pt")
    save(Y, folder / "labels_best.pt")
    return folder


def evil_fkd(folder: Path, evil, save) -> Path:
    for k in range(2):
        for i in range(2):
            (folder / "images" / str(k)).mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (8, 8)).save(folder / "images" / str(k) / f"{i}.png")
    (folder / "labels" / "epoch_0").mkdir(parents=True)
    save([None, None, None, None, evil, torch.zeros(4, 2).half()], folder / "labels" / "epoch_0" / "batch_0.tar")
    return folder


@pytest.mark.parametrize("build", [evil_dc, evil_pair, evil_mtt, evil_fkd])
@pytest.mark.parametrize(
    "save",
    [torch.save, save_old, lambda content, file: file.write_bytes(pickle.dumps(content))],
    ids=["zip", "stream", "pickle"],
)
def test_a_planted_call_is_named_and_not_made_in_every_layout(tmp_path, build, save):
    marker = tmp_path / "marker"
    (tmp_path / "set").mkdir()
    text = sentence(build(tmp_path / "set", Evil(marker), save))
    assert "wants to use posix.system" in text and "nothing of it was run" in text and not marker.exists()


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize(
    "function", [os.system, eval, exec, getattr, partial, __import__, Path, torch.load, np.load, subprocess.Popen]
)
def test_no_function_outside_the_list_is_reached_in_any_protocol(tmp_path, protocol, function):
    marker = tmp_path / "marker"
    (tmp_path / "a.pkl").write_bytes(pickle.dumps((Evil(marker, function), X.numpy()), protocol))
    assert "wants to use" in sentence(tmp_path / "a.pkl") and not marker.exists()


def test_the_plant_works_where_nothing_guards(tmp_path):
    pickle.loads(pickle.dumps(Evil(tmp_path / "marker")))
    assert (tmp_path / "marker").exists()


def test_a_call_hidden_in_the_bytes_of_a_storage_is_not_made(tmp_path):
    file = io.BytesIO()
    save_old(Evil(tmp_path / "marker"), file)

    class Hidden:
        def __reduce__(self):
            return torch.storage._load_from_bytes, (file.getvalue(),)

    (tmp_path / "a.pkl").write_bytes(pickle.dumps((Hidden(), Y)))
    assert "posix.system" in sentence(tmp_path / "a.pkl") and not (tmp_path / "marker").exists()


def test_a_name_with_line_breaks_still_gives_one_sentence(tmp_path):
    (tmp_path / "a.pkl").write_bytes(b"\x80\x04\x8c\x06a\nb. c\x8c\x03d\n.\x93.")
    assert "wants to use a?b.?c.d?" in sentence(tmp_path / "a.pkl")
    np.savez(tmp_path / "b.npz", **{"a\nb" + "x" * 5000: Y.numpy()})
    assert "holds the arrays a?bxxx" in sentence(tmp_path / "b.npz")


OPCODES = {
    "a far memo place": b"\x80\x02Nr\xff\xff\xff\x7f.",
    "a length beyond the file": b"\x80\x04\x8e" + struct.pack("<Q", 10**12) + b"x.",
    "an extension code": b"\x80\x02\x82\x01.",
    "a tower of tuples as a key": b"\x80\x02})" + b"\x85" * 200_000 + b"Ns.",
    "a frame beyond the file": b"\x80\x04\x95" + struct.pack("<Q", 10**15) + b"N.",
    "a state for a function": b"\x80\x02ctorch\nSize\n}b.",
    "a class made from a function": b"\x80\x02ctorch\nSize\n)\x81.",
    "an unknown code": b"\x80\x02\xff.",
    "an empty stack": b"\x80\x020000.",
    "a protocol from the future": b"\x80\x63N.",
}


@pytest.mark.parametrize("name", OPCODES)
def test_pickles_that_exhaust_memory_or_stack_get_one_sentence(tmp_path, name):
    (tmp_path / "a.pkl").write_bytes(OPCODES[name])
    assert "a.pkl is damaged" in sentence(tmp_path / "a.pkl")


def test_a_state_given_to_a_listed_function_changes_nothing_for_the_next_file(tmp_path):
    poison = b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\nN}X\x0c\x00\x00\x00__defaults__)s\x86b."
    with pytest.raises(ValueError, match="a state is given to something that has none"):
        read_pickle(io.BytesIO(poison), Budget(Limits(), "a.pkl"))
    torch.save((X, Y), tmp_path / "b.pt")
    assert np.array_equal(read_set(tmp_path / "b.pt").images, X.numpy())


@pytest.mark.parametrize(
    ("size", "stride", "offset", "part"),
    [
        ((10**9, 3, 16, 16), (0, 0, 0, 0), 0, "expected every number to be stored"),
        ((8, 3, 16, 16), (768, 256, 16, 1), 10**12, "expected the complete file"),
        ((8, 3, 16, 17), (768, 256, 16, 16), 10, "expected the complete file"),
        ((8, 3, 16, 16), (-1, 1, 1, 1), 5000, "impossible shape"),
        ((8, 3, 16, 16), (768, 256, 16, 1), -4, "impossible shape"),
        ((True, 3, 16, 16), (0, 256, 16, 1), 0, "impossible shape"),
        ((8,) * 40, (0,) * 40, 0, "impossible shape"),
    ],
)
def test_a_tensor_cannot_look_outside_its_bytes_or_beyond_the_limit(tmp_path, size, stride, offset, part):
    class Typed:
        def __reduce__(self):
            file = io.BytesIO()
            save_old(torch.storage.TypedStorage(wrap_storage=X.untyped_storage(), dtype=X.dtype, _internal=True), file)
            return torch.storage._load_from_bytes, (file.getvalue(),)

    class Strided:
        def __reduce__(self):
            return torch._utils._rebuild_tensor_v2, (Typed(), offset, size, stride, False, None)

    (tmp_path / "a.pkl").write_bytes(pickle.dumps((Strided(), Y)))
    assert part in sentence(tmp_path / "a.pkl", format="idm-pickle")


def write_all(folder: Path) -> dict[str, Path]:
    """One healthy file of every format that is a file."""
    files = {name: folder / name for name in ("dc.pt", "old.pt", "acc.pkl", "set.npz", "set.safetensors", "set.zip")}
    torch.save({"data": [[X, Y]]}, files["dc.pt"])
    save_old((X, Y), files["old.pt"])
    files["acc.pkl"].write_bytes(pickle.dumps((X, Y)))
    np.savez_compressed(files["set.npz"], images=X.numpy(), labels=Y.numpy())
    save_file({"images": X.numpy(), "labels": Y.numpy()}, files["set.safetensors"])
    with zipfile.ZipFile(files["set.zip"], "w") as archive:
        for k in range(4):
            picture = io.BytesIO()
            Image.new("RGB", (16, 16)).save(picture, "PNG")
            archive.writestr(f"{k}/0.png", picture.getvalue())
    return files


@pytest.mark.parametrize("name", ["dc.pt", "old.pt", "acc.pkl", "set.npz", "set.safetensors", "set.zip"])
def test_a_file_cut_anywhere_gets_one_sentence(tmp_path, name):
    file = write_all(tmp_path)[name]
    read_set(file)
    whole = file.read_bytes()
    for share in (0.001, 0.01, 0.3, 0.7, 0.99):
        file.write_bytes(whole[: max(1, int(len(whole) * share))])
        assert name in sentence(file)


@pytest.mark.parametrize("name", ["dc.pt", "old.pt", "acc.pkl", "set.npz", "set.safetensors", "set.zip"])
def test_flipped_bytes_give_the_set_or_one_sentence_and_nothing_else(tmp_path, name):
    file = write_all(tmp_path)[name]
    whole, draw = file.read_bytes(), np.random.default_rng(0)
    for _ in range(150):
        broken = bytearray(whole)
        for place in draw.integers(0, min(len(whole), 2000), 3):
            broken[place] = draw.integers(256)
        file.write_bytes(broken)
        try:
            read_set(file, normalisation="none")
        except InputError as error:
            assert str(error).endswith(".") and "\n" not in str(error)


@pytest.mark.parametrize("name", ["images", "labels"])
def test_a_cut_picture_and_a_cut_mtt_tensor_get_one_sentence(tmp_path, name):
    torch.save(X, tmp_path / "images_best.pt")
    torch.save(Y, tmp_path / "labels_best.pt")
    file = tmp_path / f"{name}_best.pt"
    file.write_bytes(file.read_bytes()[:200])
    assert "is damaged" in sentence(tmp_path)
    (tmp_path / "pictures" / "0").mkdir(parents=True)
    Image.new("RGB", (16, 16)).save(tmp_path / "pictures" / "0" / "a.png")
    cut = (tmp_path / "pictures" / "0" / "a.png").read_bytes()[:45]
    (tmp_path / "pictures" / "0" / "a.png").write_bytes(cut)
    assert "0/a.png are no image" in sentence(tmp_path / "pictures")


def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def test_a_header_that_claims_two_gigabytes_is_refused_without_memory(tmp_path):
    (tmp_path / "a.safetensors").write_bytes(struct.pack("<Q", 2_000_000_000) + b"{}" * 50)
    before = peak()
    assert "claims a header of 2 GB and has 108 bytes" in sentence(tmp_path / "a.safetensors")
    header = {"descr": "<f4", "fortran_order": False, "shape": (10**6, 3, 32, 32)}
    array = io.BytesIO()
    np.lib.format.write_array_header_1_0(array, header)
    with zipfile.ZipFile(tmp_path / "b.npz", "w") as archive:
        archive.writestr("images.npy", array.getvalue() + b"\0" * 100)
        archive.writestr("labels.npy", array.getvalue())
    assert "claims 12.3 GB and holds" in sentence(tmp_path / "b.npz")
    assert peak() - before < 200_000


def bomb(file: Path, name: str, gigabytes: int = 3) -> Path:
    """A small zip whose member `name` unpacks to gigabytes of zeros, written without holding them."""
    with (
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive,
        archive.open(name, "w", force_zip64=True) as member,
    ):
        for _ in range(gigabytes * 10):
            member.write(b"\0" * 1_000_000)
    return file


def test_zip_bombs_are_refused_before_they_unpack(tmp_path):
    small = Limits(bytes=5_000_000)
    before = peak()
    for file, member in (
        ("a.npz", "images.npy"),
        ("b.zip", "0/0.png"),
        ("c.pt", "archive/data.pkl"),
        ("d.pt", "archive/data/0"),
    ):
        path = bomb(tmp_path / file, member)
        assert path.stat().st_size < 100_000
        assert "would unpack to 30 MB: expected at most 5 MB" in sentence(path, limits=small)
    assert peak() - before < 100_000


def test_a_member_that_lies_about_its_size_gets_one_sentence(tmp_path):
    file = write_all(tmp_path)["set.npz"]
    content = file.read_bytes()
    with zipfile.ZipFile(file) as archive:
        info = archive.getinfo("images.npy")
    directory = content.index(b"PK\x01\x02")
    file.write_bytes(content[: directory + 24] + struct.pack("<I", info.file_size // 2) + content[directory + 28 :])
    sentence(file)


def test_pickled_arrays_in_an_npz_are_refused(tmp_path):
    marker = tmp_path / "marker"
    np.savez(tmp_path / "a.npz", images=np.array([Evil(marker)], object), labels=np.array([0]))
    assert "holds pickled objects" in sentence(tmp_path / "a.npz") and not marker.exists()


@pytest.mark.parametrize("name", ["../out.png", "/tmp/c2r-out.png", "a/../../out.png", "C:/out.png", "..\\out.png"])
def test_paths_out_of_an_archive_are_refused(tmp_path, name):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(name, b"x")
    assert "leads out of the archive" in sentence(tmp_path / "a.zip")
    assert not (tmp_path / "out.png").exists() and not Path("/tmp/c2r-out.png").exists()


def test_links_in_archives_and_out_of_folders_are_refused(tmp_path):
    link = zipfile.ZipInfo("0/a.png")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    assert "is a link" in sentence(tmp_path / "a.zip")
    (tmp_path / "secret" / "0").mkdir(parents=True)
    Image.new("RGB", (16, 16)).save(tmp_path / "secret" / "0" / "a.png")
    for folder, target in (("file", tmp_path / "secret" / "0" / "a.png"), ("folder", tmp_path / "secret" / "0")):
        (tmp_path / folder / "0").mkdir(parents=True)
        (tmp_path / folder / "0" / "b.png").write_bytes((tmp_path / "secret" / "0" / "a.png").read_bytes())
        os.symlink(target, tmp_path / folder / ("0/a.png" if folder == "file" else "1"))
        assert "is a link out of the folder" in sentence(tmp_path / folder)


def test_a_picture_beyond_the_pixel_limit_is_not_decoded(tmp_path):
    (tmp_path / "0").mkdir()
    Image.new("1", (5000, 5000)).save(tmp_path / "0" / "a.png")
    assert "claims 5000×5000 px" in sentence(tmp_path)
    file = tmp_path / "0" / "a.png"
    content = bytearray(file.read_bytes())
    content[16:24] = struct.pack(">II", 200_000, 200_000)
    import zlib

    content[29:33] = struct.pack(">I", zlib.crc32(bytes(content[12:29])))
    file.write_bytes(content)
    assert "expected at most 16777216 pixels" in sentence(tmp_path)


@contextmanager
def bounded(seconds: int = 8, megabytes: int = 250):
    """What happens inside ends in time and takes no more than some memory."""
    before = peak()
    with within(seconds):
        yield
    assert peak() - before < 1000 * megabytes


# ---- instructions of pickles, written by hand


def number(value: int) -> bytes:
    return b"\x8a\x10" + value.to_bytes(16, "little", signed=True)


def word(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def several(*items: bytes, end: bytes = b"t") -> bytes:
    """A tuple, a list or a dictionary."""
    return b"(" + b"".join(items) + end


def call(name: str, *arguments: bytes) -> bytes:
    module, _, function = name.rpartition(".")
    return f"c{module}\n{function}\n".encode() + several(*arguments) + b"R"


def storage(count: int) -> bytes:
    file = io.BytesIO()
    save_old(
        torch.storage.TypedStorage(
            wrap_storage=torch.zeros(count).untyped_storage(), dtype=torch.float32, _internal=True
        ),
        file,
    )
    return call("torch.storage._load_from_bytes", b"B" + struct.pack("<I", len(file.getvalue())) + file.getvalue())


def view(held: bytes, sides: tuple[int, ...], strides: tuple[int, ...]) -> bytes:
    shape, steps = (several(*map(number, values)) for values in (sides, strides))
    return call("torch._utils._rebuild_tensor_v2", held, number(0), shape, steps, b"\x89", b"N")


def a_set_of(images: bytes) -> bytes:
    return several(word("images"), images, word("labels"), several(number(0), number(1), end=b"l"), end=b"d")


def tower(height: int) -> bytes:
    return b")" + b"\x85" * height


F4 = call("numpy.dtype", word("f4"))
SIZES = b")q\x00" + b"0(ctorch\nSize\n]h\x00aoq\x00" * 15_000  # each is torch.Size of a list of the one before
COLLIDING = [part for i in range(1, 30_000) for part in (number(i * (2**61 - 1)), b"N")]
PICKLES = {
    "a tower of tuples as a key": b"}" + tower(19_000) + b"Ns",
    "a tower of sizes as a key": b"}" + SIZES + b"Ns",
    "a tower in a frozen set": several(tower(19_000), end=b"\x91"),
    "a tower in a set": b"\x8f" + several(tower(19_000), end=b"\x90"),
    "a tower as a key of an ordered dictionary": call(
        "collections.OrderedDict", several(several(tower(19_000), b"N", end=b"l"), end=b"l")
    ),
    "a tower as the name of a type": b"ctorch\nfloat32\n}" + word("name") + tower(19_000) + b"sb",
    "colliding keys": b"}" + several(*COLLIDING, end=b"u"),
    "colliding keys of a new dictionary": several(*COLLIDING, end=b"d"),
    "few numbers that claim to be many": a_set_of(view(storage(8), (100_000, 3, 32, 32), (0, 0, 0, 0))),
    "a thousand views of a tensor": a_set_of(
        several(view(storage(3072), (64, 3, 32, 32), (0, 1024, 32, 1)) + b"q\x01", *[b"h\x01"] * 5000, end=b"l")
    ),
    "an array repeated": a_set_of(
        several(
            call(
                "numpy.core.numeric._frombuffer",
                b"B" + struct.pack("<I", 4000) + bytes(4000),
                F4,
                several(number(1000)),
            )
            + b"q\x01",
            *[b"h\x01"] * 3000,
            end=b"l",
        )
    ),
    "a number of a hundred billion bytes": call("numpy.core.multiarray.scalar", F4, number(10**11)),
    "an array of impossible sides": a_set_of(
        call("numpy.core.numeric._frombuffer", b"C\x00", F4, several(tower(1), number(10**11)))
    ),
    "a tensor of a tensor": a_set_of(view(view(storage(8), (8,), (1,)), (8,), (1,))),
}


@pytest.mark.parametrize("name", PICKLES)
@pytest.mark.parametrize("read", [read_set, weights.read_state], ids=["import", "weights"])
def test_a_pickle_that_would_exhaust_stack_time_or_memory_gets_one_sentence(tmp_path, name, read):
    (tmp_path / "a.pkl").write_bytes(b"\x80\x04" + PICKLES[name] + b".")
    with bounded(), pytest.raises(InputError) as error:
        read(tmp_path / "a.pkl")
    assert str(error.value).endswith(".") and "a.pkl" in str(error.value)
    assert ("is the key of an entry" in str(error.value)) == ("key" in name or "set" in name)


def test_pickles_in_pickles_share_one_count_of_instructions(tmp_path, monkeypatch):
    (tmp_path / "a.pkl").write_bytes(b"\x80\x04" + several(storage(8) + b"q\x01", *[storage(8)] * 99, end=b"l") + b".")
    assert "expected one of dc-pt" in sentence(tmp_path / "a.pkl")
    monkeypatch.setattr("c2r.formats.safe.MOST_STEPS", 2000)
    assert "more parts than any distilled set" in sentence(tmp_path / "a.pkl")


@pytest.mark.parametrize(
    "save",
    [torch.save, save_old, lambda content, file: file.write_bytes(pickle.dumps(content))],
    ids=["zip", "stream", "pickle"],
)
def test_the_negative_bit_of_a_tensor_is_its_sign(tmp_path, save):
    save((torch._neg_view(X), Y), tmp_path / "a.pkl")
    assert np.array_equal(
        read_set(tmp_path / "a.pkl", normalisation="-1,-1,-1;1,1,1").images, (-X.numpy() - 1).clip(0, 1)
    )
    save({"w": torch._neg_view(X)}, tmp_path / "w.pth")
    assert torch.equal(weights.read_state(tmp_path / "w.pth")["w"], -X)


def test_archives_in_archives_share_one_budget(tmp_path):
    """A zip in a zip is refused, and what the archive inside unpacks to counts together with the outer one."""
    write_all(tmp_path)
    with zipfile.ZipFile(tmp_path / "outer.zip", "w") as archive:
        archive.write(tmp_path / "set.zip", "set.zip")
    assert "holds another zip, set.zip: expected the set itself" in sentence(tmp_path / "outer.zip")
    np.savez_compressed(tmp_path / "zeros.npz", images=np.zeros((8, 3, 100, 100), np.float32), labels=Y.numpy())
    with zipfile.ZipFile(tmp_path / "npz.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros.npz", (tmp_path / "zeros.npz").read_bytes())
    read_set(tmp_path / "npz.zip", limits=Limits(bytes=1_000_000))
    assert "unpacks to more than 961 kB" in sentence(tmp_path / "npz.zip", limits=Limits(bytes=961_000))
    np.savez_compressed(tmp_path / "bytes.npz", images=np.zeros((8, 3, 100, 100), np.uint8), labels=Y.numpy())
    assert "unpacks to more than 900 kB" in sentence(tmp_path / "bytes.npz", limits=Limits(bytes=900_000))


def test_a_batch_of_soft_labels_unpacks_to_a_few_times_its_size(tmp_path):
    evil_fkd(tmp_path, None, torch.save)
    batch = tmp_path / "labels" / "epoch_0" / "batch_0.tar"
    with zipfile.ZipFile(batch) as archive:
        parts = {info.filename: archive.read(info) for info in archive.infolist()}
    with zipfile.ZipFile(batch, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content + bytes(1_000_000) if "/data/" in name else content)
    assert "batch_0.tar would unpack to 1 MB" in sentence(tmp_path)


@pytest.mark.parametrize("kind", ["pipe", "device", "link to a device", "socket"])
@pytest.mark.parametrize("ending", [".pt", ".npz", ".safetensors", ".zip", ".json", ".parquet", ".png", ".log", ""])
def test_only_regular_files_are_opened(tmp_path, kind, ending):
    """Of a pipe the first byte never comes, of a device the last."""
    file = tmp_path / f"train{ending}"
    if kind == "pipe":
        os.mkfifo(file)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(str(file))
    elif kind == "link to a device":
        file.symlink_to("/dev/zero")
    else:
        file = Path("/dev/zero")
    for part in ("train", "test"):
        for k in range(2):
            (tmp_path / "set" / part / str(k)).mkdir(parents=True)
            (tmp_path / "set" / part / str(k) / "a.png").symlink_to(file)
    readers = {
        "import": lambda: read_set(file),
        "weights": lambda: weights.read_state(file),
        "data": lambda: sources.read(str(file), 0, lambda *_: None),
        "a look at data": lambda: sources.peek(str(file), 0),
        "pictures": lambda: sources.read(str(tmp_path / "set"), 0, lambda *_: None),
        "log": lambda: beardlog.read(file),
    }
    for name, read in readers.items():
        with bounded(seconds=2), pytest.raises(InputError) as error:
            read()
        assert "is no" in str(error.value), name
    with bounded(seconds=2):
        assert not opening.is_archive(file)


DEEP = json.loads("[" * 900 + "]" * 900)
NOTES = {
    "a way out as the method": {"method": "/../../x/y"},
    "dots as the method": {"method": ".."},
    "a list as the method": {"method": ["c2r"]},
    "code as the method": {"method": 'x"""; open("INJECTED", "w"); """'},
    "a long method": {"method": "m" * 1_000_000},
    "a reason of many lines": {"partition": 2, "partition_reason": "a\nb\x1b[2J\ud800" * 1000},
    "a reason that is a list": {"partition": 2, "partition_reason": [1]},
    "deep settings": {"config": DEEP},
    "huge numbers": {"seed": 10**4000, "ipc": 1e300},
    "many settings": {"config": {str(i): i for i in range(10_000)}},
    "a hash that is a path": {"data_hash": "../../../etc"},
    "facts of another kind": {"facts": {"method": {"a": "b"}, "partition_reason": 5}},
    "constants of words": {"mean": "abc", "std": {"a": 1}},
    "strange names": {"classes": [None, {}, "\ud800", "x" * 1_000_000]},
}


@pytest.mark.parametrize("name", NOTES)
@pytest.mark.parametrize("ending", [".npz", ".safetensors"])
def test_words_from_a_file_are_short_plain_and_lead_nowhere(tmp_path, name, ending):
    """Whatever the metadata hold, what is kept of them is small, can be written and read again, and names no other
    place."""
    notes, file = dict(NOTES[name]), tmp_path / f"set{ending}"
    classes = notes.pop("classes", ["a", "b", "c", "d"])
    if ending == ".npz":
        np.savez(
            file,
            images=X.numpy(),
            labels=Y.numpy(),
            metadata=np.array(json.dumps(notes)),
            classes=np.array([str(c) for c in classes]),
        )
    else:
        texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in notes.items()}
        texts = {key: value.encode("utf-8", "replace").decode() for key, value in texts.items()}
        save_file({"images": X.numpy(), "labels": Y.numpy()}, file, texts | {"classes": json.dumps(classes)})
    found = read_set(file)
    metadata = found.facts.get("metadata", {})
    assert len(json.dumps(metadata)) < 30_000 and parse_json(json.dumps(metadata, ensure_ascii=False)) == metadata
    for text in (found.facts["method"], metadata.get("method", ""), metadata.get("data_hash", "")):
        assert re.fullmatch(r"[A-Za-z0-9_.+-]{0,40}", text) and ".." not in text
    assert len(found.facts["partition_reason"]) <= 100 and found.facts["partition_reason"].isprintable()
    assert all(0 < len(word) <= 100 and word.isprintable() for word in found.classes) and len(set(found.classes)) == 4
    again = read_upload([(f"again{ending}", export_bytes(ending[1:], found))])
    assert again.classes == found.classes
    compile(export_bytes("snippet", found), "train.py", "exec")


@pytest.mark.parametrize(
    ("side", "parts", "fine"), [(8, 2, True), (8, 3, False), (16, 4, True), (16, 5, False), (7, 2, False)]
)
def test_parts_under_four_pixels_are_refused_whoever_names_them(tmp_path, side, parts, fine):
    images = np.zeros((4, 3, side, side), np.float32)
    np.savez(tmp_path / "plain.npz", images=images, labels=np.arange(4))
    np.savez(
        tmp_path / "told.npz", images=images, labels=np.arange(4), metadata=np.array(json.dumps({"partition": parts}))
    )
    np.savez(tmp_path / "idm.npz", images=images, labels=np.arange(4))
    for file, options in (("plain.npz", {"partition": parts}), ("told.npz", {})):
        if fine:
            assert read_set(tmp_path / file, **options).partition == parts
        else:
            said = (
                f"Images of {side} px cut into {parts} × {parts} parts leave {side // parts} px per part: expected at"
                " least 4 px"
            )
            assert said in sentence(tmp_path / file, **options)
    assert read_set(tmp_path / "idm.npz").partition == (1 if side < 8 else 2)


def test_more_classes_than_a_run_folder_names_are_refused(tmp_path):
    few = np.zeros((2, 1, 8, 8), np.float32)
    np.savez(tmp_path / "a.npz", images=few, labels=np.array([0, schema.MOST_CLASSES]))
    np.savez(
        tmp_path / "b.npz", images=few, labels=np.array([0, 1]), classes=np.arange(schema.MOST_CLASSES + 1).astype(str)
    )
    np.savez(tmp_path / "c.npz", images=few, labels=np.array([0, 2**64 - 1], np.uint64))
    assert "A label of a.npz is 10000" in sentence(tmp_path / "a.npz") and "has 10001 classes" in sentence(
        tmp_path / "b.npz"
    )
    assert "A label of c.npz is 1.84467e+19" in sentence(tmp_path / "c.npz")


EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 16 16\n%%EndComments\nshowpage\n%%EOF\n"
DDS = (
    b"DDS "
    + struct.pack("<7I", 124, 0x1007, 16, 16, 0, 0, 0)
    + b"\0" * 44
    + struct.pack("<2I4s5I", 32, 4, b"XXXX", 0, 0, 0, 0, 0)
    + b"\0" * 20
)
FOREIGN = {
    "EPS": EPS,
    "DDS": DDS,
    "WMF": b"\xd7\xcd\xc6\x9a" + b"\0" * 60,
    "FITS": b"SIMPLE  =                    T" + b" " * 3000,
}


@pytest.fixture
def programs(monkeypatch) -> list[str]:
    """The programs that a decoder of Pillow wanted to start."""
    started: list[str] = []
    monkeypatch.setattr("PIL.EpsImagePlugin.Ghostscript", lambda *_a, **_k: started.append("gs"))
    monkeypatch.setattr(subprocess, "Popen", lambda *_a, **_k: started.append("another"))
    return started


@pytest.mark.parametrize("kind", FOREIGN)
@pytest.mark.parametrize("place", ["data folder", "parquet", "import", "zip"])
def test_foreign_bytes_under_the_name_of_a_picture_reach_no_program(tmp_path, programs, kind, place):
    picture = io.BytesIO()
    Image.new("RGB", (16, 16)).save(picture, "PNG")
    contents = [picture.getvalue(), FOREIGN[kind]]
    if place == "parquet":
        kinds = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
        for split in ("train", "test"):
            pictures = pa.array([{"bytes": content, "path": None} for content in contents], kinds)
            pq.write_table(pa.table({"img": pictures, "label": [0, 1]}), tmp_path / f"{split}.parquet")
    for split in ("train", "test"):
        for k, content in enumerate(contents):
            (tmp_path / "set" / split / str(k)).mkdir(parents=True)
            (tmp_path / "set" / split / str(k) / "a.png").write_bytes(content)
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for k, content in enumerate(contents):
            archive.writestr(f"{k}/a.png", content)
    read = {
        "data folder": lambda: sources.read(str(tmp_path / "set"), 0, lambda *_: None),
        "parquet": lambda: sources.read(str(tmp_path), 0, lambda *_: None),
        "import": lambda: read_set(tmp_path / "set" / "train"),
        "zip": lambda: read_set(tmp_path / "set.zip"),
    }
    with pytest.raises(InputError, match="are no image: expected a PNG, JPEG, WebP, BMP, GIF, TIFF or PPM picture"):
        read[place]()
    assert not programs


def test_a_refused_import_leaves_nothing_behind(tmp_path, monkeypatch):
    """What was unpacked or uploaded to look at it is gone when the sentence comes."""
    (tmp_path / "work").mkdir()
    files = write_all(tmp_path)
    with zipfile.ZipFile(tmp_path / "outer.zip", "w") as archive:
        archive.write(files["set.zip"], "set.zip")
    with zipfile.ZipFile(tmp_path / "odd.zip", "w") as archive:
        archive.writestr("0/a.png", EPS)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "work"))
    before = sorted(tmp_path.iterdir())
    for name in ("outer.zip", "odd.zip"):
        sentence(tmp_path / name)
        with pytest.raises(InputError):
            read_upload([(f"../{name}", (tmp_path / name).read_bytes())])
    assert not list((tmp_path / "work").iterdir()) and sorted(tmp_path.iterdir()) == before


def test_real_tar_files_devices_and_random_bytes_get_one_sentence(tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        archive.addfile(tarfile.TarInfo("x"))
    (tmp_path / "b.pt").write_bytes(np.random.default_rng(0).bytes(1000))
    (tmp_path / "c.safetensors").write_bytes(b"x")
    (tmp_path / "d.npz").write_bytes(b"PK\x03\x04")
    for name in ("a.tar", "b.pt", "c.safetensors", "d.npz"):
        sentence(tmp_path / name)
    assert "is no regular file" in sentence(Path("/dev/null"))


def test_reading_loads_no_torch(tmp_path):
    files = write_all(tmp_path)
    code = (
        "import sys; from c2r.formats import read_set, write\nfor path in sys.argv[1:]: found = read_set(path);"
        " [write.export_bytes(k, found) for k in write.EXPORTS if k != 'dc-pt']\nprint('torch' in sys.modules)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, *map(str, files.values())], capture_output=True, text=True, cwd=ROOT
    )
    assert ran.stdout.strip() == "False", ran.stderr
