import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pca_cases import anchor_of
from sklearn.decomposition import PCA

from skae._data.dataset import Dataset
from skae._data.source import PairSource
from skae._pca.explained_variance import SquaredErrors, pca_squared_errors

samples = st.integers(1, 30).flatmap(
    lambda n: arrays(np.float64, (3, n), elements=st.floats(0.125, 8, width=32))
)


@given(samples)
def test_explained_variance_is_one_minus_the_error_over_the_base(sample):
    base, errors, weight = sample
    expected = 1 - (weight @ errors) / (weight @ base)
    found = SquaredErrors(base, weight).explained_variance(errors)
    assert found == pytest.approx(expected)


def test_explained_variance_of_constant_samples_is_one():
    constant = SquaredErrors(np.zeros(4), np.ones(4))
    assert constant.explained_variance(np.zeros(4)) == 1.0


def test_explains_asks_for_a_margin():
    rng = np.random.default_rng(0)
    base = rng.uniform(1, 2, size=400)
    squared = SquaredErrors(base, np.ones(400))
    errors = 0.1 * base * rng.uniform(0.5, 1.5, size=400)
    share = squared.explained_variance(errors)
    assert squared.explains(errors, share - 0.02)
    assert not squared.explains(errors, share)
    assert not squared.explains(errors, share + 0.02)


def test_pca_squared_errors_of_new_samples_are_pca_s():
    rng = np.random.default_rng(0)
    mix = rng.normal(size=(5, 5))
    old, new = rng.normal(size=(60, 5)) @ mix, rng.normal(size=(20, 5)) @ mix
    weight = rng.uniform(1, 2, size=20)
    squared, errors = pca_squared_errors(Dataset(new, None, weight), anchor_of(old, 4))
    np.testing.assert_allclose(squared.base, ((new - old.mean(0)) ** 2).sum(1))
    np.testing.assert_array_equal(squared.weight, weight)
    for m in range(1, 5):
        pca = PCA(m).fit(old)
        residual = new - pca.inverse_transform(pca.transform(new))
        np.testing.assert_allclose(errors[m - 1], (residual**2).sum(1))


def test_pca_squared_errors_of_pairs_are_those_of_denoising():
    rng = np.random.default_rng(0)
    old, clean = rng.normal(size=(60, 5)), rng.normal(size=(20, 5))
    noisy = clean + rng.normal(size=(20, 5))
    data, anchor = Dataset(PairSource(clean, noisy)), anchor_of(old, 4)
    squared, errors = pca_squared_errors(data, anchor)
    np.testing.assert_allclose(squared.base, ((clean - old.mean(0)) ** 2).sum(1))
    for m in range(1, 5):
        pca = PCA(m).fit(old)
        residual = clean - pca.inverse_transform(pca.transform(noisy))
        np.testing.assert_allclose(errors[m - 1], (residual**2).sum(1))
    _, of_clean = pca_squared_errors(data, anchor, denoising=False)
    expected = pca_squared_errors(Dataset(clean), anchor)[1]
    np.testing.assert_array_equal(of_clean, expected)
