"""Readers of encoded pictures: parquet files in the Hugging Face image layout, and image folders. pyarrow loads on
first use.

Parquet: one row per image, column ``img`` or ``image`` a struct of ``bytes`` and ``path``, column ``label`` or
``fine_label`` a whole number, class names in the schema metadata ``huggingface``. Image folder: ``train/<class>/*`` and
``test/<class>/*`` (or ``val``); classes in alphabetical order of their folders.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from c2r.data.pixels import Item, decode, look
from c2r.data.splits import Shape, Splits, Tell, names_of_classes, outline, require_content, whole_labels
from c2r.errors import InputError
from c2r.paths import at_home

if TYPE_CHECKING:
    import pyarrow as pa

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"}
SPLIT_WORDS = {"train": ("train",), "test": ("test", "val")}
COLUMNS = {"image": ("img", "image"), "label": ("label", "fine_label")}
KINDS = {"image": "struct<bytes, path>", "label": "whole numbers"}

Labels = tuple[np.ndarray, np.ndarray]
Namer = Callable[[int], str]


def read_parquet(data: str, side: int, tell: Tell) -> Splits:
    """All images of a parquet source at `side` px (0: their own). Raises InputError for damage or a missing column."""
    labels, names = _parquet_labels(data)
    contents = [_contents(_table(data, split, "image")) for split in SPLIT_WORDS]
    return _decoded(contents, labels, names, side, [_row_namer(split, data) for split in SPLIT_WORDS], tell)


def peek_parquet(data: str, side: int) -> Shape:
    """The outline of a parquet source, from its labels and its first image."""
    labels, names = _parquet_labels(data)
    first = _contents(_table(data, "train", "image", first=True))[0]
    channels, size = look(first, side, _row_namer("train", data)(0))
    return outline(channels, size, *labels, names=names, where=data)


def parquet_files(path: Path, split: str) -> list[Path]:
    """The shards of a split in a folder (or its ``data`` folder), or beside a parquet file; [] when there are none."""
    folder = path.parent if path.suffix == ".parquet" else path
    files = sorted([*folder.glob("*.parquet"), *folder.glob("data/*.parquet")])
    named = ([file for file in files if word in file.name] for word in SPLIT_WORDS[split])
    return next((shards for shards in named if shards), [])


def _parquet_labels(data: str) -> tuple[Labels, tuple[str, ...]]:
    train, test = (_table(data, split, "label") for split in SPLIT_WORDS)
    with _damage(data, "label"):
        stored = train.column(0).to_numpy(), test.column(0).to_numpy()
    labels = whole_labels(stored[0], "train", data), whole_labels(stored[1], "test", data)
    return labels, names_of_classes(*labels, names=_class_names(train.schema), where=data)


def _table(data: str, split: str, role: str, first: bool = False) -> "pa.Table":
    """The column of a role alone, of every shard; with `first` only the first row group."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    files = parquet_files(at_home(data), split)
    if not files:
        raise InputError(
            f"{data} has no {split} parquet file: expected {split}.parquet or {split}-*.parquet; add it beside the"
            " other split."
        )
    tables = []
    with _damage(data, split):
        for file in files:
            with pq.ParquetFile(require_content(file)) as opened:
                groups = list(range(opened.num_row_groups))[: 1 if first else None]
                tables.append(opened.read_row_groups(groups, [_column(opened.schema_arrow, role, data)]))
            if first and tables[-1].num_rows:
                return tables[-1]
        return pa.concat_tables(tables)


@contextmanager
def _damage(data: str, split: str) -> Iterator[None]:
    import pyarrow as pa

    try:
        yield
    except PermissionError:
        raise
    except (pa.ArrowException, OSError):
        raise InputError(
            f"A {split} parquet file of {data} is damaged: expected a complete one; write or download it again."
        ) from None


