"""What scikit-learn asks of every estimator, and what its users do with one."""

import pickle
from html.parser import HTMLParser

import cloudpickle
import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
import skops.io
from sklearn import config_context
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from skae import AutoencoderTransformer
from skae.metrics import reconstruction_r2_scorer

SMALL = {"hidden_layer_sizes": (8,), "max_iter": 20}
CHECKED = [
    AutoencoderTransformer(),
    AutoencoderTransformer(anchor=None, **SMALL),
    AutoencoderTransformer(whiten=True, **SMALL),
    AutoencoderTransformer(loss="absolute_error", **SMALL),
    AutoencoderTransformer(n_components=0.9, **SMALL),
    AutoencoderTransformer(early_stopping=False, **SMALL),
]
ESTIMATORS = {
    "anchored": AutoencoderTransformer(2, random_state=0, **SMALL),
    "whitened": AutoencoderTransformer(2, random_state=0, **SMALL, whiten=True),
    "not anchored": AutoencoderTransformer(2, random_state=0, **SMALL, anchor=None),
    "probabilities": AutoencoderTransformer(
        2, random_state=0, **SMALL, loss="binary_cross_entropy", activation="relu"
    ),
    "no hidden layers": AutoencoderTransformer(
        2, random_state=0, hidden_layer_sizes=(), max_iter=20
    ),
    "nothing learned": AutoencoderTransformer(
        2, random_state=0, max_iter=1, learning_rate_init=1e-12
    ),
}
METHODS = ["transform", "reconstruct", "score_samples"]


