import multiprocessing
import threading

import pytest
import torch

from skae._nn.runtime import (
    Placement,
    default_placement,
    global_seed,
    gradient_mode,
    resolve_device,
    single_thread,
)

# -- devices ---------------------------------------------------------------------------


def test_resolve_device_finds_devices_by_name(device):
    assert resolve_device(device).type == device
    assert resolve_device(torch.device(device)) == torch.device(device)


def test_resolve_device_auto_takes_cuda_if_available():
    expected = "cuda" if torch.cuda.is_available() else "cpu"
    assert resolve_device("auto") == torch.device(expected)


@pytest.mark.parametrize("device", ["gpu", "cpu:x", "", None, 1.5], ids=repr)
def test_resolve_device_rejects_what_is_no_device(device):
    with pytest.raises(ValueError, match=r"is not a device; use 'auto', 'cpu'"):
        resolve_device(device)


@pytest.mark.parametrize("device", ["cuda:99", "meta", torch.device("cuda:99")])
def test_resolve_device_rejects_a_device_that_is_not_available(device):
    with pytest.raises(ValueError, match="is not available on this machine; use"):
        resolve_device(device)


# -- threads ---------------------------------------------------------------------------


def test_single_thread_without_gradients_inside_and_restored_outside(three_threads):
    with single_thread():
        assert torch.get_num_threads() == 1
        assert torch.is_inference_mode_enabled()
        with single_thread():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 3
    assert not torch.is_inference_mode_enabled()


def test_single_thread_restores_after_an_error(three_threads):
    with pytest.raises(KeyError), single_thread():
        raise KeyError
    assert torch.get_num_threads() == 3


def test_single_thread_restores_the_same_for_concurrent_fits(three_threads):
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


@pytest.mark.parametrize("autograd", [False, True])
def test_gradient_mode_allows_autograd_inside_if_asked(autograd):
    with gradient_mode(autograd=autograd):
        assert not torch.is_grad_enabled()
        assert torch.is_inference_mode_enabled() != autograd


# -- the global random state -----------------------------------------------------------


def test_global_seed_restores_the_global_random_state(global_states):
    before = global_states()
    with global_seed(1):
        first = torch.rand(3)
    with global_seed(1):
        torch.testing.assert_close(torch.rand(3), first)
    for now, then in zip(global_states()[1:], before[1:], strict=True):
        assert (now == then).all() if hasattr(now, "all") else now == then


@pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods(),
    reason="the system, as Windows, cannot fork a process",
)
def test_single_thread_in_a_process_forked_while_another_thread_fits(three_threads):
    inside, leave = threading.Event(), threading.Event()

    def fit():
        with single_thread(), global_seed(0):
            inside.set()
            leave.wait(30)

    def fit_in_child():
        assert torch.get_num_threads() == 1
        with single_thread(), global_seed(0):
            pass
        assert torch.get_num_threads() == 1

    thread = threading.Thread(target=fit)
    thread.start()
    inside.wait(30)
    child = multiprocessing.get_context("fork").Process(target=fit_in_child)
    child.start()
    child.join(30)
    exit_code = child.exitcode
    child.kill()
    leave.set()
    thread.join(30)
    assert exit_code == 0
    assert torch.get_num_threads() == 3


# -- defaults of PyTorch ---------------------------------------------------------------


@pytest.fixture
def other_defaults():
    torch.set_default_dtype(torch.float64)
    torch.set_default_device("meta")
    yield
    torch.set_default_dtype(torch.float32)
    torch.set_default_device(None)


def test_default_placement_is_float32_on_the_cpu_and_restored(other_defaults):
    with default_placement():
        made = torch.zeros(2)
    assert (made.dtype, made.device) == (torch.float32, torch.device("cpu"))
    with pytest.raises(KeyError), default_placement():
        raise KeyError
    made = torch.zeros(2)
    assert (made.dtype, made.device) == (torch.float64, torch.device("meta"))


# -- prediction ------------------------------------------------------------------------


def test_placement_exact_is_in_double_precision_if_possible():
    assert Placement.exact(torch.device("cpu")).dtype == torch.float64
    assert Placement.exact(torch.device("mps")).dtype == torch.float32
