import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skae._data.dataset import Dataset
from skae._fitting.config import FitConfig
from skae._fitting.n_components import smallest_satisfying
from skae._fitting.selection import NetworkSelection
from skae._fitting.split import TrainingSplit


@given(st.integers(1, 40), st.integers(1, 50))
def test_the_fewest_that_reach_are_found_by_bisection(k, needed):
    asked = []

    def reached(m):
        asked.append(m)
        return m >= needed

    assert smallest_satisfying(reached, k) == min(needed, k)
    assert len(asked) <= np.ceil(np.log2(k))


@pytest.fixture
def contest(curved):
    rows = Dataset(curved(700))
    settings = FitConfig(n_components=2, hidden=(32,), n_steps=400).resolve(700, 6)
    parts = rows.pick(np.arange(500)), rows.pick(np.arange(500, 700))
    return NetworkSelection([TrainingSplit(*parts, settings)], settings)


def never_stop(*_):
    return False


def test_a_contest_is_won_by_what_held_out_rows_like_best(contest):
    result = contest.run(never_stop)
    assert result.accepted
    assert result.ratio < 0.8
    assert result.k == 2
    assert result.history.best_step > 0
    assert result.shares.shape == (2,)


def test_corrections_that_go_too_far_are_shrunk(contest):
    contest.run(never_stop)
    trainee = contest.trainee
    trainee.scale_correction(trainee.params.flat.clone(), 3.0)
    too_far = trainee.params.flat.clone()
    before = trainee.measure(contest._held)()
    after, factor = contest._shrink(before)
    assert factor < 1
    assert after.mean() < before.mean()
    shrunk = trainee.params.flat.clone()
    trainee.scale_correction(too_far, factor)
    np.testing.assert_array_equal(shrunk, trainee.params.flat)
