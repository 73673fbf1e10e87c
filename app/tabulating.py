"""Tables, curves and exports of a comparison, as plain values. numpy, no Streamlit.

Letters: M evaluation networks, n test images, K classes, A attempts. Accuracies are shares where nothing else is said.
"""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from app import words
from app.accuracies import Figure, Summary, figure, group_of
from app.attempts import Columns
from app.comparing import Contestant, Threat, data_hash, differences, stored_bytes
from c2r import config
from c2r.attacks import figurekey
from c2r.attacks.figurekey import FigureKey
from c2r.errors import InputError
from c2r.evaluation import literature
from c2r.fields import parse_radius, shown

NONE = "–"
RATIOS = {
    "rr": "RR",
    "i_rr": "I-RR",
    "penalised_i_rr": "I-RR, penalised",
    "ae": "AE, by seconds",
    "ae_passes": "AE, by passes",
    "crei": "CREI",
    "i_crei": "I-CREI",
}


def ratio_table(contestants: Sequence[Contestant], summaries: Sequence[Summary], threat: Threat | None) -> Columns:
    """RR, AE, CREI and their relatives in percent, one column per contestant; a dash where one is undefined."""
    table: Columns = {"Metric (%)": list(RATIOS.values())}
    for one, summary in zip(contestants, summaries, strict=True):
        group = group_of(summary, threat) or {}
        table[one.name] = [NONE if group.get(key) is None else f"{group[key]:.2f}" for key in RATIOS]
    return table


def cautions(contestants: Sequence[Contestant], summaries: Sequence[Summary], threat: Threat | None) -> list[str]:
    """The warnings of the metrics, each with the names of those it is true of."""
    found: dict[str, list[str]] = {}
    for one, summary in zip(contestants, summaries, strict=True):
        for sentence in (group_of(summary, threat) or {}).get("warnings", ()):
            found.setdefault(sentence, []).append(one.name)
    return [f"{', '.join(names)}: {sentence}" for sentence, names in found.items()]


class Sweep(NamedTuple):
    """One attack over radii. curves: contestant → (radii in 1/255, figures), ascending, radius 0 = clean."""

    label: str
    norm: str
    curves: dict[str, tuple[list[float], list[Figure]]]


def sweeps(contestants: Sequence[Contestant], summaries: Sequence[Summary]) -> list[Sweep]:
    """The attacks that contestants were tried with at two radii or more, each as accuracy against ε of those
    contestants."""
    curves: dict[FigureKey, dict[str, tuple[list[float], list[Figure]]]] = {}
    labels: dict[FigureKey, str] = {}
    for one, summary in zip(contestants, summaries, strict=True):
        clean = figure(summary["clean"])
        points: dict[FigureKey, dict[float, Figure]] = {}
        for attempt in summary["attempts"].values():
            known, of = figure(attempt), attempt["of"]
            if known and of.norm and of.eps and of.eps != "unbounded":
                swept = of._replace(eps="")
                labels.setdefault(swept, attempt["label"])
                points.setdefault(swept, {})[255 * parse_radius(of.eps)] = known
        for swept, at in points.items():
            if len(at) >= 2:
                radii = sorted(at)
                figures = [*([clean] if clean else []), *(at[radius] for radius in radii)]
                curves.setdefault(swept, {})[one.name] = ([0.0, *radii] if clean else radii, figures)
    named = figurekey.names({of: labels[of] for of in curves})
    return [Sweep(named[of], of.norm, found) for of, found in curves.items()]


