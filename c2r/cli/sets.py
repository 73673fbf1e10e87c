"""``import`` and ``export``: distilled sets from elsewhere, and for elsewhere."""

import argparse
import hashlib
import json
from pathlib import Path
from typing import Any

from c2r import config as settings
from c2r import paths
from c2r.cli import work
from c2r.cli.arguments import add_settings, one_of, several_of, whole, word
from c2r.cli.judge import evaluated
from c2r.data.sources import WORDS
from c2r.errors import InputError
from c2r.formats import FORMATS, MOST_PARTS, ImportedSet, NormalisationNeeded, archives, opening, read_set
from c2r.formats.fromrun import from_run
from c2r.formats.imported import METHODS as KNOWN
from c2r.formats.normalisation import NORMALISATIONS
from c2r.formats.sets import staged
from c2r.formats.write import EXPORTS, rows_csv, rows_json, write_set
from c2r.registry import METHODS
from c2r.store import runs
from c2r.store.files import write_atomic
from c2r.work import forking, preflight


def add_import(one: argparse.ArgumentParser) -> None:
    """Options of ``import``."""
    one.add_argument("path", type=paths.given, metavar="PATH", help="file, folder or zip")
    known = "; ".join(f"{name} = {row.label}" for name, row in FORMATS.items())
    one.add_argument(
        "--format", type=one_of("format", ("auto", *FORMATS)), default="auto", help=f"auto, or one of: {known}"
    )
    one.add_argument(
        "--partition",
        type=whole(0, MOST_PARTS),
        default=0,
        help="parts per side of a stored image (default: stored or guessed)",
    )
    one.add_argument(
        "--normalisation",
        type=word,
        default="ask",
        help=f"what to undo: none, 'mean;std', or one of {', '.join(NORMALISATIONS)}",
    )
    one.add_argument(
        "--experiment",
        type=whole(-1, 1_000_000),
        default=-1,
        help="which experiment of a DC-style file (default the last)",
    )
    one.add_argument(
        "--data", type=word, help="real data to score and evaluate it with (default: what its name and shape suggest)"
    )
    one.add_argument(
        "--preset", type=one_of("preset", settings.PRESETS), help="settings to evaluate it with (default by image size)"
    )
    add_settings(one, "change one setting; may be repeated")
    one.add_argument("--out", type=paths.new, help="run folder, new or empty (default: a new one in the run store)")
    one.add_argument("--look", action="store_true", help="only say what the file holds")
    one.add_argument("--json", action="store_true", help="print JSON instead of text")


def import_set(chosen: argparse.Namespace) -> int:
    """Read a distilled set of another project, and make a run of it that is scored and evaluated like any other."""
    settings.load(chosen.preset or "demo", settings.parse_assignments(chosen.set))
    if chosen.format == "auto" and opening.is_archive(chosen.path):
        return _open_archive(chosen)
    try:
        found = read_set(
            chosen.path,
            chosen.format,
            normalisation=chosen.normalisation,
            experiment=chosen.experiment,
            partition=chosen.partition,
        )
    except NormalisationNeeded as question:
        if chosen.json:
            print(
                json.dumps(
                    {
                        "question": "normalisation",
                        "guesses": list(question.guesses),
                        "low": question.low,
                        "high": question.high,
                    }
                )
            )
        raise
    if chosen.look:
        print(json.dumps(_facts(found), indent=2) if chosen.json else _told(found))
        return 0
    if not chosen.json:
        print(_told(found))
    return _start(found, chosen)


def _start(found: ImportedSet, chosen: argparse.Namespace) -> int:
    """Make a run of a set; its file in the store is written last, and goes again when the run is refused."""
    out = chosen.out or runs.default_store() / f"{runs.new_id(settings.load('demo'))[:16]}-imported-{_word(found)}"
    stored = out.parent / ".imports" / f"{_read_as(found, chosen)}.safetensors"
    preset = chosen.preset or _preset(found)
    config = settings.load(preset, _changes(found, stored, chosen))
    with staged(stored):
        try:
            write_set("safetensors", stored, found)
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


def _preset(found: ImportedSet) -> str:
    side = found.images.shape[-1]
    return "demo" if side <= 8 else "cifar10-small" if side <= 16 else "cifar10"


