"""Script of test_forks: what works in a process works in one that is forked from it.

It prints what went wrong. A worker that waits for threads which were not forked is
ended after a while.
"""

import multiprocessing
import warnings
from functools import partial

import numpy as np
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.neighbors import NearestNeighbors

TABLE = np.random.default_rng(0).uniform(size=(600, 6))
WAIT = 60
FORK = multiprocessing.get_context("fork")


def start_thread_pools():
    """Run something on all threads of PyTorch and scikit-learn."""
    NearestNeighbors(metric="manhattan", algorithm="brute").fit(TABLE).kneighbors(TABLE)
    import torch

    torch.set_num_threads(2)
    large = torch.rand(1000, 1000)
    (large @ large).exp()


def in_worker(function):
    """Return what a function returns in a forked process; None if it never does."""
    receiver, sender = FORK.Pipe(duplex=False)
    process = FORK.Process(target=lambda: sender.send(function()))
    process.start()
    sender.close()
    try:
        return receiver.recv() if receiver.poll(WAIT) else None
    except EOFError:
        return None
    finally:
        process.kill()
        process.join()


def results(model):
    from estimator_cases import methods_of

    return [getattr(model, method)(TABLE) for method in methods_of(model)]


def predict_and_fit(model):
    return [results(model), results(clone(model).fit(TABLE))]


def check(name, function, expected):
    try:
        np.testing.assert_equal(in_worker(function), expected)
    except AssertionError as error:
        print(name, str(error)[:300])


def main():
    start_thread_pools()  # before skae: each library then has an OpenMP of its own
    import torch
    from estimator_cases import CLASSES

    from skae._nn.runtime import single_thread

    def fit(estimator):
        return results(clone(estimator).fit(TABLE))

    def predict_and_fit_all():
        return [predict_and_fit(model) for model in models.values()]

    models, all_expected = {}, []
    for name, estimator in CLASSES.items():
        model = clone(estimator).fit(TABLE)
        expected = results(model)
        models[name] = model
        all_expected.append([expected, expected])
        start_thread_pools()
        check(f"{name} predicts", partial(results, model), expected)
        check(f"{name} fits", partial(fit, estimator), expected)
    check("threads", torch.get_num_threads, 1)
    with single_thread():  # as where a callback of a fit forks
        check("fit in a fit", partial(fit, estimator), expected)
    assert torch.get_num_threads() == 2
    check("worker of a worker", lambda: in_worker(predict_and_fit_all), all_expected)
    parallel = Parallel(n_jobs=2, backend="multiprocessing", timeout=WAIT)
    given = parallel(delayed(predict_and_fit)(model) for model in models.values())
    np.testing.assert_equal(given, all_expected)
    print("done")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
