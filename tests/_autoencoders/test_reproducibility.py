"""The same model everywhere, and nothing else changed."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pytest
import torch
from sklearn.base import clone

MODES = [{}, {"anchor": None}, {"whiten": True}, {"early_stopping": False}]


def codes_of(model, X):
    fitted = clone(model).fit(X)
    assert fitted.pca_ratio_ != 1  # what PCA gives would be no test
    return fitted.transform(X)


@pytest.mark.parametrize("params", MODES, ids=str)
def test_random_state_gives_one_model(learner, curved, params, n_samples):
    X = curved(n_samples)
    learner.set_params(max_iter=100, **params)
    first = codes_of(learner, X)
    np.testing.assert_array_equal(codes_of(learner, X), first)
    other = codes_of(learner.set_params(random_state=1), X)
    assert not np.allclose(other, first)


def test_model_is_the_same_in_a_loop_in_workers_and_in_threads(model, X, X_large):
    model.set_params(hidden_layer_sizes=(64, 32), max_iter=40)
    tables = [X, X_large] * 2
    expected = [codes_of(model, table) for table in tables]
    task = joblib.delayed(codes_of)
    workers = joblib.Parallel(n_jobs=2)(task(model, table) for table in tables)
    with ThreadPoolExecutor(4) as pool:
        start = threading.Barrier(4)

        def together(table):
            start.wait(10)
            return codes_of(model, table)

        threads = list(pool.map(together, tables))
    for once, worker, thread in zip(expected, workers, threads, strict=True):
        np.testing.assert_array_equal(worker, once)
        np.testing.assert_array_equal(thread, once)


def test_model_is_the_same_for_any_number_of_threads(model, X_large):
    model.set_params(hidden_layer_sizes=(128, 64), max_iter=40)
    before = torch.get_num_threads()
    fitted = []
    try:
        for n_threads in (1, 2, 3):
            torch.set_num_threads(n_threads)
            fitted.append(clone(model).fit(X_large)._state)
            assert torch.get_num_threads() == n_threads
    finally:
        torch.set_num_threads(before)
    np.testing.assert_equal(fitted[1], fitted[0])
    np.testing.assert_equal(fitted[2], fitted[0])


def test_random_state_instance_moves_on(model, X):
    model.set_params(random_state=np.random.RandomState(0), early_stopping=False)
    first, second = (model.fit(X).transform(X) for _ in range(2))
    assert not np.array_equal(first, second)


@pytest.mark.parametrize(
    "random_state", [None, 0, np.random.RandomState(0)], ids=["None", "0", "instance"]
)
def test_global_random_states_stay_as_they_are(
    model, X, X_large, global_states, random_state
):
    model.set_params(random_state=random_state, n_components=0.9, whiten=True)
    before = global_states()
    for table in (X, X_large):
        model.fit(table)
        model.inverse_transform(model.transform(table))
        model.score(table)
        clone(model).set_params(anchor=None).fit(table)
    np.testing.assert_equal(global_states(), before)


def test_gradient_mode_is_restored(model, X):
    model.fit(X).transform(X)
    assert torch.is_grad_enabled()
    assert not torch.is_inference_mode_enabled()


def test_heavy_libraries_are_not_imported_before_they_are_needed():
    code = """
import sys, warnings
import numpy as np
import skae
model = skae.AutoencoderTransformer(1, max_iter=2, hidden_layer_sizes=(2,))
repr(model), model.get_params()
assert "torch" not in sys.modules
model.fit(np.random.default_rng(0).normal(size=(20, 3)))
heavy = {"torch._dynamo", "matplotlib"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
