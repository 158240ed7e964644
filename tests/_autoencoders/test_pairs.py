"""Denoising from pairs: noisy samples as X, clean ones as y."""

import datetime
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import GridSearchCV

import skae
from skae import DenoisingAutoencoder

NAMES = list("abcdef")


def noisy_copy(clean, std=0.3, seed=5):
    return clean + std * np.random.default_rng(seed).normal(size=clean.shape)


def error(samples, clean, weight=None):
    return np.average(np.mean((samples - clean) ** 2, axis=1), weights=weight)


@pytest.fixture
def model(quick):
    return DenoisingAutoencoder(2, **quick)


@pytest.fixture
def learner():
    return DenoisingAutoencoder(
        2, hidden_layer_sizes=(32,), max_iter=400, random_state=0
    )


@pytest.fixture
def pairs(curved):
    clean = curved(120)
    return noisy_copy(clean), clean


def same(one, other, X):
    np.testing.assert_array_equal(one.reconstruct(X), other.reconstruct(X))
    np.testing.assert_array_equal(one.transform(X), other.transform(X))
    assert one.loss_curve_ == other.loss_curve_
    np.testing.assert_array_equal(one.pca_ratio_, other.pca_ratio_)


# -- what is learned -------------------------------------------------------------------


def test_noise_of_digits_is_removed_better_than_by_pca():
    clean = load_digits().data[:1000]
    noisy = noisy_copy(clean, 4)
    model = DenoisingAutoencoder(16, max_iter=300, random_state=0)
    model.fit(noisy[:800], clean[:800])
    found = error(model.reconstruct(noisy[800:]), clean[800:])
    for of in (noisy, clean):
        pca = PCA(16).fit(of[:800])
        by_pca = pca.inverse_transform(pca.transform(noisy[800:]))
        assert found < 0.9 * error(by_pca, clean[800:])
    assert found < 0.5 * error(noisy[800:], clean[800:])


def test_pca_ratio_is_that_of_denoising(learner, curved, n_samples):
    clean, new = curved(n_samples), curved(1000, seed=1)
    learner.fit(noisy_copy(clean), clean)
    seen = noisy_copy(new, seed=6)
    pca = PCA(2).fit(clean)
    by_pca = error(pca.inverse_transform(pca.transform(seen)), new)
    ratio = error(learner.reconstruct(seen), new) / by_pca
    assert learner.pca_ratio_ < 0.9
    assert learner.pca_ratio_ == pytest.approx(ratio, abs=0.15)
    assert learner.loss_curve_[-1] < learner.loss_curve_[0]


def test_noise_with_an_offset_is_removed(learner, curved):
    clean, new = curved(700), curved(500, seed=1)
    learner.fit(0.5 * noisy_copy(clean) + 2, clean)
    found = learner.reconstruct(0.5 * noisy_copy(new, seed=6) + 2)
    assert error(found, new) < 0.15


def test_pca_is_kept_where_it_denoises_as_well(model, linear, n_samples):
    clean = linear(n_samples)
    noisy = noisy_copy(clean)
    model.fit(noisy, clean)
    pca = PCA(2).fit(clean)
    assert model.pca_ratio_ == 1
    expected = pca.inverse_transform(pca.transform(noisy))
    np.testing.assert_allclose(model.reconstruct(noisy), expected)
    explained = 1 - error(expected, clean) / clean.var(axis=0).mean()
    assert model.explained_variance_ratio_.sum() == pytest.approx(explained, abs=0.06)


def test_few_pairs_give_pca_of_the_clean_samples(model, curved):
    clean = curved(8)
    noisy = noisy_copy(clean)
    model.fit(noisy, clean)
    pca = PCA(2).fit(clean)
    expected = pca.inverse_transform(pca.transform(noisy))
    np.testing.assert_allclose(model.reconstruct(noisy), expected)
    explained = 1 - error(expected, clean) / clean.var(axis=0).mean()
    assert model.explained_variance_ratio_.sum() == pytest.approx(explained)


