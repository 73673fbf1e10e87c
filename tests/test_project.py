"""Projections and separation figures. Run: pytest tests/test_project.py"""

import numpy as np
import pytest
from sklearn.metrics import silhouette_score
from sklearn.neighbors import KNeighborsClassifier

from c2r.config import load
from c2r.look.project import apply_basis, joint_umap, pca_basis, sample_per_class, separation


def clouds(gap, n=60, classes=3, dimension=8, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(classes), n // classes)
    centres = rng.normal(size=(classes, dimension)) * gap
    return (centres[labels] + rng.normal(size=(n, dimension))).astype(np.float32), labels


def test_silhouette_and_knn_agree_with_scikit_learn():
    x, labels = clouds(1.0)
    found = separation(x, labels)
    assert found["silhouette"] == pytest.approx(silhouette_score(x, labels), abs=1e-4)
    votes = [
        KNeighborsClassifier(5).fit(np.delete(x, i, 0), np.delete(labels, i)).predict(x[i : i + 1])[0]
        for i in range(len(x))
    ]
    assert found["knn"] == pytest.approx((np.array(votes) == labels).mean())


def test_between_within_is_the_ratio_of_the_two_sums_of_squares():
    x, labels = np.array([[0.0], [2.0], [10.0], [12.0]]), np.array([0, 0, 1, 1])
    assert separation(x, labels, neighbours=1)["between_within"] == pytest.approx(100 / 4)


def test_every_figure_grows_with_the_gap():
    near, far = (separation(*clouds(gap)) for gap in (0.2, 3.0))
    assert all(far[name] > near[name] for name in near)


def test_figures_are_undefined_for_one_class_or_single_images():
    assert np.isnan(separation(np.ones((4, 2)), np.zeros(4, int))["knn"])
    assert np.isnan(separation(np.ones((2, 2)), np.arange(2))["silhouette"])


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
    one, two = (joint_umap(frames, frames + 0.01, load("demo", {"map_steps": 2}), seed=0) for _ in range(2))
    assert one["umap_clean"].shape == one["umap_adv"].shape == (4, 60, 2)
    assert one["fitted"].tolist() == [True, False, False, True]
    np.testing.assert_array_equal(one["umap_clean"], two["umap_clean"])
    for placed in one["umap_clean"][1:3].reshape(-1, 2):
        fitted = np.concatenate([one[kind][[0, 3]].reshape(-1, 2) for kind in ("umap_clean", "umap_adv")])
        assert (fitted.min(0) <= placed).all()
        assert (placed <= fitted.max(0)).all()
    assert np.isfinite(one["umap_adv"]).all()


def test_so_few_images_that_there_are_no_five_neighbours_are_measured_by_those_there_are():
    found = separation(np.array([[0.0], [0.1], [5.0], [5.1]], np.float32), np.array([0, 0, 1, 1]))
    assert found["silhouette"] > 0.9 and 0 <= found["knn"] <= 1
