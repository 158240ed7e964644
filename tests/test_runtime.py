import threading

import numpy as np
import pytest
import torch

from skae._nn.runtime import resolve_device, single_thread
from skae._sklearn.validation import draw_seed


@pytest.fixture
def three_threads():
    """A setting that is not the default, put back afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


# -- devices ---------------------------------------------------------------------------


def test_devices_are_found_by_name(device):
    assert resolve_device(device).type == device
    assert resolve_device(torch.device(device)) == torch.device(device)


def test_auto_takes_cuda_where_there_is_some():
    expected = "cuda" if torch.cuda.is_available() else "cpu"
    assert resolve_device("auto") == torch.device(expected)


@pytest.mark.parametrize("device", ["gpu", "cpu:x", "", None, 1.5], ids=repr)
def test_what_is_no_device_is_an_error(device):
    with pytest.raises(ValueError, match=r"is not a device; use 'auto', 'cpu'"):
        resolve_device(device)


@pytest.mark.parametrize("device", ["cuda:99", "meta", torch.device("cuda:99")])
def test_a_device_that_is_not_there_is_an_error(device):
    with pytest.raises(ValueError, match="is not available on this machine; use"):
        resolve_device(device)


# -- threads ---------------------------------------------------------------------------


def test_a_single_thread_without_gradients_inside_and_as_before_outside(three_threads):
    with single_thread():
        assert torch.get_num_threads() == 1
        assert torch.is_inference_mode_enabled()
        with single_thread():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 3
    assert not torch.is_inference_mode_enabled()


def test_threads_are_restored_after_an_error(three_threads):
    with pytest.raises(KeyError), single_thread():
        raise KeyError
    assert torch.get_num_threads() == 3


def test_fits_side_by_side_agree_on_what_to_restore(three_threads):
    entered, leave = threading.Barrier(3), [threading.Event(), threading.Event()]
    inside = []

    def fit(me):
        with single_thread():
            inside.append(torch.get_num_threads())
            entered.wait(10)
            leave[me].wait(10)

    fits = [threading.Thread(target=fit, args=(me,)) for me in range(2)]
    for thread in fits:
        thread.start()
    entered.wait(10)
    for thread, event in zip(fits, leave, strict=True):
        event.set()
        thread.join(10)
    assert inside == [1, 1]
    with single_thread():
        pass
    assert torch.get_num_threads() == 3


# -- seeds -----------------------------------------------------------------------------


def test_a_seed_follows_from_the_random_state():
    assert draw_seed(7) == draw_seed(7) != draw_seed(8)
    state = np.random.RandomState(7)
    assert draw_seed(state) == draw_seed(7) != draw_seed(state)


def test_none_draws_another_seed_each_time_and_no_global_number(global_states):
    before = global_states()
    assert len({draw_seed(None) for _ in range(5)}) == 5
    np.testing.assert_equal(global_states(), before)


def test_code_without_a_name_is_warned_too(model, X):
    """As of exec, whose globals need not say which module they are of."""
    model.fit(X).set_params(device="cuda:99")
    with pytest.warns(UserWarning, match="cuda:99.* is not available here") as caught:
        exec("model.transform(X)", {"model": model, "X": X})
    assert caught[0].filename == "<string>"
