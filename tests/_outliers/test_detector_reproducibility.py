"""The same detector everywhere, on any device, and nothing else changed."""

import threading
import warnings

import numpy as np
import pytest
import torch
from detectors import DETECTORS, METHODS, assert_same_results
from scipy.stats import spearmanr
from sklearn.base import clone

pytestmark = pytest.mark.usefixtures("small_blocks")
VARIANTS = ["default", "networks only", "autoencoder"]

# -- random state ----------------------------------------------------------------------


@pytest.mark.parametrize("name", VARIANTS)
def test_a_random_state_gives_one_model(fitted_to_X, X, name):
    first = fitted_to_X(name)
    assert_same_results(first, clone(first).fit(X), X)
    other = clone(first).set_params(random_state=1).fit(X)
    assert not np.allclose(other.score_samples(X), first.score_samples(X))


@pytest.mark.parametrize(
    "random_state", [None, np.random.RandomState(0)], ids=["None", "instance"]
)
def test_fits_without_an_integer_differ(default, X, random_state):
    default.set_params(random_state=random_state)
    first, second = (default.fit(X).score_samples(X) for _ in range(2))
    assert not np.array_equal(first, second)


@pytest.mark.parametrize(
    "random_state", [None, np.random.RandomState(0)], ids=["None", "instance"]
)
@pytest.mark.parametrize("name", VARIANTS)
def test_global_states_stay_as_they_are(X, global_states, name, random_state):
    detector = clone(DETECTORS[name])
    before, threads = global_states(), torch.get_num_threads()
    detector.set_params(random_state=random_state, max_samples=100).fit(X)
    for method in METHODS:
        getattr(detector, method)(X[:9])
    np.testing.assert_equal(global_states(), before)
    assert torch.get_num_threads() == threads
    assert torch.is_grad_enabled()
    assert not torch.is_inference_mode_enabled()


def test_threads_share_a_detector(fitted_to_X, X):
    model = fitted_to_X("default")
    expected, results = model.score_samples(X), []
    threads = [
        threading.Thread(target=lambda: results.append(model.score_samples(X)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    for result in results:
        np.testing.assert_array_equal(result, expected)


# -- devices ---------------------------------------------------------------------------


def test_devices_agree(fitted_to_X, default, X, device):
    here = fitted_to_X("default").score_samples(X)
    default.set_params(device=device).fit(X)
    assert default.device_.startswith(device)
    there = default.score_samples(X)
    assert spearmanr(there, here).statistic > 0.8
    moved = default.set_params(device="cpu").score_samples(X)
    np.testing.assert_allclose(moved, there, atol=1e-3)


def test_a_detector_of_a_device_that_is_gone_predicts_on_the_cpu(
    fitted_to_X, default, X
):
    here = fitted_to_X("default")
    default.fit(X).set_params(device="cuda:99")
    for method in METHODS:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            result = getattr(default, method)(X)
        (warning,) = caught
        assert "'cuda:99' is not available here; the CPU" in str(warning.message)
        assert warning.filename == __file__
        np.testing.assert_array_equal(result, getattr(here, method)(X))
