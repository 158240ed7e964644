import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.sparse import coo_matrix, csr_matrix
from sklearn import config_context
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.datasets import load_digits, load_wine
from sklearn.decomposition import NMF, PCA, KernelPCA, TruncatedSVD
from sklearn.exceptions import NotFittedError, UndefinedMetricWarning
from sklearn.linear_model import LogisticRegression
from sklearn.manifold import MDS
from sklearn.metrics import mean_squared_error, r2_score
from sklearn.model_selection import GridSearchCV, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, Normalizer, StandardScaler

from skae.metrics import (
    _chunks,
    neg_reconstruction_error_scorer,
    reconstruction_error,
    reconstruction_r2,
    reconstruction_r2_scorer,
)

SCORERS = {
    "error": neg_reconstruction_error_scorer,
    "r2": reconstruction_r2_scorer,
}


@pytest.fixture(scope="module")
def X():
    return load_wine().data


@pytest.fixture
def weight(X):
    return np.random.default_rng(0).integers(0, 4, len(X)).astype(float)


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(_chunks, "CHUNK_SAMPLES", 7)


class Fixed(TransformerMixin, BaseEstimator):
    """Reconstructs every row as whatever it was given."""

    def __init__(self, reconstruct):
        self.reconstruct = reconstruct

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return X

    def inverse_transform(self, X):
        return self.reconstruct(X)


ESTIMATORS = [
    PCA(n_components=3),
    PCA(n_components=3, whiten=True),
    KernelPCA(n_components=3, kernel="rbf", fit_inverse_transform=True),
    NMF(n_components=3, init="nndsvda", max_iter=2000),
    TruncatedSVD(n_components=3, random_state=0),
    make_pipeline(StandardScaler(), PCA(n_components=3)),
]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: type(e).__name__)
def test_metrics_equal_those_of_scikit_learn(estimator, X, weight, weighted):
    estimator = clone(estimator).fit(X)
    X_hat = estimator.inverse_transform(estimator.transform(X))
    sample_weight = weight if weighted else None
    for multioutput in ["raw_values", "uniform_average", np.arange(X.shape[1])]:
        options = {"sample_weight": sample_weight, "multioutput": multioutput}
        np.testing.assert_allclose(
            reconstruction_error(estimator, X, **options),
            mean_squared_error(X, X_hat, **options),
        )
        np.testing.assert_allclose(
            reconstruction_r2(estimator, X, **options),
            r2_score(X, X_hat, **options),
        )
    options = {"sample_weight": sample_weight}
    assert reconstruction_r2(estimator, X, **options) == pytest.approx(
        r2_score(X, X_hat, multioutput="variance_weighted", **options)
    )


def test_r2_of_pca_is_its_explained_variance_ratio(X):
    pca = PCA(n_components=2).fit(X)
    assert reconstruction_r2(pca, X) == pytest.approx(
        pca.explained_variance_ratio_.sum()
    )


tables = st.tuples(st.integers(2, 30), st.integers(1, 5)).flatmap(
    lambda shape: arrays(np.int16, (2, *shape), elements=st.integers(-999, 999))
)


@settings(deadline=None, max_examples=50)
@given(tables, st.integers(1, 40))
def test_any_chunks_give_the_same(pair, chunk_rows):
    X, X_hat = np.insert(pair, 0, np.arange(pair.shape[1]), axis=2)
    lookup = Fixed(lambda rows: X_hat[rows[:, 0]])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_chunks, "CHUNK_SAMPLES", chunk_rows)
        error = reconstruction_error(lookup, X)
        r2 = reconstruction_r2(lookup, X)
    assert error == pytest.approx(mean_squared_error(X, X_hat))
    assert r2 == pytest.approx(r2_score(X, X_hat, multioutput="variance_weighted"))


@settings(deadline=None, max_examples=25)
@given(arrays(np.int64, 178, elements=st.integers(0, 3)).filter(np.any))
def test_weights_repeat_rows(X, weight):
    pca = PCA(n_components=2).fit(X)
    repeated = X.repeat(weight, axis=0)
    assert reconstruction_error(pca, X, sample_weight=weight) == pytest.approx(
        reconstruction_error(pca, repeated)
    )
    if len(repeated) > 1:
        assert reconstruction_r2(pca, X, sample_weight=weight) == pytest.approx(
            reconstruction_r2(pca, repeated)
        )


