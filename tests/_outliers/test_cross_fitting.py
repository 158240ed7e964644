import numpy as np
import pandas as pd
import pytest
import sklearn
from detectors import SMALL, assert_finite_results, auc
from recorder import Recorder
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.decomposition import PCA
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from skae import (
    VAE,
    AutoencoderOutlierDetector,
    AutoencoderTransformer,
    ContractiveAutoencoder,
    ConvolutionalAutoencoder,
    DenoisingAutoencoder,
    SparseAutoencoder,
)
from skae._data.dataset import Dataset
from skae._outliers.cross_fitting import cross_fitted_scores, n_folds

FITS = []


class Recording(BaseEstimator):
    """Keeps what it is fitted to, and what it scores."""

    def __init__(self, random_state=None):
        self.random_state = random_state

    def fit(self, X, y=None, sample_weight=None):
        self.seen_, self.weight_, self.scored_ = X, sample_weight, []
        self.loss_curve_, self.n_iter_, self.device_ = [], 1, "cpu"
        FITS.append(self)
        return self

    def score_samples(self, X):
        self.scored_.append(X)
        return -np.abs(X - self.seen_.mean(axis=0)).sum(axis=1)

    def reconstruct(self, X):
        return np.broadcast_to(self.seen_.mean(axis=0), X.shape)


class Scaler(TransformerMixin, BaseEstimator):
    """Centres, and keeps what it is fitted to."""

    def fit(self, X, y=None, sample_weight=None):
        self.mean_, self.weight_ = np.mean(X, axis=0), sample_weight
        FITS.append(self)
        return self

    def transform(self, X):
        return X - self.mean_


@pytest.fixture
def fits():
    FITS.clear()
    yield FITS
    FITS.clear()


def as_set(samples):
    return {tuple(sample) for sample in samples}


# -- folds -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n", "asked", "folds"),
    [(100, 5, 5), (4, 5, 4), (4, 2, 2), (3, 5, 3), (3, 2, 3), (2, 5, 0), (9, 0, 0)],
)
def test_n_folds_leaves_two_samples_to_fit(n, asked, folds):
    assert n_folds(n, asked) == folds
    sizes = n - np.bincount(np.arange(n) % folds) if folds else np.array([2])
    assert sizes.min() >= 2


