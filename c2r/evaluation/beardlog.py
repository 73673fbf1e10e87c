"""BEARD evaluation logs: read the lines, leave out what did not run, work out the metrics. No torch.

One line per attack, as the toolkit of zhouzhengqd/BEARD writes it:
``NAME attack on METHOD: final acc is: target_attack: A +- s, attack time is T; non_target_attack: A +- s, attack time
is T, dataset: D, IPC: N, ... model: M, ... eval_accuracies_target: {[{network: share}]},
eval_accuracies_non_target: ...``
The log is in percent and seconds; what is returned is in shares in [0, 1] and seconds, metrics in percent (see
`metrics`). These attacks ran on normalised images with a [0, 1] clamp, so the figures are not comparable with
pixel-space ones.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from c2r.errors import InputError
from c2r.evaluation.metrics import pool, ratios, warnings
from c2r.untrusted import regular

GOALS = ("untargeted", "targeted")
LARGEST = 2**20  # bytes; a log holds a few thousand
# These have no targeted form; the toolkit then writes the clean result into the targeted column.
UNTARGETED_ONLY = {"deepfool", "aa", "autoattack", "tpgd"}
UNBOUNDED = {"deepfool", "cw"}
SIDE = (
    r"{0}_attack:\s{{0,9}}(?P<{1}>[\d.]{{1,20}}) \+- (?P<{1}_std>[\d.]{{1,20}}), attack time is"
    r" (?P<{1}_time>[\d.]{{1,20}})"
)
# Every repetition is bounded, so that a hostile line costs no more than a plain one.
LINE = re.compile(
    r"(?P<attack>[\w&-]{1,40}) attack on (?P<method>[\w+.-]{1,80}): final acc is:\s{0,9}"
    + SIDE.format("target", "targeted")
    + r";\s{0,9}"
    + SIDE.format("non_target", "untargeted")
)
FIELDS = {
    "dataset": re.compile(r"dataset: ([^,]{1,80}),"),
    "ipc": re.compile(r"IPC: (\d{1,6})"),
    "model": re.compile(r" model: (\w{1,80})"),
}
NETWORKS = {
    "untargeted": re.compile(r"eval_accuracies_non_target: \{\[\{([^}]{0,4000})\}"),
    "targeted": re.compile(r"eval_accuracies_target: \{\[\{([^}]{0,4000})\}"),
}
SCORE = re.compile(r"'([^']{1,80})': ([\d.]{1,20})")
NAME_IPC = re.compile(r"_(\d+)_evaluation_log")
# metric → what the toolkit's tables call it
HEADS = {"rr": "RR", "ae": "AE", "crei": "CREI", "i_rr": "I-RR", "i_crei": "I-CREI", "penalised_i_rr": "rome+"}
EXPECTED = (
    "expected 'NAME attack on METHOD: final acc is: target_attack: A +- s, attack time is T; non_target_attack: ...'"
)


def read(path: str | Path) -> dict[str, Any]:
    """The values of a log file (see `parse`). :raises InputError: no file, not text, too large, or as `parse`"""
    file = Path(path)
    try:
        size = regular(file, "an evaluation log").stat().st_size
        if size > LARGEST:
            raise InputError(
                f"{file.name} has {size} bytes, an evaluation log has a few thousand: give a text log written by BEARD."
            )
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"There is no file {file}: expected an evaluation log; check the path.") from None
    except (OSError, UnicodeDecodeError):
        raise InputError(
            f"{file} cannot be read as text: expected an evaluation log as BEARD writes it; choose another file."
        ) from None
    log = parse(text, file.name)
    named = NAME_IPC.search(file.name)
    if named and log["ipc"] is not None and int(named[1]) != log["ipc"]:
        log["notes"].append(f"The file name says IPC {named[1]}, its lines say IPC {log['ipc']}: the lines are used.")
    return log


def parse(text: str, name: str = "log") -> dict[str, Any]:
    """The values of one evaluation.

    :returns: name, method, dataset, ipc, model, ``clean`` {accuracy, seconds (the smaller of the two clean timings),
        targeted and untargeted entries}, ``attacks`` {attack: {"targeted": entry or None, "untargeted": entry or None}}
        with entry {accuracy, std, seconds, networks {network: accuracy} in transfer logs}, ``notes``: sentences on what
        was left out and why
    :raises InputError: a line that is cut or out of range, no or two clean lines, an attack twice, two methods
    """
    lines = [_line(line, number, name) for number, line in enumerate(text.splitlines(), 1) if " attack on " in line]
    base = _clean(lines, name)
    notes: list[str] = []
    attacks = {
        line["attack"]: {goal: _kept(line, goal, base, notes) for goal in GOALS} for line in lines if line is not base
    }
    if loose := [attack for attack in attacks if attack.lower() in UNBOUNDED]:
        notes.append(
            f"{' and '.join(loose)} have no radius: the ratios mix them with attacks of a fixed radius, as BEARD does."
        )
    if "spsa" in {attack.lower() for attack in attacks}:
        notes.append("BEARD's untargeted SPSA branch runs AutoAttack: read that value as AutoAttack.")
    return {
        "name": name,
        "method": base["method"],
        "dataset": base["dataset"],
        "ipc": base["ipc"],
        "model": base["model"],
        "clean": {
            "accuracy": base["targeted"]["accuracy"],
            "seconds": min(base[goal]["seconds"] for goal in GOALS),
            **{goal: base[goal] for goal in GOALS},
        },
        "attacks": attacks,
        "notes": notes,
    }


def _clean(lines: list[dict[str, Any]], name: str) -> dict[str, Any]:
    """The clean line. Raises InputError unless the lines are those of one evaluation."""
    clean = [line for line in lines if line["attack"].lower() == "clean"]
    if len(clean) != 1:
        raise InputError(
            f"{name} holds {len(clean)} lines 'Clean attack on METHOD', expected one: give a file with one evaluation."
        )
    names = [(line["attack"], line["method"]) for line in lines]
    if len(set(names)) < len(names) or len({method for _, method in names}) > 1:
        raise InputError(
            f"{name} holds an attack twice or several methods, expected one evaluation: split it into one file for"
            " each."
        )
    return clean[0]


def _line(text: str, number: int, name: str) -> dict[str, Any]:
    match = LINE.search(text)
    if not match:
        raise InputError(f"Line {number} of {name} is cut or in another format: {EXPECTED}.")
    line: dict[str, Any] = {"attack": match["attack"], "method": match["method"]}
    try:
        for goal in GOALS:
            scores = {
                network: float(score) for network, score in SCORE.findall((NETWORKS[goal].search(text) or ["", ""])[1])
            }
            values = {
                "accuracy": float(match[goal]) / 100,
                "std": float(match[goal + "_std"]) / 100,
                "seconds": float(match[goal + "_time"]),
            }
            if not all(0 <= share <= 1 for share in (values["accuracy"], *scores.values())):
                raise ValueError
            line[goal] = values | ({"networks": scores} if scores else {})
    except ValueError as error:
        raise InputError(
            f"Line {number} of {name} holds a value that is not an accuracy between 0 and 100 %: {EXPECTED}."
        ) from error
    for field, pattern in FIELDS.items():
        hit = pattern.search(text)
        line[field] = hit[1].strip() if hit else None
    line["ipc"] = int(line["ipc"]) if line["ipc"] else None
    return line


def _kept(line: dict[str, Any], goal: str, clean: dict[str, Any], notes: list[str]) -> dict[str, Any] | None:
    """The entry, or None with a note when no attack ran, known by name or by an accuracy that is exactly the clean one.

    The toolkit goes by name alone, so under it a renamed attack counts clean accuracy as robust.
    """
    attack = line["attack"]
    if goal == "targeted" and attack.lower() in UNTARGETED_ONLY:
        notes.append(f"{attack} has no targeted form, its targeted column is clean accuracy: left out.")
        return None
    if abs(line[goal]["accuracy"] - clean[goal]["accuracy"]) < 1e-6:
        notes.append(f"{attack} {goal} is exactly the clean accuracy, so no attack ran: left out.")
        return None
    return line[goal]


def figures(log: dict[str, Any], goal: str, network: str | None = None) -> dict[str, Any]:
    """The metrics of one goal ("targeted" or "untargeted"): clean, attacks {name: share}, `metrics.ratios`, warnings.

    :param network: a network of a transfer log; its accuracies are used, and the costs stay those of the surrogate
    """
    entries = {attack: sides[goal] for attack, sides in log["attacks"].items() if sides[goal]}
    clean, attacked = log["clean"]["accuracy"], {attack: entry["accuracy"] for attack, entry in entries.items()}
    if network is not None:
        if any(network not in entry.get("networks", {}) for entry in (log["clean"][goal], *entries.values())):
            raise InputError(
                f"{log['name']} has no accuracies of network '{network}': expected one that its lines list."
            )
        clean = log["clean"][goal]["networks"][network]
        attacked = {attack: entry["networks"][network] for attack, entry in entries.items()}
    seconds = [entry["seconds"] for entry in entries.values()]
    return {
        "clean": clean,
        "attacks": attacked,
        **ratios(clean, attacked.values(), log["clean"]["seconds"], seconds),
        "warnings": warnings(clean, attacked.values(), seconds),
    }


def unified(logs: Iterable[dict[str, Any]], goal: str) -> dict[str, float | None]:
    """The metrics of several IPCs as one (RRM, AEM, CREIM and their kin; see `metrics.pool`)."""
    accuracies, seconds = [], []
    for log in logs:
        entries = [sides[goal] for sides in log["attacks"].values() if sides[goal]]
        accuracies.append((log["clean"]["accuracy"], [entry["accuracy"] for entry in entries]))
        seconds.append((log["clean"]["seconds"], [entry["seconds"] for entry in entries]))
    return ratios(*pool(accuracies), *pool(seconds))


def report(paths: Iterable[str | Path]) -> dict[str, Any]:
    """Metrics of log files: ``logs`` (one dict each: name, method, dataset, ipc, notes, targeted, untargeted as in
    `figures`) and ``unified`` (one dict for every method and dataset that comes with two or more IPCs, each once:
    method, dataset, ipcs, targeted, untargeted).

    :raises InputError: as `read`
    """
    logs = [read(path) for path in paths]
    sets: dict[tuple[Any, Any], list[dict[str, Any]]] = {}
    for log in logs:
        sets.setdefault((log["method"], log["dataset"]), []).append(log)
    pooled = {key: same for key, same in sets.items() if len({log["ipc"] for log in same}) == len(same) > 1}
    return {
        "logs": [
            {key: log[key] for key in ("name", "method", "dataset", "ipc", "notes")}
            | {g: figures(log, g) for g in GOALS}
            for log in logs
        ],
        "unified": [
            {
                "method": method,
                "dataset": dataset,
                "ipcs": [log["ipc"] for log in same],
                **{goal: unified(same, goal) for goal in GOALS},
            }
            for (method, dataset), same in pooled.items()
        ],
    }


def as_text(report: dict[str, Any]) -> str:
    """A report as a table for the terminal: one line per log and goal, metrics in percent, notes below."""
    lines = [f"{'method':10} {'dataset':10} {'IPC':>8} {'goal':10}" + "".join(f"{head:>9}" for head in HEADS.values())]
    for entry in (*report["logs"], *report["unified"]):
        ipc = "/".join(map(str, entry["ipcs"])) if "ipcs" in entry else str(entry["ipc"])
        for goal in GOALS:
            cells = "".join(
                f"{'-' if entry[goal][name] is None else format(entry[goal][name], '.2f'):>9}" for name in HEADS
            )
            lines.append(f"{entry['method']:10} {entry['dataset'] or '-':10} {ipc:>8} {goal:10}" + cells)
    lines += [f"{entry['name']}: {note}" for entry in report["logs"] for note in entry["notes"]]
    return "\n".join(lines)
