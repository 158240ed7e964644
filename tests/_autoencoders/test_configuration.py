"""What "auto" stands for, and parameters that are checked before training."""

import numpy as np
import pytest
from estimator_cases import OwnNetwork
from sklearn.base import clone
from sklearn.utils._param_validation import InvalidParameterError

from skae import (
    VAE,
    AutoencoderTransformer,
    ConvolutionalAutoencoder,
    DenoisingAutoencoder,
    SparseAutoencoder,
)
from skae._autoencoders.configuration import fit_parameters
from skae._data.dataset import Dataset

# -- auto ------------------------------------------------------------------------------


def asked(model, X):
    """What a model asks for where its parameters are "auto"; None is for the fit."""
    found = fit_parameters(model, Dataset(X))
    names = ["hidden_layer_sizes", "learning_rate", "batch_size", "patience"]
    values = {name: getattr(found, name) for name in names}
    return {name: value for name, value in values.items() if value is not None}, (
        found.steps_multiplier
    )


@pytest.mark.parametrize(
    ("model", "values", "steps_multiplier"),
    [
        (AutoencoderTransformer(), {}, 1),
        (VAE(), {}, 1),
        (DenoisingAutoencoder(), {}, 4),
        (SparseAutoencoder(), {"hidden_layer_sizes": (), "patience": 2**31}, 1),
        (ConvolutionalAutoencoder(), {"learning_rate": 6e-3, "batch_size": 64}, 1),
    ],
    ids=lambda value: type(value).__name__,
)
def test_auto_is_the_default_of_the_class(X, model, values, steps_multiplier):
    assert asked(model, X) == (values, steps_multiplier)


def test_given_values_come_before_auto(X):
    given = {"learning_rate_init": 0.5, "batch_size": 7, "n_iter_no_change": 9}
    values = {"learning_rate": 0.5, "batch_size": 7, "patience": 9}
    assert asked(ConvolutionalAutoencoder(**given), X) == (values, 1)
    model = SparseAutoencoder(hidden_layer_sizes=[8], **given)
    assert asked(model, X) == ({"hidden_layer_sizes": (8,), **values}, 1)


# -- errors ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"network": OwnNetwork()}, "pretrain='layerwise' is for dense layers"),
        ({"hidden_layer_sizes": ()}, "there are none. Set hidden_layer_sizes"),
    ],
    ids=["own network", "no hidden layers"],
)
def test_pretraining_needs_hidden_layers(model, X, params, message):
    model.set_params(pretrain="layerwise", **params)
    with pytest.raises(ValueError, match=message):
        model.fit(X)
    assert not hasattr(model, "n_features_in_")


@pytest.mark.parametrize("n_components", [7, 100])
def test_n_components_are_at_most_the_features_of_pca(model, X, n_components):
    model.set_params(n_components=n_components)
    message = r"between 1 and min\(n_samples, n_features\)=6.* or anchor=None"
    with pytest.raises(ValueError, match=message):
        model.fit(X)
    assert not hasattr(model, "n_features_in_")


def test_n_components_are_at_most_the_samples_of_pca(model, X):
    model.set_params(n_components=5)
    with pytest.raises(ValueError, match=r"min\(n_samples, n_features\)=4"):
        model.fit(X[:4])


@pytest.mark.parametrize(
    "sizes", [0, -1, (0,), (8, -2), (2.5,), ("a",), [[4, 4]], "large"], ids=repr
)
def test_hidden_layer_sizes_are_positive_integers(model, X, sizes):
    with pytest.raises(ValueError, match="hidden_layer_sizes"):
        model.set_params(hidden_layer_sizes=sizes).fit(X)


@pytest.mark.parametrize("sizes", [8, [8], np.array([8])], ids=repr)
def test_hidden_layer_sizes_may_be_given_in_any_way(model, X, sizes):
    expected = model.set_params(hidden_layer_sizes=(8,)).fit(X).transform(X)
    other = clone(model).set_params(hidden_layer_sizes=sizes).fit(X)
    np.testing.assert_array_equal(other.transform(X), expected)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_components", 0),
        ("n_components", 1.5),
        ("n_components", "mle"),
        ("activation", "swish"),
        ("anchor", "ica"),
        ("loss", "mse"),
        ("alpha", -1),
        ("learning_rate_init", 0),
        ("batch_size", 0),
        ("max_iter", 0),
        ("validation_fraction", 1.0),
        ("n_iter_no_change", 0),
        ("tol", -1.0),
        ("early_stopping", "yes"),
        ("random_state", "seed"),
    ],
)
def test_parameters_are_checked_by_name(model, X, name, value):
    with pytest.raises(InvalidParameterError, match=f"The '{name}' parameter"):
        model.set_params(**{name: value}).fit(X)
