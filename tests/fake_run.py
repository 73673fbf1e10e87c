"""Complete, plausible run folders written without torch, and the ways in which a folder can be damaged.

Letters: N synthetic images, K classes, S recorded steps, D embedding, M evaluation networks.
"""

import json
import shutil
import time
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from c2r import config
from c2r.attacks import catalog
from c2r.evaluation import badges
from c2r.evaluation.badges import Badge
from c2r.look.summary import margin_summary
from c2r.networks.naming import network_name
from c2r.registry import METHODS, describe
from c2r.scorers import under
from c2r.store import describing
from c2r.store.files import save_arrays, write_atomic
from c2r.store.writing import RunWriter, save_rows

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
EMBEDDING = 12
OF_A_SCORER = ("margin_clean", "margin_adv", "share_clean", "share_robust", "search", "separation")
NETWORKS = 3
EPS = 2 / 255
TESTED = 359
# attempt key → accuracy of the first network; the next ones are a point better each
TRIED = {"clean": 0.86, "fgsm": 0.71, "pgd": 0.66}


def make_run(
    path: Path,
    *,
    state: str = "done",
    steps: int = 7,
    n: int = 40,
    classes: int = 4,
    evaluated: bool = True,
    mapped: bool = True,
    seed: int = 0,
    shape: tuple[int, int, int] = (1, 8, 8),
    every: int = 10,
    tried: dict[str, float] | None = None,
    of_before: bool = False,
    **changes: Any,
) -> Path:
    """Write a run folder with `steps` recorded steps of `n` images [C, H, W] and return its path; margins improve with
    the steps.

    `tried`: attempt key → accuracy, see `TRIED`. `of_before`: as runs were written whose manifest says nothing of the
    method, and whose events call its series losses.
    """
    draw, last = np.random.default_rng(seed), max(0, steps - 1) * every
    own = {"ipc": max(1, n // classes), "steps": max(1, last), "record_every": every, "seed": seed, "scorers": "ce"}
    settings = config.load("demo", own | changes)
    writer = _begun(path, settings, state, {} if of_before else describe(settings), (classes, shape))
    world = make_world(draw, n, classes, shape)
    for index in range(steps):
        add_frame(writer, world, index, steps, every, told="losses" if of_before else "series")
    _basis(writer, world)
    if mapped and steps:
        _map(writer, draw, world, steps, every)
    if evaluated and (steps or METHODS[settings.method].kind == "reference"):
        _evaluation(writer, settings, draw, n, classes, tried or TRIED, world["images"].nbytes)
    if evaluated and steps:
        save_arrays(writer.path, "synthetic", {"images": world["images"], "labels": world["labels"]})
    _finish(writer, state, steps, last)
    return Path(path)


def _begun(
    path: Path,
    settings: config.RunConfig,
    state: str,
    described: dict[str, Any],
    data: tuple[int, tuple[int, int, int]],
) -> RunWriter:
    """A run folder with its manifest and nothing recorded yet. `described`: what the manifest says of the method;
    `data`: classes, and the shape of an image."""
    classes, shape = data
    writer = RunWriter(path, settings)
    if state != "queued":
        writer.status(state="running")
    writer.manifest(
        versions={"c2r": "0.1.0", "torch": "2.13.0"},
        commit="0" * 12,
        device="cpu",
        preset="demo",
        command="python -m c2r distill --preset demo --out runs/example",
        classes=[DIGITS[k] if k < len(DIGITS) else f"class {k}" for k in range(classes)],
        attacked="parts",
        data={"name": "digits", "hash": "d1" * 8, "train": 1438, "test": 359, "shape": list(shape)},
        **described,
    )
    return writer


def _settings(path: Path) -> config.RunConfig:
    """The settings of a run folder."""
    return _read(path / "config.json", (path / "config.json").stat().st_mtime_ns)


@cache
def _read(file: Path, when: int) -> config.RunConfig:  # noqa: ARG001 - part of the key
    return config.from_json(file.read_text(encoding="utf-8"))


def add_frame(
    writer: RunWriter,
    world: dict[str, np.ndarray],
    index: int,
    steps: int,
    every: int = 10,
    told: str = "series",
) -> None:
    """Record step `index` of `steps`: images sharpen, margins grow, the embedding's classes move apart.

    Under each scorer after the first, margins are half a logit smaller and the embedding is turned. `told`: what the
    event calls the figures of the method.
    """
    progress = index / max(1, steps - 1)
    arrays = _arrays(world, index, progress)
    clean, adv, n = arrays["margin_clean"], arrays["margin_adv"], len(world["labels"])
    event, scorers = _event(index, n, clean, adv, progress), _settings(writer.path).scorers[1:]
    event[told] = _series(index, progress, describe(_settings(writer.path))["series"])
    for scorer in scorers:
        own = {"margin_clean": clean - 0.5, "margin_adv": adv - 0.5, "score": np.maximum(0, 1.5 - adv)}
        own |= {name: arrays[name] for name in ("pred_clean", "pred_adv")}
        own |= {name: arrays[name][:, ::-1] for name in ("embedding_clean", "embedding_adv")}
        arrays |= under({name: np.ascontiguousarray(array) for name, array in own.items()}, scorer)
        shown = _event(index, n, clean - 0.5, adv - 0.5, progress / 2)
        event.setdefault("scorers", {})[scorer] = {name: shown[name] for name in OF_A_SCORER}
    writer.frame(index * every, event, arrays)


def _arrays(world: dict[str, np.ndarray], index: int, progress: float) -> dict[str, np.ndarray]:
    """The arrays of the frame of step `index`, when `progress` of the run is done, 0 to 1."""
    draw = np.random.default_rng(1000 + index)
    n = len(world["labels"])
    clean = (world["ease"] + 1.2 + 4.5 * progress + draw.normal(0, 0.3, n)).astype(np.float32)
    adv = (clean - world["gap"] * (1.6 - 0.6 * progress)).astype(np.float32)
    order = np.argsort(adv, kind="stable").astype(np.int64)
    centres = world["centres"][world["labels"]] * (0.6 + 1.4 * progress)
    embedding = centres + world["spread"] + draw.normal(0, 0.05, world["spread"].shape)
    shifted = embedding + world["push"] * (1.4 - 0.7 * progress)
    blend = 0.35 + 0.65 * progress
    images = (blend * world["images"] + (1 - blend) * world["start"]).astype(np.uint8)
    delta = (EPS * np.sign(world["pattern"])).astype(np.float16)
    wrong = (world["labels"] + 1) % (world["labels"].max() + 1)
    return {
        "images": images,
        "labels": world["labels"],
        "delta": delta,
        "margin_clean": clean,
        "margin_adv": adv,
        "score": np.maximum(0, 1 - adv).astype(np.float32),
        "order": order,
        "pred_clean": np.where(clean > 0, world["labels"], wrong),
        "pred_adv": np.where(adv > 0, world["labels"], wrong),
        "embedding_clean": embedding.astype(np.float16),
        "embedding_adv": shifted.astype(np.float16),
    }


def make_world(draw: np.random.Generator, n: int, classes: int, shape: tuple[int, int, int]) -> dict[str, np.ndarray]:
    """What `add_frame` makes its steps from: labels, prototypes, ease and embeddings of `n` images."""
    labels = np.sort(np.arange(n) % classes).astype(np.int64)
    prototypes = np.stack([_smooth(draw.normal(size=shape)) for _ in range(classes)])
    images = prototypes[labels] + 0.25 * np.stack([_smooth(draw.normal(size=shape)) for _ in range(n)])
    images = (images - images.min()) / (images.max() - images.min()) * 255
    return {
        "labels": labels,
        "images": images.astype(np.uint8),
        "start": draw.uniform(0, 255, (n, *shape)).astype(np.uint8),
        "pattern": draw.normal(size=(n, *shape)),
        "ease": draw.normal(0, 1.6, n),
        "gap": draw.uniform(1.0, 4.5, n),
        "centres": draw.normal(0, 2.0, (classes, EMBEDDING)),
        "spread": draw.normal(0, 0.7, (n, EMBEDDING)),
        "push": draw.normal(0, 0.8, (n, EMBEDDING)),
    }


def _smooth(noise: np.ndarray) -> np.ndarray:
    for _ in range(2):
        noise = (
            noise + np.roll(noise, 1, -1) + np.roll(noise, -1, -1) + np.roll(noise, 1, -2) + np.roll(noise, -1, -2)
        ) / 5
    return noise / np.abs(noise).max()


def _series(index: int, progress: float, series: list[dict[str, Any]]) -> dict[str, float | None]:
    """The figures of a method: terms that fall, and first their weighted sum; nothing at the first step."""
    if index == 0:
        return dict.fromkeys(one["name"] for one in series)
    terms = {one["name"]: (9.0 - 6 * progress) / place for place, one in enumerate(series) if place}
    weights = {one["name"]: one["weight"] or 0.0 for one in series}
    return {one["name"]: sum(weights[name] * terms[name] for name in terms) for one in series[:1]} | terms


def _event(index: int, n: int, clean: np.ndarray, adv: np.ndarray, progress: float) -> dict[str, Any]:
    reused = int(n * 0.6 * progress)
    side = {"knn": 0.7 + 0.25 * progress, "silhouette": 0.05 + 0.3 * progress, "between_within": 0.4 + 1.5 * progress}
    return {
        "seconds": 2.5 + 1.4 * index,
        "n": n,
        "margin_clean": margin_summary(clean),
        "margin_adv": margin_summary(adv),
        "share_clean": float((clean > 0).mean()),
        "share_robust": float((adv > 0).mean()),
        "search": {"reused": reused, "improved": n - reused - n // 10, "kept": n // 10},
        "forwards": n * (4 + 33 * index),
        "backwards": n * (1 + 14 * index),
        "separation": {"clean": side, "adv": {key: value * 0.8 for key, value in side.items()}},
    }


def _basis(writer: RunWriter, world: dict[str, np.ndarray]) -> None:
    points = world["centres"][world["labels"]] + world["spread"]
    mean = points.mean(0)
    _, values, axes = np.linalg.svd(points - mean, full_matrices=False)
    explained = (values**2 / (values**2).sum())[:2]
    arrays = {"mean": mean, "axes": np.ascontiguousarray(axes[:2].T), "explained": explained}
    arrays = {key: value.astype(np.float32) for key, value in arrays.items()}
    others = [under(arrays, scorer) for scorer in _settings(writer.path).scorers[1:]]
    save_arrays(writer.path, "basis", {key: value for each in (arrays, *others) for key, value in each.items()})


def _map(writer: RunWriter, draw: np.random.Generator, world: dict[str, np.ndarray], steps: int, every: int) -> None:
    n, classes = len(world["labels"]), world["labels"].max() + 1
    angle = 2 * np.pi * np.arange(classes) / classes
    centres = np.stack([np.cos(angle), np.sin(angle)], 1)[world["labels"]]
    progress = np.linspace(0, 1, steps)[:, None, None]
    clean = 5 + centres * (2 + 4 * progress) + world["spread"][:, :2] * 1.2
    adv = clean + world["push"][:, :2] * (1.5 - progress) + draw.normal(0, 0.05, (steps, n, 2))
    layout = {
        "umap_clean": clean.astype(np.float32),
        "umap_adv": adv.astype(np.float32),
        "fitted": np.arange(steps) % 2 == 0,
    }
    arrays = {"steps": np.arange(steps, dtype=np.int64) * every, "index": np.arange(n, dtype=np.int64)} | layout
    for scorer in _settings(writer.path).scorers[1:]:
        arrays |= under(layout, scorer)
    save_arrays(writer.path, "map", arrays)


def make_named(path: Path, **settings: Any) -> Path:
    """`make_run`, and the run is called as its folder is, as if a person had named it."""
    run = make_run(path, **settings)
    describing.describe(run, path.name)
    return run


def make_evaluation(
    run: Path,
    name: str,
    *,
    tried: dict[str, float] | None = None,
    state: str = "done",
    seed: int = 1,
    step: int | None = None,
    **changes: Any,
) -> Path:
    """Add the evaluation `name` (of the images of `step`, where that is given) to a run folder of `make_run`; returns
    its folder."""
    facts = json.loads((run / "facts.json").read_text())
    settings = config.validate(json.loads((run / "config.json").read_text()) | changes)
    manifest = json.loads((run / "manifest.json").read_text())
    writer = RunWriter(run / "evaluations" / name, settings, of=run)
    writer.status(state="running")
    writer.manifest(**manifest | ({} if step is None else {"step": step}))
    if state == "done":
        draw = np.random.default_rng(seed)
        _evaluation(writer, settings, draw, facts["stored"], len(manifest["classes"]), tried or TRIED, facts["bytes"])
    _finish(writer, state, 0, 0)
    return writer.path


def _evaluation(
    writer: RunWriter,
    settings: config.RunConfig,
    draw: np.random.Generator,
    n: int,
    classes: int,
    tried: dict[str, float],
    size: int,
) -> None:
    """Rows, outcomes of the synthetic and of the test images, facts and checks of an evaluation with NETWORKS
    networks."""
    rows = [
        _row(settings, key, accuracy + 0.01 * seed, seed) for key, accuracy in tried.items() for seed in range(NETWORKS)
    ]
    save_rows(writer.path, rows)
    hits = {key: (draw.random((NETWORKS, n)) < accuracy).astype(np.uint8) for key, accuracy in tried.items()}
    for key, before in zip(list(hits)[1:], hits, strict=False):
        hits[key] &= hits[before]
    save_arrays(writer.path, "outcomes", hits)
    save_arrays(writer.path, "test", _tested(draw, classes, tried))
    facts = {
        "stored": n,
        "effective": n * settings.partition**2,
        "bytes": size,
        "label_bytes": n,
        "labels": "hard",
        "partition": settings.partition,
        "network": network_name(settings),
        "steps": settings.eval_steps,
        "data_hash": "d1" * 8,
        "seeds": list(range(NETWORKS)),
        "selection": "last step",
        "precision": "float32",
        "origin": "own run",
        "subset": {"n": TESTED, "seed": settings.seed, "stored": True},
    }
    write_atomic(writer.path / "facts.json", json.dumps(facts) + "\n")
    write_atomic(writer.path / "checks.json", json.dumps(badges.to_json(_badges())) + "\n")


def _row(settings: config.RunConfig, key: str, share: float, seed: int) -> dict[str, Any]:
    attack, _, radius = key.replace("-targeted", "").partition("@")
    label, norm = ("clean", "") if attack == "clean" else (catalog.label(attack), catalog.facts(attack).norm)
    label += " targeted" if "-targeted" in key else ""
    passes = 1.0 if attack == "clean" else catalog.passes(attack) / 2
    return {
        "method": settings.method,
        "network": network_name(settings, with_depth=False),
        "training": "pgd-at",
        "protocol": settings.protocol,
        "key": key,
        "attack": attack,
        "label": label,
        "norm": norm,
        "eps": (radius or "2/255") if norm else "",
        "targeted": "-targeted" in key,
        "options": {},
        "seed": seed,
        "split": "test",
        "accuracy": share,
        "success": None,
        "n": TESTED,
        "interval": [share - 0.04, share + 0.04],
        "forwards": passes,
        "backwards": passes if norm else 0.0,
        "seconds": 0.1 * passes,
        "distance": 0.01 if norm else None,
        "moved": 2.0 if norm else 0.0,
    }


def _tested(draw: np.random.Generator, classes: int, tried: dict[str, float]) -> dict[str, np.ndarray]:
    """Test images of unlike difficulty: a network's margin is above 0 on as many of them as its accuracy says."""
    labels = np.arange(TESTED, dtype=np.int64) % classes
    ease = draw.normal(0, 1, TESTED) + draw.normal(0, 0.5, classes)[labels]
    arrays = {"labels": labels, "index": np.arange(TESTED, dtype=np.int64)}
    for key, accuracy in tried.items():
        margin = np.empty((NETWORKS, TESTED), np.float32)
        for seed in range(NETWORKS):
            value = ease + draw.normal(0, 0.2, TESTED)
            right = round((accuracy + 0.01 * seed) * TESTED)
            margin[seed] = 3 * (value - np.sort(value)[::-1][right : right + 1].max(initial=value.min() - 1))
        arrays |= {f"margin/{key}": margin, f"correct/{key}": (margin > 0).astype(np.uint8)}
    return arrays


def _badges() -> list[Badge]:
    """Twelve stored checks: one red, one amber, one that was not run, the rest green."""
    said = {
        5: (
            "red",
            "The best checkpoint was chosen by its test accuracy: best minus last is 1.8 points.",
            "Choose on held-out training images.",
        ),
        2: (
            "amber",
            "Square leaves 0.4 points less than the strongest white-box attack.",
            "Run AutoAttack with 100 iterations.",
        ),
        6: (
            "grey",
            "Not run: this check attacks a few hundred images and runs on demand.",
            "Run the checks on demand.",
        ),
    }
    green = ("green", "Largest change of a pixel value: 2.00 of 2 allowed, in 1/255.", badges.NOTHING)
    return [
        Badge(number, badges.NAMES[number], badges.TITLES[number], *said.get(number, green))
        for number in badges.PITFALLS
    ]


def _finish(writer: RunWriter, state: str, steps: int, last: int) -> None:
    now = time.time()
    phase = {"done": "finished", "queued": "starting"}.get(state, "distill" if steps else "pool")
    message = (
        "The disk is full: expected room for one more frame; free some space and start again."
        if state == "failed"
        else ""
    )
    facts: dict[str, Any] = {
        "state": state,
        "phase": phase,
        "step": last,
        "total": last or 1200,
        "started": now - 95,
        "message": message,
    }
    facts["eta_s"] = 42.0 if state in ("running", "paused") else None
    if state == "lost":
        facts |= {"state": "running", "pid_started": 1.0}
    writer.status(force=True, **facts)
    (writer.path / "log.txt").write_text(
        "pool: network 1 of 6 trained\npool: network 2 of 6 trained\n", encoding="utf-8"
    )


def _edit_json(file: Path, **changes: Any) -> None:
    write_atomic(file, json.dumps(json.loads(file.read_text(encoding="utf-8")) | changes))


def _truncate(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])


def _last_frame(path: Path) -> Path:
    return sorted((path / "frames").glob("*.safetensors"))[-1]


DAMAGE = {
    "no status": lambda path: (path / "status.json").unlink(),
    "torn status": lambda path: _truncate(path / "status.json"),
    "unknown state": lambda path: _edit_json(path / "status.json", state="sleeping"),
    "no config": lambda path: (path / "config.json").unlink(),
    "unknown setting": lambda path: _edit_json(path / "config.json", colour="red"),
    "no manifest": lambda path: (path / "manifest.json").unlink(),
    "torn manifest": lambda path: _truncate(path / "manifest.json"),
    "torn events": lambda path: _truncate(path / "events.jsonl"),
    "no events": lambda path: (path / "events.jsonl").unlink(),
    "truncated frame": lambda path: _truncate(_last_frame(path)),
    "no frames": lambda path: shutil.rmtree(path / "frames"),
    "truncated map": lambda path: _truncate(path / "map.safetensors"),
    "no basis": lambda path: (path / "basis.safetensors").unlink(),
    "torn rows": lambda path: _truncate(path / "rows.jsonl"),
    "truncated outcomes": lambda path: _truncate(path / "outcomes.safetensors"),
    "truncated test outcomes": lambda path: _truncate(path / "test.safetensors"),
    "torn checks": lambda path: _truncate(path / "checks.json"),
    "torn facts": lambda path: _truncate(path / "facts.json"),
}


def break_run(path: Path, how: str) -> None:
    """Damage the run folder `path`; `how` is a key of `DAMAGE`."""
    DAMAGE[how](Path(path))
