import re

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from bad_tables import NAMES, frame_of
from detectors import DETECTORS, QUICK, assert_same_results
from sklearn import config_context
from sklearn.base import clone
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV

from skae import AutoencoderOutlierDetector
from skae._nn.runtime import Placement
from skae._outliers.fitted import FittedDetector

pytestmark = pytest.mark.usefixtures("small_blocks")

EXACT = Placement.exact(torch.device("cpu"))


# -- labels ----------------------------------------------------------------------------


def test_labels_are_the_sign_of_the_decision(fitted, X):
    decision = fitted.decision_function(X)
    scores = fitted.score_samples(X)
    labels = fitted.predict(X)
    assert type(fitted.offset_) is float
    assert scores.shape == (len(X),)
    assert scores.dtype == decision.dtype == np.float64
    assert labels.dtype.kind == "i"
    np.testing.assert_array_equal(decision, scores - fitted.offset_)
    np.testing.assert_array_equal(labels, np.where(decision < 0, -1, 1))


def test_predict_flags_a_few_of_new_samples(fitted, curved):
    if fitted.contamination == "auto":
        assert (fitted.predict(curved(1000, seed=1)) == -1).mean() < 0.2


@pytest.mark.parametrize("share", [1e-6, 0.03, 0.25, 0.5])
@pytest.mark.parametrize("name", ["default", "networks only", "autoencoder", "VAE"])
def test_contamination_is_the_share_that_is_flagged(X, name, share):
    model = clone(DETECTORS[name]).set_params(contamination=share)
    if name in ("default", "networks only"):
        model.set_params(max_iter=5)
    else:
        model.set_params(estimator__max_iter=5, n_splits=None)
    for n_samples, dtype in ((5, np.float64), (120, np.float32)):
        labels = model.fit_predict(X[:n_samples].astype(dtype))
        assert (labels == -1).sum() == np.floor(round(share * n_samples, 6))


def test_contamination_is_the_share_of_all_samples_not_only_of_those_used(
    default, X_large
):
    default.set_params(contamination=0.1, max_samples=100)
    assert (default.fit_predict(X_large) == -1).sum() == 70


@pytest.mark.parametrize("name", ["default", "autoencoder"])
def test_contamination_is_the_share_of_the_weight(X, name):
    weight = 1 + np.arange(len(X)) % 3
    model = clone(DETECTORS[name]).set_params(contamination=0.1)
    flagged = model.fit(X, sample_weight=weight).predict(X) == -1
    following = weight[~flagged][model.score_samples(X)[~flagged].argmin()]
    assert weight[flagged].sum() <= 0.1 * weight.sum()
    assert weight[flagged].sum() + following > 0.1 * weight.sum()


def tables_with_ties():
    """Tables in which most samples have one score, or few have different ones."""
    rng = np.random.default_rng(0)
    zeros = np.where(rng.random((1000, 1)) < 0.02, rng.poisson(5, (1000, 1)), 0.0)
    idle = np.vstack([np.tile([1.0, 2, 3], (97, 1)), 5 * rng.normal(size=(3, 3))])
    return {
        "98 % zeros": zeros,
        "97 equal samples": idle,
        "equal samples": np.tile([1.0, 2, 3], (50, 1)),
        "yes or no": (rng.random((200, 1)) < 0.3).astype(float),
        "one-hot": np.eye(4)[rng.integers(0, 4, 200)],
    }


@pytest.mark.parametrize("share", [0.01, 0.05, 0.1, 0.3])
@pytest.mark.parametrize("name", [*tables_with_ties()])
def test_contamination_is_not_exceeded_because_of_a_tie(name, share):
    model = AutoencoderOutlierDetector(contamination=share, max_iter=5, random_state=0)
    assert (model.fit_predict(tables_with_ties()[name]) == -1).mean() <= share


@pytest.mark.parametrize("d", [3, 5])
def test_labels_of_equal_samples_are_equal(X, d):
    for seed, share in enumerate(np.linspace(0.013, 0.493, 9)):
        order = np.random.default_rng(seed).permutation(80)
        samples = X[:20, :d].repeat(4, axis=0)[order]
        model = AutoencoderOutlierDetector(
            contamination=share, max_iter=5, random_state=seed
        )
        labels = model.fit_predict(samples)[np.argsort(order)].reshape(20, 4)
        assert (labels == labels[:, :1]).all()
        assert (labels == -1).mean() == pytest.approx(share, abs=0.051)


# -- p-values --------------------------------------------------------------------------


def test_p_values_are_shares_that_are_never_zero(fitted, X):
    samples = np.concatenate([X, X + 1e3])
    p = fitted.p_values(samples)
    assert p.dtype == np.float64
    assert p.max() <= 1
    np.testing.assert_allclose(p[len(X) :], 1 / (len(X) + 1))
    by_score = np.argsort(fitted.score_samples(samples))
    assert (np.diff(p[by_score]) >= 0).all()
    assert 0.2 < np.median(p[: len(X)]) < 0.8


def test_p_values_are_as_fine_as_the_samples_that_were_used(default, X_large):
    default.set_params(max_samples=60).fit(X_large)
    assert default.p_values(X_large[:9] + 1e3).max() == pytest.approx(1 / 61)


# -- explanations ----------------------------------------------------------------------


