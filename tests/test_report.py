"""The HTML report: one file, nothing fetched, everything escaped, the rows' own figures. Run: pytest
tests/test_report.py"""

import json
import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from fake_run import make_evaluation, make_run
from jinja2 import UndefinedError

from c2r.base.errors import InputError
from c2r.evaluation.attempts import by_attack
from c2r.evaluation.metrics import i_rr, wilson
from c2r.report import SECTIONS, page, report
from c2r.report.images import sheet
from c2r.store import describing
from c2r.store.files import read_arrays, save_arrays
from c2r.store.results import read_rows

VOID = {"meta", "img", "br", "hr"}
TRIED = {"clean": 0.62, "fgsm": 0.5, "pgd": 0.44, "autoattack": 0.4, "pgd-l2": 0.3, "pgd@4/255": 0.2}


class Checker(HTMLParser):
    """Follows tags, notes what is not closed, keeps attributes, table rows and, in their order, all it has seen."""

    def __init__(self):
        super().__init__()
        self.open, self.faults, self.attributes, self.tags, self.rows, self.seen = [], [], [], set(), [], []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += attrs
        self.seen += [("tag", tag), *(part for attribute in attrs for part in attribute)]
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th") and self.rows:
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.faults.append(tag)

    def handle_data(self, data):
        self.seen.append(data)
        if self.open and ({"td", "th"} & set(self.open)):
            self.rows[-1][-1] += data


def parsed(text):
    checker = Checker()
    checker.feed(text)
    checker.close()
    return checker


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    return [
        make_run(folder / "first", n=40, classes=4, tried=TRIED, protocol="pixel-2/255"),
        make_run(
            folder / "second",
            n=24,
            classes=4,
            shape=(3, 16, 16),
            tried={"clean": 0.7, "pgd": 0.51},
            seed=1,
            protocol="beard-legacy",
        ),
        make_run(folder / "third", n=40, classes=4, evaluated=False, seed=2),
    ]


@pytest.mark.parametrize("chosen", [[0], [2], [0, 1, 2]], ids=["evaluated", "not evaluated", "three"])
def test_the_file_is_well_formed_and_fetches_nothing(runs, chosen):
    text = report([runs[i] for i in chosen])
    checker = parsed(text)
    assert not checker.faults and not checker.open
    assert not checker.tags & {"script", "link", "iframe", "object", "embed", "form"}
    places = [
        value for name, value in checker.attributes if name in ("src", "href", "srcset", "action", "data", "xlink:href")
    ]
    assert all(place.startswith("data:image/png;base64,") for place in places)
    assert not re.search(r"url\(|@import|https?://", text)


