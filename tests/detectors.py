"""Outlier detectors, tables with outliers, and how tests compare results."""

import numpy as np
from sklearn.metrics import roc_auc_score

from skae import VAE, AutoencoderOutlierDetector, AutoencoderTransformer

QUICK = {"max_iter": 20, "random_state": 0}
SMALL = {"hidden_layer_sizes": (8,), "max_iter": 20}
ENSEMBLES = {
    "default": {},
    "networks only": {"memory": False},
    "few stored": {"memory": 20},
    "contaminated": {"contamination": 0.1},
}
AUTOENCODERS = {
    "autoencoder": AutoencoderTransformer(2, **SMALL),
    "VAE": VAE(2, **SMALL),
}
DETECTORS = {
    **{
        name: AutoencoderOutlierDetector(**QUICK, **params)
        for name, params in ENSEMBLES.items()
    },
    **{
        name: AutoencoderOutlierDetector(inner, n_splits=2, random_state=0)
        for name, inner in AUTOENCODERS.items()
    },
}
METHODS = ["score_samples", "decision_function", "predict", "p_values", "explain"]
MEASURED = ["score_samples", "p_values", "explain"]  # the others follow from a score


def assert_same_results(model, other, X, methods=MEASURED, **close):
    """Check that results are equal, or close where a tolerance is given."""
    for method in methods:
        expected, result = getattr(model, method)(X), getattr(other, method)(X)
        if close:
            np.testing.assert_allclose(result, expected, **close)
        else:
            np.testing.assert_array_equal(result, expected)


def assert_finite_results(model, X):
    """Check scores, the threshold, p-values and contributions."""
    assert np.isfinite(model.offset_)
    assert np.isfinite(model.score_samples(X)).all()
    p = model.p_values(X)
    assert ((p > 0) & (p <= 1)).all()
    shares = model.explain(X)
    assert np.isfinite(shares).all()
    assert shares.min() >= 0


def auc(inliers, outliers):
    """Return how well scores separate outliers from inliers."""
    labels = np.repeat([0, 1], [len(inliers), len(outliers)])
    return roc_auc_score(labels, -np.concatenate([inliers, outliers]))


def clusters(n_samples, seed=0):
    """Three clusters of four features."""
    rng = np.random.default_rng(seed)
    centres = 8 * np.array([[0, 0, 0, 0], [1, 1, 1, 1], [1, 0, 1, 0]])
    return centres[rng.integers(3, size=n_samples)] + rng.normal(size=(n_samples, 4))


def planted(seed=0):
    """Outliers far from three clusters, and outliers in a gap between two of them."""
    rng = np.random.default_rng(seed)
    direction = rng.normal(size=(12, 4))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    far = 4 + 30 * direction
    gap = 4 + 0.5 * rng.normal(size=(12, 4))
    return far, gap
