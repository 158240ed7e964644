import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from skae._training.batches import epoch_order


@given(st.integers(1, 50), st.integers(0, 99))
def test_epoch_without_weights_takes_each_sample_once(n_samples, seed):
    order = epoch_order(None, n_samples, np.random.default_rng(seed))
    np.testing.assert_array_equal(np.sort(order), np.arange(n_samples))


@given(
    st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=40).map(np.array),
    st.integers(0, 99),
)
def test_epoch_takes_samples_in_proportion_to_their_weights(weight, seed):
    order = epoch_order(weight, len(weight), np.random.default_rng(seed))
    assert len(order) == len(weight)
    count = np.bincount(order, minlength=len(weight))
    expected = len(weight) * weight / weight.sum()
    assert (np.abs(count - expected) < 1 + 1e-9).all()


def test_epochs_add_up_to_the_weights():
    weight, rng = np.array([0.5, 1.0, 2.5, 4.0]), np.random.default_rng(0)
    count = sum(
        np.bincount(epoch_order(weight, 4, rng), minlength=4) for _ in range(2000)
    )
    np.testing.assert_allclose(count / 2000, weight / 2, atol=0.05)


def test_epoch_is_shuffled():
    rng = np.random.default_rng(0)
    for weight in (None, np.ones(500)):
        first, second = epoch_order(weight, 500, rng), epoch_order(weight, 500, rng)
        assert (first != second).mean() > 0.9
