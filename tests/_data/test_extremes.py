import numpy as np
import pytest
from sklearn.datasets import load_digits

from skae._data.dataset import Dataset
from skae._data.extremes import extreme_rows


@pytest.fixture
def digits():
    return load_digits().data[:600]


@pytest.mark.parametrize("value", [1e6, -1e5])
def test_one_wild_value_is_found(digits, value):
    digits[3, 5] = value
    found = extreme_rows(Dataset(digits))
    assert found[:4] == (3, 5, value, 1)
    distance = digits - np.median(digits, axis=0)
    expected = np.square(distance[3]).sum() / np.square(distance).sum()
    assert found.share == pytest.approx(expected)


def test_a_few_in_different_columns_are_counted(digits):
    digits[[3, 300, 40], [5, 6, 7]] = 1e6, -2e6, 1e6
    found = extreme_rows(Dataset(digits))
    assert (found.row, found.column, found.n_rows) == (300, 6, 3)


def test_rows_are_those_of_the_source(digits):
    digits[300, 5] = 1e6
    data = Dataset(digits, np.arange(200, 600), np.ones(400))
    assert extreme_rows(data).row == 300
    assert extreme_rows(data.subset(np.arange(90))) is None


@pytest.mark.parametrize(
    "draw",
    [
        lambda rng, size: rng.normal(size=size),
        lambda rng, size: rng.lognormal(size=size),
        lambda rng, size: rng.standard_t(3, size=size),
        lambda rng, size: rng.integers(0, 2, size=size),
        lambda rng, size: (rng.random(size) < 0.003).astype(float),
        lambda rng, size: rng.normal(size=size) + 1e9,
        lambda rng, size: np.ones(size),
    ],
)
@pytest.mark.parametrize("n_rows", [30, 100, 1000])
def test_usual_tables_have_none(draw, n_rows):
    assert extreme_rows(Dataset(draw(np.random.default_rng(0), (n_rows, 8)))) is None


def test_few_rows_say_nothing(digits):
    digits[3, 5] = 1e6
    assert extreme_rows(Dataset(digits[:29])) is None
    assert extreme_rows(Dataset(digits[:30])) is not None


@pytest.mark.parametrize("n_rows", [30, 50, 150, 199])
@pytest.mark.parametrize("n_wild", [1, 2, 3])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_up_to_three_are_found_in_small_tables(n_rows, n_wild, dtype):
    rng = np.random.default_rng(0)
    table = rng.normal(size=(n_rows, 6)).astype(dtype)
    for row in range(n_wild):
        table[5 * row, row % 2] = [1e6, -2e6, 3e6][row]
    found = extreme_rows(Dataset(table))
    assert found.n_rows == n_wild or n_rows > 100
    assert found.row == 5 * (n_wild - 1)
