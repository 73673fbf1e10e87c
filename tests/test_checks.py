"""Every check is green on a sound evaluation and turns red on its planted fault."""

import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from c2r.attacks import catalog
from c2r.attacks.protocols import CLEAN, Attempt
from c2r.attacks.run import attack
from c2r.base.errors import InputError
from c2r.core.margins import decided, logit_margin
from c2r.evaluation import badges, checks
from c2r.evaluation.checks import CHECKS, Subject, modes
from c2r.evaluation.checks.subject import rise
from c2r.evaluation.measure import Measured, measure
from c2r.networks.models import Network, frozen

EPS, CLASSES, SHAPE, N = 2 / 255, 4, (3, 8, 8), 1000
TRIED = (CLEAN, Attempt("fgsm", EPS), Attempt("pgd", EPS, {"step": 0.25}), Attempt("cw", EPS, {"step": 0.25}))
DEMANDED = [name for name, check in CHECKS.items() if not check.cheap]


def _images():
    """Faint class patterns under noise: a linear network gets most of them right, and an attack at 2/255 some of those
    wrong."""
    generator = torch.Generator().manual_seed(0)
    patterns = torch.randint(0, 2, (CLASSES, *SHAPE), generator=generator) * 2.0 - 1
    y = torch.arange(N) % CLASSES
    x = 0.5 + 0.015 * patterns[y] + 0.08 * torch.randn(N, *SHAPE, generator=generator)
    return x.clamp(0, 1), y, patterns


def _network(patterns, mean, std, seed):
    generator = torch.Generator().manual_seed(seed)
    network = Network(mean, std, [nn.Flatten()], patterns[0].numel(), CLASSES)
    weight = patterns.flatten(1) + 0.1 * torch.randn(CLASSES, patterns[0].numel(), generator=generator)
    with torch.no_grad():
        network.head.weight.copy_(0.1 * weight)
        network.head.bias.copy_(-0.1 * (weight.sum(1) * ((0.5 - mean) / std).mean()))
    return frozen(network)


def _official(row):
    """An AutoAttack row made of a PGD row: on a linear network it finds the same."""
    options = dict(catalog.CATALOG["autoattack"].options)
    spent = row["accuracy"] * catalog.passes("autoattack", {}, CLASSES)
    return row | {
        "key": "autoattack",
        "attack": "autoattack",
        "label": "AutoAttack",
        "options": options,
        "forwards": spent,
        "backwards": 0.0,
    }


def _measured(networks, x, y):
    rows, correct = [], {}
    for seed, network in enumerate(networks):
        for attempt in TRIED:
            found = [event for event in measure(network, x, y, attempt, seed=seed) if isinstance(event, Measured)][0]
            rows.append(
                {"method": "c2r", "network": "mlp", "protocol": "custom", "seed": seed, "split": "test"} | found.row()
            )
            correct.setdefault(attempt.key, []).append(found.correct.numpy())
        rows.append(_official(next(row for row in rows if row["key"] == "pgd" and row["seed"] == seed)))
        correct.setdefault("autoattack", []).append(correct["pgd"][-1])
    return rows, {key: np.stack(values) for key, values in correct.items()}


def _facts(mean, std):
    channels = {
        f"{part}_{name}": values.tolist()
        for part in ("set", "train", "test", "assumed")
        for name, values in (("mean", mean), ("std", std))
    }
    return channels | {
        "stored": 40,
        "effective": 160,
        "bytes": 40 * 192,
        "label_bytes": 40,
        "labels": "hard",
        "set_constants": None,
        "histograms": None,
        "selection": "last step",
        "best_minus_last": None,
        "network": "mlp",
        "steps": 100,
        "precision": "float32",
        "tf32": False,
        "data_hash": "ab",
        "train_hash": "ab",
        "seeds": [0, 1, 2],
        "subset": {"n": N, "seed": 0, "stored": True},
        "shuffled": True,
        "versions": {"torch": "2.13"},
        "origin": "own run",
    }


