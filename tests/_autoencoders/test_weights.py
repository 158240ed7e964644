"""A weight counts as a number of copies of its sample."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.decomposition import PCA

MODES = [{}, {"anchor": None}, {"whiten": True}, {"early_stopping": False}]


@pytest.mark.parametrize("params", MODES, ids=str)
def test_weight_counts_as_copies(learner, X, params):
    weight = np.arange(len(X)) % 3
    order = np.random.default_rng(0).permutation(weight.sum())
    learner.set_params(max_iter=100, **params)
    weighted = learner.fit(X, sample_weight=weight).transform(X)
    assert learner.pca_ratio_ != 1
    copied = learner.fit(X.repeat(weight, axis=0)[order]).transform(X)
    np.testing.assert_array_equal(weighted, copied)


def test_weights_count_in_large_tables(learner, curved, linear):
    X = np.concatenate([curved(700), 3 + linear(700)])
    weight = np.repeat([1.0, 0.0], 700)
    weighted = clone(learner).fit(X, sample_weight=weight)
    alone = clone(learner).fit(X[:700])
    assert weighted.score(X[:700]) == pytest.approx(alone.score(X[:700]), rel=0.2)
    both = clone(learner).fit(X)
    heavy = clone(learner).fit(X, sample_weight=1 + 20 * weight)
    assert heavy.score(X[:700]) > both.score(X[:700])


def test_equal_weights_are_as_none(learner, X_large):
    plain = clone(learner).fit(X_large).score(X_large)
    learner.fit(X_large, sample_weight=np.full(len(X_large), 2.5))
    assert learner.score(X_large) == pytest.approx(plain, rel=0.2)


def test_weights_count_as_copies_in_pca(model, linear):
    X = linear(900)
    weight = np.arange(900) % 3 + 1
    model.set_params(learning_rate_init=1e-12).fit(X, sample_weight=weight)
    pca = PCA(2).fit(X.repeat(weight, axis=0))
    np.testing.assert_allclose(model.transform(X), pca.transform(X), atol=1e-5)


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_weights_may_be_of_any_size(learner, X, scale):
    learner.set_params(max_iter=100)
    weight = np.arange(len(X)) % 3 + 1.0
    expected = clone(learner).fit(X, sample_weight=weight).score(X)
    learner.fit(X, sample_weight=scale * weight)
    assert learner.score(X) == pytest.approx(expected, rel=0.1)
