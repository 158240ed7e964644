"""What scikit-learn asks of every estimator, and what its users do with one."""

import pickle
import re
from dataclasses import dataclass
from html.parser import HTMLParser

import cloudpickle
import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
import skops.io
import torch
from sklearn import config_context
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks
from torch import nn

import skae
from skae import (
    VAE,
    AutoencoderOutlierDetector,
    AutoencoderTransformer,
    ContractiveAutoencoder,
    ConvolutionalAutoencoder,
    DenoisingAutoencoder,
    SparseAutoencoder,
)
from skae._nn.modules.convolutional import Convolutions
from skae.metrics import reconstruction_r2_scorer
from skae.noise import Swap

SHORT = {"max_iter": 20}
SMALL = {"hidden_layer_sizes": (8,), **SHORT}


@dataclass(frozen=True)
class Linear:
    """A network of one's own, with a repr that makes it again."""

    width: int = 8
    outputs: int = 1

    def __call__(self, n_features, n_components):
        outputs = self.outputs * n_components
        return (
            nn.Sequential(
                nn.Linear(n_features, self.width),
                nn.Tanh(),
                nn.Linear(self.width, outputs),
            ),
            nn.Sequential(
                nn.Linear(n_components, self.width),
                nn.Tanh(),
                nn.Linear(self.width, n_features),
            ),
        )


@dataclass(frozen=True)
class Shifted:
    """A noise of one's own."""

    by: float = 0.1

    def __call__(self, X, rng):
        return X + rng.choice([-self.by, self.by], size=X.shape)