@pytest.fixture(scope="module")
def sound() -> Subject:
    x, y, patterns = _images()
    mean, std = x.mean((0, 2, 3)), x.std((0, 2, 3))
    networks = [_network(patterns, mean, std, seed) for seed in range(3)]
    rows, correct = _measured(networks, x, y)
    return Subject(rows, networks, x, y, EPS, CLASSES, "custom", _facts(mean, std), correct=correct)


def judged(subject: Subject, name: str) -> badges.Badge:
    return next(checks.run(subject, [name]))


def with_facts(subject, **changes):
    return replace(subject, facts=dict(subject.facts) | changes)


def with_rows(subject, key, **changes):
    """The rows of one attempt changed; without outcomes, which would contradict them."""
    return replace(subject, rows=[row | changes if row["key"] == key else row for row in subject.rows], correct={})


def with_network(subject, wrap):
    return replace(subject, networks=[wrap(copy.deepcopy(network)) for network in subject.networks])


class Wrapped(nn.Module):
    """A network behind a function of its images or of its logits."""

    def __init__(self, network, before=lambda x: x, after=lambda z: z):
        super().__init__()
        self.network, self.before, self.after = network, before, after
        self.eval().requires_grad_(False)

    def forward(self, x):
        return self.after(self.network(self.before(x)))


class Counting(nn.Module):
    """Batch norm that goes on learning in eval mode."""

    def __init__(self, network):
        super().__init__()
        self.network = network
        self.register_buffer("running", torch.zeros(3))
        self.eval()

    def forward(self, x):
        self.running.mul_(0.9).add_(0.1 * x.detach().mean((0, 2, 3)))
        return self.network(x)


def _moving(shift):
    """An attack that returns what it found, moved by `shift` · ε."""

    def run(name, model, x, y, *, eps, **how):
        found = attack(name, model, x, y, eps=eps, **how)
        return replace(found, images=x + shift * eps)

    return run


def _coupled(name, model, x, y, *, eps, **how):
    """One step along the gradient over its largest value in the *batch*."""
    found = attack(name, model, x, y, eps=eps, **how)
    point = x.clone().requires_grad_(True)
    gradient = torch.autograd.grad(nn.functional.cross_entropy(model(point), y), point)[0]
    moved = (x + eps * gradient / gradient.abs().max()).clamp(0, 1)
    return replace(found, images=moved, fooled=model(moved).argmax(1) != y)


def _switching_on(name, model, x, y, **how):
    found = attack(name, model, x, y, **how)
    model.train()
    return found


def _lazy(name, model, x, y, **how):
    """PGD that takes two tiny steps unless it is told to take at least 50."""
    changes = how.pop("changes", {})
    weak = changes.get("steps", 10) < 50
    return attack(
        name, model, x, y, **how, changes=changes | ({"steps": 2, "step": 0.02, "start": False} if weak else {})
    )


def _as_if_reduced(network):
    network.reduced = True
    return network


def _half_training(network):
    network.blocks[0].training = True
    return network


def _other_mean(network):
    network.mean += 0.05
    return network


def _without_normalisation(subject):
    """Networks trained on normalised images that are handed images in [0, 1]."""

    def undressed(network):
        mean, std = network.mean.clone(), network.std.clone()
        return Wrapped(network, before=lambda x: x * std + mean)

    return with_network(subject, undressed)


def _normalised_images(subject):
    network = subject.networks[0]
    return replace(_without_normalisation(subject), x=(subject.x - network.mean) / network.std)


def _above_square(subject):
    """Square beats the gradient attacks by three points."""
    extra = [
        row | {"key": "square", "attack": "square", "label": "Square-5000", "accuracy": row["accuracy"] - 0.03}
        for row in subject.rows
        if row["key"] == "pgd"
    ]
    return replace(subject, rows=subject.rows + extra)


def _rising_outcomes(subject):
    """Under AutoAttack ten images in a thousand are right that PGD fools."""
    correct = {key: values.copy() for key, values in subject.correct.items()}
    for values in correct["autoattack"]:
        values[np.flatnonzero(~values)[:10]] = True
    rows = [row | {"accuracy": row["accuracy"] + 0.01} if row["key"] == "autoattack" else row for row in subject.rows]
    return replace(subject, rows=rows, correct=correct)


