"""Soft labels of a pool, where the answer is known. Run: pytest tests/test_labels.py"""

from types import SimpleNamespace

import numpy as np
import torch
from test_contracts import events, settings, tiny_data

from c2r.core.pgd import towards
from c2r.core.threat import Threat
from c2r.events import Finished
from c2r.formats.sets import read_own
from c2r.methods.distill import distill
from c2r.methods.labels import soft_labels
from c2r.methods.observer import Recorded
from c2r.store.files import save_arrays


def teacher(first):
    """A network whose logit of class 0 is `first` times the mean of the image, of the others 0."""
    return lambda x: torch.stack([first * x.mean((1, 2, 3)), *2 * [torch.zeros(len(x))]], 1)


def test_labels_are_the_mean_answer_of_the_chosen_stages_to_each_part():
    pool = SimpleNamespace(networks=[[teacher(0.0), teacher(1.0)], [teacher(0.0), teacher(3.0)]])
    images = torch.zeros(2, 1, 4, 4)
    images[0, :, :2, :2] = 1.0
    last = soft_labels(images, 2, pool, settings(labels="soft"))
    e, cube = np.e, np.e**3
    assert last.shape == (2, 4, 3)
    torch.testing.assert_close(last[0, 0, 0], torch.tensor((e / (e + 2) + cube / (cube + 2)) / 2, dtype=torch.float16))
    torch.testing.assert_close(last[0, 1], torch.full((3,), 1 / 3).half())
    first = soft_labels(images, 2, pool, settings(labels="soft", label_stage=1))
    torch.testing.assert_close(first, torch.full((2, 4, 3), 1 / 3).half())
    assert soft_labels(images, 1, pool, settings(labels="soft", label_heat=1e2)).shape == (2, 3)


def test_labels_do_not_move_the_images_and_stand_in_every_frame_after_the_pool():
    hard, soft = events("c2r"), events("c2r", labels="soft", partition=1)
    assert np.array_equal(hard[-1].made.images, soft[-1].made.images) and hard[-1].made.soft is None
    frames = [event for event in soft if isinstance(event, Recorded)]
    assert ["soft_labels" in frame.arrays for frame in frames] == [False, *[True] * (len(frames) - 1)]
    np.testing.assert_allclose(soft[-1].made.soft.astype(np.float32).sum(-1), 1, atol=2e-3)


def test_random_real_images_with_labels_of_a_pool_are_the_images_of_random_real():
    plain, labelled = (events(method)[-1] for method in ("random-real", "random-soft"))
    assert isinstance(labelled, Finished) and np.array_equal(plain.made.images, labelled.made.images)
    assert plain.made.soft is None and labelled.made.soft.shape == (9, 3)
    assert labelled.made.label_bytes == 9 * 3 * 2


def test_labels_of_two_bytes_are_read_back_as_two_bytes(tmp_path):
    made = events("random-soft", partition=2)[-1].made
    save_arrays(tmp_path, "synthetic", made.arrays, made.about)
    read = read_own(tmp_path / "synthetic.safetensors").distilled
    assert read.soft.dtype == np.float16 and read.label_bytes == made.label_bytes == 9 * 4 * 3 * 2
    np.testing.assert_array_equal(read.soft, made.soft)


def test_a_targeted_attack_makes_the_goal_likelier_within_the_ball(generator):
    made, data = settings(method="rome", pool_steps=30, pool_stage=30), tiny_data()
    *_, _ = distill(made, data)
    from c2r.methods.pool import Pool, train_network
    from c2r.networks.training import cross_entropy

    pool = Pool()
    for _ in train_network(pool, made, data, generator, cross_entropy):
        pass
    network, x, goals = pool.last(0), data.images[:12].float() / 255, (data.labels[:12] + 1) % 3
    moved = towards(network, x, goals, threat=Threat(0.2), generator=generator)
    assert Threat(0.2).contains(moved - x, x)
    before, after = (network(z).log_softmax(1).gather(1, goals[:, None]).mean() for z in (x, moved))
    assert after > before + 0.1