CHECKED = [
    AutoencoderTransformer(),
    AutoencoderTransformer(anchor=None, **SMALL),
    AutoencoderTransformer(whiten=True, **SMALL),
    AutoencoderTransformer(loss="absolute_error", **SMALL),
    AutoencoderTransformer(n_components=0.9, **SMALL),
    AutoencoderTransformer(early_stopping=False, **SMALL),
    AutoencoderTransformer(network=Linear(), **SHORT),
    AutoencoderTransformer(pretrain="layerwise", **SMALL),
    DenoisingAutoencoder(**SMALL),
    DenoisingAutoencoder(noise=Shifted(), **SMALL),
    SparseAutoencoder(**SHORT),
    SparseAutoencoder(penalty="topk", sparsity=0.5, **SMALL),
    ContractiveAutoencoder(**SMALL),
    VAE(**SMALL),
    VAE(anchor=None, **SMALL),
    ConvolutionalAutoencoder(channels=(2,), **SHORT),
    AutoencoderOutlierDetector(**SHORT),
    AutoencoderOutlierDetector(memory=False, **SHORT),
    AutoencoderOutlierDetector(contamination=0.1, **SHORT),
    AutoencoderOutlierDetector(AutoencoderTransformer(1, **SMALL), n_splits=2),
]
TWO = {"n_components": 2, "random_state": 0}
ESTIMATORS = {
    "anchored": AutoencoderTransformer(**TWO, **SMALL),
    "whitened": AutoencoderTransformer(**TWO, **SMALL, whiten=True),
    "not anchored": AutoencoderTransformer(**TWO, **SMALL, anchor=None),
    "probabilities": AutoencoderTransformer(
        **TWO, **SMALL, loss="binary_cross_entropy", activation="relu"
    ),
    "no hidden layers": AutoencoderTransformer(
        **TWO, hidden_layer_sizes=(), max_iter=20
    ),
    "nothing learned": AutoencoderTransformer(
        **TWO, max_iter=1, learning_rate_init=1e-12
    ),
    "own network": AutoencoderTransformer(**TWO, **SHORT, network=Linear()),
    "pretrained": AutoencoderTransformer(**TWO, **SMALL, pretrain="layerwise"),
    "denoising": DenoisingAutoencoder(**TWO, **SMALL),
    "swapped": DenoisingAutoencoder(**TWO, **SMALL, noise=Swap(0.1), whiten=True),
    "own noise": DenoisingAutoencoder(**TWO, **SMALL, noise=Shifted()),
    "sparse": SparseAutoencoder(**TWO, **SMALL, sparsity=0.3),
    "sparse, l1": SparseAutoencoder(**TWO, **SMALL, penalty="l1"),
    "sparse, topk": SparseAutoencoder(**TWO, **SMALL, penalty="topk"),
    "contractive": ContractiveAutoencoder(**TWO, **SMALL),
    "contractive, own network": ContractiveAutoencoder(
        **TWO, **SHORT, network=Linear(), anchor=None
    ),
    "VAE": VAE(**TWO, **SMALL),
    "VAE, nothing learned": VAE(**TWO, max_iter=1, learning_rate_init=1e-12),
    "VAE, not anchored": VAE(**TWO, **SMALL, anchor=None),
    "VAE, bernoulli": VAE(**TWO, **SMALL, likelihood="bernoulli"),
    "VAE, own network": VAE(**TWO, **SHORT, network=Linear(outputs=2)),
    "convolutional": ConvolutionalAutoencoder((2, 3), channels=(4,), **TWO, **SHORT),
}
DETECTORS = {
    "detector": AutoencoderOutlierDetector(**SHORT, random_state=0),
    "detector, networks only": AutoencoderOutlierDetector(
        **SHORT, random_state=0, memory=False
    ),
    "detector, contaminated": AutoencoderOutlierDetector(
        **SHORT, random_state=0, contamination=0.1
    ),
    "detector, of an estimator": AutoencoderOutlierDetector(
        AutoencoderTransformer(**TWO, **SMALL), n_splits=2, random_state=0
    ),
}
OWN = {
    "anchored": {"n_components": [1, 0.8], "activation": ["silu", "tanh"]},
    "own network": {"network": [Linear(4), Linear(8)]},
    "denoising": {"noise": ["masking", Swap()], "noise_level": [0.1, 0.3]},
    "sparse": {"penalty": ["kl", "topk"], "sparsity": [0.1, 0.5]},
    "contractive": {"contraction": [0.0, 1.0]},
    "VAE": {"beta": [0.5, 1.0], "likelihood": ["gaussian", "bernoulli"]},
    "convolutional": {"channels": [(4,), (2, 4)], "image_shape": [(2, 3), (6, 1)]},
}
FITTED = {
    SparseAutoencoder: {"mean_activation_"},
    VAE: {"noise_variance_"},
    ConvolutionalAutoencoder: {"image_shape_"},
}
METHODS = ["transform", "reconstruct", "score_samples", "jacobian_norm"]
JUDGING = ["score_samples", "decision_function", "predict", "p_values", "explain"]