def _targeted_under_one_key(subject):
    other = [row | {"targeted": True, "success": 0.2} for row in subject.rows if row["key"] == "pgd"]
    return replace(subject, rows=subject.rows + other, correct={})


def _like_clean(subject):
    base = {row["seed"]: row["accuracy"] for row in subject.rows if row["key"] == "clean"}
    return replace(
        subject, rows=[row | {"accuracy": base[row["seed"]]} if row["key"] == "fgsm" else row for row in subject.rows]
    )


def _too_small(subject):
    """FGSM leaves the clean accuracy, but every margin is a little smaller."""
    margins = {"clean": np.ones((3, N)), "fgsm": np.full((3, N), 0.9)}
    return replace(_like_clean(subject), margins=margins)


def _one_seed(subject):
    rows = [row for row in subject.rows if row["seed"] == 0]
    return replace(subject, rows=rows, correct={key: values[:1] for key, values in subject.correct.items()})


def _no_longer_matching(subject):
    return replace(subject, correct={key: np.zeros_like(values) for key, values in subject.correct.items()})


def _legacy_clamp(subject):
    clamp = [
        row | {"key": "clamp", "attack": "clamp", "accuracy": row["accuracy"] - 0.2}
        for row in subject.rows
        if row["key"] == "clean"
    ]
    return replace(subject, rows=subject.rows + clamp)


def _saturated(s):
    return with_network(s, lambda net: Wrapped(net, after=lambda z: 1e4 * z))


def _quantised(s):
    return with_network(s, lambda net: Wrapped(net, before=lambda x: (x * 64).round() / 64))


def _per_batch(s):
    return with_network(s, lambda net: Wrapped(net, before=lambda x: x - x.mean((0, 2, 3), keepdim=True) + 0.5))


