import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from skae._fitting.baseline import improves_significantly

losses = st.integers(1, 30).flatmap(
    lambda n: arrays(np.float64, (3, n), elements=st.floats(0.125, 8, width=32))
)


@given(losses, st.sampled_from([1.0, 2.0]))
def test_gain_must_exceed_its_standard_error(sample, n_standard_errors):
    baseline, found, weight = sample
    mass = weight / weight.sum()
    gain = mass @ (baseline - found)
    deviation = np.sqrt(mass @ (baseline - found - gain) ** 2)
    error = n_standard_errors * deviation * np.sqrt((mass**2).sum())
    if abs(gain - error) > 1e-9:
        improves = improves_significantly(baseline, found, weight, n_standard_errors)
        assert improves == (gain > error)


def test_gain_on_every_sample_is_one_and_a_loss_is_not():
    four, weight = np.full(9, 4.0), np.ones(9)
    assert improves_significantly(four, four - 1, weight)
    assert not improves_significantly(four, four, weight)
    assert not improves_significantly(four, four + 1, weight)


def test_nothing_is_better_than_perfect():
    assert not improves_significantly(np.zeros(9), np.zeros(9), np.ones(9))


def test_samples_of_weight_zero_do_not_count():
    baseline, found = np.array([2.0, 2.0, 2.0, 9.0]), np.array([1.0, 1.1, 0.9, 99.0])
    assert improves_significantly(baseline, found, np.array([1.0, 1.0, 1.0, 0.0]))
    assert not improves_significantly(baseline, found, np.ones(4))


def test_one_heavy_sample_is_no_evidence():
    rng = np.random.default_rng(0)
    gain, weight = rng.normal(0.2, 1, size=200), np.ones(200)
    baseline = np.full(200, 5.0)
    assert improves_significantly(baseline, baseline - gain, weight)
    gain[0], weight[0] = 0.01, 1e6
    assert not improves_significantly(baseline, baseline - gain, weight)
