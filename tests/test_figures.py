"""Every figure on Compare, Home, in the report and on the terminal is the one of rows.jsonl that its row and threat
name.

Three runs with unlike evaluations, in which no two figures are equal, so that a figure under another name is seen.
Run: pytest tests/test_figures.py
"""

import json
import re
from html import unescape
from statistics import mean, stdev

import numpy as np
import pytest
from fake_run import make_named

from app import cache, charts, contestants, runlist
from c2r import config
from c2r.attacks import protocols
from c2r.cli.look import list_runs
from c2r.cli.terminal import print_rows
from c2r.evaluation import accuracies, attempts, digest, paired, tables
from c2r.report import report
from c2r.store import headline, runs
from c2r.store.files import save_arrays
from c2r.store.results import own_rows
from c2r.store.writing import save_rows

SMALL = {"n": 24, "classes": 3, "steps": 2}
N, SEEDS = 359, 3
PLANS = {
    "own": {"eval_attacks": ("fgsm", "pgd", "pgd-l2"), "eps": "32/255"},
    "hundred": {"eval_attacks": ("pgd", "fgsm"), "eps": "32/255", "eval_pgd_steps": 100},
    "guard": {"protocol": "guard-1/255", "eps": "32/255"},
    "typed": {"eval_attacks": ("pgd",), "eps": "0.125490196", "eval_training": "standard"},
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("figures") / "runs"
    right = iter(range(N - 1, 0, -1))
    for name, plan in PLANS.items():
        evaluated(make_named(folder / name, **SMALL, **plan), right)
    return folder


@pytest.fixture
def store(made, monkeypatch):
    monkeypatch.setenv("C2R_RUNS", str(made))
    monkeypatch.setenv("C2R_SAMPLE", str(made / "none"))
    return made


def evaluated(path, right):
    """Rows and outcomes of exactly what the run's protocol plans, no two of the same accuracy."""
    settings = config.from_json((path / "config.json").read_text())
    rows, test = [], {"labels": np.arange(N) % 3, "index": np.arange(N)}
    for attempt in protocols.attempts(settings):
        counts = [next(right) for _ in range(SEEDS)]
        hits = np.stack([np.arange(N) < count for count in counts]).astype(np.uint8)
        test |= {f"correct/{attempt.key}": hits, f"margin/{attempt.key}": (hits - 0.5).astype(np.float32)}
        rows += [
            {
                "method": "c2r",
                "network": "convnet-32",
                "training": settings.eval_training,
                "protocol": settings.protocol,
                "key": attempt.key,
                "attack": attempt.attack,
                "label": attempt.label,
                "norm": attempt.norm,
                "eps": attempt.radius,
                "targeted": attempt.targeted,
                "options": dict(attempt.options),
                "seed": seed,
                "split": "test",
                "accuracy": count / N,
                "success": None,
                "n": N,
                "interval": [0, 1],
                "forwards": 1.0,
                "backwards": 1.0,
                "seconds": 1.0,
                "distance": None,
                "moved": 0.0,
            }
            for seed, count in enumerate(counts)
        ]
    save_rows(path, rows)
    save_arrays(path, "test", test)
    return path


def measured(path):
    """From the rows alone: what each figure is of, in words of this test → its accuracies."""
    found = {}
    for row in map(json.loads, (path / "rows.jsonl").read_text().splitlines()):
        threat = (
            f"{'L∞' if row['norm'] == 'Linf' else row['norm']} {row['eps'].replace('0.125490196', '32/255')}"
            if row["norm"]
            else ""
        )
        found.setdefault((row["label"].replace("clean", "Clean"), threat, row["training"]), []).append(row["accuracy"])
    return found


def spoken(values):
    return f"{100 * mean(values):.1f} ± {100 * stdev(values):.1f}"


def compared(store):
    offered = contestants.offers(runs.list_runs(store))
    entries = contestants.entries([offered[name] for name in PLANS])
    return [entry.contestant for entry in entries]


def test_every_cell_of_compare_is_the_figure_of_the_rows_or_says_that_it_was_not_measured(store):
    sets = compared(store)
    trainings = {"adversarial training": "pgd-at", "standard training": "standard"}
    seen, threats = 0, digest.threats(one.digest for one in sets)
    assert {threat.label for threat in threats} == {"L∞ 32/255", "L2 128/255", "L∞ 1/255"}, "0.125490196 is 32/255"
    for threat in threats:
        table = tables.accuracy_table(sets, threat)
        for one in sets:
            rows = measured(store / one.name)
            for head, cell in zip(table["Accuracy (%)"], table[one.name], strict=True):
                label = re.sub(r"^Under | \(.*", "", head)
                if label not in {key[0] for key in rows} and not head.startswith("Under"):
                    continue
                training = next(
                    (kind for words, kind in trainings.items() if words in head), "pgd-at" if label != "Clean" else None
                )
                key = (label, "" if label == "Clean" else threat.label, training or next(iter(rows))[2])
                assert cell == (spoken(rows[key]) if key in rows else "not measured"), (threat.label, head, one.name)
                seen += 1
    assert seen > 30


def test_the_lowest_figure_of_another_threat_stands_in_no_row_of_this_one(store):
    sets = compared(store)
    linf = next(threat for threat in digest.threats(one.digest for one in sets) if threat.label == "L∞ 32/255")
    table = tables.accuracy_table(sets, linf)
    of = dict(zip(table["Accuracy (%)"], table["guard"], strict=True))
    assert (
        of["Under PGD-10 (adversarial training)"]
        == of["Under PGD-100"]
        == of["Worst attack (adversarial training)"]
        == "not measured"
    )
    profile = accuracies.profile(sets, linf)
    profile = charts.accuracy_profile(profile.heads, profile.of_sets, statement="")
    drawn = {trace.name: np.isfinite(trace.y).sum() for trace in profile.data}
    assert drawn == {"own": 4, "hundred": 4, "guard": 1, "typed": 3}


def test_home_shows_clean_and_worst_of_the_rows_with_radius_and_n(store):
    found = runs.list_runs(store)
    table = runlist.run_table(found, [cache.rows(run.path) for run in found], [run.id for run in found], 0)
    for i, run in enumerate(found):
        rows = measured(run.path)
        clean = next(values for key, values in rows.items() if key[0] == "Clean")
        counted = {key: mean(values) for key, values in rows.items() if key[1] and "unbounded" not in key[1]}
        lowest = min(counted, key=lambda key: counted[key])
        assert table["Clean"][i] == pytest.approx(100 * mean(clean)) and table["Worst attack"][i] == pytest.approx(
            100 * counted[lowest]
        )
        assert table["Worst by"][i] == f"{lowest[0]}, {lowest[1].removeprefix('L∞ ')}" and table["n"][i] == N


def test_every_line_of_the_report_is_a_figure_of_the_rows(store):
    text = unescape(report([store / name for name in PLANS])).replace("\u00a0", " ")
    results = text[text.index("<h2>Results</h2>") : text.index("<h2>Settings")] + text[: text.index("<h2>Checks</h2>")]
    assert "0.12549" not in results
    lines = re.findall(
        r"<tr><th[^>]*>([^<]*)</th><td[^>]*>([^<]*)</td><td[^>]*>([A-D])</td><td[^>]*>([\d.]+) %</td>", text
    )
    found = {
        (letter, re.sub(r" \(.*", "", label), threat.replace("–", "")): float(share)
        for label, threat, letter, share in lines
    }
    for letter, name in zip("ABCD", PLANS, strict=True):
        rows = {
            (letter, label.replace("Clean", "clean"), threat): round(100 * mean(v), 2)
            for (label, threat, _), v in measured(store / name).items()
        }
        assert {key: value for key, value in found.items() if key[0] == letter} == pytest.approx(rows)


def test_the_report_shows_paired_differences_to_its_first_run_of_what_both_measured(store):
    text = unescape(report([store / name for name in ("own", "hundred", "guard")])).replace("\u00a0", " ")
    part = text[text.index("<h2>Paired differences") : text.index("<h2>Worst case")]
    own, hundred, guard = (measured(store / name) for name in ("own", "hundred", "guard"))
    shown = re.findall(
        r"<tr><th[^>]*>([^<]*)</th><td[^>]*>([^<]*)</td><td[^>]*>([BC]) − A</td><td[^>]*>([+-][\d.]+) \(", part
    )
    found = {(letter, name, threat.replace("–", "")): float(points) for name, threat, letter, points in shown}
    wanted = {}
    for letter, rows in (("B", hundred), ("C", guard)):
        wanted |= {
            (letter, key[0].replace("Clean", "clean"), key[1]): 100 * (mean(rows[key]) - mean(own[key]))
            for key in rows
            if key in own
        }
    assert {key[:2] for key in found} == {("B", "clean"), ("B", "FGSM"), ("C", "clean")}
    assert found == pytest.approx(wanted, abs=0.051) and paired.ONE_SEED in part
    assert "<rect" not in text and part.count("<circle") == 3, (
        "a dot plot: attacks have no order, and a difference no length"
    )


@pytest.mark.parametrize("name", PLANS)
def test_the_terminal_names_radius_and_n_of_every_figure(store, name, capsys):
    print_rows(own_rows(store / name))
    said = capsys.readouterr().out
    assert "0.1254" not in said
    for (label, threat, _), values in measured(store / name).items():
        (line,) = [
            line
            for line in said.splitlines()
            if line.split("  ")[1].strip() == label.replace("Clean", "clean") and threat.split(" ")[-1] in line
        ]
        assert f"{100 * mean(values):5.1f} %" in line and f"n = {N} images" in line


def test_the_list_shows_the_headline_with_radius_and_n(store, capsys):
    from argparse import Namespace

    assert list_runs(Namespace(store=store, json=False)) == 0
    said = capsys.readouterr().out
    for name in PLANS:
        figures = attempts.figures(own_rows(store / name))
        lowest = figures[headline.worst(figures)]
        (line,) = [line for line in said.splitlines() if line.startswith(f"{name} ")]
        assert f"{100 * lowest['mean']:.0f} % at {headline.ball(lowest)}, n = {N}" in line
