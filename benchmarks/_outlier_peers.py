"""The outlier detectors that are compared, with the defaults of their libraries."""

import contextlib
import io
import logging
import multiprocessing
import time
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from memory import MIB, anonymous, give_back, highest_resident, watch
from sklearn.ensemble import IsolationForest
from sklearn.neighbors import LocalOutlierFactor, NearestNeighbors
from sklearn.preprocessing import StandardScaler
from sklearn.svm import OneClassSVM
from threadpoolctl import threadpool_limits


class Method(NamedTuple):
    """A detector.

    Attributes
    ----------
    build : callable
        Returns an unfitted detector, given a seed and the number of features.
    scaled : bool
        Whether the features are standardised for it.
    from_pyod : bool
        Whether it is one of PyOD's.
    """

    build: Callable[[int, int], Any]
    scaled: bool = True
    from_pyod: bool = False


def _skae(seed, d):
    from skae import AutoencoderOutlierDetector

    return AutoencoderOutlierDetector(random_state=seed, device="cpu")


def _skae_no_memory(seed, d):
    return _skae(seed, d).set_params(memory=False)


def _skae_estimator(seed, d):
    from skae import AutoencoderTransformer

    return _skae(seed, d).set_params(estimator=AutoencoderTransformer(device="cpu"))


class NeighbourDistance:
    """The distance to the fifth nearest training sample."""

    def fit(self, X):
        """Store the samples."""
        self._neighbors = NearestNeighbors(n_neighbors=5).fit(X)
        return self

    def score_samples(self, X):
        """Return minus the distances."""
        return -self._neighbors.kneighbors(X)[0][:, -1]


def _pyod(module, name, *, scaled=True, seeded=True, sized=False, **options):
    """Return a detector of PyOD, with a seed and a number of features if needed."""

    def build(seed, d):
        from importlib import import_module

        found = dict(options)
        if seeded:
            found["random_state"] = seed
        if sized:
            found["n_features"] = d
        return getattr(import_module(f"pyod.models.{module}"), name)(**found)

    return Method(build, scaled, from_pyod=True)


# Detectors that standardise the features themselves get unscaled ones: PyOD's
# AutoEncoder, VAE, DeepSVDD and PCA. IsolationForest is invariant to scaling, and skae
# needs no scaling, unless an estimator of skae gives the scores.
METHODS = {
    "skae": Method(_skae, scaled=False),
    "skae-no-memory": Method(_skae_no_memory, scaled=False),
    "skae-estimator": Method(_skae_estimator),
    "iforest": Method(lambda seed, d: IsolationForest(random_state=seed), scaled=False),
    "lof": Method(lambda seed, d: LocalOutlierFactor(n_neighbors=20, novelty=True)),
    "ocsvm": Method(lambda seed, d: OneClassSVM()),
    "knn": Method(lambda seed, d: NeighbourDistance()),
    "pyod-ae": _pyod(
        "auto_encoder", "AutoEncoder", scaled=False, verbose=0, device="cpu"
    ),
    "pyod-vae": _pyod("vae", "VAE", scaled=False, verbose=0, device="cpu"),
    "ecod": _pyod("ecod", "ECOD", seeded=False),
    "copod": _pyod("copod", "COPOD", seeded=False),
    "inne": _pyod("inne", "INNE"),
    "deepsvdd": _pyod("deep_svdd", "DeepSVDD", scaled=False, sized=True, verbose=0),
    "hbos": _pyod("hbos", "HBOS", seeded=False),
    "pca": _pyod("pca", "PCA", scaled=False),
}
DEFAULT = [name for name in METHODS if name != "skae-estimator"]


def is_ours(method):
    """Tell whether a method is one of skae's."""
    return method.startswith("skae")


@contextlib.contextmanager
def quiet():
    """Use one thread, and suppress output and warnings of libraries."""
    sink = io.StringIO()
    logging.disable(logging.CRITICAL)
    try:
        with (
            threadpool_limits(1),
            contextlib.redirect_stdout(sink),
            contextlib.redirect_stderr(sink),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)


def prepared(name, X, X_test):
    """Return training and test data, standardised if the method needs it."""
    if not METHODS[name].scaled:
        return X, X_test
    scaler = StandardScaler().fit(X)
    return scaler.transform(X), scaler.transform(X_test)


def anomaly_scores(name, detector, X):
    """Return scores of samples; higher is more anomalous."""
    if METHODS[name].from_pyod:
        return detector.decision_function(X)
    scores = detector.score_samples(X)
    return np.negative(scores, out=scores)


def fit_and_score(name, X, X_test, seed):
    """Return the scores of the test samples, and the seconds of fit and scoring.

    PyOD's detectors score the training samples as a part of their fit. NaN among the
    scores is a failure.
    """
    with quiet():
        X, X_test = prepared(name, X, X_test)
        detector = METHODS[name].build(seed, X.shape[1])
        start = time.perf_counter()
        detector.fit(X)
        middle = time.perf_counter()
        scores = anomaly_scores(name, detector, X_test)
        end = time.perf_counter()
    if np.isnan(scores).any():
        raise ValueError("scores that are not numbers")
    return np.clip(scores, -1e30, 1e30), middle - start, end - middle


def work(pipe, method, shape):
    """Score samples in the measured process, in step with the measuring process."""
    torch.set_num_threads(1)
    X = np.random.default_rng(0).normal(size=shape)
    train = X[:2000].copy()
    with quiet():
        train, X = prepared(method, train, X)
        detector = METHODS[method].build(1, shape[1]).fit(train)
        anomaly_scores(method, detector, train)
        give_back()
        pipe.send(highest_resident())
        pipe.recv()
        scores = anomaly_scores(method, detector, X)
        pipe.send(highest_resident())
        pipe.recv()
    pipe.send(scores.nbytes)


def memory_of_scoring(method, shape):
    """Return the peak in a new process, after a first call on few samples."""
    context = multiprocessing.get_context("spawn")
    pipe, theirs = context.Pipe()
    process = context.Process(target=work, args=(theirs, method, shape))
    process.start()
    theirs.close()
    resident = pipe.recv()
    baseline = anonymous(process.pid) or resident
    pipe.send("go")
    peak = watch(pipe, process.pid)
    pipe.send("on")
    result = pipe.recv()
    process.join()
    row = {"method": method, "rows": shape[0], "columns": shape[1]}
    return row | {"MiB": max(peak - baseline - result, 0) / MIB}
