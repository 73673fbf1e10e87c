"""The Start page: six plain fields, the rest folded; words first, symbol and flag in the help; nothing starts that is
out of range."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app import jobs, settings
from c2r import config
from c2r.base import fields

MAIN = Path(__file__).resolve().parents[1] / "app" / "script.py"
PLAIN = ["Method", "Data", "Images per class", "Attack strength ε (pixel units)", "Steps", "Seed"]


@pytest.fixture(autouse=True)
def store(tmp_path, monkeypatch):
    """An empty run store without a sample run."""
    monkeypatch.setenv("C2R_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("C2R_SAMPLE", str(tmp_path / "sample_run"))


def start(*, opened: bool = False) -> AppTest:
    app = AppTest.from_file(str(MAIN), default_timeout=20)
    if opened:
        app.session_state["all-settings"] = True
    return rerun(app.switch_page("../pages/start.py"))


def rerun(app: AppTest) -> AppTest:
    app.run()
    assert not app.exception, [entry.message for entry in app.exception]
    return app


def widgets(app: AppTest) -> list:
    """The fields of the form, in no order."""
    return [
        w
        for kind in (app.selectbox, app.text_input, app.number_input, app.multiselect, app.toggle)
        for w in kind
        if "form-" in str(w.key)
    ]


def field(app: AppTest, label: str):
    return next(w for w in widgets(app) if w.label.split(" (")[0] == label)


def test_six_plain_fields_come_first_and_all_others_wait_under_all_settings():
    app = start()
    assert sorted(w.label for w in widgets(app)) == sorted(PLAIN)
    assert "All settings" in [e.label for e in app.expander]
    assert field(app, "Method").options[0] == "C2R" and "Attack-aware curriculum, contrastive" in "\n".join(
        c.value for c in app.caption
    )
    every = {w.key.rpartition("-")[2] for w in widgets(start(opened=True))}
    read = config.kind_of("c2r").model_fields
    one_choice = {name for name, declared in read.items() if len(fields.choices(declared)) == 1}
    assert every == set(read) - {"imported", "parent"} - one_choice


def test_a_setting_is_labelled_in_words_with_symbol_and_flag_in_its_help():
    eta = field(start(opened=True), "Contrastive share")
    assert eta.help.startswith("η, --set eta: share of the contrastive loss")
    assert field(start(), "Method").help.startswith("\\--method: ")


def test_methods_protocols_and_attacks_are_offered_by_label_and_imported_is_not():
    app = start(opened=True)
    methods = field(app, "Method").options
    assert "Random real images · Baselines" in methods and "C2R without AAC" in methods
    assert not {"imported", "Imported set · Imported", "c2r-no-aac"} & set(methods)
    assert "GUARD, pixel space, 1/255" in field(app, "Protocol").options
    attacks = field(app, "Attacks").options
    assert {"FGSM", "PGD", "CW-10 L∞", "AutoAttack"} <= set(attacks) and "vmi-fgsm" not in attacks


@pytest.mark.parametrize(
    ("label", "typed"),
    [("Images per class", "5000"), ("Steps", ""), ("Seed", "1.5"), ("Seed", "9" * 30), ("Steps", "-1")],
)
def test_a_number_out_of_range_is_said_at_its_field_and_nothing_starts(label, typed, monkeypatch):
    started = []
    monkeypatch.setattr(jobs, "start", lambda *asked: started.append(asked))
    app = start()
    field(app, label).set_value(typed)
    app.button(key="start").click()  # together: a click that was on its way when the value came
    app = rerun(app)
    assert not started and f", found '{typed}'" in "\n".join(c.value for c in app.caption)
    assert app.button(key="start").disabled and app.error[0].value.startswith(f"{label}: Setting")


def test_what_is_chosen_under_all_settings_counts_while_it_is_folded_and_is_said():
    app = start(opened=True)
    field(app, "Contrastive share").set_value("0.3")
    app = rerun(app)
    app.session_state["all-settings"] = False
    app = rerun(app)
    assert len(widgets(app)) == len(PLAIN) and "--set eta=0.3" in app.code[0].value
    assert "Not as in the preset: Contrastive share: 0.17 → 0.3." in "\n".join(c.value for c in app.caption)


def test_labels_are_declared_once_are_unique_and_words():
    labels = [fields.label(declared) for declared in map(config.declared, config.every_name())]
    assert len(set(labels)) == len(labels) and all(label[0].isupper() and "_" not in label for label in labels)
    assert config.declared("eta").description.startswith("η: share")


def test_a_loaded_imported_set_keeps_its_method():
    base = config.load("demo", {"method": "imported", "imported": "/x.npz"})
    assert settings.offered("method", base.method)[-1] == "imported" and "imported" not in settings.offered(
        "method", "c2r"
    )


def test_another_method_asks_for_its_settings_only_and_what_was_typed_comes_back_with_the_first():
    app = start(opened=True)
    field(app, "Contrastive share").set_value("0.3")
    field(app, "Width").set_value("40")
    app = rerun(app)
    field(app, "Method").set_value("random-real")
    app = rerun(app)
    shown = {w.key.rpartition("-")[2] for w in widgets(app)}
    assert "eta" not in shown and shown <= set(config.kind_of("random-real").model_fields)
    assert "--set eta" not in app.code[0].value and "--set width=40" in app.code[0].value
    assert "the baseline every method must beat" in "\n".join(c.value for c in app.caption)
    field(app, "Method").set_value("c2r")
    app = rerun(app)
    assert field(app, "Contrastive share").value == "0.3" and field(app, "Width").value == "40"
    assert "--set eta=0.3" in app.code[0].value
