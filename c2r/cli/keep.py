"""``about``, ``delete``, ``undo``, ``archive``, ``open`` and ``storage``: housekeeping of the run store."""

import argparse
import json
from dataclasses import asdict

from c2r import paths
from c2r.cli.arguments import days, text, word
from c2r.errors import InputError
from c2r.formats import archives, opening
from c2r.formats.safe import size
from c2r.store import deleting, describing, runs, sizes, tagging
from c2r.work import forking


def _add_store(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--store", type=paths.store, default=runs.default_store(), help="folder that holds run folders")


def add_about(parser: argparse.ArgumentParser) -> None:
    """Options of ``about``."""
    parser.add_argument("dir", type=paths.folder, metavar="DIR", help="run folder")
    parser.add_argument(
        "--name",
        type=text,
        help=f"display name, at most {describing.NAME} characters; '' removes it (the folder keeps its own name)",
    )
    parser.add_argument("--note", type=text, help=f"at most {describing.NOTE} characters; '' removes it")
    parser.add_argument(
        "--tags",
        type=text,
        help=f"with commas, one that holds a comma in double quotes, at most {tagging.TAGS}; '' removes them",
    )
    parser.add_argument(
        "--headline", type=text, metavar="ID", help="the evaluation whose figures stand for the run; own: the run's own"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of lines")


def about(chosen: argparse.Namespace) -> int:
    """Name, note, tags and headline evaluation of a run: show them, or change those that are given."""
    tags = None if chosen.tags is None else tagging.tags_of(chosen.tags)
    changes = (chosen.name, chosen.note, tags, "" if chosen.headline == "own" else chosen.headline)
    if not runs.is_run(chosen.dir):
        raise InputError(
            f"{chosen.dir} is no run folder: expected one with config.json and status.json; choose one that 'list'"
            " shows."
        )
    told = describing.about(chosen.dir) if changes == (None,) * 4 else describing.describe(chosen.dir, *changes)
    if chosen.json:
        print(json.dumps(asdict(told), indent=2))
        return 0
    lines = {
        "name": told.name,
        "tags": tagging.tags_text(told.tags),
        "note": told.note,
        "headline": told.headline or "own",
    }
    for what, said in lines.items():
        print(f"{what}: {said or '-'}")
    config, born = (
        runs.open_run(chosen.dir).config,
        forking.children(chosen.dir.absolute().name, chosen.dir.absolute().parent),
    )
    if config and config.parent:
        print(f"fork of: {config.parent.replace('@', ' at step ')}")
    if born:
        print(f"forks: {', '.join(child.id for child in born)}")
    return 0


def add_delete(parser: argparse.ArgumentParser) -> None:
    """Options of ``delete``."""
    parser.add_argument("dir", type=paths.folder, metavar="DIR", help="run folder of the store that has ended")
    _add_store(parser)


def delete(chosen: argparse.Namespace) -> int:
    """Move a run into the trash of its store; 'undo' brings it back."""
    place = deleting.delete(chosen.dir, chosen.store)
    print(f"Deleted {chosen.dir.absolute().name}; bring it back with: python -m c2r undo {place.name}")
    return 0


def add_undo(parser: argparse.ArgumentParser) -> None:
    """Options of ``undo``."""
    parser.add_argument("id", type=word, metavar="ID", help="id of a deleted run, or its name in the trash")
    _add_store(parser)


def undo(chosen: argparse.Namespace) -> int:
    """Bring a deleted run back."""
    print(f"Back: {deleting.undo(chosen.id, chosen.store)}")
    return 0


def add_archive(parser: argparse.ArgumentParser) -> None:
    """Options of ``archive``."""
    parser.add_argument("dir", type=paths.folder, metavar="DIR", help="run folder that has ended")
    parser.add_argument("file", type=paths.new, metavar="FILE.zip", help="the archive to write")


def archive(chosen: argparse.Namespace) -> int:
    """Write a whole run into one zip file that 'open' takes on any machine."""
    print("\n".join(filter(None, (str(archives.archive(chosen.dir, chosen.file)), archives.left_out(chosen.dir)))))
    return 0


def add_open(parser: argparse.ArgumentParser) -> None:
    """Options of ``open``."""
    parser.add_argument("file", type=paths.file, metavar="FILE.zip", help="archive of a run")
    parser.add_argument(
        "--again", action="store_true", help="also when the same run is in the store already: it becomes a second one"
    )
    _add_store(parser)


def open_file(chosen: argparse.Namespace) -> int:
    """Make a run of an archive that was written here or elsewhere."""
    print(f"Opened {opening.open_archive(chosen.file, chosen.store, again=chosen.again)}")
    return 0


def add_storage(parser: argparse.ArgumentParser) -> None:
    """Options of ``storage``."""
    _add_store(parser)
    parser.add_argument(
        "--empty-trash",
        type=days,
        metavar="DAYS",
        help="first remove for good what was deleted longer ago (0: everything)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")


def storage(chosen: argparse.Namespace) -> int:
    """What the runs of a store take up, what is in its trash, and what is free."""
    if chosen.empty_trash is not None:
        removed = deleting.empty_trash(chosen.store, chosen.empty_trash)
        if not chosen.json:
            print(f"Removed {removed} deleted run{'' if removed == 1 else 's'} for good.")
    taken = sizes.storage(chosen.store)
    if chosen.json:
        print(json.dumps(taken, indent=2))
        return 0
    print(f"{'run':44} " + " ".join(f"{kind:>12}" for kind in (*sizes.KINDS, "total")))
    for run in taken["runs"]:
        print(f"{run['id']:44} " + " ".join(f"{size(count):>12}" for count in (*run["kinds"].values(), run["total"])))
    for deleted in taken["deleted"]:
        print(f"deleted: {deleted['trash']} {size(deleted['total'])}")
    print(
        f"Rest of the store {size(taken['rest'])}, all of it {size(taken['total'])}; free on its disk"
        f" {size(taken['free'])}."
    )
    return 0