@pytest.mark.parametrize("folds", [2, 3, 5, 50])
@pytest.mark.parametrize("weighted", [True, False])
def test_cross_fitted_scores_are_by_estimators_not_fitted_to_a_sample(folds, weighted):
    table = np.random.default_rng(0).normal(size=(150, 3))
    index = np.arange(0, 150, 3)
    weight = np.arange(50.0) + 1 if weighted else None
    parts, scored = [], []

    class First:
        def score_samples(self, X):
            assert as_set(parts[-1].to_array()).isdisjoint(as_set(X))
            scored.append(X)
            return X[:, 0]

    def fit(i, part):
        assert i == len(parts)
        parts.append(part)
        return First()

    scores = cross_fitted_scores(Dataset(table, index, weight), folds, fit)
    np.testing.assert_array_equal(scores, table[index, 0])
    assert len(parts) == folds
    for part, held_out in zip(parts, scored, strict=True):
        assert len(part) + len(held_out) == 50
        assert len(held_out) in (50 // folds, -(-50 // folds))
        if weighted:
            lost = weight.sum() - part.weight.sum()
            assert lost == weight[np.isin(table[index, 0], held_out[:, 0])].sum()


@pytest.mark.parametrize("n_splits", [2, 3, 5])
def test_fit_calibrates_out_of_fold(fits, X, n_splits):
    samples = np.concatenate([X, X[::2]])  # copies stay on one side
    AutoencoderOutlierDetector(Recording(), n_splits=n_splits, random_state=0).fit(
        samples
    )
    final, *folds = fits
    np.testing.assert_array_equal(final.seen_, samples)
    assert final.weight_ is None
    assert len(folds) == n_splits
    for fold in folds:
        (scored,) = fold.scored_
        assert as_set(fold.seen_).isdisjoint(as_set(scored))
        assert as_set(fold.seen_) | as_set(scored) == as_set(samples)
        assert len(scored) <= -(-len(X) // n_splits)
    assert sum(fold.weight_.sum() for fold in folds) == (n_splits - 1) * len(samples)
    assert sum(len(fold.scored_[0]) for fold in folds) == len(X)


def test_fit_without_folds_fits_once(fits, X):
    model = AutoencoderOutlierDetector(Recording(), n_splits=None).fit(X)
    assert len(fits) == 1
    np.testing.assert_array_equal(fits[0].seen_, X)
    p = model.p_values(X)
    np.testing.assert_allclose(np.sort(p), np.arange(2, len(X) + 2) / (len(X) + 1))


@pytest.mark.parametrize("n_samples", [2, 3, 4, 5])
@pytest.mark.parametrize("folds", [2, 5, None])
def test_fit_with_a_handful_of_samples(X, n_samples, folds):
    inner = AutoencoderTransformer(1, hidden_layer_sizes=(8,), max_iter=5)
    model = AutoencoderOutlierDetector(inner, n_splits=folds, random_state=0)
    model.fit(X[:n_samples])
    assert_finite_results(model, X)


def test_fit_without_folds_has_p_values_that_are_too_small(curved):
    inliers, new = curved(60), curved(2000, seed=1)
    ae = AutoencoderTransformer(4, anchor=None, max_iter=400, early_stopping=False)
    model = AutoencoderOutlierDetector(ae, n_splits=3, random_state=0)
    held_out = (model.fit(inliers).p_values(new) <= 0.1).mean()
    without = model.set_params(n_splits=None).fit(inliers)
    assert (without.p_values(new) <= 0.1).mean() > held_out


# -- random state ----------------------------------------------------------------------


def test_fit_passes_one_random_state_to_all_clones(fits, X):
    AutoencoderOutlierDetector(Recording(3)).fit(X)
    assert {fit.random_state for fit in fits} == {3}
    AutoencoderOutlierDetector(Recording(3), random_state=0).fit(X)
    assert all(isinstance(fit.random_state, int) for fit in fits)
    assert len({fit.random_state for fit in fits[6:]}) == 1


def test_fit_passes_its_random_state_to_an_autoencoder(X):
    inner = AutoencoderTransformer(2, random_state=7, **SMALL)
    model = AutoencoderOutlierDetector(inner, n_splits=2)
    assert model.fit(X).estimator_.random_state == 7
    model.set_params(random_state=0).fit(X)
    assert model.estimator_.random_state != 7
    assert inner.random_state == 7


# -- autoencoders ----------------------------------------------------------------------

TINY = {"hidden_layer_sizes": (8,), "max_iter": 5}


@pytest.mark.parametrize(
    "inner",
    [
        AutoencoderTransformer(2, **TINY),
        AutoencoderTransformer(2, anchor=None, loss="absolute_error", **TINY),
        DenoisingAutoencoder(2, **TINY),
        SparseAutoencoder(2, **TINY),
        ContractiveAutoencoder(2, **TINY),
        ConvolutionalAutoencoder((2, 3), channels=(4,), n_components=2, max_iter=5),
        VAE(2, **TINY),
    ],
    ids=lambda inner: type(inner).__name__,
)
def test_scores_are_those_of_the_autoencoder(X, inner):
    X = X[:60]
    model = AutoencoderOutlierDetector(inner, n_splits=2, random_state=0).fit(X)
    assert model.estimator_ is not inner
    assert type(model.estimator_) is type(inner)
    assert not hasattr(inner, "n_iter_")
    scores = model.score_samples(X)
    np.testing.assert_array_equal(scores, model.estimator_.score_samples(X))
    alone = clone(inner).set_params(random_state=model.estimator_.random_state).fit(X)
    np.testing.assert_array_equal(scores, alone.score_samples(X))
    if not isinstance(inner, VAE):
        np.testing.assert_allclose(model.explain(X).sum(axis=1), -scores)


def test_fit_finds_what_an_autoencoder_cannot_reconstruct(curved):
    rng = np.random.default_rng(0)
    inliers, outliers = curved(300), rng.uniform(-2, 2, size=(30, 6))
    model = AutoencoderOutlierDetector(
        AutoencoderTransformer(2, max_iter=100), n_splits=2, random_state=0
    ).fit(inliers)
    scores = model.score_samples
    assert auc(scores(curved(300, seed=1)), scores(outliers)) > 0.9


def test_fit_refuses_what_the_autoencoder_refuses(X):
    inner = AutoencoderTransformer(2, loss="binary_cross_entropy", **TINY)
    model = AutoencoderOutlierDetector(inner, n_splits=2, random_state=0)
    binary = (X > np.median(X, axis=0)).astype(float)
    assert np.isfinite(model.fit(binary).decision_function(binary)).all()
    with pytest.raises(ValueError, match=r"features in \[0, 1\]"):
        model.fit(X)


def test_fit_refuses_a_class(X):
    with pytest.raises(TypeError, match=r"estimator=VAE is a class; pass an object"):
        AutoencoderOutlierDetector(VAE).fit(X)


def test_grid_search_over_parameters_of_the_autoencoder(X):
    model = AutoencoderOutlierDetector(
        AutoencoderTransformer(1, **SMALL), n_splits=None, random_state=0
    )
    grid = {"estimator__n_components": [1, 4], "n_splits": [None, 2]}

    def scorer(fitted, X, y=None):
        return fitted.score_samples(X).mean()

    search = GridSearchCV(model, grid, scoring=scorer, cv=2, error_score="raise")
    search.fit(X)
    assert search.best_params_["estimator__n_components"] == 4
    assert search.best_estimator_.estimator_.n_components_ == 4


# -- pipelines -------------------------------------------------------------------------


def piped(form, model):
    if form == "nested":
        return make_pipeline(
            make_pipeline(Scaler()), make_pipeline("passthrough", model)
        )
    if form == "idle":
        return Pipeline([("a", None), ("b", Scaler()), ("c", model), ("d", None)])
    return make_pipeline(Scaler(), model)


@pytest.mark.parametrize("form", ["flat", "nested", "idle"])
def test_a_pipeline_is_fitted_as_its_autoencoder_is(X, form):
    X = X + 3
    inner = AutoencoderTransformer(2, random_state=3, **TINY)
    model = AutoencoderOutlierDetector(piped(form, inner), n_splits=2).fit(X)
    scaled = X - X.mean(axis=0)
    alone = clone(inner).fit(scaled)
    np.testing.assert_array_equal(model.score_samples(X), alone.score_samples(scaled))
    parts = model.explain(X)
    residual = scaled - alone.reconstruct(scaled)
    np.testing.assert_array_equal(parts, np.square(residual) / 6)
    np.testing.assert_allclose(parts.sum(axis=1), -model.score_samples(X))
    assert model.loss_curve_ == alone.loss_curve_
    assert (model.n_iter_, model.device_) == (alone.n_iter_, alone.device_)
    assert_finite_results(model, X)


@pytest.mark.parametrize("form", ["flat", "nested"])
def test_each_fold_fits_all_steps_anew(fits, X, form):
    model = piped(form, Recording(3))
    detector = AutoencoderOutlierDetector(model, n_splits=3, random_state=0).fit(X)
    assert len(fits) == 8
    scalers, recordings = fits[::2], fits[1::2]
    np.testing.assert_allclose(scalers[0].mean_, X.mean(axis=0))
    for scaler, recording in zip(scalers[1:], recordings[1:], strict=True):
        (scored,) = recording.scored_
        seen = as_set(np.round(recording.seen_ + scaler.mean_, 9))
        held_out = as_set(np.round(scored + scaler.mean_, 9))
        assert seen.isdisjoint(held_out)
        assert seen | held_out == as_set(np.round(X, 9))
    (seed,) = {recording.random_state for recording in recordings}
    assert seed != 3
    p = detector.p_values(X)
    assert ((p > 0) & (p <= 1)).all()


@pytest.mark.parametrize("routing", [False, True])
@pytest.mark.parametrize("form", ["flat", "nested", "idle"])
def test_weights_go_to_the_autoencoder(fits, X, form, routing):
    class Transforming(Recording):
        """Is followed by a step that does nothing, and so must transform."""

        def fit_transform(self, X, y=None, sample_weight=None):
            return self.fit(X, y, sample_weight=sample_weight).seen_

        def transform(self, X):
            return X

    weight = np.arange(len(X)) % 3.0
    with sklearn.config_context(enable_metadata_routing=routing):
        AutoencoderOutlierDetector(piped(form, Transforming()), n_splits=2).fit(
            X, sample_weight=weight
        )
        AutoencoderOutlierDetector(piped(form, Transforming())).fit(X)
    scaler, recording, *folds = fits[:6]
    assert scaler.weight_ is None
    np.testing.assert_array_equal(recording.weight_, weight[weight > 0])
    np.testing.assert_allclose(recording.seen_ + scaler.mean_, X[weight > 0])
    assert sum(fold.weight_.sum() for fold in folds[1::2]) == weight.sum()
    assert all(one.weight_ is None for one in fits[6:8])


def test_an_earlier_step_is_weighted_if_it_asks(X):
    weight = np.arange(len(X)) % 3.0
    with sklearn.config_context(enable_metadata_routing=True):
        asking = StandardScaler().set_fit_request(sample_weight=True)
    for routing in (False, True):
        for scaler, weighted in ((StandardScaler(), False), (asking, True)):
            inner = make_pipeline(scaler, AutoencoderTransformer(2, **TINY))
            model = AutoencoderOutlierDetector(inner, n_splits=2)
            with sklearn.config_context(enable_metadata_routing=routing):
                model.fit(X, sample_weight=weight)
            expected = np.average(X, axis=0, weights=weight if weighted else weight > 0)
            np.testing.assert_allclose(model.estimator_[0].mean_, expected)


def test_explanations_have_the_features_that_the_autoencoder_sees(X):
    frame = pd.DataFrame(X, columns=list("abcdef"))
    inner = make_pipeline(StandardScaler(), AutoencoderTransformer(2, **TINY))
    model = AutoencoderOutlierDetector(inner, n_splits=2).set_output(transform="pandas")
    assert [*model.fit(frame).explain(frame).columns] == [*frame.columns]
    assert [*model.get_feature_names_out()] == [*frame.columns]
    inner.steps.insert(1, ("pca", PCA(3)))
    assert [*model.fit(frame).explain(frame).columns] == ["pca0", "pca1", "pca2"]
    inner.steps.insert(1, ("nameless", Scaler()))
    assert [*model.fit(X[:, :4]).get_feature_names_out()] == ["pca0", "pca1", "pca2"]
    inner.steps.pop(2)
    assert [*model.fit(X).get_feature_names_out()] == [f"x{j}" for j in range(6)]


def test_callbacks_reach_the_autoencoder_in_a_pipeline(X):
    class Propagated(Recorder):
        max_propagation_depth = None

    alone = AutoencoderTransformer(2, **TINY)
    names = []
    for inner in (alone, make_pipeline(StandardScaler(), alone)):
        recorder = Propagated()
        model = AutoencoderOutlierDetector(inner, n_splits=2, random_state=0)
        model.set_callbacks(recorder).fit(X)
        first, *_, last = recorder.calls
        assert (first, last) == ("setup", "teardown")
        assert recorder.calls.count("setup") == 1
        names.append(recorder.phases)
    phases = [each.count("cross-validate") for each in names]
    assert phases[0] == phases[1] > 0


@pytest.mark.parametrize(
    ("steps", "found"),
    [
        ([StandardScaler(), PCA(2)], "step 'pca' is of type PCA"),
        ([make_pipeline(StandardScaler())], "'pipeline__standardscaler' is of type"),
        (["passthrough"], "all of them do nothing"),
        (
            [GridSearchCV(AutoencoderTransformer(), {"alpha": [1]})],
            "'gridsearchcv' is of type GridSearchCV",
        ),
    ],
)
def test_a_pipeline_must_end_in_an_autoencoder(X, steps, found):
    model = AutoencoderOutlierDetector(make_pipeline(*steps))
    with pytest.raises(TypeError, match=f"The last step .*; .*{found}"):
        model.fit(X)
    with pytest.raises(TypeError, match=r"estimator=VAE is a class; pass an object"):
        model.set_params(estimator=make_pipeline(StandardScaler(), VAE)).fit(X)
    assert not hasattr(model, "n_features_in_")


def test_a_fitted_search_is_no_autoencoder(X):
    search = GridSearchCV(AutoencoderTransformer(2, **TINY), {"alpha": [1]}, cv=2)
    model = AutoencoderOutlierDetector(make_pipeline(search.fit(X)))
    with pytest.raises(TypeError, match="'gridsearchcv' is of type GridSearchCV"):
        model.fit(X)


def test_a_failed_fit_keeps_a_fitted_pipeline(X):
    inner = make_pipeline(StandardScaler(), AutoencoderTransformer(2, **TINY))
    model = AutoencoderOutlierDetector(inner, n_splits=2, random_state=0).fit(X)
    before = model.score_samples(X)
    model.set_params(estimator=make_pipeline(PCA(2)))
    with pytest.raises(TypeError, match="must be an autoencoder"):
        model.fit(X)
    np.testing.assert_array_equal(model.score_samples(X), before)


def test_grid_search_over_parameters_in_a_pipeline(X):
    inner = make_pipeline(StandardScaler(), AutoencoderTransformer(1, **TINY))
    model = AutoencoderOutlierDetector(inner, n_splits=None, random_state=0)
    grid = {"estimator__autoencodertransformer__n_components": [1, 4]}

    def scorer(fitted, X, y=None):
        return fitted.score_samples(X).mean()

    search = GridSearchCV(model, grid, scoring=scorer, cv=2, error_score="raise").fit(X)
    assert search.best_estimator_.estimator_[-1].n_components_ == 4
