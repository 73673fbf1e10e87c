"""The sections with figures: accuracy under every attempt, worst case and ratios, margins, classes.

Letters: n test images, M evaluation networks, K classes.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from c2r.attacks import figurekey
from c2r.attacks.figurekey import FigureKey
from c2r.evaluation import metrics
from c2r.report import charts
from c2r.report.markup import Html, bullets, figure, interval, number, paragraph, percent, section, table, tag, threat
from c2r.report.style import RUN_COLOURS
from c2r.report.subject import Subject

NAMES = {
    "clean": "Clean accuracy",
    "average": "Average robust accuracy",
    "worst": "Worst attack",
    "worst_image": "Worst case per image",
    "drop_rate": "Drop rate",
    "rr": "RR",
    "i_rr": "I-RR",
    "penalised_i_rr": "Penalised I-RR",
    "ae": "AE (clock)",
    "ae_passes": "AE (passes)",
    "crei": "CREI",
    "i_crei": "I-CREI",
}
RATIOS = tuple(NAMES)[5:]
MOST_CLASSES = 20
NONE = "No run of this report has results: there is nothing to show until a set is evaluated."


def accuracy(subjects: Sequence[Subject]) -> Html:
    """Dots and table of every attempt."""
    if not any(s.attempts for s in subjects):
        return section("Results", paragraph(NONE))
    note = (
        "Dots: mean over networks; whiskers: 95 % Wilson interval of that mean over n test images. It does not hold the"
        " spread between networks."
    )
    chart = charts.dots(_dot_groups(subjects), "Test images classified correctly (%)")
    numbers = (3, 4, 5, 6, 7, 8, 9)
    head = [
        "Attack",
        "Threat",
        "Run",
        "Accuracy",
        "± std",
        "95 % interval",
        "Networks",
        "n",
        "Drop rate",
        "Passes per image",
        "Targeted success",
    ]
    return section(
        "Results",
        figure(_headline(subjects), chart, note),
        table(head, _lines(subjects), "± std: over networks, in points.", (*numbers, 10)),
        bullets(_untried(subjects)),
    )


def labels(subjects: Sequence[Subject]) -> dict[FigureKey, str]:
    """What every figure that occurs is called: its label, and where two share one what tells them apart."""
    return figurekey.names({a["of"]: a["label"] for s in subjects for a in s.attempts.values()})


def names(s: Subject, subjects: Sequence[Subject] = ()) -> dict[str, str]:
    """What the attempts of one run are called beside those of the others, by the key its own evaluation gives them."""
    named = labels(subjects or [s])
    return {key: named[a["of"]] for key, a in s.attempts.items()}


def _lines(subjects: Sequence[Subject]) -> list[list[Any]]:
    lines = []
    for of, name in labels(subjects).items():
        for s in subjects:
            key, a = s.attempt(of)
            if a is None:
                continue
            clean = s.attempts.get("clean", {}).get("mean")
            drop = metrics.drop_rate(clean, a["mean"]) if key != "clean" and of.norm else None
            lines.append(
                [
                    name,
                    threat(of.norm, of.eps) if of.norm else None,
                    s.letter,
                    percent(a["mean"], 2),
                    None if a["std"] is None else f"{100 * a['std']:.2f}",
                    interval(a["interval"]),
                    a["seeds"],
                    a["n"],
                    None if drop is None else f"{drop:.1f} %",
                    number(a["passes"], 1),
                    percent(a["success"]),
                ]
            )
    return lines


def _untried(subjects: Sequence[Subject]) -> list[str]:
    """What the others were tried with and this run was not: not measured, never a neighbour's figure."""
    named = labels(subjects)
    lacks = {
        s.letter: [_with_ball(of, name) for of, name in named.items() if s.attempt(of)[1] is None] for s in subjects
    }
    return [
        f"{letter} has no result for {', '.join(missing)}: not measured."
        for letter, missing in lacks.items()
        if missing
    ]