def by_class(one: Contestant, keys: Sequence[str], classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Accuracy [K, A] of each class under each attempt, mean over networks and images (NaN for an absent class), and
    images per class [K]."""
    labels = one.test["labels"]
    counts = np.bincount(labels, minlength=classes)
    with np.errstate(invalid="ignore", divide="ignore"):
        columns = [np.bincount(labels, weights=one.correct[key].mean(0), minlength=classes) / counts for key in keys]
    return np.stack(columns, 1), counts


def class_table(accuracy: np.ndarray, counts: np.ndarray, classes: Sequence[str], attacks: Sequence[str]) -> Columns:
    """The figures of the heat map, in percent."""
    table: Columns = {"Class": list(classes), "n": counts.tolist()}
    return table | {
        name: [None if np.isnan(v) else round(100 * float(v), 1) for v in accuracy[:, k]]
        for k, name in enumerate(attacks)
    }


def transfer_table(
    accuracy: np.ndarray, std: np.ndarray | None, clean: Sequence[float], names: Sequence[str]
) -> Columns:
    """The figures of the transfer matrix in percent, with the spread over networks where there is one; last the clean
    accuracies."""
    table: Columns = {"Made on": [*names, *(["(clean)"] if len(clean) == len(names) else [])]}
    for k, name in enumerate(names):
        spread = [""] * len(names) if std is None else [f" ± {100 * value:.1f}" for value in std[:, k]]
        cells = [f"{100 * value:.1f}{more}" for value, more in zip(accuracy[:, k], spread, strict=True)]
        table[f"Tried on {name}"] = [*cells, *([f"{100 * clean[k]:.1f}"] if len(clean) == len(names) else [])]
    return table


def cumulative(margins: np.ndarray, points: int = 101) -> tuple[np.ndarray, np.ndarray]:
    """The distribution of margins [M, n], pooled: `points` quantiles and the share at or below each, at most as many as
    margins."""
    values = np.sort(np.asarray(margins, dtype=np.float64).ravel())
    broken = int(
        np.searchsorted(values, 0.0, side="right")
    )  # both sides of 0 are kept, so that the share there is exact
    border = [i for i in (broken - 1, broken) if 0 <= i < len(values)]
    at = np.unique([*np.linspace(0, len(values) - 1, min(points, len(values))).round().astype(int), *border])
    return values[at], (at + 1) / len(values)


def settings_that_differ(contestants: Sequence[Contestant]) -> Columns:
    """Every setting that is not the same for all, with its group, and data, device and versions where those differ."""
    heads = ("Group", "Setting")
    table: Columns = {name: [] for name in (*heads, *(c.name for c in contestants))}
    lines = [(group.__doc__ or "", name) for group in config.every_group() for name in group.model_fields]
    values = [(group, name, [_setting(c, name) for c in contestants]) for group, name in lines]
    values += [("Origin", name, [str(read(c) or NONE) for c in contestants]) for name, read in ORIGIN.items()]
    for group, name, cells in values:
        if len(set(cells)) > 1:
            spoken = map(words.place, cells) if name in PATHS else cells
            for head, cell in zip(table, (group, name, *spoken), strict=True):
                table[head].append(cell)
    return table


def _setting(one: Contestant, name: str) -> str:
    """A setting as a person writes it; a dash for an empty one."""
    return (shown(config.declared(name), getattr(one.config, name)) if hasattr(one.config, name) else "") or NONE


PATHS = ("data", "imported")  # settings that may hold a path
ORIGIN = {
    "data hash": data_hash,
    "stored bytes": stored_bytes,
    "labels": lambda c: c.facts.get("labels"),
    "device": lambda c: c.manifest.get("device"),
    "commit": lambda c: c.manifest.get("commit"),
    "torch": lambda c: (c.manifest.get("versions") or {}).get("torch"),
}


def exported_rows(contestants: Sequence[Contestant]) -> Columns:
    """All result rows as one table with the set's name, stored bytes and data hash; lists and options as JSON text."""
    rows = [
        {"set": c.name, "stored_bytes": stored_bytes(c), "data_hash": data_hash(c)} | row
        for c in contestants
        for row in c.rows
    ]
    names = list(dict.fromkeys(name for row in rows for name in row))
    return {
        name: [json.dumps(v) if isinstance(v := row.get(name), dict | list) else v for row in rows] for name in names
    }


def exported(contestants: Sequence[Contestant], summaries: Sequence[Summary], threat: Threat | None) -> str:
    """Everything the page shows, as JSON text: rows, summaries, facts, origin, and why the sets may not be ranked under
    the threat."""
    sets = [
        {
            "name": c.name,
            "settings": c.config.model_dump(mode="json") if c.config else None,
            "manifest": c.manifest,
            "facts": {name: value for name, value in c.facts.items() if name != "histograms"},
            "summary": s,
            "rows": list(c.rows),
        }
        for c, s in zip(contestants, summaries, strict=True)
    ]
    return (
        json.dumps(
            {
                "threat": threat.label if threat else None,
                "not_rankable_because": differences(contestants, threat),
                "sets": sets,
            },
            indent=1,
            default=float,
        )
        + "\n"
    )


def literature_table(name: str) -> tuple[Columns, list[str]]:
    """A published table as printed, one line per method, data and IPC; cells with a fault of their own end in †,
    explained in the notes.

    :raises InputError: unknown table
    """
    rows, everywhere = literature.rows(name), set(literature.about(name)["faults"])
    lines: dict[tuple[Any, ...], dict[str, str]] = {}
    notes: dict[str, list[str]] = {}
    for row in rows:
        own = [flag for flag in row["flags"] if flag not in everywhere]
        value = NONE if row["value"] is None else f"{row['value']:.2f}"
        place = (row["method"], row["dataset"], row["ipc"], row["targeted"])
        lines.setdefault(place, {})[row["metric"]] = value + (" †" if own else "")
        for flag in own:
            notes.setdefault(flag, []).append(f"{row['method']}, {row['dataset']}{_ipc(row['ipc'])}, {row['metric']}")
    metrics_ = list(dict.fromkeys(row["metric"] for row in rows))
    table: Columns = {
        "Method": [p[0] for p in lines],
        "Data": [p[1] for p in lines],
        "IPC": [NONE if p[2] is None else str(p[2]) for p in lines],
    }
    if any(place[3] is not None for place in lines):
        table["Goal"] = [NONE if p[3] is None else "targeted" if p[3] else "untargeted" for p in lines]
    table |= {metric: [cells.get(metric, NONE) for cells in lines.values()] for metric in metrics_}
    return table, [
        f"{'; '.join(cells[:4])}{' and others' if len(cells) > 4 else ''}: {flag}" for flag, cells in notes.items()
    ]


def _ipc(ipc: int | None) -> str:
    return "" if ipc is None else f" IPC {ipc}"


def matrix(found: dict[str, Any], names: Sequence[str]) -> tuple[np.ndarray, np.ndarray | None, list[float]]:
    """Accuracy [surrogate, target], its standard deviation or None, and clean accuracies, checked against the `names`
    asked for.

    :raises InputError: the file does not hold a square matrix over as many sets
    """
    try:
        accuracy = np.asarray(found["accuracy"], dtype=float)
        std = np.asarray(found["std"], dtype=float) if found.get("std") is not None else None
        clean = [float(value) for value in found.get("clean", ())]
    except (KeyError, TypeError, ValueError):
        accuracy, std, clean = np.zeros(0), None, []
    if accuracy.shape != (len(names), len(names)) or (std is not None and std.shape != accuracy.shape):
        raise InputError(f"The transfer file does not hold a {len(names)} × {len(names)} matrix: compute it again.")
    return accuracy, std, clean
