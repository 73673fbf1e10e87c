"""Sets in npz and safetensors files: ours and those with other common names. numpy, no torch, nothing is unpickled."""

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open

from c2r.errors import InputError, quoted
from c2r.formats.imported import Raw
from c2r.formats.safe import Budget, member_array, members, size
from c2r.untrusted import MOST_ENTRIES, plain, slug, word

IMAGES = ("images", "image", "x", "X", "data", "image_syn", "images_train", "x_train", "train_images", "arr_0")
LABELS = (
    "labels",
    "label",
    "y",
    "Y",
    "target",
    "targets",
    "label_syn",
    "labels_train",
    "y_train",
    "train_labels",
    "arr_1",
)
SOFT = ("soft_labels", "soft", "logits")
WORDS = {
    "method": slug,
    "data_hash": slug,
    "partition_reason": word,
    "augmentation": word,
}  # metadata that are one word or text
LONGEST_HEADER = 100_000_000  # bytes, the limit of safetensors itself


def read_npz(path: Path, budget: Budget) -> Raw:
    """The set of an npz file. Raises InputError when no names fit, for pickled objects, bombs and false headers."""
    with zipfile.ZipFile(path) as archive:
        infos = {
            info.filename.removesuffix(".npy"): info
            for info in members(archive, budget)
            if info.filename.endswith(".npy")
        }
        names = _names(set(infos), path.name)
        arrays = {role: member_array(archive, infos[name], budget) for role, name in names.items()}
        classes = member_array(archive, infos["classes"], budget) if "classes" in infos else np.array([])
        text = str(member_array(archive, infos["metadata"], budget)) if "metadata" in infos else ""
    return _raw(arrays, tuple(map(str, classes.ravel())), text, path.name)


def require_header(path: Path) -> None:
    """Raise InputError when a safetensors file claims a header that it cannot hold; nothing is allocated."""
    whole = path.stat().st_size
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
    if length > min(whole - 8, LONGEST_HEADER):
        raise InputError(
            f"{path.name} claims a header of {size(length)} and has {size(whole)} in all: expected a complete"
            " safetensors file; download or write it again."
        )


def read_safetensors(path: Path, budget: Budget) -> Raw:
    """The set of a safetensors file; the length of its header is checked before safetensors sees it."""
    whole = path.stat().st_size
    require_header(path)
    with safe_open(path, framework="numpy") as stored:
        names = _names(set(stored.keys()), path.name)
        budget.spend(whole)
        arrays = {role: stored.get_tensor(name) for role, name in names.items()}
        notes = stored.metadata() or {}
    classes = _json(notes.get("classes", "[]"), list, path.name)
    return _raw(arrays, tuple(classes), json.dumps({k: v for k, v in notes.items() if k != "classes"}), path.name)


def _names(stored: set[str], name: str) -> dict[str, str]:
    """Which array plays which role."""
    first = {
        role: next((n for n in names if n in stored), "")
        for role, names in (("images", IMAGES), ("labels", LABELS), ("soft", SOFT))
    }
    if not first["images"] or not (first["labels"] or first["soft"]):
        raise InputError(
            f"{name} holds the arrays {', '.join(n[:40] for n in sorted(stored)[:8]) or 'none'}: expected 'images' and"
            " 'labels' or 'soft_labels'; rename them."
        )
    return {role: n for role, n in first.items() if n}


def _raw(arrays: dict[str, np.ndarray], classes: tuple[Any, ...], text: str, name: str) -> Raw:
    soft = arrays.get("soft")
    labels = arrays["labels"] if "labels" in arrays else arrays["soft"]
    metadata = _metadata(_json(text or "{}", dict, name))
    facts: dict[str, Any] = {"metadata": metadata} if metadata else {}
    if metadata.get("partition"):
        facts |= {
            "partition": metadata["partition"],
            "partition_reason": metadata.get("partition_reason") or "stored in the file",
        }
    if metadata.get("method"):
        facts["method"] = metadata["method"]
    return Raw(arrays["images"], labels, classes, soft if "labels" in arrays else None, facts)


def _metadata(stored: dict[str, Any]) -> dict[str, Any]:
    """Metadata with numbers and lists where a safetensors header has their text, all of it short, plain words: nothing
    of it is a path."""
    entries: dict[str, Any] = {}
    for key, value in stored.items():
        try:
            entries[str(key)] = json.loads(value) if isinstance(value, str) else value
        except ValueError:
            entries[str(key)] = value
    facts = entries.pop("facts", {})  # a set as this app stores it keeps all it knows in one entry
    entries = facts | entries if isinstance(facts, dict) else entries
    parts = entries.get("partition")
    if parts is not None and not (type(parts) is int and 1 <= parts <= 16):
        raise InputError(
            f"The metadata says partition {quoted(parts)}: expected a whole number from 1 to 16; write the file again."
        )
    cleaned = {word(key): plain(value) for key, value in list(entries.items())[:MOST_ENTRIES]}
    return cleaned | {name: clean(cleaned[name]) for name, clean in WORDS.items() if name in cleaned}


def _json(text: str, kind: type, name: str) -> Any:
    value = json.loads(text)
    if not isinstance(value, kind):
        raise InputError(
            f"The metadata of {name} hold a {type(value).__name__} where a {kind.__name__} stands; write the file"
            " again."
        )
    return value