FAULTS = {
    "images are normalised": ("input-space", _normalised_images, "outside [0, 1]"),
    "the network lacks its normalisation": ("input-space", _without_normalisation, "expects normalised images"),
    "the attack goes ten times too far": ("input-space", lambda s: replace(s, attack=_moving(10)), "20/255"),
    "a row moved a pixel too far": (
        "input-space",
        lambda s: with_rows(s, "pgd", moved=12.5),
        "12.5/255 at ε = 2/255 (pgd)",
    ),
    "the legacy clamp costs accuracy": ("input-space", _legacy_clamp, "legacy clamp alone"),
    "AutoAttack leaves more than PGD": ("gradient-masking", _rising_outcomes, "autoattack"),
    "PGD leaves more than FGSM": (
        "gradient-masking",
        lambda s: with_rows(s, "fgsm", accuracy=0.1),
        "after fgsm 10.0 %",
    ),
    "Square beats the gradients": ("gradient-masking", _above_square, "without gradients is stronger"),
    "logits are saturated": ("gradient-masking", _saturated, "gradient of exactly zero"),
    "the input is quantised": ("gradient-masking", _quantised, "100.0 % of the correctly"),
    "saturated logits under curves": ("masking-curves", _saturated, "on the logit margin"),
    "quantised input under curves": ("masking-curves", _quantised, "along a random direction"),
    "AutoAttack with 10 iterations": (
        "autoattack-budget",
        lambda s: with_rows(s, "autoattack", options={"steps": 10, "targets": 9, "queries": 5000}),
        "10 iterations (official 100)",
    ),
    "AutoAttack skipped its parts": (
        "autoattack-budget",
        lambda s: with_rows(s, "autoattack", forwards=200.0),
        "spent 200 passes",
    ),
    "a network in training mode": ("train-mode", lambda s: with_network(s, lambda net: net.train()), "3 of 3 networks"),
    "one layer in training mode": ("train-mode", lambda s: with_network(s, _half_training), "3 of 3 networks"),
    "statistics move under attack": ("train-mode", lambda s: with_network(s, Counting), "changed 3"),
    "the attack switches training on": (
        "train-mode",
        lambda s: replace(with_network(s, lambda net: net), attack=_switching_on),
        "changed 3",
    ),
    "selected on test": ("test-leakage", lambda s: with_facts(s, selection="best on test"), "best on test"),
    "more steps break more": ("attack-sweep", lambda s: replace(s, attack=_lazy), "points less"),
    "the set has other constants": (
        "normalisation-constants",
        lambda s: with_facts(s, set_constants={"mean": [0.5] * 3, "std": [0.2] * 3}),
        "which were not undone",
    ),
    "a network holds another mean": ("normalisation-constants", lambda s: with_network(s, _other_mean), "holds a mean"),
    "fp16 with saturated logits": (
        "precision",
        lambda s: with_facts(_saturated(s), precision="float16"),
        "In float16 100.0 %",
    ),
    "networks in bfloat16": ("precision", lambda s: with_network(s, _as_if_reduced), "3 of 3 networks"),
    "fp16 loses the signs": (
        "gradient-agreement",
        lambda s: with_facts(with_network(s, lambda net: Wrapped(net, after=lambda z: 300 * z)), precision="float16"),
        "same in float16",
    ),
    "the attack looks at the batch": ("batch-coupling", lambda s: replace(s, attack=_coupled), "end elsewhere"),
    "the network looks at the batch": ("batch-coupling", _per_batch, "Logits of an image alone"),
    "an attack equals clean": ("threat-models", _like_clean, "exactly the clean accuracy"),
    "targeted under an untargeted key": (
        "threat-models",
        _targeted_under_one_key,
        "mix Linf 2/255 and Linf 2/255 targeted",
    ),
    "an attack that moves no margin": (
        "threat-models",
        lambda s: replace(_too_small(s), margins=dict.fromkeys(("clean", "fgsm"), np.ones((3, N)))),
        "exactly the clean accuracy",
    ),
    "a wrong norm": ("threat-models", lambda s: with_rows(s, "pgd", norm="L2"), "labelled L2"),
    "a distance beyond the radius": (
        "threat-models",
        lambda s: with_rows(s, "pgd", distance=0.1),
        "pgd 25.5/255 at ε = 2/255",
    ),
    "unbounded without distance": (
        "threat-models",
        lambda s: with_rows(s, "cw", attack="deepfool", norm="L2", eps="unbounded", distance=None),
        "a distance is recorded of cw",
    ),
    "an attack above clean": ("metric-artefacts", lambda s: with_rows(s, "cw", accuracy=0.999), "most cw with 99.9 %"),
    "outcomes contradict rows": ("metric-artefacts", _no_longer_matching, "contradict"),
    "one seed": ("budgets-and-seeds", _one_seed, "1 network with"),
}


@pytest.mark.parametrize("name", [name for name in CHECKS if name != "attack-settings"])
def test_a_sound_evaluation_is_green(sound, name):
    badge = judged(sound, name)
    assert badge.colour == "green", badge.evidence
    assert badge.number == CHECKS[name].number
    assert badge.cheap == CHECKS[name].cheap
    assert any(letter.isdigit() for letter in badge.evidence) or name == "test-leakage"


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_red(sound, fault):
    name, plant, told = FAULTS[fault]
    badge = judged(plant(sound), name)
    assert badge.colour == "red", badge.evidence
    assert told in badge.evidence
    assert badge.advice.endswith(".")
    assert badge.advice != badges.NOTHING


def test_every_check_has_a_planted_fault():
    assert {CHECKS[name].number for name, _, _ in FAULTS.values()} == set(range(1, 13))
    assert set(CHECKS) - {name for name, _, _ in FAULTS.values()} == {
        "attack-settings"
    }  # it alone can only be amber or grey


