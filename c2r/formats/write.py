"""Export of distilled sets and of result rows: table `EXPORTS`. numpy, no torch; the .pt file loads torch when it is
written.

A file is complete or absent (written beside, then renamed), and so is a folder.
"""

import csv
import io
import json
import re
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from safetensors.numpy import save

from c2r.errors import InputError, unknown
from c2r.formats.imported import ImportedSet
from c2r.formats.snippet import snippet
from c2r.paths import at_home
from c2r.store.files import write_atomic

KEPT = (
    "ipc",
    "partition",
    "partition_reason",
    "augmentation",
    "method",
    "seed",
    "data_hash",
    "config",
    "mean",
    "std",
    "recipe",
)


@dataclass(frozen=True)
class Export:
    """One way to write a set.

    :param label: what a person reads
    :param suffix, mime: of the file that `make` gives; a folder export has ``.zip``
    :param make: the content as bytes
    :param folder: whether `write_set` writes a folder instead of that zip
    """

    label: str
    suffix: str
    mime: str
    make: Callable[..., bytes]
    folder: bool = False


def metadata(distilled: ImportedSet) -> dict[str, Any]:
    """What travels with the images: what was learned about the set, else what its own metadata say.

    ``mean`` and ``std`` are constants to normalise the images with when training; the stored images are in [0, 1].
    """
    facts = distilled.facts
    known = {name: facts.get(name) for name in ("ipc", "partition", "partition_reason", "method")} | {
        "mean": distilled.mean,
        "std": distilled.std,
    }
    stored = facts.get("metadata", {}) | {name: value for name, value in known.items() if value is not None}
    kept = {key: stored[key] for key in KEPT if stored.get(key) not in (None, "")}
    return kept | {
        "format": "c2r-set-1",
        "range": "images in [0, 1], stored as value / 255",
        "images": len(distilled.images),
    }


def _arrays(distilled: ImportedSet) -> dict[str, np.ndarray]:
    arrays = {"images": np.ascontiguousarray(distilled.pixels), "labels": distilled.labels}
    return arrays if distilled.soft is None else arrays | {"soft_labels": np.ascontiguousarray(distilled.soft)}


def to_safetensors(distilled: ImportedSet) -> bytes:
    """images uint8 [N, C, H, W], labels int64 [N], soft_labels float32 [N, K] if any; metadata as JSON texts in the
    header."""
    notes = metadata(distilled) | {"classes": list(distilled.classes)}
    return save(
        _arrays(distilled),
        {key: value if isinstance(value, str) else json.dumps(value) for key, value in notes.items()},
    )


def to_npz(distilled: ImportedSet) -> bytes:
    """The arrays of `to_safetensors` with ``classes``, ``partition`` and one JSON text ``metadata``; no pickled
    objects."""
    file = io.BytesIO()
    notes = {
        "classes": np.array(distilled.classes),
        "partition": np.array(distilled.partition),
        "metadata": np.array(json.dumps(metadata(distilled))),
    }
    np.savez_compressed(file, **_arrays(distilled), **notes)  # type: ignore[arg-type]
    return file.getvalue()


def picture_files(distilled: ImportedSet) -> Iterable[tuple[str, bytes]]:
    """Names such as ``003_cat/00042.png`` with PNG contents; the first number is the class, the second the image, from
    0.

    Both are padded with zeros, so that ordering by name and by number agree.
    """
    for index, (image, label) in enumerate(zip(distilled.pixels, distilled.labels.tolist(), strict=True)):
        word = re.sub(r"[^\w-]+", "_", distilled.classes[label]).strip("_")
        folder = f"{label:05d}" if word in ("", str(label)) else f"{label:05d}_{word}"
        file = io.BytesIO()
        Image.fromarray(image[0] if len(image) == 1 else image.transpose(1, 2, 0)).save(file, "PNG")
        yield f"{folder}/{index:06d}.png", file.getvalue()