@parametrize_with_checks(CHECKED)
def test_estimator_checks(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def X(X):
    return MinMaxScaler().fit_transform(X)


@pytest.fixture(params=ESTIMATORS)
def estimator(request):
    return clone(ESTIMATORS[request.param])


@pytest.fixture(params=DETECTORS)
def detector(request):
    return clone(DETECTORS[request.param])


@pytest.fixture(params=[*ESTIMATORS, *DETECTORS])
def anything(request):
    return clone((ESTIMATORS | DETECTORS)[request.param])


@pytest.fixture
def anchored():
    return clone(ESTIMATORS["anchored"])


@pytest.fixture
def fitted(estimator, X):
    return estimator.fit(X)


@pytest.fixture
def anything_fitted(anything, X):
    return anything.fit(X)


def methods_of(model):
    return JUDGING if isinstance(model, AutoencoderOutlierDetector) else METHODS


def assert_same_params(model, other):
    params, others = (
        {name: value for name, value in one.get_params().items() if name != "estimator"}
        for one in (model, other)
    )
    assert others == params
    assert repr(other) == repr(model)


def assert_same_model(model, other, X):
    for method in methods_of(model):
        expected = getattr(model, method)(X)
        np.testing.assert_array_equal(getattr(other, method)(X), expected)
    assert_same_params(model, other)


# -- parameters ------------------------------------------------------------------------


def test_parameters_are_kept_as_given_and_can_be_set(anything):
    params = anything.get_params()
    assert type(anything)().set_params(**params).get_params() == params
    own = anything.get_params(deep=False)
    assert all(getattr(anything, name) is value for name, value in own.items())
    assert_same_params(anything, eval(repr(anything)))


def test_a_clone_is_unfitted_and_fits_to_the_same(anything_fitted, X):
    copy = clone(anything_fitted)
    for method in methods_of(copy):
        with pytest.raises(NotFittedError):
            getattr(copy, method)(X)
    assert_same_model(anything_fitted, copy.fit(X), X)


def test_fit_transform_is_fit_and_transform(estimator, fitted, X):
    codes = clone(estimator).fit_transform(X)
    np.testing.assert_array_equal(codes, fitted.transform(X))
    np.testing.assert_allclose(
        fitted.reconstruct(X), fitted.inverse_transform(codes), rtol=1e-9, atol=1e-9
    )


def test_the_score_is_the_mean_of_the_rows(fitted, X):
    scores = fitted.score_samples(X)
    assert scores.shape == (len(X),)
    assert fitted.score(X) == pytest.approx(scores.mean())
    if not isinstance(fitted, VAE):
        errors = np.mean((X - fitted.reconstruct(X)) ** 2, axis=1)
        np.testing.assert_allclose(scores, -errors, rtol=1e-6, atol=1e-12)


def test_fit_predict_is_fit_and_predict(detector, X):
    labels = clone(detector).fit_predict(X)
    np.testing.assert_array_equal(labels, detector.fit(X).predict(X))


def test_rows_alone_have_the_results_of_rows_together(fitted, X):
    for method in METHODS:
        together = getattr(fitted, method)(X)
        np.testing.assert_array_equal(getattr(fitted, method)(X), together)
        alone = np.concatenate([getattr(fitted, method)(X[i : i + 1]) for i in (0, 7)])
        np.testing.assert_allclose(alone, together[[0, 7]], rtol=1e-9, atol=1e-12)


def test_results_are_in_the_precision_of_the_rows(fitted, X):
    for method in METHODS[:-1]:  # a Jacobian may jump where a row is on an edge
        single, double = (getattr(fitted, method)(X.astype(t)) for t in ("f4", "f8"))
        assert (single.dtype, double.dtype) == (np.float32, np.float64)
        size = np.abs(double).max()
        np.testing.assert_allclose(single, double, rtol=1e-3, atol=1e-4 * size)


# -- files -----------------------------------------------------------------------------


@pytest.fixture
def all_warnings():
    """Warnings of PyTorch each time, not only the first one."""
    before = torch.is_warn_always_enabled()
    torch.set_warn_always(True)
    yield
    torch.set_warn_always(before)


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


@pytest.mark.usefixtures("all_warnings")
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
def test_a_model_survives_a_file(anything_fitted, X, tmp_path, through):
    assert_same_model(anything_fitted, through(anything_fitted, tmp_path / "model"), X)


def test_skops_need_trust_nothing_but_the_estimator(anything_fitted, tmp_path):
    model = anything_fitted
    skops.io.dump(model, tmp_path / "model")
    types = skops.io.get_untrusted_types(file=tmp_path / "model")
    known = [type(model), *map(type, model.get_params().values()), Convolutions]
    assert set(types) <= {f"{cls.__module__}.{cls.__qualname__}" for cls in known}


def plain(value):
    """Say whether a fitted attribute is made of arrays, scalars, strings and so on."""
    if isinstance(value, dict):
        return all(plain(key) and plain(item) for key, item in value.items())
    if isinstance(value, (tuple, list)):
        return all(map(plain, value))
    if isinstance(value, np.ndarray):
        return value.dtype.kind in "fiub" or value.dtype == object
    return value is None or isinstance(value, (bool, int, float, str, np.number))


def test_fitted_attributes_are_plain_values(anything_fitted):
    model = anything_fitted
    left = {k: v for k, v in vars(model).items() if k not in model.get_params()}
    assert {"n_iter_", "loss_curve_", "_state"} <= set(left)
    left["_state"] = {k: v for k, v in model._state.items() if k != "factory"}
    left.pop("estimator_", None)  # one of those that are checked themselves
    assert [name for name, value in left.items() if not plain(value)] == []


def test_a_fit_leaves_the_attributes_that_are_documented(fitted):
    fitted_names = {
        "n_components_",
        "n_features_in_",
        "mean_",
        "components_",
        "explained_variance_ratio_",
        "best_step_",
        "curve_steps_",
        "loss_curve_",
        "validation_curve_",
        "n_iter_",
        "pca_ratio_",
        "device_",
    } | FITTED.get(type(fitted), set())
    entries = re.findall(r"^    ([\w, ]+) : ", type(fitted).__doc__, flags=re.MULTILINE)
    assert fitted_names <= set(", ".join(entries).split(", "))
    assert {name for name in vars(fitted) if name.endswith("_")} == fitted_names
    assert fitted.n_components_ == 2
    assert fitted.mean_.shape == (6,)
    assert fitted.explained_variance_ratio_.shape == (2,)
    assert type(fitted.pca_ratio_) is float
    assert fitted.device_ == "cpu"


def size_of(value):
    """Return the bytes in the arrays of nested dicts."""
    if isinstance(value, dict):
        return sum(map(size_of, value.values()))
    return value.nbytes if isinstance(value, np.ndarray) else 0


def test_a_file_is_hardly_larger_than_the_weights(anything_fitted):
    inside = getattr(anything_fitted, "estimator_", None)
    n_bytes = size_of(anything_fitted._state) + size_of(vars(inside) if inside else 0)
    n_bytes += size_of(inside._state) if inside else 0
    assert len(pickle.dumps(anything_fitted)) < n_bytes + 10_000


# -- displays --------------------------------------------------------------------------


class Links(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        self.found += [value for name, value in attrs if name == "href"]


@pytest.mark.parametrize("is_fitted", [False, True])
def test_the_html_shows_parameters_and_links_to_the_documentation(
    anything, X, is_fitted
):
    if is_fitted:
        anything.fit(X)
    html = anything._repr_html_()
    assert all(name in html for name in anything.get_params(deep=False))
    detects = isinstance(anything, AutoencoderOutlierDetector)
    assert ("offset_" if detects else "pca_ratio_") in html or not is_fitted
    assert is_fitted or "offset_" not in html
    assert is_fitted or "pca_ratio_" not in html
    links = Links()
    links.feed(html)
    name = type(anything).__name__
    page = f"https://skae.readthedocs.io/en/stable/api/skae.{name}.html"
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
    names = [f"{type(estimator).__name__.lower()}{i}" for i in range(2)]
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


def test_a_detector_ends_a_pipeline(detector, X):
    pipeline = make_pipeline(StandardScaler(), detector)
    labels = pipeline.fit_predict(X)
    scaled = StandardScaler().fit_transform(X)
    alone = clone(detector).fit(scaled)
    np.testing.assert_array_equal(labels, alone.predict(scaled))
    for method in ("predict", "decision_function", "score_samples"):
        expected = getattr(alone, method)(scaled)
        np.testing.assert_array_equal(getattr(pipeline, method)(X), expected)


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


@pytest.mark.parametrize("name", OWN)
def test_a_grid_search_over_parameters_of_its_own(X, name):
    search = GridSearchCV(clone(ESTIMATORS[name]), OWN[name], cv=2, error_score="raise")
    search.fit(X)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.best_estimator_.transform(X).shape[0] == len(X)


def test_every_estimator_has_a_grid_search():
    searched = {type(ESTIMATORS[name]).__name__ for name in OWN}
    assert searched | {AutoencoderOutlierDetector.__name__} == set(skae.__all__)


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
