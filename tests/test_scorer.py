"""The words for the network that measured margins of synthetic images. Run: pytest tests/test_scorer.py"""

from c2r import config
from c2r.look.scorer import scorer


def test_the_scorer_is_named_by_its_run_and_how_it_was_trained():
    settings = config.load("demo", {"pool_steps": 400, "seed": 7})
    said = scorer(settings, {"data": {"name": "digits"}}, "own")
    assert said == "scorer of run own: convnet-32-d2, adversarially trained on digits, 400 steps at ε = 32/255, seed 7"
    assert scorer(settings, {}).startswith(
        "scorer of this run: convnet-32-d2, adversarially trained on digits, 400 steps"
    )
    student = scorer(config.load("demo", {"scorers": "ce,on-set", "scorer_refresh": 40}), {}, "", "on-set")
    assert student == (
        "scorer of this run: convnet-32-d2, trained on the synthetic images alone, 150 steps by the evaluation's"
        " recipe, anew every 40 updates"
    )
    assert scorer(None, {}, "x") == "scorer of run x: not recorded"


def test_two_runs_of_the_same_images_name_two_scorers():
    own, taken = config.load("demo"), config.load("demo", {"method": "imported", "imported": "set.safetensors"})
    assert scorer(own, {}, "own") != scorer(taken, {}, "taken")
