"""Estimators in pipelines, searches and cross-validation, and weights routed there."""

import numpy as np
import pytest
from estimator_cases import AUTOENCODERS, DETECTORS, PUBLIC, OwnNetwork
from sklearn import config_context
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from skae import AutoencoderOutlierDetector
from skae.metrics import reconstruction_r2_scorer
from skae.noise import Swap

GRIDS = {
    "anchored": {"n_components": [1, 0.8], "activation": ["silu", "tanh"]},
    "own network": {"network": [OwnNetwork(4), OwnNetwork(8)]},
    "denoising": {"noise": ["masking", Swap()], "noise_level": [0.1, 0.3]},
    "sparse": {"penalty": ["kl", "topk"], "sparsity": [0.1, 0.5]},
    "contractive": {"contraction": [0.0, 1.0]},
    "VAE": {"beta": [0.5, 1.0], "likelihood": ["gaussian", "bernoulli"]},
    "convolutional": {"channels": [(4,), (2, 4)], "image_shape": [(2, 3), (6, 1)]},
}


@pytest.fixture
def anchored():
    return clone(AUTOENCODERS["anchored"])


@pytest.fixture(params=DETECTORS)
def detector(request):
    return clone(DETECTORS[request.param])


# -- pipelines -------------------------------------------------------------------------


@pytest.mark.parametrize("name", AUTOENCODERS)
def test_pipelines_and_unions_hold_an_estimator(fitted_model, X, name):
    union = FeatureUnion(
        [("ae", clone(AUTOENCODERS[name])), ("scaled", StandardScaler())]
    )
    pipeline = make_pipeline(MinMaxScaler(), union).fit(X)
    out, scaled = pipeline.transform(X), MinMaxScaler().fit_transform(X)
    expected = fitted_model(name).transform(X)
    if np.array_equal(scaled, X):
        np.testing.assert_array_equal(out[:, :2], expected)
    assert len(pipeline.get_feature_names_out()) == 8


@pytest.mark.parametrize("name", AUTOENCODERS)
def test_pipeline_inverts(fitted_model, X, name):
    steps = [("same", StandardScaler(with_mean=False, with_std=False).fit(X))]
    pipeline = Pipeline([*steps, ("ae", fitted_model(name))])
    back = pipeline.inverse_transform(pipeline.transform(X))
    np.testing.assert_allclose(back, fitted_model(name).reconstruct(X), atol=1e-9)


def test_detector_ends_a_pipeline(detector, X):
    pipeline = make_pipeline(StandardScaler(), detector)
    labels = pipeline.fit_predict(X)
    scaled = StandardScaler().fit_transform(X)
    alone = clone(detector).fit(scaled)
    np.testing.assert_array_equal(labels, alone.predict(scaled))
    for method in ("predict", "decision_function", "score_samples"):
        expected = getattr(alone, method)(scaled)
        np.testing.assert_array_equal(getattr(pipeline, method)(X), expected)


# -- searches --------------------------------------------------------------------------


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_grid_search_over_a_pipeline(anchored, X, n_jobs):
    steps = [
        ("scale", StandardScaler()),
        ("ae", anchored),
        ("is", LogisticRegression()),
    ]
    y = X[:, 0] > np.median(X[:, 0])
    search = GridSearchCV(
        Pipeline(steps),
        {"ae__n_components": [1, 2, 0.8], "ae__activation": ["silu", "tanh"]},
        cv=2,
        n_jobs=n_jobs,
        error_score="raise",
    ).fit(X, y)
    assert search.best_score_ > 0.8
    assert search.best_estimator_["ae"].n_components_ >= 1


@pytest.mark.parametrize("name", GRIDS)
def test_grid_search_over_parameters_of_its_own(X, name):
    model = clone(AUTOENCODERS[name]).set_params(max_iter=5)
    search = GridSearchCV(model, GRIDS[name], cv=2, error_score="raise").fit(X)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.best_estimator_.transform(X).shape[0] == len(X)


def test_every_autoencoder_has_a_grid_search():
    searched = {type(AUTOENCODERS[name]).__name__ for name in GRIDS}
    assert searched | {AutoencoderOutlierDetector.__name__} == PUBLIC


def test_grid_search_without_y_maximises_the_score(anchored, X):
    search = GridSearchCV(anchored, {"n_components": [1, 3]}, cv=2).fit(X)
    assert search.best_params_ == {"n_components": 3}


def test_scorers_of_skae_work_in_cross_validation(anchored, X):
    result = cross_validate(
        anchored, X, cv=2, scoring=reconstruction_r2_scorer, error_score="raise"
    )
    assert (result["test_score"] > 0).all()


# -- metadata --------------------------------------------------------------------------


def test_weights_are_routed_through_a_pipeline(anchored, X):
    weight = np.arange(len(X)) % 3.0
    with config_context(enable_metadata_routing=True):
        estimator = clone(anchored).set_fit_request(sample_weight=True)
        pipeline = make_pipeline(MinMaxScaler(), estimator)
        pipeline.fit(X, sample_weight=weight)
    expected = clone(anchored).fit(MinMaxScaler().fit_transform(X), None, weight)
    np.testing.assert_array_equal(pipeline[-1].transform(X), expected.transform(X))


def test_weights_of_a_detector_are_routed_through_a_pipeline(detector, X):
    weight = np.arange(len(X)) % 3.0
    with config_context(enable_metadata_routing=True):
        pipeline = make_pipeline(
            MinMaxScaler(), clone(detector).set_fit_request(sample_weight=True)
        )
        pipeline.fit(X, sample_weight=weight)
    scaled = MinMaxScaler().fit_transform(X)
    expected = clone(detector).fit(scaled, None, weight).score_samples(scaled)
    np.testing.assert_array_equal(pipeline.score_samples(X), expected)


def test_weights_are_routed_through_cross_validation(anchored, X):
    weight = np.ones(len(X))
    with config_context(enable_metadata_routing=True):
        estimator = (
            clone(anchored)
            .set_fit_request(sample_weight=True)
            .set_score_request(sample_weight=True)
        )
        options = {"cv": 2, "error_score": "raise"}
        weighted = cross_validate(
            estimator, X, params={"sample_weight": weight}, **options
        )
    plain = cross_validate(clone(anchored), X, **options)
    np.testing.assert_allclose(weighted["test_score"], plain["test_score"])


def test_weights_that_nobody_requested_are_an_error(anchored, X):
    with config_context(enable_metadata_routing=True):
        pipeline = make_pipeline(clone(anchored))
        with pytest.raises(Exception, match="sample_weight"):
            pipeline.fit(X, sample_weight=np.ones(len(X)))
