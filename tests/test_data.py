"""Real images: sources, draws, initial images, and the sentence for everything that cannot be used."""

import io
import json
import os
import sys
import time
import types
import zipfile
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from c2r.core.partition import boxes
from c2r.data import sources
from c2r.data.real import ClassDraws, RealData, content_hash, fixed_test_subset, initial_images, load, require_budget
from c2r.errors import InputError
from c2r.settings import DataSettings, SyntheticSettings
from c2r.store import schema
from c2r.untrusted import parse_json

CIFAR = Path(__file__).resolve().parents[2] / "shared" / "data" / "cifar10"


def read(data: object, image_size: int = 0) -> RealData:
    return load(DataSettings(data=str(data), image_size=image_size))


def pictures(count: int, side: int = 8, channels: int = 3, seed: int = 0) -> np.ndarray:
    """uint8 [count, side, side, channels] of random pixels."""
    return np.random.default_rng(seed).integers(0, 256, (count, side, side, channels), dtype=np.uint8)


def encoded(picture: np.ndarray, kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture.squeeze()).save(buffer, kind)
    return buffer.getvalue()


LABELS = np.array([0, 1, 2] * 4)


def write_parquet(
    path: Path, contents: list, labels: object, names: tuple[str, ...] = (), image: str = "img", label: str = "label"
) -> None:
    """One parquet file in the Hugging Face image layout."""
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    table = pa.table({image: pa.array([{"bytes": c, "path": None} for c in contents], kind), label: pa.array(labels)})
    if names:
        table = table.replace_schema_metadata(
            {"huggingface": json.dumps({"info": {"features": {label: {"names": names}}}})}
        )
    pq.write_table(table, path)


@pytest.fixture
def parquet(tmp_path: Path) -> Path:
    """12 train and 6 test pictures of cat, dog, owl."""
    train, test = pictures(12), pictures(6, seed=1)
    write_parquet(tmp_path / "train.parquet", [encoded(x) for x in train], LABELS, ("cat", "dog", "owl"))
    write_parquet(tmp_path / "test.parquet", [encoded(x) for x in test], LABELS[:6], ("cat", "dog", "owl"))
    return tmp_path


def write_npz(path: Path, **changes: object) -> Path:
    arrays = {"x_train": pictures(12), "y_train": LABELS, "x_test": pictures(6, seed=1), "y_test": LABELS[:6]} | changes
    np.savez(path, **{name: value for name, value in arrays.items() if value is not None})
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """train/ and val/ with three pictures each of ant and bee."""
    for number, part in enumerate(("train", "val")):
        for index, name in enumerate(("bee", "ant")):
            (tmp_path / part / name).mkdir(parents=True)
            for i, picture in enumerate(pictures(3, seed=10 * number + index)):
                (tmp_path / part / name / f"{i}.png").write_bytes(encoded(picture))
    return tmp_path


def test_digits_are_the_ones_of_scikit_learn() -> None:
    from sklearn.datasets import load_digits

    data, known = read("digits"), load_digits()
    both = torch.cat([data.images, data.test_images]).flatten(1).numpy()
    ours = sorted(
        (*pixels, label)
        for pixels, label in zip(both.tolist(), torch.cat([data.labels, data.test_labels]).tolist(), strict=True)
    )
    theirs = np.round(known.data * 255 / 16).astype(int).tolist()
    assert ours == sorted((*pixels, label) for pixels, label in zip(theirs, known.target.tolist(), strict=True))