AMBER = {
    "no AutoAttack": (
        "autoattack-budget",
        lambda s: replace(s, rows=[row for row in s.rows if row["key"] != "autoattack"]),
    ),
    "AutoAttack with 60 iterations": ("autoattack-budget", lambda s: with_rows(s, "autoattack", options={"steps": 60})),
    "selection unknown": ("test-leakage", lambda s: with_facts(s, selection="unknown")),
    "an imported set": ("test-leakage", lambda s: with_facts(s, origin="imported")),
    "steps as large as the radius": (
        "attack-settings",
        lambda s: with_rows(s, "pgd", options={"steps": 10, "step": 1.0}),
    ),
    "BEARD's step": (
        "attack-settings",
        lambda s: with_rows(s, "pgd", eps="8/255", options={"step": (2 / 225) / (8 / 255)}),
    ),
    "an imported set had other constants": (
        "normalisation-constants",
        lambda s: with_facts(s, origin="imported", set_constants={"mean": [0.5] * 3, "std": [0.2] * 3}),
    ),
    "one network from a file": ("budgets-and-seeds", lambda s: with_facts(_one_seed(s), origin="weights file")),
    "constants not recorded": ("normalisation-constants", lambda s: with_facts(s, assumed_mean=None)),
    "TF32": ("precision", lambda s: with_facts(s, tf32=True)),
    "precision not recorded": ("precision", lambda s: with_facts(s, precision=None)),
    "an attack without radius": (
        "threat-models",
        lambda s: with_rows(s, "cw", attack="deepfool", norm="L2", eps="unbounded", distance=0.3),
    ),
    "a radius too small to tell": ("threat-models", _too_small),
    "two attacks": (
        "metric-artefacts",
        lambda s: replace(s, rows=[row for row in s.rows if row["key"] in ("clean", "fgsm", "pgd")]),
    ),
    "100 images": (
        "metric-artefacts",
        lambda s: replace(s, rows=[row | {"n": 100, "interval": [0.4, 0.6]} for row in s.rows]),
    ),
    "two seeds": ("budgets-and-seeds", lambda s: replace(s, rows=[row for row in s.rows if row["seed"] < 2])),
    "heavy soft labels": ("budgets-and-seeds", lambda s: with_facts(s, labels="soft", label_bytes=4000)),
    "another copy of the data": ("budgets-and-seeds", lambda s: with_facts(s, train_hash="cd")),
}


@pytest.mark.parametrize("doubt", AMBER)
def test_a_doubt_is_amber(sound, doubt):
    name, plant = AMBER[doubt]
    badge = judged(plant(sound), name)
    assert badge.colour == "amber", badge.evidence


def test_a_record_without_facts_or_networks_is_never_green(sound):
    bare = replace(sound, facts={}, networks=[], rows=[], correct={})
    assert {badge.colour for badge in checks.run(bare)} <= {"amber", "grey", "red"}
    assert {badge.colour for badge in checks.run(bare, DEMANDED)} == {"grey"}


def test_without_names_the_cheap_checks_run_and_the_rest_stands_as_not_run(sound):
    told = []
    found = list(checks.run(sound, on=lambda name, share: told.append((name, share))))
    assert [badge.number for badge in found] == [check.number for check in CHECKS.values() if check.cheap]
    assert told[0] == ("input-space", 0.0)
    assert len(told) == len(found)
    whole = badges.complete(found)
    assert [badge.number for badge in whole] == list(range(1, 13))
    assert "on demand" in whole[8].evidence
    assert badges.summary(whole) == "2 grey, 10 green"


def test_a_badge_on_demand_takes_the_place_of_the_cheap_one(sound):
    found = [*checks.run(sound, ["precision"]), *checks.run(sound, ["gradient-agreement"])]
    whole = badges.complete(found)
    assert whole[7].figures["agree_float16"] > modes.AGREE
    assert not whole[7].cheap


def test_badges_survive_json_and_come_worst_first(sound):
    import json

    found = [*checks.run(sound, ["masking-curves", "batch-coupling"]), *checks.run(_one_seed(sound))]
    assert badges.from_json(json.loads(json.dumps(badges.to_json(found), allow_nan=False))) == found
    assert badges.worst_first(found)[0].number == 12
    with pytest.raises(InputError, match="run the checks again"):
        badges.from_json([{"number": 1}])
    with pytest.raises(InputError, match="run the checks again"):
        badges.from_json([badges.to_json(found)[0] | {"colour": "blue"}])


def test_a_check_that_trips_is_grey_and_the_next_one_runs(sound):
    def broken(*_args, **_how):
        raise RuntimeError("out of memory")

    found = list(checks.run(replace(sound, attack=broken), ["input-space", "test-leakage"]))
    assert [badge.colour for badge in found] == ["grey", "green"]
    assert "out of memory" in found[0].evidence