def test_chunks_are_bounded(X, monkeypatch):
    seen = []
    estimator = Fixed(lambda rows: seen.append(rows.shape) or rows)
    monkeypatch.setattr(_chunks, "CHUNK_VALUES", 10 * X.shape[1])
    reconstruction_error(estimator, X)
    assert max(seen) == (10, X.shape[1])
    monkeypatch.setattr(_chunks, "CHUNK_VALUES", 1)
    reconstruction_error(estimator, X[:3])
    assert seen[-3:] == [(1, X.shape[1])] * 3


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_frames(X, frame):
    columns = [f"c{j}" for j in range(X.shape[1])]
    table = frame(dict(zip(columns, X.T, strict=True)))
    estimator = make_pipeline(StandardScaler(), PCA(n_components=3)).fit(table)
    expected = reconstruction_error(
        make_pipeline(StandardScaler(), PCA(n_components=3)).fit(X), X
    )
    assert reconstruction_error(estimator, table) == pytest.approx(expected)


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("output", ["pandas", "polars"])
@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: type(e).__name__)
def test_set_output(X, estimator, output):
    expected = reconstruction_error(clone(estimator).fit(X), X)
    framed = clone(estimator).set_output(transform=output).fit(X)
    assert reconstruction_error(framed, X) == pytest.approx(expected)


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("container", [csr_matrix, coo_matrix, np.ndarray.tolist])
def test_other_containers(X, container):
    estimator = make_pipeline(MaxAbsScaler(), TruncatedSVD(3, random_state=0)).fit(X)
    expected = reconstruction_r2(estimator, X)
    assert reconstruction_r2(estimator, container(X)) == pytest.approx(expected)


def test_sparse_reconstruction(X):
    scaler = MaxAbsScaler().fit(X)
    assert reconstruction_error(scaler, csr_matrix(X)) == pytest.approx(0)


def test_memmap_and_integers(tmp_path):
    X = np.memmap(tmp_path / "X", dtype=np.uint8, mode="w+", shape=(500, 64))
    X[:] = load_digits().data[:500]
    pca = PCA(n_components=5).fit(X)
    expected = reconstruction_error(pca, np.asarray(X, dtype=np.float64))
    assert reconstruction_error(pca, X) == pytest.approx(expected)


def test_X_is_not_modified(X):
    before = X.copy()
    reconstruction_r2(PCA(n_components=2).fit(X), X)
    np.testing.assert_array_equal(X, before)


@pytest.mark.parametrize(
    "multioutput", ["raw_values", "uniform_average", "variance_weighted"]
)
@pytest.mark.parametrize("n_constant", [1, 2, 3])
def test_constant_columns_score_as_in_scikit_learn(multioutput, n_constant):
    X = np.arange(18.0).reshape(6, 3)
    X[:, :n_constant] = 1
    shift = np.array([0, 1, 1])
    off = Fixed(lambda rows: rows + shift)
    np.testing.assert_allclose(
        reconstruction_r2(off, X, multioutput=multioutput),
        r2_score(X, X + shift, multioutput=multioutput),
    )


def test_r2_of_one_row_is_undefined(X):
    with pytest.warns(UndefinedMetricWarning, match="less than two samples"):
        assert np.isnan(reconstruction_r2(PCA(n_components=2).fit(X), X[:1]))


@pytest.mark.parametrize("metric", [reconstruction_error, reconstruction_r2])
@pytest.mark.parametrize(
    ("estimator", "missing"),
    [
        (MDS(), "MDS has no `transform`"),
        (Normalizer(), "Normalizer has no `inverse_transform`"),
        (
            make_pipeline(Normalizer(), PCA()),
            "Pipeline has no `inverse_transform`.*each of its steps",
        ),
        (make_pipeline(PCA(), LogisticRegression()), "Pipeline has no `transform`"),
    ],
)
def test_estimators_that_cannot_reconstruct(metric, estimator, missing, X):
    with pytest.raises(TypeError, match=missing):
        metric(estimator, X)


def test_unfitted_estimators_say_so(X):
    with pytest.raises(NotFittedError, match="PCA instance is not fitted"):
        reconstruction_error(PCA(), X)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sample_weight": np.ones(3)}, "sample_weight.shape"),
        ({"sample_weight": np.full(178, -1.0)}, "Negative values"),
        ({"sample_weight": np.full(178, np.nan)}, "contains NaN"),
        ({"sample_weight": np.zeros(178)}, "at least one non-zero"),
        ({"multioutput": "mean"}, "multioutput must be one of raw_values"),
        ({"multioutput": [1, 2]}, r"shape \(2,\), but X has 13 features"),
    ],
)
def test_invalid_options(options, message, X):
    pca = PCA(n_components=2).fit(X)
    for metric in [reconstruction_error, reconstruction_r2]:
        with pytest.raises(ValueError, match=message):
            metric(pca, X, **options)


