import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_digits

from skae._data.dataset import Dataset
from skae._data.dependence import row_neighbors


def windows(n_rows=700, width=48, seed=0):
    rng = np.random.default_rng(seed)
    signal = np.zeros(n_rows + width)
    for i in range(2, len(signal)):
        signal[i] = 1.6 * signal[i - 1] - 0.7 * signal[i - 2] + rng.normal()
    return np.lib.stride_tricks.sliding_window_view(signal, width)


def persons(n_persons=40, n_visits=30, seed=0):
    rng = np.random.default_rng(seed)
    mean = rng.normal(size=(n_persons, 20)) @ rng.normal(size=(20, 20))
    visits = np.repeat(mean, n_visits, axis=0)
    return visits + 0.1 * rng.normal(size=visits.shape)


def table_of(name):
    rng = np.random.default_rng(0)
    return {
        "windows": windows,
        "persons": persons,
        "random walk": lambda: rng.normal(size=(600, 5)).cumsum(axis=0),
        "shuffled persons": lambda: rng.permutation(persons()),
        "normal": lambda: rng.normal(size=(1000, 6)),
        "heavy tails": lambda: rng.standard_t(1.5, size=(1000, 6)),
        "sorted by class": lambda: load_digits().data[
            np.argsort(load_digits().target, kind="stable")
        ],
        "digits": lambda: load_digits().data,
        "breast cancer": lambda: load_breast_cancer().data,
        "yes and no": lambda: rng.integers(0, 2, size=(1000, 5)),
    }[name]()


@pytest.mark.parametrize("name", ["windows", "persons", "random walk"])
def test_rows_that_depend_on_each_other_are_noticed(name):
    table = table_of(name)
    found = row_neighbors(Dataset(table))
    assert found.dependent
    assert found.share > 0.9
    # Neither the units nor the type matter.
    scaled = row_neighbors(Dataset(table * np.logspace(-8, 8, table.shape[1]) + 1e3))
    assert scaled.dependent
    assert row_neighbors(Dataset(table.astype(np.float32))).dependent


@pytest.mark.parametrize(
    "name",
    [
        "shuffled persons", "normal", "heavy tails", "digits", "breast cancer",
        "yes and no", "sorted by class",
    ],
)  # fmt: skip
def test_independent_and_shuffled_rows_are_not(name):
    found = row_neighbors(Dataset(table_of(name)))
    assert found is None or not found.dependent


def test_the_nearest_other_row_is_found():
    """The next row is the nearest one in each second pair of rows."""
    rng = np.random.default_rng(0)
    table = 100 * rng.normal(size=(400, 3))
    table[1:200:2] = table[0:200:2] + 0.01
    found = row_neighbors(Dataset(table))
    reach = 20
    expected = (200 + 200 * 2 * reach / 400) / 400
    assert found.n_asked == 400
    assert found.reach == reach
    assert found.share == pytest.approx(expected, abs=0.05)


def test_copies_are_left_out():
    table = np.random.default_rng(0).normal(size=(300, 4))
    copied = np.repeat(table, 3, axis=0)
    assert not row_neighbors(Dataset(copied)).dependent


def test_small_and_constant_tables_say_nothing():
    table = persons()
    assert row_neighbors(Dataset(table[:299])) is None
    assert row_neighbors(Dataset(table[:300])) is not None
    assert row_neighbors(Dataset(np.ones((400, 3)))) is None
    assert row_neighbors(Dataset(np.ones((400, 100_000), np.int8))) is None


def test_a_stretch_of_a_large_table_is_enough():
    table = persons(1000, 25)[:, :5]
    found = row_neighbors(Dataset(table))
    assert found.dependent
    assert found.reach == 70