@pytest.mark.usefixtures("no_gradients")
def test_contributions_sum_to_the_distance_of_each_sample(fitted, X):
    shares = fitted.explain(X)
    assert shares.dtype == np.float64
    assert shares.shape == X.shape
    assert shares.min() >= 0
    if fitted.estimator is None:
        model = FittedDetector.from_state(fitted._state)
        total = model.inlier_ensemble.distances(model.robust(X), EXACT)
    else:
        total = np.square(X - fitted.estimator_.reconstruct(X)).mean(axis=1)
    np.testing.assert_allclose(shares.sum(axis=1), total, rtol=1e-6)


@pytest.mark.parametrize("kind", ["pandas", "polars"])
@pytest.mark.parametrize("name", ["default", "autoencoder"])
def test_contributions_are_of_the_kind_that_is_set(X, name, kind):
    types = {"pandas": pd.DataFrame, "polars": pl.DataFrame}
    model = clone(DETECTORS[name])
    frame = frame_of(X).set_index(np.arange(100, 100 + len(X)))
    plain = model.fit(frame).explain(frame)
    assert isinstance(plain, np.ndarray)
    shares = model.set_output(transform=kind).explain(frame)
    assert isinstance(shares, types[kind])
    assert list(shares.columns) == NAMES
    if kind == "pandas":
        assert list(shares.index) == list(frame.index)
    np.testing.assert_array_equal(np.asarray(shares), plain)
    assert isinstance(model.score_samples(frame), np.ndarray)
    shares = model.fit(X).explain(X)
    assert list(shares.columns) == [f"x{j}" for j in range(6)]
    model.set_output(transform="default")
    assert isinstance(model.explain(X), np.ndarray)


@pytest.mark.parametrize("name", ["default", "autoencoder"])
def test_contributions_are_of_the_kind_that_is_configured(X, name):
    model = clone(DETECTORS[name])
    with config_context(transform_output="pandas"):
        shares = model.fit(frame_of(X)).explain(frame_of(X))
        assert isinstance(model.score_samples(frame_of(X)), np.ndarray)
    assert isinstance(shares, pd.DataFrame)
    assert list(shares.columns) == NAMES
    np.testing.assert_array_equal(np.asarray(shares), model.explain(frame_of(X)))


def test_names_of_contributions_are_those_of_the_features(fitted_to_X, default, X):
    model = fitted_to_X("default")
    assert model.get_feature_names_out().tolist() == [f"x{j}" for j in range(6)]
    assert model.get_feature_names_out(NAMES).tolist() == NAMES
    default.fit(frame_of(X))
    assert default.get_feature_names_out().tolist() == NAMES
    with pytest.raises(ValueError, match="not equal to feature_names_in_"):
        default.get_feature_names_out(NAMES[::-1])


# -- attributes ------------------------------------------------------------------------


def test_fit_leaves_the_attributes_that_are_documented(fitted):
    names = {"offset_", "loss_curve_", "n_iter_", "device_", "n_features_in_"}
    if fitted.estimator is not None:
        names.add("estimator_")
    text = AutoencoderOutlierDetector.__doc__.split("Attributes\n")[1]
    documented = re.findall(r"^    (\w+_) : ", text, flags=re.MULTILINE)
    assert names | {"feature_names_in_", "estimator_"} == set(documented) | names
    assert {name for name in vars(fitted) if name.endswith("_")} == names
    assert type(fitted.n_iter_) is int
    assert fitted.n_iter_ > 0
    assert np.isfinite(fitted.loss_curve_[1:]).all()
    assert fitted.device_ == "cpu"


@pytest.mark.parametrize("named", [True, False], ids=["frame", "array"])
def test_fit_leaves_nothing_of_an_earlier_fit(X, named):
    first, second = (clone(DETECTORS[name]) for name in ("default", "autoencoder"))
    model = clone(second).fit(frame_of(X) if named else X)
    model.set_params(**first.get_params()).fit(X[:, :4])
    assert_same_results(first.fit(X[:, :4]), model, X[:, :4])
    assert set(vars(model)) == set(vars(first))
    assert set(model._state) == set(first._state)
    model.set_params(**second.get_params()).fit(X)
    assert_same_results(second.fit(X), model, X)
    assert set(vars(model)) == set(vars(second))
    assert set(model._state) == set(second._state)


# -- parameters ------------------------------------------------------------------------


@pytest.mark.parametrize("yes", [True, np.True_], ids=["bool", "numpy's"])
def test_memory_may_be_a_boolean_of_numpy(fitted_to_X, default, X, yes):
    model = default.set_params(memory=yes).fit(X)
    assert_same_results(fitted_to_X("default"), model, X)
    model.set_params(memory=~yes & 1 == 1).fit(X)
    assert_same_results(fitted_to_X("networks only"), model, X)


def test_grid_search_over_parameters_of_the_ensemble(X):
    grid = [{"memory": [True, False, 10]}, {"contamination": [0.1]}]
    labels = np.arange(len(X)) % 12 == 0
    samples = np.where(labels[:, None], X + 5, X)

    def scorer(fitted, X, y):
        return roc_auc_score(y, -fitted.score_samples(X))

    model = AutoencoderOutlierDetector(**QUICK)
    search = GridSearchCV(model, grid, scoring=scorer, cv=2, error_score="raise")
    search.fit(samples, labels)
    assert search.best_score_ > 0.9
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