def test_error_has_no_variance_weights(X):
    with pytest.raises(ValueError, match="raw_values, uniform_average, or an array"):
        reconstruction_error(
            PCA(n_components=2).fit(X), X, multioutput="variance_weighted"
        )


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.zeros(13), r"got shape \(13,\)"),
        (np.zeros((0, 13)), "at least one sample"),
        (np.full((5, 13), np.nan), "X contains NaN"),
        (np.full((5, 13), "a"), "dtype='numeric' is not compatible"),
        (np.zeros((5, 13), complex), "Complex data not supported"),
    ],
)
def test_invalid_rows(bad, message, X):
    with pytest.raises(ValueError, match=message):
        reconstruction_error(PCA(n_components=2).fit(X), bad)


@pytest.mark.parametrize(
    ("reconstruct", "message"),
    [
        (lambda rows: rows[:, :1], r"reconstruction by Fixed has shape \(178, 1\)"),
        (lambda rows: rows[:1], r"has shape \(1, 13\), the samples themselves \(178"),
        (
            lambda rows: np.full_like(rows, np.inf),
            "the reconstruction by Fixed contains",
        ),
    ],
)
def test_invalid_reconstructions(reconstruct, message, X):
    with pytest.raises(ValueError, match=message):
        reconstruction_error(Fixed(reconstruct), X)


def test_scorers_are_the_metrics_with_greater_better(X, weight):
    pca = PCA(n_components=2).fit(X)
    for options in [{}, {"sample_weight": weight}]:
        assert neg_reconstruction_error_scorer(pca, X, **options) == (
            -reconstruction_error(pca, X, **options)
        )
        assert reconstruction_r2_scorer(pca, X, None, **options) == (
            reconstruction_r2(pca, X, **options)
        )


@pytest.mark.parametrize("scorer", SCORERS.values(), ids=repr)
def test_scorers_survive_pickle(scorer, X):
    pca = PCA(n_components=2).fit(X)
    copy = pickle.loads(pickle.dumps(scorer))
    assert copy(pca, X) == scorer(pca, X)
    assert repr(copy) == repr(scorer)


def test_scorers_say_what_they_are():
    assert repr(neg_reconstruction_error_scorer) == "<scorer: -reconstruction_error>"
    assert repr(reconstruction_r2_scorer) == "<scorer: reconstruction_r2>"


def test_cross_val_score(X):
    scores = cross_val_score(
        PCA(n_components=2), X, cv=3, scoring=reconstruction_r2_scorer
    )
    assert scores.shape == (3,)
    assert np.all(scores < 1)


def test_cross_validate_several_scorers_and_y(X):
    y = load_wine().target
    results = cross_validate(PCA(n_components=2), X, y, cv=3, scoring=SCORERS)
    assert np.all(results["test_error"] < 0)
    assert np.all(results["test_r2"] < 1)


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_grid_search_over_pipelines(X, n_jobs):
    pipeline = make_pipeline(StandardScaler(), PCA())
    candidates = {
        "pca": [PCA(), KernelPCA(kernel="rbf", fit_inverse_transform=True)],
        "pca__n_components": [1, 4],
    }
    search = GridSearchCV(
        pipeline, candidates, cv=3, scoring=reconstruction_r2_scorer, n_jobs=n_jobs
    ).fit(X)
    assert search.best_params_["pca__n_components"] == 4
    assert search.score(X) == reconstruction_r2(search.best_estimator_, X)
    # The search itself transforms, so it can be measured as well.
    assert reconstruction_error(search, X) == pytest.approx(
        reconstruction_error(search.best_estimator_, X)
    )


def test_grid_search_with_several_scorers(X):
    search = GridSearchCV(
        PCA(), {"n_components": [1, 4]}, cv=3, scoring=SCORERS, refit="r2"
    ).fit(X)
    assert search.best_params_ == {"n_components": 4}
    assert {"mean_test_error", "mean_test_r2"} <= search.cv_results_.keys()


def test_search_reports_a_model_that_cannot_reconstruct(X):
    search = GridSearchCV(
        KernelPCA(),
        {"fit_inverse_transform": [False, True]},
        cv=3,
        scoring=neg_reconstruction_error_scorer,
        error_score="raise",
    )
    with pytest.raises(NotFittedError, match="fit_inverse_transform"):
        search.fit(X)


def test_metadata_routing_reaches_the_scorer(X, weight):
    half = len(X) // 2
    splits = [(np.arange(half), np.arange(half, len(X)))]
    pca = PCA(n_components=2).fit(X[:half])
    expected = reconstruction_r2(pca, X[half:], sample_weight=weight[half:])
    with config_context(enable_metadata_routing=True):
        scorer = clone(reconstruction_r2_scorer, safe=False)
        scorer.set_score_request(sample_weight=True)
        for scoring, key in [(scorer, "test_score"), ({"r2": scorer}, "test_r2")]:
            results = cross_validate(
                PCA(n_components=2),
                X,
                cv=splits,
                scoring=scoring,
                params={"sample_weight": weight},
            )
            assert results[key] == pytest.approx([expected])
