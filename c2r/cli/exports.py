"""``export``: a run's set, its rows or a report for other tools and people."""

import argparse
from pathlib import Path

from c2r import paths
from c2r.cli.arguments import several_of, whole, word
from c2r.cli.judge import evaluated
from c2r.errors import InputError
from c2r.formats import archives
from c2r.formats.fromrun import from_run
from c2r.formats.write import EXPORTS, rows_csv, rows_json, write_set
from c2r.store import runs
from c2r.store.files import write_atomic
from c2r.work import forking

OTHER = {"rows-csv": "-rows.csv", "rows-json": "-rows.json", "report": "-report.html"}


def add_export(parser: argparse.ArgumentParser) -> None:
    """Options of ``export``."""
    parser.add_argument("dir", type=paths.folder, metavar="DIR", help="run folder")
    parser.add_argument(
        "file",
        type=paths.new,
        nargs="?",
        metavar="FILE.zip",
        help="write the whole run as one archive, as 'archive' does",
    )
    parser.add_argument(
        "--format",
        type=several_of("export format", (*EXPORTS, *OTHER)),
        default="safetensors",
        help=f"with commas: {', '.join([*EXPORTS, *OTHER])} (default safetensors)",
    )
    parser.add_argument(
        "--out",
        type=paths.given,
        help="file, or folder for several formats (default: beside the working folder, named after the run)",
    )
    parser.add_argument("--step", type=whole(0, 10**9), help="a recorded step instead of the finished set")
    parser.add_argument(
        "--normalisation", type=word, help="constants of the dc-pt file (default: those of the set's data)"
    )
    parser.add_argument(
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
