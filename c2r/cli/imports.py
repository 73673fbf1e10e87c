"""``import``: distilled sets from elsewhere, made into runs."""

import argparse
import hashlib
import json
from pathlib import Path
from typing import Any

from c2r import config as settings
from c2r import paths
from c2r.cli import work
from c2r.cli.arguments import add_settings, one_of, whole, word
from c2r.data.sources import WORDS
from c2r.errors import InputError
from c2r.formats import FORMATS, MOST_PARTS, ImportedSet, NormalisationNeeded, opening, read_set
from c2r.formats.guessing import METHODS as KNOWN
from c2r.formats.normalisation import NORMALISATIONS
from c2r.formats.sets import staged
from c2r.formats.write import write_set
from c2r.presets import PRESETS
from c2r.registry import METHODS
from c2r.store import runs
from c2r.work import preflight


def add_import(parser: argparse.ArgumentParser) -> None:
    """Options of ``import``."""
    parser.add_argument("path", type=paths.given, metavar="PATH", help="file, folder or zip")
    known = "; ".join(f"{name} = {row.label}" for name, row in FORMATS.items())
    parser.add_argument(
        "--format", type=one_of("format", ("auto", *FORMATS)), default="auto", help=f"auto, or one of: {known}"
    )
    parser.add_argument(
        "--partition",
        type=whole(0, MOST_PARTS),
        default=0,
        help="parts per side of a stored image (default: stored or guessed)",
    )
    parser.add_argument(
        "--normalisation",
        type=word,
        default="ask",
        help=f"what to undo: none, 'mean;std', or one of {', '.join(NORMALISATIONS)}",
    )
    parser.add_argument(
        "--experiment",
        type=whole(-1, 1_000_000),
        default=-1,
        help="which experiment of a DC-style file (default the last)",
    )
    parser.add_argument(
        "--data", type=word, help="real data to score and evaluate it with (default: what its name and shape suggest)"
    )
    parser.add_argument(
        "--preset", type=one_of("preset", PRESETS), help="settings to evaluate it with (default by image size)"
    )
    add_settings(parser, "change one setting; may be repeated")
    parser.add_argument("--out", type=paths.new, help="run folder, new or empty (default: a new one in the run store)")
    parser.add_argument("--look", action="store_true", help="only say what the file holds")
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")


def import_set(chosen: argparse.Namespace) -> int:
    """Read a distilled set of another project, and make a run of it that is scored and evaluated like any other."""
    settings.load(chosen.preset or "demo", settings.parse_assignments(chosen.set))
    if chosen.format == "auto" and opening.is_archive(chosen.path):
        return _open_archive(chosen)
    distilled = _read(chosen)
    if chosen.look:
        print(json.dumps(_facts(distilled), indent=2) if chosen.json else _told(distilled))
        return 0
    if not chosen.json:
        print(_told(distilled))
    return _start(distilled, chosen)


def _read(chosen: argparse.Namespace) -> ImportedSet:
    """The set that was named; which normalisation to undo is a question that JSON can answer too. Raises InputError."""
    try:
        return read_set(
            chosen.path,
            chosen.format,
            normalisation=chosen.normalisation,
            experiment=chosen.experiment,
            partition=chosen.partition,
        )
    except NormalisationNeeded as question:
        if chosen.json:
            asked = {"guesses": list(question.guesses), "low": question.low, "high": question.high}
            print(json.dumps({"question": "normalisation"} | asked))
        raise


def _start(distilled: ImportedSet, chosen: argparse.Namespace) -> int:
    """Make a run of a set; its file in the store is written last, and goes again when the run is refused."""
    out = chosen.out or runs.default_store() / f"{runs.new_id(settings.load('demo'))[:16]}-imported-{_word(distilled)}"
    stored = out.parent / ".imports" / f"{_read_as(distilled, chosen)}.safetensors"
    preset = chosen.preset or _preset(distilled)
    config = settings.load(preset, _changes(distilled, stored, chosen))
    with staged(stored):
        try:
            write_set("safetensors", stored, distilled)
            return work.start(config, preset, out, chosen.json, numbered=not chosen.out)
        except MemoryError:
            raise InputError(
                f"{chosen.path.name} needs more memory than there is: expected room for its images; close other"
                " programs or import a smaller set."
            ) from None


