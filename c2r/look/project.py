"""Pictures of embeddings (PCA, UMAP) and class-separation figures in the *original* space. numpy.

scikit-learn and umap-learn are imported where they are used: that takes a second, which the app does not have.

The PCA basis is fitted once, on real images, so it holds for every step of a run, live. The UMAP is one joint fit over
recorded steps, clean and adversarial together. So neither ever jumps. Letters: N samples, D embedding, S recorded
steps, P samples on the map, F fitted points, R other points, n neighbours.
"""

import functools
import warnings
from contextlib import suppress

import numpy as np

from c2r.settings import RecordSettings


def pca_basis(embedding: np.ndarray) -> dict[str, np.ndarray]:
    """Return the mean [D], the first two principal axes [D, 2] and their explained share [2] of `embedding` [N, D]."""
    embedding = embedding.astype(np.float32)
    mean = embedding.mean(0)
    _, singular, axes = np.linalg.svd(embedding - mean, full_matrices=False)
    axes = axes[:2].T * np.where(np.abs(axes[:2]).max(1) == axes[:2].max(1), 1, -1)
    variance = singular**2
    return {
        "mean": mean,
        "axes": np.ascontiguousarray(axes),
        "explained": (variance[:2] / variance.sum()).astype(np.float32),
    }


def apply_basis(embedding: np.ndarray, basis: dict[str, np.ndarray]) -> np.ndarray:
    """Return the coordinates [N, 2] of `embedding` [N, D] on a PCA basis."""
    return (embedding.astype(np.float32) - basis["mean"]) @ basis["axes"]


def separation(embedding: np.ndarray, labels: np.ndarray, neighbours: int = 5, limit: int = 1000) -> dict[str, float]:
    """Measure how far the classes stand apart in the original space, from at most `limit` evenly spaced samples.

    knn: share of samples whose `neighbours` nearest others (Euclidean; all others, where there are fewer) vote for
    their class; silhouette: mean over samples of (b − a) / max(a, b) (Rousseeuw 1987); between_within: between-class
    over within-class variance. A figure is NaN where it is undefined: one class, a single sample per class, an
    embedding that is not finite.
    """
    from sklearn.metrics import euclidean_distances, silhouette_score
    from sklearn.neighbors import KNeighborsClassifier

    keep = np.linspace(0, len(labels) - 1, min(limit, len(labels))).round().astype(int)
    x = embedding[keep].astype(np.float64)  # in which scikit-learn measures distances
    y = np.unique(labels[keep], return_inverse=True)[1]
    counts = np.bincount(y)
    if len(counts) < 2 or counts.min() < 2 or not np.isfinite(x).all():
        return {"knn": float("nan"), "silhouette": float("nan"), "between_within": float("nan")}
    distance = euclidean_distances(x)
    voters = KNeighborsClassifier(min(neighbours, len(y) - 1), metric="precomputed").fit(distance, y)
    means = np.stack([x[y == k].mean(0) for k in range(len(counts))])
    between = (counts[:, None] * (means - x.mean(0)) ** 2).sum()
    within = ((x - means[y]) ** 2).sum()
    return {
        "knn": float((voters.predict(None) == y).mean()),  # None: nobody votes for itself
        "silhouette": float(silhouette_score(distance, y, metric="precomputed")),
        "between_within": float(between / max(within, 1e-12)),
    }


def sample_per_class(labels: np.ndarray, limit: int) -> np.ndarray:
    """Pick at most `limit` sample indices, ascending, evenly spaced within every class."""
    classes = np.unique(labels)
    share = max(1, limit // len(classes))
    picked = [
        (own := np.flatnonzero(labels == c))[np.linspace(0, len(own) - 1, min(share, len(own))).round().astype(int)]
        for c in classes
    ]
    return np.sort(np.concatenate(picked))


def joint_umap(
    clean: np.ndarray, adversarial: np.ndarray, settings: RecordSettings, seed: int
) -> dict[str, np.ndarray]:
    """Fit one UMAP (McInnes et al. 2018) to clean and adversarial embeddings [S, P, D] over recorded steps.

    Neighbours are exact. Beyond `map_steps` recorded steps, the others are placed at the mean of their five nearest
    fitted points, weighted by inverse distance.

    :returns: umap_clean, umap_adv [S, P, 2] and fitted [S]: True where the step took part in the fit
    """
    import umap
    from sklearn.neighbors import NearestNeighbors

    _keep_what_is_compiled()
    steps, points, dimension = clean.shape
    both = np.stack([clean, adversarial], 1).astype(np.float32)
    fitted = np.zeros(steps, bool)
    fitted[np.linspace(0, steps - 1, min(settings.map_steps, steps)).round().astype(int)] = True
    rows = both[fitted].reshape(-1, dimension)
    count = min(settings.map_neighbors, len(rows) - 1)
    search = NearestNeighbors(algorithm="brute").fit(rows)
    distance, index = search.kneighbors(rows, count)
    reducer = umap.UMAP(
        n_neighbors=count,
        min_dist=settings.map_spread,
        random_state=seed,
        n_jobs=1,
        init="pca",
        n_epochs=200,
        precomputed_knn=(index.astype(np.int32), distance.astype(np.float32)),
    )
    flat = np.empty((steps, 2 * points, 2), np.float32)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*transform will be unavailable|n_jobs value", category=UserWarning)
        flat[fitted] = reducer.fit_transform(rows).reshape(-1, 2 * points, 2)
    if not fitted.all():
        near = search.kneighbors(both[~fitted].reshape(-1, dimension), min(5, len(rows)))
        flat[~fitted] = _between(flat[fitted].reshape(-1, 2), *near).reshape(-1, 2 * points, 2)
    shaped = flat.reshape(steps, 2, points, 2)
    return {"umap_clean": shaped[:, 0], "umap_adv": shaped[:, 1], "fitted": fitted}


_EPOCH = "_nb_optimize_layout_euclidean_single_epoch"


@functools.cache
def _keep_what_is_compiled() -> None:
    """Let numba store beside umap-learn what it compiles of it, seven seconds of work that the next process reads.

    Where no folder for it can be written, or a version of umap-learn has no such function, a process compiles for
    itself.
    """
    from umap import layouts, umap_

    rooms = {umap_: ("smooth_knn_dist", "compute_membership_strengths"), layouts: (_EPOCH,)}
    for room, names in rooms.items():
        for name in names:
            with suppress(RuntimeError, AttributeError):
                getattr(room, name).enable_caching()


def _between(places: np.ndarray, distance: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Return the means [R, 2] of the `places` [F, 2] that `index` [R, n] names, by inverse `distance` [R, n]."""
    weight = 1 / np.maximum(distance, 1e-6)[:, :, None]
    return (places[index] * weight).sum(1) / weight.sum(1)