def _changes(found: ImportedSet, stored: Path, chosen: argparse.Namespace) -> dict[str, Any]:
    """What the settings of the preset become for this set."""
    data = chosen.data or found.facts.get("data", "")
    if not data or (not chosen.data and data not in WORDS):
        raise InputError(
            f"{chosen.path.name} does not say which real data it was distilled from: expected --data NAME or PATH; name"
            " them (or --look only)."
        )
    shape = preflight.peek(data, found.images.shape[-1])
    if (shape.channels, shape.classes >= len(found.classes)) != (found.images.shape[1], True):
        raise InputError(
            f"The set has {found.images.shape[1]} channels and {len(found.classes)} classes, {data} has"
            f" {shape.channels} and {shape.classes}: expected the data it was distilled from; choose other --data."
        )
    side, count = found.images.shape[-1], -(-len(found.labels) // max(1, len(set(found.labels.tolist()))))
    base: dict[str, Any] = {
        "method": "imported",
        "imported": str(stored.resolve()),
        "data": data,
        "device": "auto",
        "ipc": count,
        "partition": found.partition,
        "image_size": side,
        "depth": 2 if side <= 8 else 3 if side <= 32 else 4,
    }
    return base | settings.parse_assignments(chosen.set)


def _read_as(found: ImportedSet, chosen: argparse.Namespace) -> str:
    """A name for what was read: another one for every file, and for every way of reading it."""
    asked = (found.facts["sha256"], chosen.normalisation, chosen.experiment, found.partition)
    return hashlib.sha256(repr(asked).encode()).hexdigest()[:16]


def _word(found: ImportedSet) -> str:
    """What the run of a set is called: words of a file become no name, only methods and data that are known."""
    method = found.facts.get("method")
    parts = (method if method in {*KNOWN, *METHODS} else "set", runs.word(str(found.facts.get("data") or "")))
    return "-".join(filter(None, (*parts, f"ipc{len(found.labels) // max(1, len(found.classes))}")))


def _facts(found: ImportedSet) -> dict[str, Any]:
    return {
        "format": found.format,
        "shape": list(found.images.shape),
        "classes": len(found.classes),
        "mean": found.mean,
        "std": found.std,
        "soft": found.soft is not None,
        "partition": found.partition,
        "facts": found.facts,
    }


def _told(found: ImportedSet) -> str:
    facts = found.facts
    undone = f"normalisation undone (mean {found.mean}, std {found.std})" if found.mean else "taken as values in [0, 1]"
    clipped = 100 * facts.get("clipped", 0)
    warning = (
        f" So many values outside [0, 1] ({clipped:.0f} % were clipped) speak for another normalisation."
        if clipped > 5
        else ""
    )
    return (
        f"{Path(found.path).name}: {FORMATS[found.format].label if found.format in FORMATS else found.format};"
        f" {found.images.shape[0]} images of {'×'.join(map(str, found.images.shape[1:]))}, {len(found.classes)}"
        f" classes, {'soft' if found.soft is not None else 'hard'} labels, {undone}, {clipped:.1f} % of the values"
        f" clipped, partition {found.partition}.{warning}"
    )


OTHER = {"rows-csv": "-rows.csv", "rows-json": "-rows.json", "report": "-report.html"}


def add_export(one: argparse.ArgumentParser) -> None:
    """Options of ``export``."""
    one.add_argument("dir", type=paths.folder, metavar="DIR", help="run folder")
    one.add_argument(
        "file",
        type=paths.new,
        nargs="?",
        metavar="FILE.zip",
        help="write the whole run as one archive, as 'archive' does",
    )
    one.add_argument(
        "--format",
        type=several_of("export format", (*EXPORTS, *OTHER)),
        default="safetensors",
        help=f"with commas: {', '.join([*EXPORTS, *OTHER])} (default safetensors)",
    )
    one.add_argument(
        "--out",
        type=paths.given,
        help="file, or folder for several formats (default: beside the working folder, named after the run)",
    )
    one.add_argument("--step", type=whole(0, 10**9), help="a recorded step instead of the finished set")
    one.add_argument(
        "--normalisation", type=word, help="constants of the dc-pt file (default: those of the set's data)"
    )
    one.add_argument(
        "--expanded", action="store_true", help="dc-pt: write every part of a partition set as an image of its own"
    )


def export(chosen: argparse.Namespace) -> int:
    """Write a run's set, its result rows or a report for other tools and people."""
    if chosen.file is not None:
        print("\n".join(filter(None, (str(archives.archive(chosen.dir, chosen.file)), archives.left_out(chosen.dir)))))
        return 0
    places = {kind: _place(kind, chosen, len(chosen.format) > 1) for kind in chosen.format}
    _ready(chosen, places)
    for kind, place in places.items():
        print(_write(kind, place, chosen))
    return 0


def _ready(chosen: argparse.Namespace, places: dict[str, Path]) -> None:
    """Raise InputError when the run has not what is to be written, or something stands where it would go."""
    run = runs.open_run(chosen.dir)
    if run.problem:
        raise InputError(run.problem)
    if any(kind in EXPORTS for kind in places):
        if chosen.step is not None:
            forking.recorded(run, chosen.step)
        elif not (run.path / "synthetic.safetensors").exists():
            raise InputError(
                f"Run {run.id} ({run.state}) has no finished set: expected synthetic.safetensors in it; name a recorded"
                " step with --step."
            )
    if {"rows-csv", "rows-json"} & set(places):
        evaluated(chosen.dir)
    for kind, place in places.items():
        if kind not in EXPORTS or not EXPORTS[kind].folder:  # a folder may be there when it is empty
            paths.untaken(place)


def _place(kind: str, chosen: argparse.Namespace, several: bool) -> Path:
    """Where an export goes: --out itself, with the kind's suffix when it has none; inside it when it is a folder; or
    named after the run."""
    run = chosen.dir.resolve().name
    ending = OTHER.get(kind) or ("-png" if EXPORTS[kind].folder else EXPORTS[kind].suffix)
    name = Path("train.py" if kind == "snippet" else f"{run}{ending}")
    if chosen.out is None:
        return name
    if several or chosen.out.is_dir() and kind != "png":
        return chosen.out / name
    bare = not chosen.out.suffix and not (kind in EXPORTS and EXPORTS[kind].folder)
    return chosen.out.with_name(f"{chosen.out.name}.{ending.rpartition('.')[2]}") if bare else chosen.out


def _write(kind: str, place: Path, chosen: argparse.Namespace) -> Path:
    if kind == "report":
        from c2r.report import report

        return _text(place, report([chosen.dir]))
    if kind in OTHER:
        return _text(place, {"rows-csv": rows_csv, "rows-json": rows_json}[kind](evaluated(chosen.dir)))
    options = {"normalisation": chosen.normalisation or "", "expanded": chosen.expanded} if kind == "dc-pt" else {}
    options |= {"file": f"{chosen.dir.resolve().name}.npz"} if kind == "snippet" else {}
    return write_set(kind, place, from_run(chosen.dir, chosen.step), **options)


def _text(place: Path, text: str) -> Path:
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(place, text)
    except OSError as error:
        raise InputError(
            f"{place} cannot be written ({error.strerror}): expected a place of yours with free space; choose another"
            " --out."
        ) from None
    return place
