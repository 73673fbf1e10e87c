"""The layouts of distilled sets, ours and those of other projects: table `FORMATS`, how each is recognised and read.
numpy, no torch."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from c2r.errors import InputError
from c2r.formats.arrays import read_npz, read_safetensors
from c2r.formats.fkd import image_folder, label_folder, read_fkd
from c2r.formats.folders import class_folders, read_folder
from c2r.formats.imported import Raw
from c2r.formats.layouts import (
    is_dc,
    is_pair,
    is_prototypes,
    mtt_files,
    read_dc,
    read_mtt,
    read_pair,
    refuse_others,
    refuse_prototypes,
)
from c2r.formats.safe import Budget, require_file
from c2r.formats.tensors import read_tensors

TORCH = (".pt", ".pth", ".pkl", ".pickle", ".tar", ".bin")
EXPECTED = "a distilled set in one of the layouts that 'python -m c2r import' lists"


@dataclass
class Candidate:
    """A file or folder that is to be read; what torch wrote is parsed once, on first use."""

    path: Path
    budget: Budget
    experiment: int = -1
    image_size: int = 0

    @cached_property
    def stored(self) -> tuple[Any, str]:
        return read_tensors(require_file(self.path, self.budget.limits), self.budget)

    def is_torch(self) -> bool:
        return self.path.is_file() and self.path.suffix.lower() in TORCH


@dataclass(frozen=True)
class Format:
    """How one layout is recognised and read."""

    label: str
    sniff: Callable[[Candidate], bool]
    read: Callable[[Candidate], Raw]


def _tensors(read: Callable[..., Raw], fits: Callable[[Any], bool]) -> Callable[[Candidate], Raw]:
    """A reader of what torch wrote: parse, refuse what is known to be something else, check the layout, read."""

    def reader(candidate: Candidate) -> Raw:
        content, container = candidate.stored
        refuse_others(content, candidate.path.name)
        if not fits(content):
            raise InputError(
                f"{candidate.path.name} holds a {_outline(content)}: expected {EXPECTED}; choose another file."
            )
        raw = read(content, candidate.budget, candidate.experiment)
        return replace(raw, facts=raw.facts | {"container": container})

    return reader


def _outline(content: Any) -> str:
    inside = (
        ", ".join(str(key)[:40] for key in list(content)[:4])
        if isinstance(content, dict)
        else f"{len(content)} entries"
        if isinstance(content, list | tuple)
        else ""
    )
    return f"{type(content).__name__.lower()}{f' of {inside}' if inside else ''}"


FORMATS: dict[str, Format] = {
    "dc-pt": Format(
        "DC, DSA, DM, ROME, BEARD pool: .pt with a list of experiments",
        lambda f: f.is_torch() and is_dc(f.stored[0]),
        _tensors(read_dc, is_dc),
    ),
    "idm-pickle": Format(
        "IDM, ROME: pickle of (images, labels)",
        lambda f: (
            f.is_torch()
            and is_pair(f.stored[0])
            and (f.stored[1] == "pickle" or f.path.suffix.lower() in (".pkl", ".pickle"))
        ),
        _tensors(read_pair, is_pair),
    ),
    "tensor-pair": Format(
        "DREAM, IDC: .pt with (data, target)",
        lambda f: f.is_torch() and is_pair(f.stored[0]),
        _tensors(read_pair, is_pair),
    ),
    "npz": Format(
        "npz with images and labels", lambda f: f.path.suffix.lower() == ".npz", lambda f: read_npz(f.path, f.budget)
    ),
    "safetensors": Format(
        "safetensors with images and labels",
        lambda f: f.path.suffix.lower() == ".safetensors",
        lambda f: read_safetensors(f.path, f.budget),
    ),
    "mtt-folder": Format(
        "MTT, TESLA: folder with images_best.pt and labels_best.pt",
        lambda f: f.path.is_dir() and bool(mtt_files(f.path)[0]),
        lambda f: read_mtt(f.path, f.budget),
    ),
    "fkd": Format(
        "SRe2L, CDA, GUARD, D4M: image folder with FKD soft labels (epoch_0/batch_0.tar)",
        lambda f: f.path.is_dir() and bool(label_folder(f.path)) and bool(image_folder(f.path)),
        lambda f: read_fkd(f.path, f.budget, f.image_size),
    ),
    "image-folder": Format(
        "SRe2L, D4M and others: one folder of pictures per class",
        lambda f: f.path.is_dir() and bool(class_folders(f.path)),
        lambda f: read_folder(f.path, f.budget, f.image_size),
    ),
    "prototypes-json": Format(
        "D4M prototypes (refused: latents)", lambda f: is_prototypes(f.path), lambda f: refuse_prototypes(f.path)
    ),
}


def sniff(candidate: Candidate) -> str:
    """The name of the format a file or folder has. Raises InputError when it has none of them."""
    if candidate.is_torch():
        refuse_others(candidate.stored[0], candidate.path.name)
    name = next((name for name, format in FORMATS.items() if format.sniff(candidate)), "")
    if name:
        return name
    if candidate.path.is_dir():
        inside = [child.name for child in sorted(candidate.path.iterdir())][:5]
        came = f"holds {', '.join(inside)}" if inside else "is empty"
    elif candidate.is_torch():
        came = f"holds a {_outline(candidate.stored[0])}"
    else:
        came = f"ends in '{candidate.path.suffix}'"
    raise InputError(
        f"{candidate.path.name} {came}: expected one of {', '.join(FORMATS)}; name the format or choose another file."
    )