def to_png_zip(distilled: ImportedSet) -> bytes:
    """A zip of `picture_files`: lossless pictures with hard labels."""
    _require_colours(distilled)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as zipped:
        for name, content in picture_files(distilled):
            zipped.writestr(name, content)
    return file.getvalue()


def to_dc(distilled: ImportedSet, **options: Any) -> bytes:
    """See `torchexport.dc_bytes`; loads torch."""
    from c2r.formats.torchexport import dc_bytes

    return dc_bytes(distilled, **options)


EXPORTS: dict[str, Export] = {
    "safetensors": Export(
        "safetensors: images in [0, 1], labels, where they come from",
        ".safetensors",
        "application/octet-stream",
        to_safetensors,
    ),
    "npz": Export("npz: the same for NumPy", ".npz", "application/octet-stream", to_npz),
    "png": Export(
        "PNG pictures in class folders (hard labels only)", ".zip", "application/zip", to_png_zip, folder=True
    ),
    "dc-pt": Export(
        "DC-style .pt, normalised, for DC, DSA, DM and BEARD code", ".pt", "application/octet-stream", to_dc
    ),
    "snippet": Export("train.py: a short training script for the npz file", ".py", "text/x-python", snippet),
}


def export_bytes(kind: str, distilled: ImportedSet, **options: Any) -> bytes:
    """The content of an export, for a download. Only dc-pt loads torch.

    :param kind: a name of `EXPORTS`
    :param options: of dc-pt: `normalisation` and `expanded`, see `torchexport.dc_bytes`; of snippet: `file`, the npz it
        reads
    :raises InputError: unknown kind, or a set that this kind cannot hold
    """
    if kind not in EXPORTS:
        raise unknown("export format", kind, list(EXPORTS))
    return EXPORTS[kind].make(distilled, **options)


def write_set(kind: str, path: str | Path, distilled: ImportedSet, **options: Any) -> Path:
    """Write an export to `path`, completely or not at all; png writes a folder, which must be new or empty.

    :param options: see `export_bytes`
    :returns: the path written
    :raises InputError: as `export_bytes`, or `path` cannot be written
    """
    path = at_home(path)
    content = b"" if kind in EXPORTS and EXPORTS[kind].folder else export_bytes(kind, distilled, **options)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if content:
            write_atomic(path, content)
        else:
            _write_folder(path, distilled)
    except InputError:
        raise
    except OSError as error:
        raise InputError(
            f"{path} cannot be written ({error.strerror or error}): expected a place of yours with free space; choose"
            " another --out."
        ) from None
    return path


def _write_folder(path: Path, distilled: ImportedSet) -> None:
    _require_colours(distilled)
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise InputError(
            f"{path} is taken: expected a new or empty folder for the pictures; choose another --out or delete that"
            " one."
        )
    temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        for name, content in picture_files(distilled):
            (temporary / name).parent.mkdir(exist_ok=True)
            (temporary / name).write_bytes(content)
        temporary.chmod(0o755)
        temporary.replace(path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _require_colours(distilled: ImportedSet) -> None:
    if distilled.images.shape[1] not in (1, 3):
        raise InputError(
            f"The images have {distilled.images.shape[1]} channels: expected 1 or 3 for PNG; export npz or safetensors"
            " instead."
        )


def rows_json(rows: list[dict[str, Any]]) -> str:
    """Result rows as a JSON list, one row per line."""
    return "[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n"


def rows_csv(rows: list[dict[str, Any]]) -> str:
    """Result rows as CSV: the union of their names in the order of appearance, lists as JSON, absent values empty.

    A text that starts with '=', '+', '-' or '@' gets a quote in front, so that no sheet runs it.
    """
    names = list(dict.fromkeys(name for row in rows for name in row))
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(names)
    for row in rows:
        writer.writerow([_cell(row.get(name)) for name in names])
    return file.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@")):
        return f"'{value}"
    return json.dumps(value) if isinstance(value, list | dict | tuple | bool) else value