def _open_archive(chosen: argparse.Namespace) -> int:
    """An archived run is no set: it is opened as the run that it is."""
    if chosen.out or chosen.look:
        raise InputError(
            f"{chosen.path.name} is an archived run, which keeps its id: expected no --out and no --look; leave them"
            " out."
        )
    print(f"Opened {opening.open_archive(chosen.path, runs.default_store())}")
    return 0


def _preset(distilled: ImportedSet) -> str:
    side = distilled.images.shape[-1]
    return "demo" if side <= 8 else "cifar10-small" if side <= 16 else "cifar10"


def _changes(distilled: ImportedSet, stored: Path, chosen: argparse.Namespace) -> dict[str, Any]:
    """What the settings of the preset become for this set."""
    data = chosen.data or distilled.facts.get("data", "")
    if not data or (not chosen.data and data not in WORDS):
        raise InputError(
            f"{chosen.path.name} does not say which real data it was distilled from: expected --data NAME or PATH; name"
            " them (or --look only)."
        )
    shape = preflight.peek(data, distilled.images.shape[-1])
    if (shape.channels, shape.classes >= len(distilled.classes)) != (distilled.images.shape[1], True):
        raise InputError(
            f"The set has {distilled.images.shape[1]} channels and {len(distilled.classes)} classes, {data} has"
            f" {shape.channels} and {shape.classes}: expected the data it was distilled from; choose other --data."
        )
    side, count = distilled.images.shape[-1], -(-len(distilled.labels) // max(1, len(set(distilled.labels.tolist()))))
    base: dict[str, Any] = {
        "method": "imported",
        "imported": str(stored.resolve()),
        "data": data,
        "device": "auto",
        "ipc": count,
        "partition": distilled.partition,
        "image_size": side,
        "depth": 2 if side <= 8 else 3 if side <= 32 else 4,
    }
    return base | settings.parse_assignments(chosen.set)


def _read_as(distilled: ImportedSet, chosen: argparse.Namespace) -> str:
    """A name for what was read: another one for every file, and for every way of reading it."""
    asked = (distilled.facts["sha256"], chosen.normalisation, chosen.experiment, distilled.partition)
    return hashlib.sha256(repr(asked).encode()).hexdigest()[:16]


def _word(distilled: ImportedSet) -> str:
    """What the run of a set is called: words of a file become no name, only methods and data that are known."""
    method = distilled.facts.get("method")
    parts = (method if method in {*KNOWN, *METHODS} else "set", runs.word(str(distilled.facts.get("data") or "")))
    return "-".join(filter(None, (*parts, f"ipc{len(distilled.labels) // max(1, len(distilled.classes))}")))


def _facts(distilled: ImportedSet) -> dict[str, Any]:
    return {
        "format": distilled.format,
        "shape": list(distilled.images.shape),
        "classes": len(distilled.classes),
        "mean": distilled.mean,
        "std": distilled.std,
        "soft": distilled.soft is not None,
        "partition": distilled.partition,
        "facts": distilled.facts,
    }


def _told(distilled: ImportedSet) -> str:
    facts = distilled.facts
    undone = (
        f"normalisation undone (mean {distilled.mean}, std {distilled.std})"
        if distilled.mean
        else "taken as values in [0, 1]"
    )
    clipped = 100 * facts.get("clipped", 0)
    warning = (
        f" So many values outside [0, 1] ({clipped:.0f} % were clipped) speak for another normalisation."
        if clipped > 5
        else ""
    )
    layout = FORMATS[distilled.format].label if distilled.format in FORMATS else distilled.format
    count, *shape = distilled.images.shape
    labels = "soft" if distilled.soft is not None else "hard"
    return (
        f"{Path(distilled.path).name}: {layout}; {count} images of {'×'.join(map(str, shape))},"
        f" {len(distilled.classes)} classes, {labels} labels, {undone}, {clipped:.1f} % of the values clipped,"
        f" partition {distilled.partition}.{warning}"
    )
