import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skae._data.statistics import weighted_quantiles
from skae._outliers.calibration import (
    ScoreScale,
    calibrated_attributes,
    contamination_threshold,
    p_value_threshold,
    p_values,
    with_tie_tolerance,
)

# Values that are equal, or differ by more than rounding errors.
some = st.integers(-5, 5).map(float) | st.integers(-(10**5), 10**5).map(lambda i: i / 8)
shares = st.floats(0.001, 0.999)


@st.composite
def weighted(draw):
    """Return values, often equal ones, and how often each is there."""
    values = draw(st.lists(some, min_size=1, max_size=20))
    counts = [draw(st.integers(1, 4)) for _ in values]
    return np.array(values), np.array(counts, dtype=float)


def copies(values, weight):
    return values.repeat(weight.astype(int), axis=0)


# -- scales ----------------------------------------------------------------------------


def test_score_scale_puts_the_median_at_zero_and_nine_in_ten_below_one():
    scores = np.random.default_rng(0).exponential(size=1001)
    scaled = ScoreScale.fit(scores, None)(scores)
    assert np.median(scaled) == pytest.approx(0, abs=1e-12)
    assert (scaled <= 1).mean() == pytest.approx(0.9, abs=0.002)


@given(weighted())
def test_score_scale_is_finite_and_increasing(table):
    values, weight = table
    scale = ScoreScale.fit(values, weight)
    assert scale == ScoreScale.fit(copies(*table), None)
    assert scale.spread > 0
    scaled = scale(np.sort(values))
    assert np.isfinite(scaled).all()
    assert (np.diff(scaled) >= 0).all()


@pytest.mark.parametrize("value", [0.0, 7.0, -1e6])
def test_score_scale_of_equal_scores_ends_at_the_first_that_is_not(value):
    scores = np.full(100, value)
    assert ScoreScale.fit(scores, None)(scores).tolist() == [0.0] * 100
    scores[:3] = value + np.array([3.0, 2.0, 4.0])
    assert ScoreScale.fit(scores, None)(scores[:4]).tolist() == [1.5, 1.0, 2.0, 0.0]


# -- thresholds ------------------------------------------------------------------------


@given(weighted(), st.floats(1e-6, 0.5))
def test_contamination_threshold_has_at_most_the_share_below_it(table, share):
    scores, weight = table
    threshold = contamination_threshold(scores, weight, share)
    under = scores < threshold
    allowed = share * weight.sum() * (1 + 1e-9)
    assert weight[under].sum() <= allowed
    following = scores == scores[~under].min()  # equal scores go together
    assert weight[under | following].sum() > allowed
    copied = copies(*table)
    assert (
        (copied < contamination_threshold(copied, None, share)) == copies(under, weight)
    ).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("lowest", [1.0, -0.1, 1e20, 0.0, 1 / 3])
def test_contamination_threshold_between_adjacent_numbers(dtype, lowest):
    lowest = dtype(lowest)
    scores = np.array([lowest, np.nextafter(lowest, dtype(np.inf))])
    tied = dtype == np.float64 and lowest != 0
    below = scores < contamination_threshold(scores, None, 0.5)
    assert below.tolist() == [not tied, False]


@pytest.mark.parametrize("share", [0.01, 0.2, 0.4, 0.5])
def test_contamination_threshold_keeps_scores_together_that_differ_by_rounding(share):
    same = 0.3 + 1e-16 * np.arange(12)
    assert len(set(same)) > 3
    assert not (same < contamination_threshold(same, None, share)).any()
    scores = np.concatenate([same, np.linspace(1, 2, 12)])
    under = scores < contamination_threshold(scores, None, share)
    assert under.tolist() == [share == 0.5] * 12 + [False] * 12


def test_contamination_threshold_is_half_way():
    assert contamination_threshold(np.array([4.0, 1.0, 2.0, 9.0]), None, 0.5) == 3.0


