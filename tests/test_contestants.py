"""Which evaluations the Compare page offers: what they are called, and where what is computed of them lies."""

from pathlib import Path

from app import contestants
from c2r.store import runs


def test_short_names_drop_the_date_unless_two_would_be_the_same():
    tokens = [
        "20261118-0937-12-c2r-digits-ipc4",
        "20261119-1000-00-c2r-digits-ipc4",
        "mine",
        "mine/20261119-1000-00-custom-pgd-at",
    ]
    assert list(contestants.short_names(tokens).values()) == [
        "c2r-digits-ipc4 18-0937-12",
        "c2r-digits-ipc4 19-1000-00",
        "mine",
        "mine/custom-pgd-at",
    ]


def test_a_set_stands_under_the_name_a_person_gave_its_run():
    tokens = ["20261118-0937-12-c2r-digits-ipc4", "mine", "mine/20261119-1000-00-custom-pgd-at", "other"]
    given = {"mine": "First try", "other": "First try", "20261118-0937-12-c2r-digits-ipc4": ""}
    assert list(contestants.short_names(tokens, given).values()) == [
        "c2r-digits-ipc4",
        "First try mine",
        "First try/custom-pgd-at",
        "First try other",
    ]


def test_the_transfer_file_does_not_depend_on_the_order_of_the_sets():
    offers = [contestants.Offer(name, runs.Run(Path(name), "done"), Path(name) / "e") for name in ("a", "b")]
    files = {contestants.transfer_file(Path("store"), chosen) for chosen in (offers, offers[::-1])}
    assert len(files) == 1 and files.pop().parent == Path("store/.compare")
    assert contestants.transfer_file(Path("store"), offers[:1]) != contestants.transfer_file(Path("store"), offers)
