"""The published tables: values, marks, no doubles. Run: pytest tests/test_literature.py"""

import pytest

from c2r.base.errors import InputError
from c2r.evaluation import literature

EVERY = [row for table in literature.tables() for row in literature.rows(table)]
GENERAL = ("Unverified", "Confounded", "Contains AutoAttack", "In the code this term", "Taken from BACON's readme")


def cell(table, method, dataset, ipc, metric, targeted=None):
    (found,) = [
        row
        for row in literature.rows(table)
        if (row["method"], row["dataset"], row["ipc"], row["metric"], row["targeted"])
        == (method, dataset, ipc, metric, targeted)
    ]
    return found


def place(row):
    return row["table"], row["method"], row["dataset"], row["ipc"], row["metric"], row["targeted"]


# Every single cell that its source leaves in doubt; whole rows in doubt are tested below.
DOUBTED = {
    *(
        ("c2r-main", "C2R", dataset, 10, metric, None)
        for dataset in ("CIFAR-10", "CIFAR-100", "Tiny-ImageNet")
        for metric in ("PGD", "gain over ROME (PGD)")
    ),
    *(("c2r-main", method, "CIFAR-10", 10, "VMI", None) for method in ("D4M", "ROME", "C2R")),
    ("c2r-main", "C2R", "CIFAR-10", 10, "clean", None),
    *(("c2r-v2", "C2R", dataset, 10, "PGD", None) for dataset in ("CIFAR-10", "CIFAR-100", "Tiny-ImageNet")),
    ("c2r-ablation", "C2R with in-batch negatives only", "CIFAR-10", 10, "mean robust accuracy", None),
    ("rome-main", "ROME", "CIFAR-100", None, "RR", True),
    ("rome-main", "ROME", "CIFAR-100", None, "I-RR", True),
    ("rome-main", "BACON", "CIFAR-10", None, "CREI", True),
    ("rome-main", "BACON", "CIFAR-10", None, "I-CREI", True),
    ("rome-log", "ROME", "CIFAR-10", 50, "PGD-L2", False),
    ("guard-adversarial-training", "GUARD", "ImageNette", 10, "CW", None),
    ("guard-main", "GUARD", "ImageNette", 50, "AutoAttack", None),
    ("guard-main", "GUARD", "ImageNette", 100, "AutoAttack", None),
    ("guard-main", "SRe2L", "ImageNette", 100, "Square", None),
    ("guard-main", "TESLA", "ImageNette", 50, "AutoAttack", None),
    ("guard-other-methods", "GUARD (DC)", "not named", 1, "PGD-100", None),
    ("guard-other-methods", "GUARD (DC)", "not named", 1, "Square", None),
}


def test_exactly_the_doubted_cells_carry_a_flag_of_their_own():
    assert {place(row) for row in EVERY if any(not flag.startswith(GENERAL) for flag in row["flags"])} == DOUBTED


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("Unverified", lambda row: row["table"].startswith("c2r-")),
        ("Confounded", lambda row: row["method"] == "SRe2L + adversarial training"),
        ("Contains AutoAttack", lambda row: row["metric"] == "I-RR (query)" and row["targeted"] is False),
        ("In the code this term", lambda row: row["method"].startswith("gradient regularisation")),
        ("Taken from BACON's readme", lambda row: (row["table"], row["method"], row["ipc"]) == ("clean", "IDM", 1)),
    ],
)
def test_rows_in_doubt_as_a_whole_are_flagged_and_no_others(sentence, expected):
    marked = {place(row) for row in EVERY if any(flag.startswith(sentence) for flag in row["flags"])}
    assert marked == {place(row) for row in EVERY if expected(row)} != set()


def test_cells_above_clean_are_above_clean_and_nothing_else_in_these_tables_is():
    above = set()
    for table in (
        name for name in literature.tables() if name.startswith("guard") or name in ("c2r-main", "c2r-v2", "rome-log")
    ):
        clean = {place(row)[1:4]: row["value"] for row in literature.rows(table) if row["metric"] == "clean"}
        above |= {
            place(row)
            for row in literature.rows(table)
            if row["value"] and row["value"] > (clean.get(place(row)[1:4]) or 100)
        }
    assert above == {
        ("guard-adversarial-training", "GUARD", "ImageNette", 10, "CW", None),
        ("guard-other-methods", "GUARD (DC)", "not named", 1, "PGD-100", None),
        ("guard-other-methods", "GUARD (DC)", "not named", 1, "Square", None),
    }


