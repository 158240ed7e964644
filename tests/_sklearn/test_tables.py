import numpy as np
import pytest

from skae._sklearn.tables import weighted_dataset


def test_weighted_dataset_has_the_samples_of_positive_weight(X):
    assert weighted_dataset(X, None).weight is None
    weight = np.arange(len(X)) % 3.0
    data = weighted_dataset(X, weight)
    np.testing.assert_array_equal(data.to_array(), X[weight > 0])
    np.testing.assert_array_equal(data.weight, weight[weight > 0])


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_weighted_dataset_rescales_extreme_weights(X, scale):
    weight = np.arange(len(X)) % 3.0
    data = weighted_dataset(X, scale * weight)
    np.testing.assert_allclose(data.weight, weight[weight > 0] / 2)
