"""One thread for the calling thread, whatever others have."""

import threading

import pytest
import torch
from threadpoolctl import threadpool_info

from skae import AutoencoderOutlierDetector, AutoencoderTransformer
from skae._nn.threads import one_thread


def numbers():
    """Numbers of threads of the calling thread: PyTorch, MKL and every pool."""
    described = torch.__config__.parallel_info().split("Environment")[0]
    pools = [(pool["filepath"], pool["num_threads"]) for pool in threadpool_info()]
    return torch.get_num_threads(), described, sorted(pools)


def in_another_thread(function):
    results = []
    thread = threading.Thread(target=lambda: results.append(function()))
    thread.start()
    thread.join()
    return results[0]


def test_one_thread_holds_for_pytorch_and_its_mkl_and_is_undone(three_threads):
    before = numbers()
    with one_thread(), one_thread():
        n_threads, described, _ = numbers()
        openmp = [
            p["num_threads"] for p in threadpool_info() if p["user_api"] != "blas"
        ]
        assert (n_threads, set(openmp)) == (1, {1})
        assert "threads() : 3" not in described.replace("interop_threads() : 3", "")
    assert numbers() == before
    with pytest.raises(KeyError), one_thread():
        raise KeyError
    assert numbers() == before


def test_one_thread_leaves_other_threads_their_number(three_threads):
    before = in_another_thread(numbers)
    with one_thread():
        assert in_another_thread(numbers) == before


def test_one_thread_in_a_new_thread(three_threads):
    def number():
        with one_thread():
            torch.rand(3)
            return torch.get_num_threads()

    assert in_another_thread(number) == 1


@pytest.mark.parametrize("kind", [AutoencoderTransformer, AutoencoderOutlierDetector])
def test_fits_and_predictions_change_no_number_of_another_thread(
    kind, X, three_threads
):
    number, seen, done = torch.get_num_threads, set(), threading.Event()

    def watch():
        while not done.is_set():
            seen.add(number())

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        model = kind(max_iter=5, random_state=0).fit(X)
        expected = model.score_samples(X)
        assert number() == 3
        torch.set_num_threads(1)
        assert (model.score_samples(X) == expected).all()
    finally:
        done.set()
        watching.join()
    assert seen == {3}
