"""Data sets with labelled anomalies, their splits, and the results of single fits."""

import json
import sys
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sklearn import datasets
from sklearn.model_selection import train_test_split

PROTOCOLS = ("contaminated", "clean")
# The class that stands for anomalies, one sample in ten, in data sets of scikit-learn.
SHIPPED = {"breast_cancer": 0, "digits": 9, "wine": 2}
SHARE = 0.1
LEAST = 10  # anomalies that are kept when a data set is reduced to the cap
# The fields that identify the results of one fit.
KEY = ("section", "table", "protocol", "seed", "cap", "method")


class Split(NamedTuple):
    """Training data, test data, and which of the test samples are anomalies."""

    X: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray

    @property
    def shape(self):
        """Return the fields that describe the size of the data."""
        n, d = self.X.shape
        return {"n_train": n, "n_test": len(self.X_test), "d": d}


def anomaly_tables(folder=None, names=None):
    """Return ``{name: path}``; path is None for data sets of scikit-learn."""
    if folder is None:
        tables = dict.fromkeys(SHIPPED)
    else:
        tables = {path.stem: path for path in sorted(Path(folder).glob("*.npz"))}
    missing = sorted(set(names or ()) - set(tables))
    if missing or not tables:
        sys.exit(f"Not found: {', '.join(missing) or f'a .npz file in {folder}'}")
    return {name: tables[name] for name in names or tables}


def _shipped(name):
    """Return a data set of scikit-learn, with one of its classes as anomalies."""
    X, label = getattr(datasets, f"load_{name}")(return_X_y=True)
    is_anomaly = label == SHIPPED[name]
    normal, anomalies = np.flatnonzero(~is_anomaly), np.flatnonzero(is_anomaly)
    n_anomalies = min(len(anomalies), round(SHARE / (1 - SHARE) * len(normal)))
    rng = np.random.default_rng(0)
    anomalies = rng.choice(anomalies, n_anomalies, replace=False)
    index = np.sort(np.concatenate([normal, anomalies]))
    return X[index], is_anomaly[index]


@lru_cache(maxsize=1)
def read_anomalies(name, path):
    """Return X as float64, and 1 for each anomaly, 0 for each normal sample."""
    if path is None:
        X, y = _shipped(name)
    else:
        with np.load(path) as arrays:
            X, y = arrays["X"], arrays["y"]
    return X.astype(np.float64), y.astype(int)


@lru_cache(maxsize=1)
def split_table(name, path, protocol, seed, cap):
    """Return the split of a data set by a protocol and a seed.

    A data set of more than ``cap`` samples is reduced to as many first, with the same
    share of anomalies, but at least ten. "contaminated" trains on 70 % of the normal
    samples and of the anomalies and tests on the others; "clean" trains on half of the
    normal samples and tests on the other half and all anomalies.
    """
    X, y = read_anomalies(name, path)
    rng = np.random.RandomState(1000 * seed + 7)
    if len(y) > cap:
        n_anomalies = max(round(cap * y.mean()), min(int(y.sum()), LEAST))
        anomalies = rng.choice(np.flatnonzero(y == 1), n_anomalies, replace=False)
        normal = rng.choice(np.flatnonzero(y == 0), cap - n_anomalies, replace=False)
        index = rng.permutation(np.concatenate([anomalies, normal]))
        X, y = X[index], y[index]
    if protocol == "contaminated":
        X, X_test, _, y_test = train_test_split(
            X, y, test_size=0.3, stratify=y, random_state=seed
        )
        return Split(X, X_test, y_test)
    normal = rng.permutation(np.flatnonzero(y == 0))
    half = len(normal) // 2
    test = np.concatenate([normal[half:], np.flatnonzero(y == 1)])
    return Split(X[normal[:half]], X[test], y[test])


class Runs:
    """Results of single fits, stored in a file with a JSON object on each line.

    Of two lines with the same key the later one is used.

    Parameters
    ----------
    path : Path
        The file, which need not exist.
    forget : callable
        Tells whether to ignore the stored results of a method.
    """

    def __init__(self, path, forget):
        self._path, self._found = path, {}
        path.parent.mkdir(parents=True, exist_ok=True)
        for line in path.read_text().splitlines() if path.exists() else ():
            try:
                row = json.loads(line)
            except json.JSONDecodeError:  # a run was stopped while it wrote
                continue
            if not forget(row["method"]):
                self._found[tuple(row[name] for name in KEY)] = row

    def get(self, key, measure):
        """Return the key with its results, which are measured if they are missing."""
        found = self._found.get(tuple(key[name] for name in KEY))
        if found is None:
            found = key | measure()
            with self._path.open("a") as file:
                file.write(json.dumps(found) + "\n")
        return found