@pytest.mark.parametrize(
    ("where", "value"),
    [
        (("c2r-main", "C2R", "CIFAR-10", 10, "PGD"), 28.49),
        (("c2r-main", "D4M", "CIFAR-100", 10, "PGD"), 4.25),
        (("c2r-v2", "C2R", "CIFAR-100", 10, "CW"), 12.72),
        (("c2r-v2", "ROME", "Tiny-ImageNet", 10, "PGD"), 1.36),
        (("c2r-ablation", "C2R", "CIFAR-10", 10, "mean robust accuracy"), 28.41),
        (("c2r-ablation", "C2R without CRL", "Tiny-ImageNet", 10, "mean robust accuracy"), 2.73),
        (("rome-main", "ROME", "CIFAR-100", None, "RR", True), 103.09),
        (("rome-main", "full data", "CIFAR-10", None, "I-CREI", False), 25.36),
        (("rome-main", "MTT", "CIFAR-100", None, "I-RR", True), 74.54),
        (("rome-black-box", "BACON", "CIFAR-10", 50, "I-RR (query)", True), 94.67),
        (("rome-black-box", "BACON", "CIFAR-10", 50, "I-RR (query)", False), 63.26),
        (("rome-log", "ROME", "CIFAR-10", 50, "DeepFool", False), 0.05),
        (("beard-leaderboard", "BACON", "CIFAR-10", 1, "CREI", False), 25.79),
        (("beard-leaderboard", "DC", "CIFAR-100", 50, "AE", False), 18.00),
        (("beard-leaderboard", "DM", "Tiny-ImageNet", None, "RR", False), 17.94),
        (("guard-main", "GUARD", "ImageNet-1K", 50, "MIM"), 9.84),
        (("guard-main", "TESLA", "Tiny-ImageNet", 100, "Square"), 12.02),
        (("guard-gradient", "gradient regularisation, strength 2 of 5", "ImageNette", 10, "PGD-100"), 14.47),
        (("guard-adversarial-training", "SRe2L + adversarial training", "ImageNette", 10, "clean"), 12.81),
        (("guard-other-methods", "GUARD (CDA)", "not named", 50, "AutoAttack"), 31.96),
        (("clean", "BACON", "CIFAR-10", 50, "clean"), 70.1),
    ],
)
def test_values_are_as_printed(where, value):
    assert cell(*where)["value"] == value


def test_the_leaderboards_crei_is_the_mean_of_its_two_parts():
    found = {place(row)[1:]: row["value"] for row in literature.rows("beard-leaderboard")}
    for (method, dataset, ipc, metric, goal), value in found.items():
        if metric == "CREI":
            parts = found[method, dataset, ipc, "RR", goal], found[method, dataset, ipc, "AE", goal]
            assert value == pytest.approx(sum(parts) / 2, abs=0.011)


def test_every_table_is_complete_and_has_no_cell_twice():
    counts = {table: len(literature.rows(table)) for table in literature.tables()}
    assert counts == {
        "c2r-main": 23,
        "c2r-v2": 11,
        "c2r-ablation": 24,
        "rome-main": 128,
        "rome-black-box": 28,
        "rome-ablation": 8,
        "rome-log": 7,
        "beard-leaderboard": 123,
        "guard-adversarial-training": 36,
        "guard-main": 168,
        "guard-gradient": 120,
        "guard-other-methods": 96,
        "clean": 15,
    }
    assert len({place(row) for row in EVERY}) == len(EVERY) == 787


def test_every_table_says_where_it_comes_from_how_it_was_measured_and_what_is_wrong_with_it():
    for table in literature.tables():
        found = literature.about(table)
        assert found["evidence"] in literature.EVIDENCE
        assert found["source"] and found["protocol"].endswith(".") and found["faults"]
    for table in ("rome-main", "rome-black-box", "rome-log", "beard-leaderboard"):
        assert literature.about(table)["protocol"].startswith("beard-legacy")
        assert any("1.6/255" in fault for fault in literature.about(table)["faults"])


def test_what_is_not_printed_as_a_figure_has_no_value_but_a_sentence():
    silent = [row for row in EVERY if row["value"] is None]
    assert {place(row)[1:5] for row in silent} == {("ROME", "CIFAR-10", 10, "VMI"), ("C2R", "CIFAR-10", 10, "clean")}
    assert all(row["flags"][-1].startswith("Printed as") for row in silent)


def test_an_unknown_table_is_answered_with_the_nearest_name():
    with pytest.raises(InputError, match="Did you mean 'guard-main'"):
        literature.rows("guard-mein")
