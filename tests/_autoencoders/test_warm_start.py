import numpy as np
import pytest


def test_a_warm_start_goes_on(learner, curved, n_rows):
    X = curved(n_rows)
    learner.set_params(warm_start=True, max_iter=100).fit(X)
    first = learner.score(X)
    codes = learner.transform(X)
    learner.set_params(learning_rate_init=1e-12).fit(X)
    np.testing.assert_allclose(learner.transform(X), codes, atol=1e-5)
    learner.set_params(learning_rate_init="auto", max_iter=400).fit(X)
    assert learner.score(X) > first


@pytest.mark.parametrize("params", [{"anchor": None}, {"early_stopping": False}])
def test_a_warm_start_goes_on_in_every_mode(learner, X_large, params):
    learner.set_params(warm_start=True, max_iter=100, **params).fit(X_large)
    first = learner.score(X_large)
    learner.set_params(max_iter=400).fit(X_large)
    assert learner.score(X_large) > first


def test_a_warm_start_from_pca_starts_anew(learner, linear, curved):
    learner.set_params(warm_start=True).fit(linear(700))
    assert learner.pca_ratio_ == 1.0
    assert learner.fit(curved(700)).pca_ratio_ < 1


def test_a_warm_start_may_find_nothing_better(learner, X_large):
    learner.set_params(warm_start=True).fit(X_large)
    codes, ratios = learner.transform(X_large), learner.explained_variance_ratio_
    ratio = learner.pca_ratio_
    learner.set_params(max_iter=1, learning_rate_init=1e-12).fit(X_large)
    np.testing.assert_allclose(learner.transform(X_large), codes, atol=1e-5)
    np.testing.assert_allclose(learner.explained_variance_ratio_, ratios, atol=0.02)
    assert learner.pca_ratio_ == pytest.approx(ratio, abs=0.01)
    assert learner.best_step_ == 0


CHANGES = {
    "n_components": 3,
    "hidden_layer_sizes": (9,),
    "activation": "relu",
    "anchor": None,
    "loss": "huber",
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_warm_start_needs_the_same_network(learner, curved, name):
    X = curved(300)
    learner.set_params(warm_start=True).fit(X)
    learner.set_params(**{name: CHANGES[name]})
    with pytest.raises(ValueError, match=r"warm_start=True goes on .* Set warm_start="):
        learner.fit(X)
    learner.set_params(warm_start=False).fit(X)


def test_a_warm_start_needs_the_same_features(learner, curved):
    X = curved(300)
    learner.set_params(warm_start=True).fit(X)
    with pytest.raises(ValueError, match="warm_start=True goes on"):
        learner.fit(X[:, :5])
    assert learner.transform(X).shape == (300, 2)