@parametrize_with_checks(CHECKED)
def test_estimator_checks(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def X(X):
    return MinMaxScaler().fit_transform(X)


@pytest.fixture(params=ESTIMATORS)
def estimator(request):
    return clone(ESTIMATORS[request.param])


@pytest.fixture
def anchored():
    return clone(ESTIMATORS["anchored"])


@pytest.fixture
def fitted(estimator, X):
    return estimator.fit(X)


def assert_same_model(model, other, X):
    for method in METHODS:
        expected = getattr(model, method)(X)
        np.testing.assert_array_equal(getattr(other, method)(X), expected)
    assert other.get_params() == model.get_params()


# -- parameters ------------------------------------------------------------------------


def test_parameters_are_kept_as_given_and_can_be_set(estimator):
    params = estimator.get_params()
    assert AutoencoderTransformer().set_params(**params).get_params() == params
    assert all(getattr(estimator, name) is value for name, value in params.items())
    assert eval(repr(estimator)).get_params() == params


def test_a_clone_is_unfitted_and_fits_to_the_same(fitted, X):
    copy = clone(fitted)
    with pytest.raises(NotFittedError):
        copy.transform(X)
    assert_same_model(fitted, copy.fit(X), X)


def test_fit_transform_is_fit_and_transform(estimator, fitted, X):
    codes = clone(estimator).fit_transform(X)
    np.testing.assert_array_equal(codes, fitted.transform(X))
    np.testing.assert_allclose(
        fitted.reconstruct(X), fitted.inverse_transform(codes), rtol=1e-9, atol=1e-9
    )
    errors = np.mean((X - fitted.reconstruct(X)) ** 2, axis=1)
    np.testing.assert_allclose(fitted.score_samples(X), -errors, rtol=1e-6, atol=1e-12)
    assert fitted.score(X) == pytest.approx(-errors.mean())


# -- files -----------------------------------------------------------------------------


def through_pickle(model, path):
    return pickle.loads(pickle.dumps(model))


def through_cloudpickle(model, path):
    return pickle.loads(cloudpickle.dumps(model))


def through_joblib(model, path):
    joblib.dump(model, path)
    return joblib.load(path)


def through_a_memmap(model, path):
    joblib.dump(model, path)
    return joblib.load(path, mmap_mode="r")


def through_skops(model, path):
    skops.io.dump(model, path)
    return skops.io.load(path, trusted=skops.io.get_untrusted_types(file=path))


@pytest.mark.parametrize(
    "through",
    [
        through_pickle,
        through_cloudpickle,
        through_joblib,
        through_a_memmap,
        through_skops,
    ],
)
def test_a_model_survives_a_file(fitted, X, tmp_path, through):
    assert_same_model(fitted, through(fitted, tmp_path / "model"), X)


def test_skops_need_trust_nothing_but_the_estimator(fitted, tmp_path):
    skops.io.dump(fitted, tmp_path / "model")
    types = skops.io.get_untrusted_types(file=tmp_path / "model")
    assert set(types) <= {"skae._autoencoder.AutoencoderTransformer"}


def plain(value):
    """Say whether a fitted attribute is made of arrays, scalars, strings and so on."""
    if isinstance(value, dict):
        return all(plain(key) and plain(item) for key, item in value.items())
    if isinstance(value, (tuple, list)):
        return all(map(plain, value))
    if isinstance(value, np.ndarray):
        return value.dtype.kind in "fiub" or value.dtype == object
    return value is None or isinstance(value, (bool, int, float, str, np.number))


def test_fitted_attributes_are_plain_values(fitted):
    left = {k: v for k, v in vars(fitted).items() if k not in fitted.get_params()}
    assert {"mean_", "n_components_", "_state"} <= set(left)
    assert [name for name, value in left.items() if not plain(value)] == []


def test_a_fit_leaves_the_attributes_that_are_documented(fitted):
    fitted_names = {
        "n_components_",
        "n_features_in_",
        "mean_",
        "components_",
        "explained_variance_ratio_",
        "loss_curve_",
        "validation_curve_",
        "n_iter_",
        "pca_ratio_",
        "device_",
    }
    assert {name for name in vars(fitted) if name.endswith("_")} == fitted_names
    assert fitted.n_components_ == 2
    assert fitted.mean_.shape == (6,)
    assert fitted.explained_variance_ratio_.shape == (2,)
    assert fitted.device_ == "cpu"


def test_a_file_is_hardly_larger_than_the_weights(fitted):
    n_bytes = sum(
        value.nbytes
        for value in fitted._state.values()
        if isinstance(value, np.ndarray)
    )
    assert len(pickle.dumps(fitted)) < n_bytes + 10_000


# -- displays --------------------------------------------------------------------------


class Links(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        self.found += [value for name, value in attrs if name == "href"]


@pytest.mark.parametrize("is_fitted", [False, True])
def test_the_html_shows_parameters_and_links_to_the_documentation(
    estimator, X, is_fitted
):
    if is_fitted:
        estimator.fit(X)
    html = estimator._repr_html_()
    assert "hidden_layer_sizes" in html
    assert ("pca_ratio_" in html) == is_fitted
    links = Links()
    links.feed(html)
    page = "https://skae.readthedocs.io/en/stable/api/skae.AutoencoderTransformer.html"
    assert any(link.startswith(page) for link in links.found)


def test_verbose_prints_progress(estimator, X, capsys):
    estimator.set_params(verbose=1).fit(X)
    printed = capsys.readouterr().out
    assert "train step 20: loss" in printed or "cross-validate" in printed
    assert "held-out loss" in printed


# -- frames ----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["default", "pandas", "polars"])
def test_output_is_of_the_kind_that_is_set(estimator, X, kind):
    codes = estimator.set_output(transform=kind).fit_transform(X)
    names = [f"autoencodertransformer{i}" for i in range(2)]
    assert estimator.get_feature_names_out().tolist() == names
    types = {"default": np.ndarray, "pandas": pd.DataFrame, "polars": pl.DataFrame}
    assert isinstance(codes, types[kind])
    if kind != "default":
        assert list(codes.columns) == names
    np.testing.assert_array_equal(
        np.asarray(codes), estimator.set_output(transform="default").transform(X)
    )


@pytest.mark.parametrize(
    "frame", [pd.DataFrame, pl.DataFrame], ids=["pandas", "polars"]
)
def test_frames_are_as_good_as_arrays(estimator, X, frame):
    table = frame({f"c{j}": X[:, j] for j in range(X.shape[1])})
    codes = clone(estimator).fit(X).transform(X)
    estimator.fit(table)
    assert estimator.feature_names_in_.tolist() == list(table.columns)
    np.testing.assert_array_equal(estimator.transform(table), codes)
    np.testing.assert_array_equal(
        estimator.reconstruct(table), clone(estimator).fit(X).reconstruct(X)
    )


# -- company ---------------------------------------------------------------------------


def test_columns_of_a_frame_keep_their_index(anchored, X):
    frame = pd.DataFrame(X, columns=list("abcdef"), index=range(100, 100 + len(X)))
    columns = ColumnTransformer(
        [("ae", anchored, list("abcd")), ("rest", "passthrough", ["e", "f"])]
    )
    out = columns.set_output(transform="pandas").fit_transform(frame)
    assert list(out.index) == list(frame.index)
    assert list(out.columns) == [
        "ae__autoencodertransformer0",
        "ae__autoencodertransformer1",
        "rest__e",
        "rest__f",
    ]


def test_union_with_other_features(estimator, X):
    union = FeatureUnion([("ae", estimator), ("scaled", StandardScaler())])
    out = union.fit_transform(X)
    np.testing.assert_array_equal(out[:, :2], clone(estimator).fit_transform(X))
    assert len(union.get_feature_names_out()) == 8


def test_a_pipeline_inverts(estimator, X):
    pipeline = make_pipeline(MinMaxScaler(), estimator).fit(X)
    assert pipeline.inverse_transform(pipeline.transform(X)).shape == X.shape


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_grid_search_over_a_pipeline(anchored, X, n_jobs):
    pipeline = Pipeline(
        [
            ("scale", StandardScaler()),
            ("ae", anchored),
            ("is", LogisticRegression()),
        ]
    )
    y = X[:, 0] > np.median(X[:, 0])
    search = GridSearchCV(
        pipeline,
        {"ae__n_components": [1, 2, 0.8], "ae__activation": ["silu", "tanh"]},
        cv=2,
        n_jobs=n_jobs,
        error_score="raise",
    ).fit(X, y)
    assert search.best_score_ > 0.8
    assert search.best_estimator_["ae"].n_components_ >= 1


def test_a_grid_search_without_y_maximises_the_score(anchored, X):
    search = GridSearchCV(anchored, {"n_components": [1, 3]}, cv=2).fit(X)
    assert search.best_params_ == {"n_components": 3}


# -- metadata --------------------------------------------------------------------------


def test_weights_are_routed_through_a_pipeline(anchored, X):
    weight = np.arange(len(X)) % 3.0
    with config_context(enable_metadata_routing=True):
        estimator = clone(anchored).set_fit_request(sample_weight=True)
        pipeline = make_pipeline(MinMaxScaler(), estimator)
        pipeline.fit(X, sample_weight=weight)
    expected = clone(anchored).fit(MinMaxScaler().fit_transform(X), None, weight)
    np.testing.assert_array_equal(pipeline[-1].transform(X), expected.transform(X))


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


def test_weights_that_nobody_asked_for_are_an_error(anchored, X):
    with config_context(enable_metadata_routing=True):
        pipeline = make_pipeline(clone(anchored))
        with pytest.raises(Exception, match="sample_weight"):
            pipeline.fit(X, sample_weight=np.ones(len(X)))


def test_the_score_of_weighted_rows_is_their_mean(anchored, X):
    model = clone(anchored).fit(X)
    weight = np.arange(len(X)) % 3.0
    expected = np.average(model.score_samples(X), weights=weight)
    assert model.score(X, sample_weight=weight) == pytest.approx(expected)


def test_its_scorers_compare_it_with_anything(anchored, X):
    result = cross_validate(
        anchored, X, cv=2, scoring=reconstruction_r2_scorer, error_score="raise"
    )
    assert (result["test_score"] > 0).all()
