"""Fitted models in files, and what they consist of."""

import inspect
import pickle
import re

import cloudpickle
import joblib
import numpy as np
import pytest
import skops.io
import torch
from estimator_cases import AUTOENCODERS, ESTIMATORS, assert_same_model

from skae import VAE, ConvolutionalAutoencoder, SparseAutoencoder

OWN_ATTRIBUTES = {
    SparseAutoencoder: {"mean_activation_"},
    VAE: {"noise_variance_"},
    ConvolutionalAutoencoder: {"image_shape_"},
}
ALL = pytest.mark.parametrize("name", ESTIMATORS)


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


def through_memmap(model, path):
    joblib.dump(model, path)
    return joblib.load(path, mmap_mode="r")


def through_skops(model, path):
    skops.io.dump(model, path)
    return skops.io.load(path, trusted=skops.io.get_untrusted_types(file=path))


@ALL
@pytest.mark.usefixtures("all_warnings")
@pytest.mark.parametrize(
    "through",
    [through_pickle, through_cloudpickle, through_joblib, through_memmap],
    ids=lambda through: through.__name__.removeprefix("through_"),
)
def test_model_survives_a_file(fitted_model, X, tmp_path, name, through):
    model = fitted_model(name)
    assert_same_model(model, through(model, tmp_path / "model"), X)


@ALL
@pytest.mark.usefixtures("all_warnings")
def test_model_survives_a_skops_file_that_trusts_nothing_but_the_estimator(
    fitted_model, X, tmp_path, name
):
    model = fitted_model(name)
    loaded = through_skops(model, tmp_path / "model")
    assert_same_model(model, loaded, X)
    types = skops.io.get_untrusted_types(file=tmp_path / "model")
    allowed = [type(model), *map(type, model.get_params().values())]
    assert set(types) <= {f"{cls.__module__}.{cls.__qualname__}" for cls in allowed}


def is_plain(value):
    """Say whether a fitted attribute is made of arrays, scalars, strings and so on."""
    if isinstance(value, dict):
        return all(is_plain(key) and is_plain(item) for key, item in value.items())
    if isinstance(value, (tuple, list)):
        return all(map(is_plain, value))
    if isinstance(value, np.ndarray):
        return value.dtype.kind in "fiub" or value.dtype == object
    return value is None or isinstance(value, (bool, int, float, str, np.number))


def without_own_network(state):
    """The state less a network of the user's, which is whatever it is."""
    architecture = state.get("architecture")
    if architecture is None or architecture["kind"] != "modules":
        return state
    return state | {"architecture": architecture | {"factory": None}}


@ALL
def test_fitted_attributes_are_plain_values(fitted_model, name):
    model = fitted_model(name)
    fitted = {k: v for k, v in vars(model).items() if k not in model.get_params()}
    assert {"n_iter_", "loss_curve_", "_state"} <= set(fitted)
    fitted["_state"] = without_own_network(model._state)
    fitted.pop("estimator_", None)  # one of those that are checked themselves
    assert [name for name, value in fitted.items() if not is_plain(value)] == []


@pytest.mark.parametrize("name", AUTOENCODERS)
def test_fit_leaves_the_attributes_that_are_documented(fitted_model, name):
    model = fitted_model(name)
    names = {
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
    } | OWN_ATTRIBUTES.get(type(model), set())
    documented = inspect.getdoc(type(model))
    entries = re.findall(r"^([\w, ]+) : ", documented, flags=re.MULTILINE)
    assert names <= set(", ".join(entries).split(", "))
    assert {name for name in vars(model) if name.endswith("_")} == names
    assert model.n_components_ == 2
    assert model.mean_.shape == (6,)
    assert model.explained_variance_ratio_.shape == (2,)
    assert type(model.pca_ratio_) is float
    assert model.device_ == "cpu"


def size_of(value):
    """Return the bytes in the arrays of nested dicts."""
    if isinstance(value, dict):
        return sum(map(size_of, value.values()))
    return value.nbytes if isinstance(value, np.ndarray) else 0


@ALL
def test_file_is_hardly_larger_than_the_weights(fitted_model, X, name):
    model = fitted_model(name)
    for method in ("score_samples", "transform"):  # what a prediction builds is no part
        getattr(model, method, model.score_samples)(X)
    inner = getattr(model, "estimator_", None)
    n_bytes = size_of(model._state) + size_of(vars(inner) if inner else 0)
    n_bytes += size_of(inner._state) if inner else 0
    assert len(pickle.dumps(model)) < n_bytes + 10_000
