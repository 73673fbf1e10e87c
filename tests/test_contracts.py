"""Every row of every table goes through the same checks. Run: pytest tests/test_contracts.py"""

import pytest
import torch

from c2r import config
from c2r.attacks import ATTACKS
from c2r.catalog import CATALOG
from c2r.checkpoint import Checkpoint
from c2r.data import RealData
from c2r.distill import Basis, Finished, Recorded, distill
from c2r.fields import choices
from c2r.methods import METHODS
from c2r.models import MODELS
from c2r.protocols import PROTOCOLS
from c2r.runs import FRAME_ARRAYS
from c2r.threat import Threat

QUICK = {
    "ipc": 3, "width": 8, "depth": 2, "pool_size": 2, "pool_steps": 6, "pool_stage": 3, "pool_batch": 16, "steps": 5, "record_every": 2,
    "batch": 5, "real_batch": 4, "queue_size": 4, "hard_negatives": 3,
}  # fmt: skip


def tiny_data(classes: int = 3, side: int = 8, channels: int = 1) -> RealData:
    """Real-looking data: one pattern per class and noise."""
    generator = torch.Generator().manual_seed(7)
    patterns = torch.rand(classes, channels, side, side, generator=generator)

    def split(count: int) -> tuple[torch.Tensor, torch.Tensor]:
        labels = torch.arange(count) % classes
        noise = 0.3 * torch.rand(count, channels, side, side, generator=generator)
        return ((patterns[labels] * 0.7 + noise) * 255).to(torch.uint8), labels

    return RealData("tiny", *split(90), *split(30), tuple(f"class {k}" for k in range(classes)), "0" * 16)


def events(method="c2r", **changes):
    return list(distill(config.load("demo", QUICK | {"method": method} | changes), tiny_data()))


def test_the_words_of_the_settings_are_the_rows_of_the_tables():
    fields = config.RunConfig.model_fields
    assert list(METHODS) == list(choices(fields["method"]))
    assert list(MODELS) == list(choices(fields["model"]))
    assert list(CATALOG) == list(choices(fields["eval_attacks"]))
    assert set(ATTACKS) == set(CATALOG)
    assert list(PROTOCOLS) == list(choices(fields["protocol"]))


@pytest.mark.parametrize("method", [name for name, row in METHODS.items() if row.source == "drawn"])
def test_every_method_yields_a_basis_frames_and_a_set_within_the_threat_model(method):
    found = events(method)
    frames = [e for e in found if isinstance(e, Recorded)]
    assert [f.step for f in frames] == ([0, 2, 4, 5] if METHODS[method].updates else [0])
    assert sum(isinstance(e, Basis) for e in found) == 1
    assert isinstance(found[-1], Finished)
    for frame in frames:
        arrays = frame.arrays
        assert set(arrays) == set(FRAME_ARRAYS)
        assert (arrays["margin_adv"] <= arrays["margin_clean"] + 1e-4).all()
        assert sorted(arrays["order"].tolist()) == list(range(9))
        assert (arrays["score"][arrays["order"]][:-1] >= arrays["score"][arrays["order"]][1:]).all()
        images, delta = torch.from_numpy(arrays["images"]) / 255, torch.from_numpy(arrays["delta"]).float()
        assert Threat(config.load("demo").eps).contains(delta, images, slack=3e-3)
        assert frame.event["n"] == 9
        assert sum(frame.event["margin_adv"]["counts"]) == 9
    moved = (frames[-1].arrays["images"] != frames[0].arrays["images"]).mean()
    assert (moved > 0.3) == METHODS[method].updates


@pytest.mark.parametrize(
    "changes", [{"partition": 2}, {"anchors": "synthetic"}, {"hard_weight": 1.0}, {"init": "noise"}, {"precision": "bfloat16"}]
)
def test_the_settings_that_switch_code_paths_run_and_change_the_result(changes):
    plain, changed = events()[-1].images, events(**changes)[-1].images
    assert changed.shape == plain.shape
    assert (plain != changed).any()


@pytest.mark.parametrize("ablation", [m for m, row in METHODS.items() if m != "c2r" and row.updates])
def test_every_ablation_changes_the_images(ablation):
    assert (events()[-1].images != events(ablation)[-1].images).any()


def test_same_seed_same_bits_and_another_seed_other_bits():
    one, two, other = events(), events(), events(seed=1)
    for a, b in zip((e for e in one if isinstance(e, Recorded)), (e for e in two if isinstance(e, Recorded)), strict=True):
        assert all((a.arrays[name] == b.arrays[name]).all() for name in FRAME_ARRAYS)
    assert (one[-1].images == two[-1].images).all()
    assert (one[-1].images != other[-1].images).any()


def test_recording_does_not_change_the_random_draws():
    often, seldom = ([type(e).__name__ for e in events(record_every=n) if not isinstance(e, Recorded | Checkpoint)] for n in (1, 5))
    assert often == seldom