@given(weighted())
def test_contamination_threshold_of_less_than_a_sample_has_none_below_it(table):
    scores, weight = table
    assert not (scores < contamination_threshold(scores, weight, 1e-9)).any()


@pytest.mark.parametrize("share", [0.01, 0.05, 0.1, 0.5])
@pytest.mark.parametrize("n_tied", [3, 90, 99, 100])
def test_contamination_threshold_never_exceeds_the_share_because_of_a_tie(
    share, n_tied
):
    rng = np.random.default_rng(0)
    for tied in (-1.0, 0.0, 2.0):  # below, among and above the others
        scores = np.concatenate([np.full(n_tied, tied), rng.uniform(0, 1, 100)])
        flagged = scores < contamination_threshold(scores, None, share)
        assert flagged.mean() <= share


# -- p-values --------------------------------------------------------------------------


@given(weighted(), st.lists(some, min_size=1, max_size=9))
def test_p_values_are_the_share_that_is_as_high(table, scores):
    calibration, weight = table
    scores = np.concatenate([scores, calibration])
    high = np.array([weight[calibration >= score].sum() for score in scores])
    p = p_values(scores, calibration, weight)
    np.testing.assert_allclose(p, (1 + high) / (1 + weight.sum()))
    assert ((p > 0) & (p <= 1)).all()
    np.testing.assert_allclose(p_values(scores, copies(*table), None), p)


def test_p_values_count_calibration_scores_that_differ_by_rounding_as_equal():
    calibration = np.array([1.0, 2.0, 3.0])
    for score in (2.0, 2.0 + 1e-15, 2.0 - 1e-15):
        assert p_values(np.array([score]), calibration, None) == 0.75


@given(weighted(), st.sampled_from([0.05, 0.1, 0.25, 0.5]))
def test_p_value_threshold_has_p_values_of_at_most_the_share_above_it(table, share):
    calibration, weight = table
    threshold = p_value_threshold(calibration, weight, share)
    assert threshold == p_value_threshold(copies(*table), None, share)
    scores = np.concatenate([calibration, calibration + 0.01, [threshold, 1e7]])
    small = p_values(scores, calibration, weight) <= share * (1 + 1e-12)
    if 1 / (1 + weight.sum()) <= share:
        np.testing.assert_array_equal(small, scores > threshold)
    else:
        assert not small.any()
        middle = weighted_quantiles(calibration, weight, 0.5)[0]
        assert threshold - calibration.max() == calibration.max() - middle


def test_p_values_of_samples_like_the_others_are_uniform():
    calibration, scores = np.random.default_rng(0).normal(size=(2, 99_999))
    p = p_values(scores, calibration, None)
    for share in (0.01, 0.1, 0.5):
        assert (p <= share).mean() == pytest.approx(share, abs=0.005)


def test_with_tie_tolerance_lowers_scores_by_a_rounding_error():
    scores = np.array([-1e6, -0.1, 0.0, 3.0, 1e6])
    lowered = with_tie_tolerance(scores)
    assert (lowered < scores).all()
    np.testing.assert_allclose(lowered, scores, rtol=2e-9, atol=2e-9)
    tied = scores - 1e-16 * np.maximum(np.abs(scores), 1)
    assert (lowered <= tied).all()


# -- attributes ------------------------------------------------------------------------


@given(weighted())
def test_calibrated_attributes_flag_scores_with_p_values_of_at_most_five_percent(table):
    scores, weight = table
    attributes = calibrated_attributes(scores, weight)
    np.testing.assert_array_equal(attributes["_state"]["calibration"], scores)
    np.testing.assert_array_equal(attributes["_state"]["weight"], weight)
    new = np.concatenate([scores, scores + 0.01, [1e7]])
    flagged = -new < attributes["offset_"]
    if 1 / (1 + weight.sum()) <= 0.05:
        p = p_values(new, scores, weight)
        np.testing.assert_array_equal(flagged, p <= 0.05 * (1 + 1e-12))
    else:
        assert not flagged[: len(scores)].any()
        assert flagged[-1]