def _with_ball(of: FigureKey, name: str) -> str:
    """The name with its threat, unless it holds that already."""
    return f"{name}, {of.threat}" if of.threat and of.threat not in name else name


def _dot_groups(subjects: Sequence[Subject]) -> list[tuple[str, list[charts.Dot]]]:
    groups = []
    for of, name in labels(subjects).items():
        members = []
        for i, s in enumerate(subjects):
            a = s.attempt(of)[1]
            if a is not None:
                colour = (
                    RUN_COLOURS[i]
                    if len(subjects) > 1
                    else "var(--clean)"
                    if of.attack == "clean"
                    else "var(--adversarial)"
                )
                members.append(charts.Dot(s.letter if len(subjects) > 1 else "", a["mean"], a["interval"], colour))
        groups.append((_with_ball(of, name), members))
    return groups


def _headline(subjects: Sequence[Subject]) -> str:
    """What the dots show, of the first threat of each run."""
    told = []
    for s in subjects:
        clean, groups = s.attempts.get("clean", {}).get("mean"), s.digest.get("groups") or [{}]
        worst = groups[0].get("worst")
        if clean is None or worst is None:
            continue
        label = s.attempts[groups[0]["worst_key"]]["label"]
        ball = threat(groups[0]["norm"], groups[0]["eps"])
        told.append(
            f"{s.letter + ': ' if len(subjects) > 1 else ''}{percent(clean)} clean, {percent(worst)} under {label}"
            f" ({ball})"
        )
    return "; ".join(told) or "Accuracy under every attack"


def threats(subjects: Sequence[Subject]) -> Html:
    """Average, worst case and ratios of the attempts of one norm, radius and goal, with definitions and warnings."""
    main, ratios, told = [], [], []
    for s in subjects:
        for group in s.digest.get("groups", []):
            ball = threat(group["norm"], group["eps"]) + (" targeted" if group["targeted"] else "")
            seen, tried = group["worst_image"], [s.attempts[key]["label"] for key in group["keys"]]
            lowest = s.attempts[group["worst_key"]]["label"] if group["worst_key"] else ""
            main.append(
                [
                    s.letter,
                    ball,
                    ", ".join(tried),
                    percent(s.attempts.get("clean", {}).get("mean")),
                    percent(group["average"]),
                    f"{percent(group['worst'])} ({lowest})",
                    _worst_image(seen, s.per_image),
                    _points(group["drop_rate"]),
                    _points(group["drop_rate_average"]),
                ]
            )
            ratios.append([s.letter, ball, *(number(group[name]) for name in RATIOS)])
            told += [f"{s.letter}, {ball}: {sentence}" for sentence in group["warnings"]]
    if not main:
        return Html("")
    head = [
        "Run",
        "Threat",
        "Attacks",
        "Clean",
        "Average",
        "Worst attack",
        "Worst case per image",
        "Drop rate (worst)",
        "Drop rate (average)",
    ]
    apart = [f"{s.letter}: {_apart(s)}" for s in subjects if _apart(s)]
    definitions = [
        [NAMES.get(name, name), formula, meaning, source]
        for name, (formula, meaning, source) in metrics.DEFINITIONS.items()
    ]
    return section(
        "Worst case, average and ratios",
        table(head, main, "Only attacks of one norm, radius and goal are joined.", (3, 4, 7, 8)),
        bullets(apart),
        table(
            ["Run", "Threat", *(NAMES[name] for name in RATIOS)],
            ratios,
            "Ratios in percent; – where a ratio is undefined.",
            range(2, 9),
        ),
        tag("div", tag("strong", "Read the ratios with care:"), bullets(told), class_="warning") if told else "",
        table(
            ["Metric", "Formula", "What it says", "Source"],
            definitions,
            "Definitions. C clean accuracy, A an accuracy under attack, T a cost.",
        ),
    )


def _worst_image(seen: dict[str, Any] | None, where: str) -> str | None:
    return None if seen is None else f"{percent(seen['accuracy'])} of {seen['n']} {where}, {seen['networks']} networks"


