"""Which networks a run folder keeps, by name: its scorers, and the networks of the evaluation that stands for it. No
torch.

A scorer has the name it has in the settings (``ce``), an evaluation network that of its seed (``seed0``). Names from
elsewhere are compared with these and never become part of a path.
"""

import re
from pathlib import Path

from c2r.base.errors import InputError, quoted
from c2r.scorers import FOLLOWER, SCORERS
from c2r.store.results import headline_folder
from c2r.store.runs import open_run

PARTS = {"ce": "network-0", "ce-crl": "scorer-0"}  # the part of the checkpoint that holds a scorer
SEED = re.compile(r"seed(\d{1,6})")


def kept(path: Path) -> dict[str, Path]:
    """The networks of a run folder by name, scorers first, and the file each lies in; {} where it keeps none."""
    run = open_run(path)
    names = run.config.scorers if run.config else ()
    files = {name: run.path / "parts" / f"{PARTS[name]}.safetensors" for name in names if name in PARTS}
    if FOLLOWER in names:
        files[FOLLOWER] = run.path / "checkpoint.safetensors"
    found = {name: file for name, file in files.items() if file.is_file()}
    seeds = (headline_folder(run.path) / "networks").glob("seed*.safetensors")
    numbered = {int(match[1]): file for file in seeds if (match := SEED.fullmatch(file.stem))}
    return found | {f"seed{number}": numbered[number] for number in sorted(numbered)}


def file_of(path: Path, name: str) -> Path:
    """The file that holds a network of a run folder. Raises InputError for a name that it does not keep."""
    known = kept(path)
    if not known:
        raise InputError(
            f"Run {Path(path).name} keeps no network: expected scorers of a run at work or networks of a finished"
            " evaluation; wait for one, or evaluate the set."
        )
    if name not in known:
        raise InputError(
            f"Run {Path(path).name} keeps no network '{quoted(name)}': expected one of {', '.join(known)}; choose one."
        )
    return known[name]


def called(name: str) -> str:
    """What a network is called on screen: ``evaluation network, seed 0`` or ``scorer ce: trained with …``."""
    match = SEED.fullmatch(name)
    return f"evaluation network, seed {match[1]}" if match else f"scorer {name}: {SCORERS.get(name, 'unknown')}"
