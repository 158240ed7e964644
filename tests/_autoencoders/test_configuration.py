"""Parameters of autoencoders that are checked before training."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.utils._param_validation import InvalidParameterError


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
