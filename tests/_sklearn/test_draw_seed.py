import numpy as np

from skae._sklearn.validation import draw_seed


def test_a_seed_follows_from_the_random_state():
    assert draw_seed(7) == draw_seed(7) != draw_seed(8)
    state = np.random.RandomState(7)
    assert draw_seed(state) == draw_seed(7) != draw_seed(state)


def test_none_draws_another_seed_each_time_and_no_global_number(global_states):
    before = global_states()
    assert len({draw_seed(None) for _ in range(5)}) == 5
    np.testing.assert_equal(global_states(), before)