@pytest.mark.parametrize("y_of", [lambda X: X, np.copy, np.ndarray.tolist])
def test_samples_as_their_own_targets_are_clean_ones(curved, y_of):
    X = curved(120)
    params = {"hidden_layer_sizes": (8,), "max_iter": 60, "random_state": 0}
    expected = DenoisingAutoencoder(2, **params).fit(X).reconstruct(X)
    found = DenoisingAutoencoder(2, **params).fit(X, y_of(X)).reconstruct(X)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    "params",
    [
        {"anchor": None},
        {"early_stopping": False},
        {"pretrain": "layerwise"},
        {"n_components": 0.8},
        {"n_components": None},
        {"loss": "huber"},
        {"noise": "masking"},
    ],
    ids=str,
)
def test_fit_of_pairs_works_in_every_mode(model, curved, n_samples, params):
    clean = curved(n_samples)
    noisy = noisy_copy(clean)
    model.set_params(max_iter=150, **params).fit(noisy, clean)
    variance = clean.var(axis=0).mean()
    assert error(model.reconstruct(noisy), clean) < 0.7 * variance


def test_pairs_go_on_from_a_network(learner, curved):
    clean = curved(700)
    noisy = noisy_copy(clean)
    learner.set_params(warm_start=True, max_iter=60).fit(noisy, clean)
    before = learner.pca_ratio_
    assert learner.set_params(max_iter=300).fit(noisy, clean).pca_ratio_ < before < 1


def test_whitened_codes_are_those_of_noisy_samples(model, pairs):
    codes = model.set_params(whiten=True).fit(*pairs).transform(pairs[0])
    np.testing.assert_allclose(np.cov(codes.T), np.eye(2), atol=1e-8)


def test_noise_is_not_used(model, pairs):
    one = model.fit(*pairs)
    other = DenoisingAutoencoder(**model.get_params() | {"noise": "swap"})
    same(one, other.fit(*pairs), pairs[0])


def test_weight_two_is_two_pairs(model, pairs):
    noisy, clean = pairs
    weight = np.arange(len(clean)) % 3
    copies = [table.repeat(weight, axis=0)[::-1] for table in pairs]
    one = DenoisingAutoencoder(**model.get_params()).fit(*copies)
    same(model.fit(noisy, clean, sample_weight=weight), one, noisy)


@pytest.mark.parametrize("n_copies", [2, 8])
def test_samples_that_differ_in_noise_alone_are_not_merged(learner, curved, n_copies):
    clean, new = curved(70).repeat(n_copies, axis=0), curved(500, seed=1)
    learner.fit(noisy_copy(clean, 0.5), clean)
    seen = noisy_copy(new, 0.5, seed=6)
    assert error(learner.reconstruct(seen), new) < 0.7 * error(seen, new)


# -- what y may be ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "y",
    [
        np.arange(120),
        list("ab") * 60,
        np.zeros((120, 1)),
        np.zeros((120, 7)),
        np.zeros((60, 6)),
        np.zeros((120, 6, 1)),
        [[1], [2, 3]],
        np.full(120, np.nan),
    ],
    ids=["numbers", "letters", "column", "wider", "shorter", "3-D", "ragged", "NaN"],
)
def test_labels_change_nothing(model, curved, y):
    X = curved(120)
    one = DenoisingAutoencoder(**model.get_params()).fit(X)
    same(model.fit(X, y), one, X)
    assert model.score(X, y) == model.score(X)


def test_one_feature_may_have_a_target(model):
    clean = np.linspace(0, 1, 50)[:, None] ** 2
    noisy = noisy_copy(clean)
    labelled = DenoisingAutoencoder(**model.get_params()).set_params(n_components=1)
    labelled.fit(noisy, clean.ravel())
    model.set_params(n_components=1).fit(noisy, clean)
    np.testing.assert_allclose(model.mean_, clean.mean())
    np.testing.assert_allclose(labelled.mean_, noisy.mean())


