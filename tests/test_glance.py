"""What the table of runs shows of a run: its sheet, its line, its name. Run: pytest tests/test_glance.py"""

import io
import json
from datetime import datetime

import numpy as np
import pytest
from fake_run import break_run, make_run
from PIL import Image

from app import cache, glance, pictures, runlist, settings, state, words
from c2r import config
from c2r.store import describing, runs


def test_the_sheet_holds_images_of_the_frame_and_what_cannot_be_read_has_none(tmp_path):
    path = make_run(tmp_path / "one", n=40, classes=4, steps=3)
    sheet = np.asarray(Image.open(io.BytesIO(glance.sheet(path, 20, 3, 2))))
    images = runs.read_frame(path, 20, ("images",))["images"]
    assert np.array_equal(sheet, pictures.strip(images[[0, 8, 16, 23, 31, 39]], 3, to=glance.SIDE))
    break_run(path, "truncated frame")
    cache.clear()
    assert glance.sheet(path, 20, 3, 2) is None and glance.sheet(path, None, 3, 2) is None


def test_large_images_are_averaged_down_and_small_ones_stay():
    image = np.arange(4 * 4, dtype=np.uint8).reshape(1, 4, 4)
    assert pictures.shrink(image, 2).tolist() == [[[2, 4], [10, 12]]]
    assert pictures.shrink(np.zeros((3, 65, 64), np.uint8), 28).shape == (3, 32, 32)
    assert np.array_equal(pictures.shrink(image, 28), image)


def test_the_line_is_the_median_margin_of_the_recorded_steps_first_and_last_among_them(tmp_path):
    path = make_run(tmp_path / "one", n=24, classes=3, steps=6)
    medians = [event["margin_adv"]["quantiles"][2] for event in cache.events(path)]
    assert glance.course(path) == pytest.approx(medians)
    with open(path / "events.jsonl", "a", encoding="utf-8") as file:
        file.write('{"step": 60, "mar')
    assert glance.course(path) == pytest.approx(medians)
    assert glance.course(tmp_path / "none") is None


def test_of_a_long_course_only_a_few_lines_are_read(tmp_path, monkeypatch):
    path = make_run(tmp_path / "one", n=24, classes=3, steps=2)
    line = (path / "events.jsonl").read_text().splitlines()[0]
    text = "".join(json.dumps(json.loads(line) | {"step": step}) + "\n" for step in range(2000))
    (path / "events.jsonl").write_text(text)
    read, parse = [], glance.parse_json
    monkeypatch.setattr(glance, "parse_json", lambda given: read.append(given) or parse(given))
    assert len(glance.course(path)) > glance.POINTS // 2 and len(read) < 2 * glance.POINTS
    steps = [json.loads(given)["step"] for given in read if given]
    assert min(steps) == 0 and max(steps) == 1999


def test_a_run_is_called_by_method_data_seed_and_start_until_a_person_names_it(tmp_path, monkeypatch):
    monkeypatch.setenv("C2R_SAMPLE", str(tmp_path / "sample"))
    path = make_run(tmp_path / "one", n=8, steps=2, seed=3, method="c2r-no-aac")
    run = runs.open_run(path)
    at = datetime.fromtimestamp(run.status["started"])
    assert words.default_name(run, at.timestamp()) == f"C2R without AAC · digits · seed 3 · {at:%H:%M}"
    far = runs.Run(path, "done", run.config.model_copy(update={"data": "/far/" + "x" * 99}))
    assert words.default_name(far, 0.0) == f"C2R without AAC · {'x' * 31}… · seed 3"
    describing.describe(path, "First try")
    assert state.spoken_name(run) == "First try"
    assert state.spoken_names([run]) == {"one": "First try"}


def test_the_start_names_the_day_when_it_is_not_today_and_odd_moments_are_left_out():
    now = datetime(2026, 11, 21, 15, 0).timestamp()
    said = [
        words.clock(datetime(*day, 12, 53).timestamp(), now) for day in ((2026, 11, 21), (2026, 11, 20), (2025, 2, 3))
    ]
    assert said == ["12:53", "20 Nov 12:53", "2025-02-03 12:53"]
    assert [words.clock(at, now) for at in (None, "x", 1e300, float("nan"))] == [""] * 4


def test_no_two_runs_are_called_alike_and_the_oldest_keeps_its_name():
    assert words.distinct(["a", "b", "a", "a"]) == ["a (3)", "b", "a (2)", "a"]


def test_the_table_joins_progress_and_notes_and_a_row_is_as_high_as_its_longest_text():
    table = {"State": ["done", "lost"], "Step": ["–", "3/4"], "Note": ["", "Why."]}
    shown = runlist.with_about(
        table, [describing.About("x", "Look.", ("a", "b, c")), describing.About()], ["one", "two"]
    )
    assert (
        shown["Progress"] == ["done", "lost · 3/4"]
        and shown["Notes"] == ["#a #b, c · Look.", "Why."]
        and shown["Folder"] == ["one", "two"]
    )
    assert runlist.row_height(shown, {"Notes": 150}) == runlist.row_height({"Notes": [None]}, {"Notes": 150})
    assert runlist.row_height({"Notes": ["m" * 100]}, {"Notes": 150}) > runlist.row_height(shown, {"Notes": 150})
    assert runlist.row_height({"Notes": ["m" * 2000]}, {"Notes": 150}) < 150


def test_what_a_fork_changed_is_said_in_words_old_to_new():
    before = config.load("demo")
    after = config.load(
        "demo",
        {
            "eta": 0.3,
            "method": "c2r-no-aac",
            "eps": "8/255",
            "eval_attacks": "fgsm,pgd",
            "parent": "a@3",
            "imported": "/x",
        },
    )
    assert settings.differences(before, after) == [
        "Method: C2R → C2R without AAC",
        "Attack strength ε: 32/255 → 8/255",
        "Contrastive share: 0.17 → 0.3",
        "Attacks: FGSM, PGD, CW-10 L∞, VMI-FGSM-10, Jitter-10 → FGSM, PGD",
    ]


def test_all_margin_lines_have_one_scale_that_holds_zero():
    assert glance.scale([[-0.4, 0.2], None, [1.3, 1.8]]) == (-1, 2)
    assert glance.scale([None]) == (0, 1)
