"""Projections and separation figures. Run: pytest tests/test_project.py"""

import numpy as np
import pytest

from c2r.config import load
from c2r.look.project import apply_basis, joint_umap, pca_basis, sample_per_class, separation


def clouds(gap, n=60, classes=3, dimension=8, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(classes), n // classes)
    centres = rng.normal(size=(classes, dimension)) * gap
    return (centres[labels] + rng.normal(size=(n, dimension))).astype(np.float32), labels


PAIRS = np.array([[0.0], [2.0], [10.0], [12.0]]), np.array([0, 0, 1, 1])


def test_the_silhouette_is_the_one_worked_out_by_hand():
    # own distance 2 for all; to the others 11, 9, 9, 11 on average
    assert separation(*PAIRS)["silhouette"] == pytest.approx((9 / 11 + 7 / 9) / 2)


def test_nobody_votes_for_itself():
    assert separation(*PAIRS, neighbours=1)["knn"] == 1
    assert separation(*PAIRS, neighbours=3)["knn"] == 0  # one of the three others is of the own class
    x, labels = clouds(1.0)
    distance = np.linalg.norm(x[:, None] - x[None], axis=-1)
    nearest = [[j for j in np.argsort(row) if j != i][:5] for i, row in enumerate(distance)]
    assert separation(x, labels)["knn"] == np.mean([np.bincount(labels[j]).argmax() for j in nearest] == labels)


def test_between_within_is_the_ratio_of_the_two_sums_of_squares():
    assert separation(*PAIRS)["between_within"] == pytest.approx(100 / 4)


def test_every_figure_grows_with_the_gap():
    near, far = (separation(*clouds(gap)) for gap in (0.2, 3.0))
    assert all(far[name] > near[name] for name in near)


@pytest.mark.parametrize(
    ("embedding", "labels"),
    [
        (np.ones((4, 2)), np.zeros(4, int)),
        (np.ones((2, 2)), np.arange(2)),
        (np.full((4, 2), np.nan), PAIRS[1]),
        (np.full((4, 2), np.inf), PAIRS[1]),
    ],
    ids=["one class", "single images", "no numbers", "infinite"],
)
def test_figures_are_undefined_for_one_class_single_images_and_a_network_that_diverged(embedding, labels):
    assert all(np.isnan(value) for value in separation(embedding, labels).values())


def test_equal_embeddings_stand_not_apart():
    assert separation(np.ones((4, 2)), PAIRS[1])["silhouette"] == 0


def test_pca_axes_are_orthonormal_ordered_and_centred():
    x, _ = clouds(2.0)
    basis = pca_basis(x)
    np.testing.assert_allclose(basis["axes"].T @ basis["axes"], np.eye(2), atol=1e-5)
    placed = apply_basis(x, basis)
    np.testing.assert_allclose(placed.mean(0), 0, atol=1e-4)
    shares = placed.var(0) / x.var(0).sum()
    np.testing.assert_allclose(shares, basis["explained"], atol=1e-4)
    assert shares[0] >= shares[1]


def test_a_sample_for_the_map_is_balanced_and_ascending():
    labels = np.repeat(np.arange(4), 50)
    index = sample_per_class(labels, 40)
    assert np.bincount(labels[index]).tolist() == [10] * 4
    assert (np.diff(index) > 0).all()
    assert sample_per_class(labels, 10_000).tolist() == list(range(200))


def test_the_joint_umap_repeats_itself_and_places_the_other_steps():
    frames = np.stack([clouds(3.0, seed=s)[0] for s in range(4)])
    first, again = (joint_umap(frames, frames + 0.01, load("demo", {"map_steps": 2}), seed=0) for _ in range(2))
    assert first["umap_clean"].shape == first["umap_adv"].shape == (4, 60, 2)
    assert first["fitted"].tolist() == [True, False, False, True]
    np.testing.assert_array_equal(first["umap_clean"], again["umap_clean"])
    for placed in first["umap_clean"][1:3].reshape(-1, 2):
        fitted = np.concatenate([first[kind][[0, 3]].reshape(-1, 2) for kind in ("umap_clean", "umap_adv")])
        assert (fitted.min(0) <= placed).all()
        assert (placed <= fitted.max(0)).all()
    assert np.isfinite(first["umap_adv"]).all()


def test_what_is_compiled_for_a_map_is_kept_for_the_next_process():
    from umap import layouts, umap_

    x = clouds(3.0)[0][None]
    joint_umap(x, x + 0.01, load("demo"), seed=0)
    for function in (
        umap_.smooth_knn_dist,
        umap_.compute_membership_strengths,
        layouts._nb_optimize_layout_euclidean_single_epoch,
    ):
        assert function.stats.cache_hits or function.stats.cache_misses, "numba looked for what was compiled before"


def test_so_few_images_that_there_are_no_five_neighbours_are_measured_by_those_there_are():
    assert 0 <= separation(*PAIRS, neighbours=5)["knn"] <= 1