@pytest.mark.parametrize("name", sorted(set(skae.__all__) - {"DenoisingAutoencoder"}))
def test_other_estimators_ignore_y(name, curved, quick):
    cls = getattr(skae, name)
    if not isinstance(cls, type) or not hasattr(cls, "fit"):
        return
    args = {"ConvolutionalAutoencoder": [(2, 3)], "AutoencoderOutlierDetector": []}
    make = dict(quick) if name != "AutoencoderOutlierDetector" else {"random_state": 0}
    if name == "ConvolutionalAutoencoder":
        make = {"n_components": 2, "max_iter": 3, "random_state": 0}
    X = curved(60)
    models = [cls(*args.get(name, [2]), **make) for _ in range(2)]
    models[0].fit(X)
    models[1].fit(X, np.zeros_like(X))
    one, other = (model.score_samples(X) for model in models)
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("to", [pd.DataFrame, pl.DataFrame, list, np.float32])
def test_tables_of_any_kind_are_taken_without_a_warning(model, pairs, to):
    frames = to in (pd.DataFrame, pl.DataFrame)
    noisy, clean = (table.astype(np.float32).astype(float) for table in pairs)
    given = to(clean) if to is not list else clean.tolist()
    if frames:
        given.columns = NAMES
    one = DenoisingAutoencoder(**model.get_params()).fit(noisy, clean)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "Training ended at max_iter")
        same(model.fit(noisy, given), one, noisy)
        model.fit(pd.DataFrame(noisy, columns=NAMES), clean)


def put(value):
    def change(clean):
        clean["c"] = clean["c"].astype(object if isinstance(value, str) else float)
        clean.loc[3, "c"] = value
        return clean

    return change


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        (put(np.nan), ValueError, r"Input y contains NaN in column 'c'"),
        (put(np.inf), ValueError, r"Input y contains infinity in column 'c'"),
        (put(1e31), ValueError, r"Input y has values above 1e\+30 in column 'c'"),
        (put("high"), ValueError, r"Not numeric: column 'c'"),
        (
            lambda clean: clean.assign(c=datetime.datetime(2020, 1, 1)),
            TypeError,
            "y holds dates or times in column 'c'",
        ),
        (
            lambda clean: np.ma.masked_greater(clean.to_numpy(), 1),
            ValueError,
            "y is a masked array with masked values in columns",
        ),
        (
            lambda clean: sparse.csr_array(clean.to_numpy()),
            TypeError,
            r"Use y.toarray\(\)",
        ),
        (
            lambda clean: clean[NAMES[::-1]],
            ValueError,
            r"y holds the clean samples of X .* Pass y\[X.columns\]",
        ),
        (
            lambda clean: clean.rename(columns={"b": "z"}),
            ValueError,
            "has column 'z' where X has column 'b'. Rename them",
        ),
    ],
    ids=["NaN", "inf", "huge", "text", "dates", "mask", "sparse", "order", "names"],
)
def test_errors_name_y(model, pairs, change, kind, message):
    noisy, clean = (pd.DataFrame(table, columns=NAMES) for table in pairs)
    with pytest.raises(kind, match=message):
        model.fit(noisy, change(clean))
    assert not hasattr(model, "n_features_in_")


def test_clean_samples_alone_must_be_probabilities(model, pairs):
    clean = (pairs[1] > 0.3).astype(float)
    noisy = noisy_copy(clean)
    model.set_params(loss="binary_cross_entropy").fit(noisy, clean)
    assert model.reconstruct(noisy).min() >= 0
    with pytest.raises(ValueError, match=r"needs features in \[0, 1\].* y, columns"):
        model.fit(clean, noisy)


# -- scores ----------------------------------------------------------------------------


def test_score_compares_with_the_clean_samples(model, pairs):
    noisy, clean = pairs
    weight = np.arange(len(clean))
    found = model.fit(noisy, clean).reconstruct(noisy)
    assert model.score(noisy, clean) == pytest.approx(-error(found, clean))
    weighted = model.score(noisy, clean, sample_weight=weight)
    assert weighted == pytest.approx(-error(found, clean, weight))
    assert model.score(noisy) == pytest.approx(-error(found, noisy))


def test_a_search_passes_the_clean_samples_on(model, pairs):
    noisy, clean = pairs
    search = GridSearchCV(model, {"n_components": [1, 2]}, cv=2, refit=True)
    search.fit(noisy, clean)
    half = len(clean) // 2
    params = model.get_params() | {"n_components": 2}
    own = DenoisingAutoencoder(**params).fit(noisy[half:], clean[half:])
    expected = own.score(noisy[:half], clean[:half])
    assert search.cv_results_["split0_test_score"][1] == pytest.approx(expected)
    np.testing.assert_allclose(search.best_estimator_.mean_, clean.mean(0), atol=0.01)