def test_digits_keep_a_quarter_of_each_class_for_the_test_and_never_change() -> None:
    data = read("digits")
    train, test = torch.bincount(data.labels), torch.bincount(data.test_labels)
    assert test.tolist() == [n // 4 for n in (train + test).tolist()]
    assert (len(data.images), len(data.test_images), data.hash) == (1352, 445, "d0758ac6b3f79098")
    assert data.images.dtype == torch.uint8 and data.labels.dtype == torch.int64
    assert read("digits", 16).images.shape == (1352, 1, 16, 16)


def test_the_hash_depends_on_pixels_labels_and_shape() -> None:
    a = torch.arange(8, dtype=torch.uint8)
    assert content_hash(a) == content_hash(a.clone())
    assert len({content_hash(a), content_hash(a.view(2, 4)), content_hash(a.flip(0)), content_hash(a, a)}) == 4


def test_parquet_gives_back_the_stored_pixels_labels_and_names(parquet: Path) -> None:
    data = read(parquet)
    assert np.array_equal(data.images.numpy(), pictures(12).transpose(0, 3, 1, 2))
    assert np.array_equal(data.test_images.numpy(), pictures(6, seed=1).transpose(0, 3, 1, 2))
    assert (data.labels.tolist(), data.classes) == (LABELS.tolist(), ("cat", "dog", "owl"))
    assert data.name == parquet.name


def test_a_parquet_file_finds_its_sibling_and_shards_are_joined_in_order(parquet: Path) -> None:
    whole = read(parquet / "train.parquet")
    (parquet / "train.parquet").unlink()
    for shard in range(2):
        part = slice(6 * shard, 6 * shard + 6)
        write_parquet(
            parquet / f"train-0000{shard}-of-00002.parquet",
            [encoded(x) for x in pictures(12)[part]],
            LABELS[part],
            ("cat", "dog", "owl"),
            image="img",
        )
    assert read(parquet).hash == whole.hash


def test_grey_parquet_with_fine_label_has_one_channel(tmp_path: Path) -> None:
    grey = pictures(12, channels=1)
    for split in ("train", "validation"):
        write_parquet(
            tmp_path / f"{split}.parquet", [encoded(x) for x in grey], LABELS, image="image", label="fine_label"
        )
    data = read(tmp_path)
    assert np.array_equal(data.images.numpy(), grey.transpose(0, 3, 1, 2))
    assert data.classes == ("0", "1", "2")


def test_one_colour_picture_makes_all_pictures_colour(parquet: Path) -> None:
    write_parquet(parquet / "train.parquet", [encoded(x) for x in pictures(12, channels=1)], LABELS)
    assert read(parquet).images.shape == (12, 3, 8, 8)


def test_shrinking_is_the_mean_over_areas_and_long_pictures_lose_their_ends(parquet: Path) -> None:
    wide = np.zeros((16, 48, 3), np.uint8)
    wide[:, 16:32] = pictures(1, 16)[0]
    write_parquet(parquet / "train.parquet", [encoded(wide)] * 12, LABELS)
    expected = wide[:, 16:32].reshape(8, 2, 8, 2, 3).mean((1, 3)).transpose(2, 0, 1)
    assert np.abs(read(parquet, 8).images[0].numpy() - expected).max() <= 1


def test_an_image_folder_gives_classes_in_alphabetical_order(folder: Path) -> None:
    data = read(folder)
    assert (data.classes, data.labels.tolist()) == (("ant", "bee"), [0, 0, 0, 1, 1, 1])
    assert np.array_equal(data.images[3:].numpy(), pictures(3, seed=0).transpose(0, 3, 1, 2))
    assert np.array_equal(data.test_images[:3].numpy(), pictures(3, seed=11).transpose(0, 3, 1, 2))


@pytest.mark.parametrize("layout", ["NHWC", "NCHW", "float", "NHW"])
def test_npz_layouts_give_the_same_pixels(tmp_path: Path, layout: str) -> None:
    change = {
        "NHWC": lambda x: x,
        "NCHW": lambda x: x.transpose(0, 3, 1, 2),
        "float": lambda x: (x / 255).astype(np.float32),
        "NHW": lambda x: x[..., 0],
    }[layout]
    data = read(write_npz(tmp_path / "a.npz", x_train=change(pictures(12)), x_test=change(pictures(6, seed=1))))
    expected = pictures(12).transpose(0, 3, 1, 2)[:, : 1 if layout == "NHW" else 3]
    assert np.array_equal(data.images.numpy(), expected)
    assert data.name == "a"


def test_npz_without_a_test_split_keeps_a_fixed_fifth_of_each_class(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", images=pictures(40), labels=np.repeat([0, 1], 20)[:, None])
    data = read(tmp_path / "a.npz")
    assert torch.bincount(data.test_labels).tolist() == [4, 4]
    assert data.hash == read(tmp_path / "a.npz").hash
    assert len(np.unique(torch.cat([data.images, data.test_images]).numpy(), axis=0)) == 40


def test_peek_tells_what_loading_gives(parquet: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("other")
    np.savez(other / "b.npz", images=pictures(40, channels=1), labels=np.repeat([0, 1], 20))
    for source, size in (
        ("digits", 0),
        ("digits", 12),
        (parquet, 0),
        (parquet, 16),
        (write_npz(other / "a.npz"), 0),
        (other / "b.npz", 9),
    ):
        data, shape = read(source, size), sources.peek(str(source), size)
        found = (data.images.shape[1], data.images.shape[2], len(data.classes), len(data.images), len(data.test_images))
        assert found == (shape.channels, shape.size, shape.classes, shape.train, shape.test), source
        assert shape.smallest == int(torch.bincount(data.labels).min())


def test_peek_tells_what_loading_a_folder_gives(folder: Path) -> None:
    assert sources.peek(str(folder), 0) == sources.Shape(3, 8, 2, 6, 6, 3)


BAD_NPZ = {
    "holds the arrays x_test, x_train, y_test: expected": {"y_train": None},
    "holds pickled objects": {"y_train": np.array([0, "a", None] * 4, dtype=object)},
    "one class only": {"y_train": np.zeros(12, int), "y_test": np.zeros(6, int)},
    "is negative": {"y_train": LABELS - 1},
    "is '0.5': expected whole numbers": {"y_train": LABELS + 0.5},
    "is 'nan': expected whole numbers": {"y_train": np.where(LABELS == 1, np.nan, LABELS)},
    "is 'cat': expected whole numbers": {"y_train": np.array(["cat", "dog", "owl"] * 4)},
    "is 3, out of range: expected 0 to 2": {"y_test": LABELS[:6] + 1},
    "is 2000000000000, out of range": {"y_train": LABELS * 10**12},
    "12 images and 11 labels": {"y_train": LABELS[:11]},
    "Class '1' has no train images": {"y_train": LABELS * 2},
    "Class '2' has no test images": {"y_test": np.array([0, 1] * 3)},
    "are 7 px wide: expected at least 8 px": {"x_train": pictures(12, 7), "x_test": pictures(6, 7)},
    "shape .* expected .N, H, W.": {"x_train": pictures(12)[:, 0, 0], "x_test": pictures(6)[:, 0, 0]},
    "floats from .* to .*: expected .0, 1.": {"x_train": pictures(12).astype(float)},
    "are int64: expected uint8": {"x_train": pictures(12).astype(np.int64)},
    "has no train images": {"x_train": pictures(0), "y_train": LABELS[:0]},
    "is 8×9 px: expected square images": {"x_train": pictures(12, 9)[:, :, :8]},
}


@pytest.mark.parametrize("sentence", BAD_NPZ)
def test_arrays_that_cannot_be_used_are_named(tmp_path: Path, sentence: str) -> None:
    path = write_npz(tmp_path / "a.npz", **BAD_NPZ[sentence])
    with pytest.raises(InputError, match=sentence):
        read(path)


@pytest.mark.parametrize("name", ["y_train", "x_train"])
def test_a_pickled_array_is_refused_unread_by_peek_too(tmp_path: Path, name: str) -> None:
    values = {"y_train": np.array([print] * 12, dtype=object), "x_train": np.array([[print]] * 12, dtype=object)}
    path = write_npz(tmp_path / "a.npz", **{name: values[name]})
    with pytest.raises(InputError, match=f"Array '{name}' .* pickled objects: expected plain numbers"):
        sources.peek(str(path), 0)


@pytest.mark.parametrize("name", ["a.npz", "train.parquet"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_a_truncated_file_is_called_damaged(parquet: Path, name: str, share: float) -> None:
    path = write_npz(parquet / "a.npz") if name == "a.npz" else parquet / name
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    for look in (read, lambda data: sources.peek(str(data), 0)):
        with pytest.raises(InputError, match="is damaged: expected a complete"):
            look(path)


def test_a_flipped_byte_in_an_npz_is_called_damaged(tmp_path: Path) -> None:
    path = write_npz(tmp_path / "a.npz")
    content = bytearray(path.read_bytes())
    content[1000] ^= 255
    path.write_bytes(content)
    with pytest.raises(InputError, match="is damaged"):
        read(path)


@pytest.mark.parametrize("name", ["a.npz", "train.parquet"])
def test_an_empty_file_is_called_empty(parquet: Path, name: str) -> None:
    (parquet / name).write_bytes(b"")
    with pytest.raises(InputError, match="is empty: expected images and labels"):
        read(parquet / name)


def test_parquet_without_an_image_or_label_column_says_which_it_expects(parquet: Path) -> None:
    write_parquet(parquet / "train.parquet", [encoded(x) for x in pictures(12)], LABELS, image="picture")
    with pytest.raises(InputError, match="no image column: expected 'img' or 'image' of struct<bytes, path>"):
        read(parquet)
    pq.write_table(pa.table({"img": [b"x"] * 12, "label": LABELS}), parquet / "train.parquet")
    with pytest.raises(InputError, match="no image column"):
        sources.peek(str(parquet), 0)
    write_parquet(parquet / "train.parquet", [encoded(x) for x in pictures(12)], LABELS, label="klass")
    with pytest.raises(InputError, match="no label column: expected 'label' or 'fine_label' of whole numbers"):
        read(parquet)


def test_parquet_without_its_other_split_says_so(parquet: Path) -> None:
    (parquet / "test.parquet").unlink()
    with pytest.raises(InputError, match="has no test parquet file"):
        read(parquet / "train.parquet")


@pytest.mark.parametrize("content", [b"no image at all", None, b"", encoded(pictures(1)[0])[:60]])
def test_bytes_that_are_no_image_are_named_by_row(parquet: Path, content: bytes | None) -> None:
    contents = [encoded(x) for x in pictures(12)]
    contents[7] = content
    write_parquet(parquet / "train.parquet", contents, LABELS)
    with pytest.raises(InputError, match="bytes of row 7 of the train split .* are no image"):
        read(parquet)


def test_a_16_bit_picture_is_refused(parquet: Path) -> None:
    write_parquet(parquet / "train.parquet", [encoded(pictures(1)[0, ..., 0].astype(np.uint16) * 200)] * 12, LABELS)
    with pytest.raises(InputError, match="pixel format I;16: expected 8 bits"):
        read(parquet)


def test_unequal_sizes_ask_for_image_size_and_work_with_it(parquet: Path) -> None:
    write_parquet(parquet / "train.parquet", [encoded(pictures(1, 8 + i // 11)[0]) for i in range(12)], LABELS)
    with pytest.raises(InputError, match="row 11 .* is 9×9 px, the first one 8×8 px: .* set image_size"):
        read(parquet)
    assert read(parquet, 8).images.shape == (12, 3, 8, 8)


def test_more_labels_than_class_names_are_out_of_range(parquet: Path) -> None:
    write_parquet(parquet / "train.parquet", [encoded(x) for x in pictures(12)], LABELS, ("cat", "dog"))
    with pytest.raises(InputError, match="is 2, out of range: expected 0 to 1;"):
        read(parquet)


STRANGE = {
    "not UTF-8": "\ud800",
    "null": None,
    "an object": {},
    "a number": 7,
    "blank": "  ",
    "long": "x" * 1_000_000,
    "a line break": "a\nb",
    "a list": [["a"]],
}


@pytest.mark.parametrize("kind", STRANGE)
def test_names_of_classes_are_short_words_that_a_run_folder_can_hold(parquet: Path, kind: str) -> None:
    """What a parquet file calls its classes goes into the manifest, which must be readable afterwards."""
    for split in ("train", "test"):
        write_parquet(
            parquet / f"{split}.parquet", [encoded(x) for x in pictures(6)], LABELS[:6], (STRANGE[kind], "cat", "cat")
        )
    names = read(parquet).classes
    manifest = parse_json(json.dumps({"classes": list(names)}))
    schema.check("manifest.json", manifest)
    assert manifest["classes"] == list(names) and len(set(names)) == 3 and names[1:] == ("cat", "cat (2)")
    assert all(0 < len(name) <= 100 and name.isprintable() for name in names)


def test_folders_that_are_no_utf_8_are_read_and_shown_with_other_letters(folder: Path) -> None:
    for split in ("train", "val"):
        os.rename(os.fsencode(folder / split / "ant"), os.fsencode(folder / split) + b"/\xff\xfe")
    data = read(folder)
    assert data.classes == ("bee", "??") and len(data.images) == 6
    os.rename(folder, folder.with_name("a\u202eb"))
    assert read(folder.with_name("a\u202eb")).name == "a?b"


@pytest.mark.parametrize(
    "metadata", ['{"info": {"features": {"label": {"names": "abc"}}}}', "[" * 100_000, '{"info": []}', "nonsense"]
)
def test_metadata_of_other_shapes_give_numbers_as_names(parquet: Path, metadata: str) -> None:
    table = pq.read_table(parquet / "train.parquet").replace_schema_metadata({"huggingface": metadata})
    pq.write_table(table, parquet / "train.parquet")
    assert read(parquet).classes == ("0", "1", "2")


def test_columns_that_hold_something_else_are_refused(parquet: Path) -> None:
    file, table = parquet / "train.parquet", pq.read_table(parquet / "train.parquet")
    for kind, value in ((pa.int64(), 5), (pa.string(), "abc"), (pa.list_(pa.int8()), [1])):
        column = pa.array([{"bytes": value}] * 12, pa.struct([("bytes", kind)]))
        pq.write_table(pa.table({"img": column, "label": LABELS}), file)
        for look in (read, lambda data: sources.peek(str(data), 0)):
            with pytest.raises(InputError, match="no image column: expected 'img' or 'image' of struct<bytes, path>"):
                look(parquet)
    for names in (["img", "img", "label"], ["img", "image", "label"]):
        pq.write_table(pa.Table.from_arrays([table["img"], table["img"], table["label"]], names), file)
        with pytest.raises(InputError, match=f"have 2 image columns .{names[0]}, {names[1]}.: expected"):
            read(parquet)
    for labels in (pa.array([2**64 - 1] * 12, pa.uint64()), pa.array([1e300] * 12)):
        pq.write_table(pa.table({"img": table["img"], "label": labels}), file)
        with pytest.raises(InputError, match="A train label of .* is 1[0-9e+]*, out of range"):
            read(parquet)
    for labels in (pa.array([[1]] * 12), pa.array(["a"] * 12), pa.array([{"a": 1}] * 12), pa.array([None] * 12)):
        pq.write_table(pa.table({"img": table["img"], "label": labels}), file)
        with pytest.raises(InputError, match="A train label of"):
            read(parquet)


@pytest.mark.parametrize(
    ("change", "side", "sentence"),
    [
        (
            {"x_test": pictures(6, channels=1)},
            0,
            "test images of .* are 1×8×8 .channels × px., the training images 3×8×8: expected the same",
        ),
        ({"x_train": pictures(12)[..., 0]}, 16, "test images of .* are 3.* the training images 1"),
        ({"x_test": pictures(6, 12)}, 0, "are 3×12×12 .channels × px., the training images 3×8×8"),
        ({"y_train": np.array([2**64 - 1] * 12, np.uint64)}, 0, "is 18446744073709551615, out of range"),
    ],
)
def test_splits_that_do_not_go_together_are_refused_when_they_are_read(
    tmp_path: Path, change: dict, side: int, sentence: str
) -> None:
    path = write_npz(tmp_path / "a.npz", **change)
    for look in (read, lambda data, size: sources.peek(str(data), size)):
        with pytest.raises(InputError, match=sentence):
            look(path, side)


def test_more_classes_than_a_run_folder_names_are_refused(tmp_path: Path) -> None:
    count = schema.MOST_CLASSES + 1
    images = np.zeros((count, 8, 8), np.uint8)
    path = write_npz(
        tmp_path / "a.npz", x_train=images, y_train=np.arange(count), x_test=images, y_test=np.arange(count)
    )
    with pytest.raises(InputError, match="has 10001 classes: expected at most 10000"):
        sources.peek(str(path), 0)


def array_file(shape: str, kind: str = "|u1", content: bytes = b"") -> bytes:
    """An npy file with a header written by hand."""
    header = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + content


HEADERS = {
    "claims 121 GB": array_file("(12, 60000, 60000, 3)", content=bytes(100)),
    "a side of 26 digits": array_file(f"(12, 0, {10**25}, 3)"),
    "claims nothing": array_file("(12, 0, 0, 3)"),
    "a negative count": array_file("(-12, 8, 8, 3)", content=bytes(99)),
    "no type": array_file("(12,)", ""),
    "a nested shape": array_file("(" * 30_000),
    "another version": b"\x93NUMPY\x09\x00" + array_file("(12,)")[8:],
    "no header": b"",
}


@pytest.mark.parametrize("kind", HEADERS)
@pytest.mark.parametrize("array", ["x_train", "y_train"])
def test_an_array_that_claims_what_it_cannot_hold_is_refused_by_look_and_reading(
    tmp_path: Path, kind: str, array: str
) -> None:
    path = write_npz(tmp_path / "a.npz", **{array: None})
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(f"{array}.npy", HEADERS[kind])
    for look in (read, lambda data, size: sources.peek(str(data), size)):
        for side in (0, 16):
            with pytest.raises(InputError, match="a.npz"):
                look(path, side)


def test_an_image_folder_names_its_broken_file_and_its_missing_parts(folder: Path) -> None:
    (folder / "train" / "bee" / "1.png").write_bytes(b"nothing")
    with pytest.raises(InputError, match="bytes of .*bee/1.png are no image"):
        read(folder)
    (folder / "train" / "cow").mkdir()
    with pytest.raises(InputError, match="Class 'cow' has no train images"):
        read(folder)
    (folder / "val" / "eel").mkdir()
    with pytest.raises(InputError, match="Class 'eel' of .* has no folder in train/"):
        read(folder)
    (folder / "val").rename(folder / "other")
    with pytest.raises(InputError, match="has no test/ or val/ beside train/"):
        read(folder)


def test_folders_without_images_say_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no images: expected train/<class>/ pictures or"):
        read(tmp_path)
    (tmp_path / "train" / "a").mkdir(parents=True)
    (tmp_path / "test" / "a").mkdir(parents=True)
    with pytest.raises(InputError, match="holds no train images"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ("/no/such/place", "There is no file or folder /no/such/place"),
        ("missing.npz", "There is no file or folder missing.npz"),
        ("cifra10", "Unknown data source 'cifra10': expected one of digits, .*Did you mean 'cifar10'"),
        (__file__, "no file of images this program reads: expected .parquet, .npz or an image folder"),
        ("a" * 4000, "cannot be read"),
    ],
)
def test_what_is_no_source_is_refused_with_the_next_step(data: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        read(data)


def test_a_side_below_8_px_is_refused_before_reading() -> None:
    with pytest.raises(InputError, match="digits are 7 px wide: expected at least 8 px"):
        read("digits", 7)


@pytest.mark.parametrize("look", [read, lambda data: sources.peek(str(data), 0)])
def test_a_file_without_permission_says_so(parquet: Path, monkeypatch: pytest.MonkeyPatch, look) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied", "secret.parquet")

    monkeypatch.setattr("c2r.data.imagefiles.require_content", refuse)
    with pytest.raises(InputError, match="No permission to read secret.parquet"):
        look(parquet)


def fake_torchvision(monkeypatch: pytest.MonkeyPatch, **kinds: object) -> None:
    monkeypatch.setitem(sys.modules, "torchvision", types.ModuleType("torchvision"))
    monkeypatch.setitem(sys.modules, "torchvision.datasets", types.SimpleNamespace(**kinds))


def test_a_torchvision_that_does_not_load_names_the_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_name: str) -> None:
        raise RuntimeError("operator torchvision::nms does not exist")

    monkeypatch.setattr("c2r.data.downloads.import_module", broken)
    monkeypatch.setattr("c2r.data.downloads.metadata.version", lambda _name: "2.13.0+cpu")
    sentence = (
        r"nms does not exist\): .* pip install --force-reinstall torch torchvision --index-url"
        r" https://download.pytorch.org/whl/cpu"
    )
    with pytest.raises(InputError, match=sentence):
        read("cifar10")


def test_a_download_that_fails_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def offline(*_: object, **__: object) -> None:
        raise URLError("Name or service not known")

    fake_torchvision(monkeypatch, CIFAR10=offline)
    monkeypatch.setenv("C2R_DATA", str(tmp_path))
    with pytest.raises(InputError, match="cifar10 could not be downloaded into .* 170 MB .* or give a path"):
        read("cifar10")


def test_a_named_set_comes_from_torchvision_with_progress(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Known:
        def __init__(self, root: str, train: bool, download: bool):
            assert download and root == str(tmp_path / "mnist")
            Path(root).mkdir(exist_ok=True)
            (Path(root) / "part").write_bytes(bytes(6_000_000))
            time.sleep(0.6 if train else 0)
            self.data, self.targets = (
                torch.from_numpy(pictures(12, 28, 1, seed=int(train))[..., 0]),
                torch.from_numpy(LABELS),
            )
            self.classes = ["a", "b", "c"]

    fake_torchvision(monkeypatch, MNIST=Known)
    monkeypatch.setenv("C2R_DATA", str(tmp_path))
    seen: list[tuple[str, float]] = []
    data = load(DataSettings(data="mnist"), lambda text, share: seen.append((text, share)))
    assert np.array_equal(data.images[:, 0].numpy(), pictures(12, 28, 1, seed=1)[..., 0])
    assert data.classes == ("a", "b", "c")
    assert ("Downloading images", 0.5) in seen


def test_imagenette_needs_a_size() -> None:
    with pytest.raises(InputError, match="imagenette have sizes of their own: expected one size; set image_size"):
        read("imagenette")


def test_draws_are_balanced_distinct_and_repeatable(generator: torch.Generator) -> None:
    labels = torch.tensor([2, 0, 1, 0, 2, 2, 1, 0, 1, 1])
    drawn = ClassDraws(labels).draw(generator, 3)
    assert labels[drawn].tolist() == [[0] * 3, [1] * 3, [2] * 3]
    assert all(len(set(row)) == 3 for row in drawn.tolist())
    assert torch.equal(drawn, ClassDraws(labels).draw(torch.Generator().manual_seed(0), 3))


def test_draws_repeat_only_in_classes_that_are_too_small(generator: torch.Generator) -> None:
    labels = torch.tensor([0, 0, 1, 1, 1, 1, 1])
    drawn = ClassDraws(labels).draw(generator, 5)
    assert set(drawn[0].tolist()) <= {0, 1}
    assert sorted(drawn[1].tolist()) == [2, 3, 4, 5, 6]
    assert labels[ClassDraws(labels).draw(generator, 9)].tolist() == [[0] * 9, [1] * 9]


def test_every_image_of_a_class_is_drawn_equally_often(generator: torch.Generator) -> None:
    draws = ClassDraws(torch.tensor([0] * 4 + [1] * 10))
    counts = torch.bincount(torch.stack([draws.draw(generator, 2) for _ in range(4000)]).flatten(), minlength=14)
    expected = torch.tensor([2000.0] * 4 + [800.0] * 10)
    assert ((counts - expected).abs() < 5 * expected.sqrt()).all()


def coded(per_class: int, side: int = 9) -> RealData:
    """Flat images, each of a grey value of its own; class 0 is the darker half."""
    values = torch.arange(2 * per_class, dtype=torch.uint8)
    images = values.view(-1, 1, 1, 1).expand(-1, 1, side, side).contiguous()
    labels = (values >= per_class).long()
    return RealData("coded", images, labels, images, labels, ("dark", "bright"), "0" * 16)


@pytest.mark.parametrize("partition", [1, 2, 3])
def test_each_part_holds_another_real_image_of_the_class(generator: torch.Generator, partition: int) -> None:
    data = coded(30, side=32)
    images, labels = initial_images(data, SyntheticSettings(ipc=3, partition=partition), generator)
    assert images.shape == (6, 1, 32, 32) and labels.tolist() == [0, 0, 0, 1, 1, 1]
    parts = [images[:, 0, rows, columns].flatten(1) for rows, columns in boxes(32, 32, partition)]
    assert all(torch.allclose(part, part[:, :1]) for part in parts)
    values = torch.stack([part[:, 0] * 255 for part in parts], 1).round().long()
    assert ((values >= 30).long() == labels[:, None]).all()
    assert values.unique().numel() == 6 * partition**2


def test_a_part_is_the_area_mean_of_its_image(generator: torch.Generator) -> None:
    images = torch.randint(256, (2, 3, 8, 8), generator=generator, dtype=torch.uint8).repeat_interleave(4, 0)
    labels = torch.tensor([0] * 4 + [1] * 4)
    data = RealData("pair", images, labels, images, labels, ("a", "b"), "0" * 16)
    made, _ = initial_images(data, SyntheticSettings(ipc=1, partition=2), generator)
    expected = images[0].float().view(3, 4, 2, 4, 2).mean((2, 4)) / 255
    assert torch.allclose(made[0, :, 4:, :4], expected, atol=1e-6)


def test_noise_fills_the_pixel_box_and_follows_the_seed() -> None:
    first, second = (
        initial_images(coded(30), SyntheticSettings(ipc=5, init="noise"), torch.Generator().manual_seed(3))[0]
        for _ in range(2)
    )
    assert torch.equal(first, second)
    assert 0 <= first.min() < 0.05 and 0.95 < first.max() <= 1


def test_the_budget_is_ipc_times_partition_squared() -> None:
    require_budget(coded(36), SyntheticSettings(ipc=9, partition=2))
    with pytest.raises(InputError, match="has 35 train images: expected at least ipc × partition² = 36"):
        require_budget(coded(35), SyntheticSettings(ipc=9, partition=2))


def test_a_part_is_at_least_4_px_wide() -> None:
    require_budget(coded(36, side=12), SyntheticSettings(ipc=1, partition=3))
    with pytest.raises(InputError, match="leave 3 px per part: expected at least 4 px"):
        require_budget(coded(36, side=11), SyntheticSettings(ipc=1, partition=3))


def test_the_test_subset_is_balanced_and_fixed() -> None:
    data = coded(30)
    index = fixed_test_subset(data, 21, seed=4)
    assert torch.bincount(data.test_labels[index]).tolist() == [11, 10]
    assert index.unique().numel() == 21 and torch.equal(index, fixed_test_subset(data, 21, seed=4))
    assert not torch.equal(index, fixed_test_subset(data, 21, seed=5))
    assert (
        fixed_test_subset(data, 0, seed=4).tolist() == list(range(60)) == fixed_test_subset(data, 999, seed=4).tolist()
    )


def test_the_test_subset_fills_up_from_the_other_classes() -> None:
    data = coded(30)
    few = RealData(
        "few", data.images, data.labels, data.test_images[25:], data.test_labels[25:], data.classes, data.hash
    )
    assert torch.bincount(few.test_labels[fixed_test_subset(few, 20, seed=0)]).tolist() == [5, 15]


@pytest.mark.skipif(not CIFAR.is_dir(), reason="the CIFAR-10 parquet files are not beside the project")
def test_cifar10_parquet_loads_at_16_px_within_twenty_seconds() -> None:
    began = time.process_time()
    data = read(CIFAR, 16)
    assert time.process_time() - began < 20
    assert (data.images.shape, data.test_images.shape) == ((50_000, 3, 16, 16), (10_000, 3, 16, 16))
    assert torch.bincount(data.labels).tolist() == [5000] * 10 and data.classes[3] == "cat"
    assert data.images.float().mean().item() / 255 == pytest.approx(0.4733, abs=0.002)