def _points(value: float | None) -> str | None:
    return None if value is None else f"{value:.1f} %"


def _apart(s: Subject) -> str:
    """The attempts that belong to no threat, as a sentence."""
    unbounded, controls = (
        [s.attempts[key]["label"] for key in s.digest.get(name, [])] for name in ("unbounded", "controls")
    )
    told = [f"{', '.join(unbounded)} without a radius, so outside every average."] if unbounded else []
    return " ".join(told + ([f"{', '.join(controls)} is no attack but a control."] if controls else []))


def margins(subjects: Sequence[Subject]) -> Html:
    """Cumulative margins on test images, a panel for each run that has them."""
    found = {s.letter: s.per_test_image("margin") for s in subjects}
    every = [array for curves in found.values() for array in curves.values() if array.size]
    parts = [
        paragraph(f"{s.name} keeps no margins of test images.", kind="note") for s in subjects if not found[s.letter]
    ]
    if every:
        ends = charts.limits(every)
        looks = charts.styles(list(dict.fromkeys(key for curves in found.values() for key in curves)))
        for s in subjects:
            named = names(s)
            curves = {key: (named.get(key, key), array) for key, array in found[s.letter].items()}
            if curves:
                parts.append(_panel(s, curves, looks, ends))
    return section("Margins", *parts)


def _panel(
    s: Subject, curves: dict[str, tuple[str, np.ndarray]], looks: dict[str, Any], ends: tuple[float, float]
) -> Html:
    medians = {key: float(np.median(array)) for key, (_, array) in curves.items()}
    lowest = min(medians, key=lambda key: medians[key])
    start = f"the clean median is {medians['clean']:.2f} logits, " if "clean" in medians else ""
    shape = next(iter(curves.values()))[1].shape
    note = (
        "Margin: logit of the true class minus the largest other one, on the clean image or at the adversarial point;"
        f" left of 0 the network is wrong. Measured by the evaluation networks: {shape[0]} networks × {shape[1]} test"
        " images together. The axis ends at the 1st and 99th percentile of all runs; dashes tell attacks apart."
    )
    return figure(
        f"{s.name}: {start}the lowest, under {curves[lowest][0]}, is {medians[lowest]:.2f}",
        charts.cumulative(curves, looks, ends, "Logit margin (logits)"),
        note,
    )


def classes(subjects: Sequence[Subject]) -> Html:
    """Class × attack: the share of test images each attempt leaves right, a table for each run."""
    parts = []
    for s in subjects:
        correct = s.per_test_image("correct")
        if correct:
            parts += [tag("h3", s.name), _heat(s, correct)]
        else:
            parts.append(
                paragraph(f"{s.name} keeps no results of single test images, so there are none by class.", kind="note")
            )
    return section("Classes under each attack", *parts)


def _heat(s: Subject, correct: dict[str, np.ndarray]) -> Html:
    truth, called = s.test["labels"], names(s)
    present = np.unique(truth)
    shares = np.stack([[array[:, truth == k].mean() for array in correct.values()] for k in present])
    order = np.argsort(shares.min(1), kind="stable")[:MOST_CLASSES]
    rows = [
        [
            s.class_name(int(present[i])),
            *(_shade(value) for value in shares[i]),
            Html(f'<td class="number">{int((truth == present[i]).sum())}</td>'),
        ]
        for i in order
    ]
    caption = (
        f"Share of test images classified correctly (%), mean over networks; weakest class first, {len(rows)} of"
        f" {len(present)} classes. A stronger tint is more."
    )
    heat = table(["Class", *(called.get(key, key) for key in correct), "n"], rows, caption, range(1, len(correct) + 2))
    return tag("div", heat, class_="heat")


def _shade(share: float) -> Html:
    return tag("td", f"{100 * share:.1f}", style=f"background:rgba(0,114,178,{0.62 * share:.3f})", class_="number")
