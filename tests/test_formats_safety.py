"""Hostile and broken files: one sentence, nothing executed, nothing huge allocated. Run: pytest tests/test_formats_safety.py"""

import io
import os
import pickle
import resource
import struct
import subprocess
import sys
import tarfile
import zipfile
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image
from safetensors.numpy import save_file

from c2r import sources
from c2r.errors import InputError
from c2r.formats import Limits, read_set
from c2r.formats.pickles import read_pickle

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
    "save", [torch.save, save_old, lambda content, file: file.write_bytes(pickle.dumps(content))], ids=["zip", "stream", "pickle"]
)
def test_a_planted_call_is_named_and_not_made_in_every_layout(tmp_path, build, save):
    marker = tmp_path / "marker"
    (tmp_path / "set").mkdir()
    text = sentence(build(tmp_path / "set", Evil(marker), save))
    assert "wants to use posix.system" in text and "nothing of it was run" in text and not marker.exists()


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("function", [os.system, eval, exec, getattr, partial, __import__, Path, torch.load, np.load, subprocess.Popen])
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
    with pytest.raises(AttributeError):
        read_pickle(io.BytesIO(poison), "a.pkl")
    torch.save((X, Y), tmp_path / "b.pt")
    assert np.array_equal(read_set(tmp_path / "b.pt").images, X.numpy())


@pytest.mark.parametrize(
    ("size", "stride", "offset", "part"),
    [
        ((10**9, 3, 16, 16), (0, 0, 0, 0), 0, "unpacks to more than 2 GB"),
        ((8, 3, 16, 16), (768, 256, 16, 1), 10**12, "expected the complete file"),
        ((8, 3, 16, 17), (768, 256, 16, 16), 10, "expected the complete file"),
        ((8, 3, 16, 16), (-1, 1, 1, 1), 5000, "impossible shape"),
        ((8, 3, 16, 16), (768, 256, 16, 1), -4, "impossible shape"),
        ((True, 3, 16, 16), (0, 256, 16, 1), 0, "impossible shape"),
        ((8,) * 40, (0,) * 40, 0, "impossible shape"),
    ],
)  # fmt: skip
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
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive, archive.open(name, "w", force_zip64=True) as member:
        for _ in range(gigabytes * 10):
            member.write(b"\0" * 1_000_000)
    return file


def test_zip_bombs_are_refused_before_they_unpack(tmp_path):
    small = Limits(bytes=5_000_000)
    before = peak()
    for file, member in (("a.npz", "images.npy"), ("b.zip", "0/0.png"), ("c.pt", "archive/data.pkl"), ("d.pt", "archive/data/0")):
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


EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 16 16\n%%EndComments\nshowpage\n%%EOF\n"
DDS = (
    b"DDS "
    + struct.pack("<7I", 124, 0x1007, 16, 16, 0, 0, 0)
    + b"\0" * 44
    + struct.pack("<2I4s5I", 32, 4, b"XXXX", 0, 0, 0, 0, 0)
    + b"\0" * 20
)
FOREIGN = {"EPS": EPS, "DDS": DDS, "WMF": b"\xd7\xcd\xc6\x9a" + b"\0" * 60, "FITS": b"SIMPLE  =                    T" + b" " * 3000}


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
        "import sys; from c2r.formats import read_set, write\n"
        "for path in sys.argv[1:]: found = read_set(path); [write.export_bytes(k, found) for k in write.EXPORTS if k != 'dc-pt']\n"
        "print('torch' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code, *map(str, files.values())], capture_output=True, text=True, cwd=ROOT)
    assert ran.stdout.strip() == "False", ran.stderr
