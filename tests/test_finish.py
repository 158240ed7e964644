import numpy as np
import pytest
from sklearn.base import clone
from sklearn.decomposition import PCA


def subspaces_agree(a, b, atol):
    """Say whether the columns of two tables span the same space."""
    a, b = (np.linalg.qr(table - table.mean(axis=0))[0] for table in (a, b))
    return np.allclose(a @ (a.T @ b), b, atol=atol)


@pytest.mark.parametrize("anchor", ["pca", None])
@pytest.mark.parametrize("weighted", [False, True])
def test_whitened_codes_have_unit_covariance(learner, curved, anchor, n_rows, weighted):
    X = curved(n_rows)
    weight = np.arange(n_rows) % 3 if weighted else np.ones(n_rows, dtype=int)
    learner.set_params(n_components=3, whiten=True, anchor=anchor)
    codes = learner.fit(X, sample_weight=weight).transform(X)
    np.testing.assert_allclose(codes.mean(0) if not weighted else 0, 0, atol=1e-6)
    covariance = np.cov(codes.T, fweights=weight)
    np.testing.assert_allclose(covariance, np.eye(3), atol=1e-6)


def test_whitening_does_not_change_the_reconstruction(learner, curved, n_rows):
    X = curved(n_rows)
    plain = learner.fit(X)
    white = clone(learner).set_params(whiten=True).fit(X)
    np.testing.assert_allclose(white.reconstruct(X), plain.reconstruct(X), atol=1e-6)


def test_whitening_keeps_the_span_of_the_first_codes(learner, curved):
    X = curved(700)
    learner.set_params(n_components=3)
    plain = learner.fit_transform(X)
    white = clone(learner).set_params(whiten=True).fit_transform(X)
    for m in (1, 2, 3):
        assert subspaces_agree(plain[:, :m], white[:, :m], atol=1e-6)


def test_whitened_pca_is_pca_s(model, linear, n_rows):
    X, new = linear(n_rows), linear(40, seed=1)
    model.set_params(whiten=True, learning_rate_init=1e-12).fit(X)
    pca = PCA(2, whiten=True).fit(X)
    assert model.pca_ratio_ == 1.0
    np.testing.assert_allclose(model.transform(new), pca.transform(new), atol=1e-5)


def test_whitening_a_constant_code_keeps_it_finite(model):
    X = np.random.default_rng(0).normal(size=(50, 1)) @ np.ones((1, 4))
    codes = model.set_params(whiten=True).fit_transform(X)
    assert codes[:, 0].std(ddof=1) == pytest.approx(1)
    np.testing.assert_allclose(codes[:, 1], 0, atol=1e-6)