def test_the_thorough_checks_are_twelve_and_the_deepest_of_their_number():
    assert [CHECKS[name].number for name in checks.THOROUGH] == list(range(1, 13))
    assert set(DEMANDED) <= set(checks.THOROUGH)


def test_an_unknown_check_is_named(sound):
    with pytest.raises(InputError, match="Did you mean 'precision'"):
        list(checks.run(sound, ["precison"]))


def test_a_rise_counts_images_that_changed():
    before, after = np.array([1, 1, 0, 0, 0, 0, 0, 0]), np.array([1, 0, 1, 1, 1, 0, 0, 0])
    gain, noise = rise(before, after)
    assert gain == pytest.approx(2 / 8)
    assert noise == pytest.approx(1.96 * 4**0.5 / 8)


def test_rounding_reaches_weights_outputs_and_gradients():
    network = nn.Sequential(nn.Flatten(), nn.Linear(2, 1, bias=False))
    network[1].weight.data = torch.tensor([[1.0, 1 + 2**-12]])
    x = torch.tensor([[1.0, 2**-12]], requires_grad=True)
    with modes.rounded(network, torch.float16) as low:
        assert low(x).item() == 1.0
        assert torch.autograd.grad(1e-9 * low(x).sum(), x)[0].abs().sum() == 0  # below the smallest number of float16
    assert network(x).item() != 1.0


def test_a_network_in_training_mode_gives_grey_not_a_crash_to_the_input_check(sound):
    badge = judged(with_network(sound, lambda net: net.train()), "input-space")
    assert badge.colour == "grey"
    assert "training mode" in badge.evidence


def test_an_attack_within_the_radius_that_leaves_the_pixel_box_is_red(sound):
    dark = replace(sound, x=(sound.x - 0.5).clamp(0, 1))
    badge = judged(replace(dark, attack=_moving(-0.5)), "input-space")
    assert badge.figures["probe_moved"] == pytest.approx(1.0, abs=1e-3)
    assert badge.colour == "red"
    assert judged(dark, "input-space").colour == "green"


def test_the_page_about_the_checks_is_in_step():
    page = Path(__file__).resolve().parents[1] / "docs" / "checks.md"
    assert page.read_text(encoding="utf-8") == checks.described()


BROKEN = {
    "NaN weights": lambda net: net.head.weight.fill_(float("nan")) is None or net,
    "one NaN weight": lambda net: net.head.weight[0, 0].fill_(float("nan")) is None or net,
    "infinite weights": lambda net: net.head.bias[0].fill_(float("inf")) is None or net,
    "NaN logits": lambda net: Wrapped(net, after=lambda z: z * float("nan")),
    "overflowing logits": lambda net: Wrapped(net, after=lambda z: z.relu() * 1e38 * 10),
    "deviation 0": lambda net: net.std.zero_() is None or net,
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_network_that_answers_no_numbers_is_not_robust_and_a_badge_is_red(sound, name):
    subject = with_network(sound, lambda network: frozen(BROKEN[name](network)))
    badge = judged(subject, "precision")
    assert badge.colour == "red" and "NaN or infinite" in badge.evidence and badge.figures["undecided"] > 0
    assert "changed 0" in judged(subject, "train-mode").evidence
    if badge.figures["undecided"] == 1:
        assert "In float32 0.0 % of the correctly classified images" in badge.evidence
    x, y = sound.x[:40], sound.y[:40]
    logits = subject.networks[0](x)
    lost = ~decided(logits, logit_margin(logits, y))
    assert lost.any()
    for attempt in (
        CLEAN,
        Attempt("fgsm", EPS),
        Attempt("pgd", EPS),
        Attempt("cw", EPS),
        Attempt("square", EPS, {"queries": 4}),
        Attempt("pgd", EPS, targeted=True),
    ):
        found = [event for event in measure(subject.networks[0], x, y, attempt, seed=0) if isinstance(event, Measured)][
            0
        ]
        assert not found.correct[lost].any(), attempt.key