def _column(schema: "pa.Schema", role: str, data: str) -> str:
    columns = [name for name in schema.names if name in COLUMNS[role]]
    if len(columns) != 1 or (role == "image" and not _holds_bytes(schema.field(columns[0]).type)):
        words = " or ".join(f"'{name}'" for name in COLUMNS[role])
        came = f"{len(columns)} {role} columns ({', '.join(columns)})" if len(columns) > 1 else f"no {role} column"
        raise InputError(
            f"The parquet files of {data} have {came}: expected {words} of {KINDS[role]}; rename or convert the column."
        )
    return columns[0]


def _holds_bytes(kind: "pa.DataType") -> bool:
    """Whether a column is a struct with one field ``bytes`` of bytes, in any of the ways Arrow stores them."""
    import pyarrow as pa

    at = kind.get_field_index("bytes") if pa.types.is_struct(kind) else -1
    asked = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view, pa.types.is_fixed_size_binary)
    return at >= 0 and any(ask(kind.field(at).type) for ask in asked)


def _contents(table: "pa.Table") -> list[Item]:
    import pyarrow.compute as pc

    contents: list[Item] = pc.struct_field(table.column(0), "bytes").to_pylist()
    return contents


def _row_namer(split: str, data: str) -> Namer:
    return lambda index: f"row {index} of the {split} split of {data}"


def _path_namer(files: list[Path]) -> Namer:
    return lambda index: str(files[index])


def _class_names(schema: "pa.Schema") -> tuple[str, ...]:
    """The names that the metadata give the classes, whatever these are; () without a list of them."""
    try:
        names = json.loads(schema.metadata[b"huggingface"])["info"]["features"][schema.names[0]]["names"]
    except (KeyError, TypeError, ValueError, RecursionError):
        return ()
    return tuple(names) if isinstance(names, list) else ()


def read_folder(data: str, side: int, tell: Tell) -> Splits:
    """All images of an image folder at `side` px (0: their own). Raises InputError for damage or an empty class."""
    files, labels, names = _folder(data)
    return _decoded(files, labels, names, side, [_path_namer(split) for split in files], tell)


def peek_folder(data: str, side: int) -> Shape:
    """The outline of an image folder, from its file names and its first image."""
    files, labels, names = _folder(data)
    channels, size = look(files[0][0], side, str(files[0][0]))
    return outline(channels, size, *labels, names=names, where=data)


def _folder(data: str) -> tuple[list[list[Path]], Labels, tuple[str, ...]]:
    folder = at_home(data)
    test = next((folder / word for word in SPLIT_WORDS["test"] if (folder / word).is_dir()), None)
    if test is None:
        raise InputError(
            f"The folder {data} has no test/ or val/ beside train/: expected test/<class>/ images; add them."
        )
    names = tuple(_class_folders(folder / "train"))
    strange = sorted(set(_class_folders(test)) - set(names))
    if strange:
        raise InputError(
            f"Class '{strange[0]}' of {test} has no folder in train/: expected the same classes in both; add or"
            " remove it."
        )
    files, labels = [], []
    for split, part in (("train", folder / "train"), ("test", test)):
        pairs = [(file, index) for index, name in enumerate(names) for file in _pictures(part / name)]
        if not pairs:
            raise InputError(
                f"The folder {data} holds no {split} images: expected pictures in {part.name}/<class>/; add them."
            )
        files.append([file for file, _ in pairs])
        labels.append(np.array([index for _, index in pairs]))
    return files, (labels[0], labels[1]), names_of_classes(labels[0], labels[1], names, data)


def _class_folders(part: Path) -> list[str]:
    return sorted(path.name for path in part.iterdir() if path.is_dir() and not path.name.startswith("."))


def _pictures(folder: Path) -> list[Path]:
    return sorted(
        path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and not path.name.startswith(".")
    )


def _decoded(
    items: Sequence[Sequence[Item]],
    labels: Labels,
    names: tuple[str, ...],
    side: int,
    namers: list[Namer],
    tell: Tell,
) -> Splits:
    train, train_grey = decode(items[0], side, namers[0], lambda text, share: tell(text, share / 2))
    test, test_grey = decode(items[1], side, namers[1], lambda text, share: tell(text, (1 + share) / 2))
    channels = 1 if train_grey and test_grey else 3
    return Splits(train[:, :channels], labels[0], test[:, :channels], labels[1], names)
