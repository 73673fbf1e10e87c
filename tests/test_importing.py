"""The import from the page: what is uploaded stays inside its folder, and what the child prints is read rightly."""

from app.components import importing

FACTS = {"format": "dc-pt", "shape": [100, 3, 32, 32], "classes": 10, "mean": [0.49], "soft": False, "partition": 2}


def test_an_uploaded_name_never_leaves_the_folder(tmp_path):
    place = importing.saved([("../../../etc/passwd", b"x")], tmp_path)
    assert place == tmp_path / "upload" / "passwd" and place.read_bytes() == b"x"
    (tmp_path / "two").mkdir()
    hidden = importing.saved([("C:\\Users\\me\\.images_best.pt", b"x")], tmp_path / "two")
    assert hidden == tmp_path / "two" / "upload" / "images_best.pt"


def test_several_files_become_one_folder(tmp_path):
    place = importing.saved([("images_best.pt", b"1"), ("labels_best.pt", b"2")], tmp_path)
    assert sorted(file.name for file in place.iterdir()) == ["images_best.pt", "labels_best.pt"]


def test_only_the_question_about_the_normalisation_is_a_question():
    asked = '{"question": "normalisation", "guesses": ["cifar10-dc"], "low": -2, "high": 2}'
    assert importing.asks(asked)["guesses"] == ["cifar10-dc"]
    assert importing.asks('{"shape": [1]}') is None and importing.asks("") is None and importing.asks("[1]") is None


def test_what_was_found_is_one_sentence():
    assert (
        importing.told(FACTS)
        == "Found: DC, DSA, DM, ROME, BEARD pool: .pt with a list of experiments. 100 images of 3 × 32 × 32, 2 × 2"
        " parts each, 10 classes, hard labels, normalisation undone."
    )


def test_two_files_are_one_set_only_when_they_are_images_and_labels():
    assert "You chose 2 files: expected one set at a time" in importing.several(["a.pt", "b.pt"])
    assert importing.several(["a.pt"]) == importing.several(["images_best.pt", "labels_best.pt"]) == ""


def test_a_normalisation_is_supported_only_by_the_name_of_a_file():
    offered = ["cifar10-dc", "cifar10", "cifar100", "fashion-mnist", "mnist"]
    assert importing.supported(["dc_norm.pt"], offered) is None
    assert importing.supported(["res_DM_CIFAR10_ConvNet.pt"], offered) == "cifar10-dc"
    assert importing.supported(["res_DM_CIFAR100.pt"], offered) == "cifar100"
    assert importing.supported(["FashionMNIST.pt"], offered) == "fashion-mnist"