def planted(path, word):
    """A run in which `word` stands in every place where a file may hold a text, and its folder's own name."""
    file = word.replace("/", "∕")
    make_run(path / f"{file} run", tried=TRIED, state="failed", steps=2)
    path = path / f"{file} run"
    describing.describe(path, name=word, note=word, tags=[word])
    make_run(path / "evaluations" / f"20261120-0937-12-{file}", evaluated=False, state="stopped")
    planted_in_json(path, word)
    rows = [row | {"label": word, "eps": row["eps"] and word} for row in read_rows(path)]
    rows += [row | {"key": f"{word} {row['key']}", "label": f"{word} at 2/255", "eps": "2/255"} for row in rows[3:6]]
    (path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    stored = read_arrays(path, "test")
    stored |= {f"{kind}/zz {word}": stored[f"{kind}/pgd"] for kind in ("correct", "margin")}
    save_arrays(path, "test", stored | {"index": np.arange(len(stored["labels"]))})
    hits = read_arrays(path, "outcomes")
    save_arrays(path, "outcomes", hits | {f"zz {word}": hits["pgd"]})
    return path


def planted_in_json(path, word):
    def change(name, edit):
        values = json.loads((path / name).read_text())
        (path / name).write_text(json.dumps(edit(values)))

    change("status.json", lambda status: status | {"message": word, "started": 1e9})
    change(
        "manifest.json",
        lambda manifest: (
            manifest
            | dict.fromkeys(("device", "command", "commit", "preset", "attacked"), word)
            | {"classes": [word] * 4, "versions": {word: word}}
            | {"data": manifest["data"] | {"name": word, "hash": word}}
        ),
    )
    change("facts.json", lambda facts: facts | dict.fromkeys(("labels", "network", "selection", "origin"), word))
    change(
        "checks.json", lambda checks: [check | dict.fromkeys(("evidence", "advice", "title"), word) for check in checks]
    )


def without_word(text, word):
    """What a parser sees of a page, with `word` and its form in a file's name as one harmless word, and no time."""
    checker = Checker()
    checker.feed(re.sub(r"[^>]*Written by", "Written by", text))
    checker.close()
    assert not checker.faults and not checker.open
    return [
        part.replace(word, "WORD").replace(word.replace("/", "∕"), "WORD") if isinstance(part, str) else part
        for part in checker.seen
    ]


HOSTILE = (
    '"><script>x</script>',
    "' onload='x",
    '" style="x',
    "</title></style></code><b>",
    "<!-- x --!> <![CDATA[ x ]]>",
    "&lt;b&gt; &amp;#60;",
    "{{ 7*7 }}{% raw %}{# x #}",
    "{{ ''.__class__ }}",
    "{% include 'page.html' %}",
)


@pytest.fixture(scope="module")
def harmless(tmp_path_factory):
    path = planted(tmp_path_factory.mktemp("planted"), "harmless")
    return without_word(report([path, path]), "harmless")


@pytest.mark.parametrize("word", HOSTILE)
def test_what_a_file_holds_is_text_and_changes_no_markup(tmp_path, harmless, word):
    path = planted(tmp_path, word)
    text = report([path, path])
    assert without_word(text, word) == harmless
    assert unescape(text).count(word) > 100 and "differences to A" in text


def test_templates_escape_everything_and_trust_nothing():
    assert set(SECTIONS) < set(page.TEMPLATES.list_templates())
    assert page.TEMPLATES.autoescape is True
    folder = Path(page.__file__).parent
    own = re.compile(
        r"{{ (style|markup|script) \| safe }}|{{ looks_of_data \| tojson }}"
    )  # files of the player, and colours
    for file in folder.glob("templates/*"):
        written = own.sub("", file.read_text()) if file.name == "replay.html" else file.read_text()
        assert not re.search(r"\|\s*(safe|tojson|xmlattr|urlize)\b|autoescape", written), file.name
    for file in folder.glob("*.py"):
        assert not re.search(r"</?[a-z]+[ />]|markupsafe|from_string|__html__", file.read_text()), file.name


def test_a_name_that_a_template_lacks_is_an_error_not_a_gap():
    with pytest.raises(UndefinedError):
        page.render("page.html", names=["run"])


def test_the_table_shows_the_figures_of_the_rows(runs):
    shown = {(row[0], row[2]): row for row in parsed(report(runs[:2])).rows if len(row) == 11}
    for letter, path in zip("AB", runs[:2], strict=True):
        for a in by_attack(read_rows(path)).values():
            row = next(
                row
                for (name, run), row in shown.items()
                if run == letter
                and name.startswith(a["label"])
                and a["of"].threat == row[1].replace("\u00a0", " ").strip("–")
            )
            low, high = wilson(round(a["mean"] * a["n"]), a["n"])
            expected = [
                f"{100 * a['mean']:.2f} %",
                f"{100 * a['std']:.2f}",
                f"{100 * low:.1f}–{100 * high:.1f} %",
                "3",
                "359",
            ]
            assert row[3:8] == expected
            assert row[9] == f"{a['passes']:.1f}"
    assert (
        next(row for (name, run), row in shown.items() if run == "A" and name.startswith("PGD-10 (L∞ 2/255"))[8]
        == f"{100 * (0.63 - 0.45) / 0.63:.1f} %"
    )


def test_averages_hold_one_norm_and_radius_only(runs):
    rows = parsed(report(runs[:1])).rows
    lines = {row[1]: row for row in rows if len(row) == 9 and row[0] == "A"}
    assert {name.replace("\u00a0", " ") for name in lines} >= {"L∞ 2/255", "L2 2/255", "L∞ 4/255"}
    main = next(row for row in rows if row[0] == "A" and "AutoAttack" in row[2])
    assert main[3:6] == ["63.0 %", f"{100 * np.mean([0.51, 0.45, 0.41]):.1f} %", "41.0 % (AutoAttack)"]
    ratios = next(row for row in rows if row[:2] == ["A", "L∞ 2/255"] and row is not main)
    assert ratios[3] == f"{i_rr(0.63, [0.51, 0.45, 0.41]):.2f}"


def test_the_worst_case_per_image_and_the_classes_come_from_the_test_images(runs):
    stored, text = read_arrays(runs[0], "test"), report(runs[:1])
    right = np.logical_and.reduce([stored[f"correct/{key}"] for key in ("clean", "fgsm", "pgd", "autoattack")])
    assert f"{100 * right.mean():.1f} % of 359 test images, 3 networks" in text
    by_class = {row[0]: row for row in parsed(text).rows if row[0] in ("zero", "one", "two", "three") and len(row) == 8}
    mine = stored["labels"] == 2
    assert by_class["two"][1:] == [f"{100 * stored[f'correct/{key}'][:, mine].mean():.1f}" for key in TRIED] + [
        str(mine.sum())
    ]


def test_checks_come_worst_first_with_word_evidence_and_advice(runs):
    rows = [row for row in parsed(report(runs[:1])).rows if re.match(r"[✕!?✓] (red|amber|grey|green)$", row[0])]
    assert [row[0].split()[1] for row in rows] == ["red", "amber", "grey"] + ["green"] * 9
    assert rows[0][1:] == [
        "5. Selection on test",
        "The best checkpoint was chosen by its test accuracy: best minus last is 1.8 points.",
        "Choose on held-out training images.",
    ]


def test_the_hardest_images_come_with_their_shares(runs):
    from c2r.store.runs import frame_steps, read_frame

    order = read_frame(runs[0], frame_steps(runs[0])[-1], ("order",))["order"]
    hits, rows = read_arrays(runs[0], "outcomes"), parsed(report(runs[:1])).rows
    head = next(i for i, row in enumerate(rows) if row[:3] == ["Rank", "Image", "Number"])
    assert [int(row[2]) for row in rows[head + 1 : head + 11]] == order[:10].tolist()
    assert rows[head + 1][5:] == [f"{hits[key][:, order[0]].sum()} of 3" for key in TRIED]


def test_the_legacy_protocol_and_runs_that_differ_are_warned_of(runs):
    text = report(runs[:2])
    assert "Legacy: the attack works in normalised space" in text
    said = re.search(r"Do not rank these runs by their figures. ([^<]*)", text)[1]
    assert "Protocols differ" in said and "Stored bytes differ" in said and "Real data" not in said
    assert "Do not rank" not in report(runs[:1]) and "Legacy" not in report(runs[:1])


def test_a_run_without_evaluation_says_what_is_missing(runs):
    text = report(runs[2:])
    for sentence in (
        "There are no result rows",
        "There is no test.safetensors",
        "There is no checks.json",
        "No run of this report has results",
    ):
        assert sentence in text


def test_a_damaged_part_is_named_and_the_rest_is_shown(tmp_path):
    path = make_run(tmp_path / "run", tried=TRIED)
    for name in ("outcomes.safetensors", "test.safetensors", "facts.json", "checks.json", "synthetic.safetensors"):
        (path / name).write_bytes((path / name).read_bytes()[:40])
    with open(path / "rows.jsonl", "a") as file:
        file.write('{"attack": "pgd"}\n')
    text = report([path])
    for sentence in (
        "outcomes.safetensors of run",
        "test.safetensors of run",
        "facts.json is not",
        "The checks.json of",
        "synthetic.safetensors of",
    ):
        assert sentence in text
    assert "1 of 19 result rows lack a value" in text and "45.00 %" in text


def test_arrays_that_do_not_fit_together_are_not_drawn(tmp_path):
    path = make_run(tmp_path / "run", tried=TRIED)
    save_arrays(path, "test", {"labels": np.zeros(5, np.int64), "correct/pgd": np.ones((3, 4), np.uint8)})
    assert "is int64 [5])" in report([path])


@pytest.mark.parametrize("name", ["config.json", "status.json"])
def test_a_damaged_run_gets_one_sentence(tmp_path, name):
    path = make_run(tmp_path / "run")
    (path / name).write_text("{")
    with pytest.raises(InputError, match="Run run is damaged") as error:
        report([path])
    assert str(error.value).count("\n") == 0


def test_no_run_or_too_many_get_one_sentence(runs):
    for paths in ([], runs[:1] * 7, [Path("nowhere")]):
        with pytest.raises(InputError):
            report(paths)


def test_an_evaluation_of_its_own_speaks_for_the_run_and_can_be_chosen(tmp_path):
    path = make_run(tmp_path / "run", tried={"clean": 0.9, "pgd": 0.8})
    inside = make_evaluation(path, "20261120-0937-12-pixel-2-255-pgd-at", tried=TRIED, protocol="pixel-2/255")
    assert "81.00 %" in report([path]), "its own evaluation is the headline until a person picks another"
    describing.describe(path, headline=inside.name)
    for text in (report([path]), report([inside])):
        assert "45.00 %" in text and "81.00 %" not in text and "<h1>Robustness report: run</h1>" in text
        assert unescape("The run's own evaluation is not in this report.") in unescape(text)


def test_figures_of_few_test_images_are_called_chance(tmp_path):
    path = make_run(tmp_path / "run", tried={"clean": 0.9, "pgd": 0.8})
    rows = [json.loads(line) | {"n": 1} for line in (path / "rows.jsonl").read_text().splitlines()]
    (path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert "Only 1 test image: below 100 an accuracy is mostly chance." in report([path])


def test_evaluations_that_are_not_shown_are_named(tmp_path):
    path = make_run(tmp_path / "run", tried=TRIED)
    make_run(path / "evaluations" / "20261120-0937-12-stopped", evaluated=False, state="stopped")
    assert "Evaluation 20261120-0937-12-stopped (stopped) is not in this report." in report([path])


def test_the_shipped_run_is_shown_with_what_it_has():
    folder = Path(__file__).resolve().parents[1] / "app" / "sample_run"
    text = report([folder])
    assert not parsed(text).faults
    assert f"{100 * by_attack(read_rows(folder))['pgd']['mean']:.2f} %" in text
    assert ("There is no test.safetensors" in text) != (folder / "test.safetensors").exists()


def test_a_contact_sheet_repeats_pixels_and_changes_no_value():
    from base64 import b64decode
    from io import BytesIO

    from PIL import Image

    images = np.random.default_rng(0).integers(0, 256, (3, 3, 16, 16), dtype=np.uint8)
    address = sheet(images)
    assert address.startswith("data:image/png;base64,")
    picture = np.asarray(Image.open(BytesIO(b64decode(address.split(",")[1]))))
    assert picture.shape == (48 + 4, 3 * 50 + 2, 3)
    assert (picture[2:50:3, 52:100:3] == np.moveaxis(images[1], 0, -1)).all()
