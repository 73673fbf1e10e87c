"""Settings: one declaration, sentences for what is wrong, lossless text. Run: pytest tests/test_config.py"""

import re
import subprocess
import sys
from typing import Annotated

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError

from c2r import config, presets
from c2r.attacks.catalog import CATALOG
from c2r.attacks.protocols import PROTOCOLS
from c2r.base import fields
from c2r.base.errors import InputError


@pytest.mark.parametrize("preset", presets.PRESETS)
def test_every_preset_is_valid_and_explained_and_survives_json_and_the_command_line(preset):
    loaded = config.load(preset)
    assert config.from_json(config.to_json(loaded)) == loaded
    assert len(presets.PRESET_HELP[preset]) > 20
    words = config.command(loaded, preset, "runs/x")
    assert words == ["python", "-m", "c2r", "distill", "--preset", preset, "--out", "runs/x"]


def test_the_command_line_of_a_changed_run_gives_back_the_same_settings():
    changed = config.load(
        "demo",
        {
            "ipc": 3,
            "eps": "5/255",
            "eval_attacks": ["fgsm"],
            "method": "c2r-pgd",
            "tau": 0.15,
            "eval_eps": "1/255,2/255",
            "eval_targeted": True,
        },
    )
    words = config.command(changed, "demo", "x")
    pairs = [words[i + 1] for i, word in enumerate(words) if word == "--set"]
    method = words[words.index("--method") + 1]
    assert config.load("demo", config.parse_assignments(pairs) | {"method": method}) == changed


@pytest.mark.parametrize(("text", "value"), [("2/255", 2 / 255), ("0.03", 0.03), (0.1, 0.1), ("8 / 255", 8 / 255)])
def test_a_radius_is_read_in_pixel_units(text, value):
    assert config.load("demo", {"eps": text}).eps == pytest.approx(value)


def test_a_radius_is_written_as_parts_of_255():
    assert fields.format_radius(2 / 255) == "2/255"
    assert fields.format_radius(0.5 / 255) == "0.5/255"


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"ipc": 0}, "Setting 'ipc' expects a whole number at least 1 and at most 1000, found '0'"),
        ({"ipc": "ten"}, "Setting 'ipc' expects a whole number .* found 'ten'"),
        ({"tau": "nan"}, "Setting 'tau' expects a number above 0 and at most 10, found 'nan'"),
        ({"eps": "2/0"}, "Setting 'eps' expects a radius such as 2/255 above 0 and at most 0.5, found '2/0'"),
        ({"eps": "-1/255"}, "Setting 'eps' expects a radius"),
        ({"init": "zeros"}, "Setting 'init' expects one of real, noise, easy, hard, found 'zeros'"),
        ({"method": "c2"}, "Unknown method 'c2': expected one of .* Did you mean 'c2r'?"),
        ({"model": "convnext"}, "Unknown model 'convnext': expected one of convnet, resnet18, mlp"),
        ({"protocol": "custm"}, "Setting 'protocol' expects one of custom, pixel-2/255, .*, found 'custm': change it"),
        ({"eval_attacks": "fgsm,pdg"}, "Unknown attack 'pdg': expected one of fgsm, pgd, .*Did you mean 'pgd'?"),
        (
            {"eval_eps": "1/255,x"},
            (
                "Setting 'eval_eps' expects radii such as 2/255,4/255, each above 0 and at most 1, or none, found"
                " '1/255,x'"
            ),
        ),
        (
            {"icp": 3},
            (
                "Unknown setting 'icp': expected one of the .* that 'python -m c2r distill --settings' lists; choose"
                " one. Did you mean 'ipc'?"
            ),
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(values, sentence):
    with pytest.raises(InputError, match=sentence):
        config.load("demo", values)


def test_unknown_presets_pairs_without_equals_and_damaged_json_are_named():
    with pytest.raises(InputError, match=re.escape("Unknown preset 'dmo': expected one of")):
        config.load("dmo")
    with pytest.raises(InputError, match="--set expects name=value, found 'ipc'"):
        config.parse_assignments(["ipc"])
    with pytest.raises(InputError, match="not JSON"):
        config.from_json("{")
    with pytest.raises(InputError, match="holds a list"):
        config.from_json("[]")


def test_every_setting_stands_in_one_group_with_help_and_the_groups_have_titles():
    names = [name for group in config.every_group() for name in group.model_fields]
    assert sorted(names) == sorted(config.every_name())
    assert len(names) == len(set(names))
    assert all(len(field.description) > 10 for field in map(config.declared, config.every_name()))
    assert all(group.__doc__ for group in config.every_group())
    assert config.every_name() == names


class Worded(BaseModel):
    model_config = ConfigDict(validate_default=True)
    single: str = fields.setting("b", "Single", "one word", table="test_config:TABLE")
    several: Annotated[tuple[str, ...], fields.Names] = fields.setting(
        (), "Several", "words", table="test_config:TABLE"
    )


TABLE = {"a": 1, "b": 2}


def test_the_words_of_a_setting_with_a_table_are_the_keys_of_the_table(monkeypatch):
    single, several = Worded.model_fields["single"], Worded.model_fields["several"]
    assert fields.choices(single) == fields.choices(several) == ("a", "b")
    assert fields.expected(several) == "any of a, b" and fields.expected(single) == "one of a, b"
    assert Worded(several="b, a").several == ("b", "a") and Worded().single == "b"
    for wrong in ({"single": "c"}, {"several": "a,c"}, {"single": 3}, {"several": [["a"]]}):
        with pytest.raises(ValidationError):
            Worded(**wrong)
    monkeypatch.setitem(TABLE, "c", 3)
    assert Worded(single="c", several="c").several == ("c",) and fields.choices(single) == ("a", "b", "c")


def test_a_table_is_imported_only_when_its_words_are_asked_for():
    told = "'c2r.attacks.catalog' in sys.modules"
    code = (
        f"import sys; from c2r import config; print({told}); config.load('demo'); print({told}, 'torch' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.split() == ["False", "True", "False"]


def test_attacks_and_protocols_are_settings_as_soon_as_they_are_rows(monkeypatch):
    monkeypatch.setitem(CATALOG, "mine", CATALOG["pgd"])
    monkeypatch.setitem(PROTOCOLS, "ours", PROTOCOLS["custom"])
    loaded = config.load("demo", {"eval_attacks": "mine,fgsm", "protocol": "ours"})
    assert config.from_json(config.to_json(loaded)) == loaded
    assert loaded.eval_attacks == ("mine", "fgsm") and loaded.protocol == "ours"
