"""BEARD's logs against its published figures. Run: pytest tests/test_beardlog.py"""

import time
from pathlib import Path

import pytest

from c2r.base.errors import InputError
from c2r.evaluation import beardlog

DATA = Path(__file__).parent / "data"
WHITE = [DATA / f"ConvNet_CIFAR10_{ipc}_evaluation_log.txt" for ipc in (1, 10, 50)]
# The leaderboard's rows of BACON on CIFAR-10, untargeted: RR, AE, CREI by IPC, then unified.
LEADERBOARD = [(26.34, 25.24, 25.79), (28.24, 25.94, 27.09), (32.87, 24.10, 28.48)]


def two_decimals(values, *names):
    return tuple(round(values[name], 2) for name in names)


def test_untargeted_figures_match_the_leaderboard_to_the_second_decimal():
    found = beardlog.report(WHITE)
    assert [two_decimals(log["untargeted"], "rr", "ae", "crei") for log in found["logs"]] == LEADERBOARD
    (unified,) = found["unified"]
    assert unified["ipcs"] == [1, 10, 50]
    assert two_decimals(unified["untargeted"], "rr", "crei", "i_rr", "i_crei") == (32.87, 27.20, 50.49, 36.01)
    assert two_decimals(unified["targeted"], "rr", "i_rr", "crei") == (36.83, 84.37, 33.33)


def test_a_log_is_read_into_shares_and_seconds():
    log = beardlog.read(WHITE[2])
    assert (log["method"], log["dataset"], log["ipc"], log["model"]) == ("BACON", "CIFAR10", 50, "ConvNet")
    assert log["clean"]["accuracy"] == pytest.approx(0.6995)
    assert log["clean"]["seconds"] == 2.31, "the smaller of the two clean timings"
    assert log["attacks"]["PGD"]["untargeted"] == {"accuracy": pytest.approx(0.2886), "std": 0.0, "seconds": 12.21}
    assert log["attacks"]["PGD"]["targeted"]["accuracy"] == pytest.approx(0.4559)


def test_attacks_without_a_targeted_form_are_left_out_by_name_with_a_note():
    log = beardlog.read(WHITE[2])
    assert log["attacks"]["AA"]["targeted"] is log["attacks"]["Deepfool"]["targeted"] is None
    assert "AA has no targeted form, its targeted column is clean accuracy: left out." in log["notes"]
    assert any("Deepfool and CW have no radius" in note for note in log["notes"])


def test_a_renamed_attack_does_not_leak_clean_accuracy():
    log = beardlog.parse(WHITE[2].read_text().replace("AA attack", "MyAttack attack"))
    assert log["attacks"]["MyAttack"]["targeted"] is None
    assert any("MyAttack targeted is exactly the clean accuracy" in note for note in log["notes"])
    assert round(beardlog.figures(log, "targeted")["rr"], 2) == 6.99


def test_a_query_log_matches_the_published_ratios_and_names_its_two_faults():
    (log,) = beardlog.report([DATA / "query_50_evaluation_log.txt"])["logs"]
    assert round(log["targeted"]["i_rr"], 2) == 94.67
    assert round(log["untargeted"]["i_rr"], 2) == 63.26
    assert any("read that value as AutoAttack" in note for note in log["notes"])
    assert any("file name says IPC 50, its lines say IPC 1" in note for note in log["notes"])


def test_the_networks_of_a_transfer_log_have_their_own_figures():
    log = beardlog.read(DATA / "transfer_log.txt")
    untargeted = beardlog.figures(log, "untargeted", "VULCAN")
    assert two_decimals(untargeted, "rr", "i_rr", "penalised_i_rr") == (427.00, 100.04, 98.33)
    assert round(beardlog.figures(log, "targeted", "VULCAN")["rr"]) == -266
    assert beardlog.figures(log, "untargeted", "BACON")["attacks"]["CW"] == 0.0833
    with pytest.raises(InputError, match="no accuracies of network 'DREAM'"):
        beardlog.figures(log, "targeted", "DREAM")


def test_one_ipc_twice_is_not_pooled():
    assert beardlog.report([WHITE[2], WHITE[2]])["unified"] == []


def test_the_table_for_the_terminal_holds_the_figures_and_the_notes():
    lines = beardlog.as_text(beardlog.report(WHITE)).splitlines()
    assert lines[1].split() == [
        "BACON",
        "CIFAR10",
        "1",
        "untargeted",
        "26.34",
        "25.24",
        "25.79",
        "59.18",
        "42.21",
        "59.18",
    ]
    assert lines[8].split()[2:5] == ["1/10/50", "targeted", "36.83"]
    assert lines[9].startswith("ConvNet_CIFAR10_1_evaluation_log.txt: Deepfool")


def lines(*numbers):
    found = WHITE[2].read_text().splitlines()
    return "\n".join(found[number] for number in numbers)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "holds 0 lines 'Clean attack on METHOD'"),
        (lines(0, 2), "holds 0 lines 'Clean attack on METHOD'"),
        (lines(1, 2) + "\n" + lines(1), "holds 2 lines 'Clean attack on METHOD'"),
        (lines(1, 2, 2), "holds an attack twice"),
        (lines(1) + "\n" + lines(2).replace("BACON", "DM"), "or several methods"),
        (lines(1) + "\n" + lines(2)[:90], "Line 2 of log is cut"),
        (lines(1, 2).replace("44.68", "144.68"), "Line 2 of log holds a value that is not an accuracy"),
        (lines(1, 2).replace("44.68", "4.4.68"), "Line 2 of log holds a value that is not an accuracy"),
    ],
)
def test_a_bad_log_gives_one_sentence(text, sentence):
    with pytest.raises(InputError, match=sentence) as told:
        beardlog.parse(text)
    assert str(told.value).count("\n") == 0


def test_a_file_that_is_no_text_log_gives_one_sentence(tmp_path):
    binary, large = tmp_path / "log.pt", tmp_path / "large.txt"
    binary.write_bytes(b"\x80\x02\xff\xfe")
    with large.open("wb") as file:
        file.truncate(beardlog.LARGEST + 1)
    for path, sentence in (
        (tmp_path / "no.txt", "There is no file"),
        (tmp_path, "is no regular file"),
        (binary, "cannot be read as text"),
    ):
        with pytest.raises(InputError, match=sentence):
            beardlog.read(path)
    with pytest.raises(InputError, match="has 1048577 bytes"):
        beardlog.read(large)


def test_a_hostile_line_costs_no_more_than_a_plain_one():
    word = "a" * 400_000
    began = time.perf_counter()
    with pytest.raises(InputError, match="Line 1 of log is cut"):
        beardlog.parse(f"{word} attack on {word}: final acc is: {' ' * 200_000}")
    assert time.perf_counter() - began < 3
