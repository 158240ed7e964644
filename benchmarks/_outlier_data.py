"""Tables with known anomalies, their splits, and what was measured on them."""

import json
import sys
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sklearn import datasets
from sklearn.model_selection import train_test_split

PROTOCOLS = ("contaminated", "clean")
# The class of a table of scikit-learn that stands for anomalies, one row in ten.
SHIPPED = {"breast_cancer": 0, "digits": 9, "wine": 2}
SHARE = 0.1
LEAST = 10  # anomalies that a table keeps when it is cut down to the cap
# What tells the figures of one fit from those of others.
KEY = ("section", "table", "protocol", "seed", "cap", "method")


class Split(NamedTuple):
    """Training rows, test rows, and which of the test rows are anomalies."""

    X: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray

    @property
    def shape(self):
        """Return the columns that tell the size of the table."""
        n, d = self.X.shape
        return {"n_train": n, "n_test": len(self.X_test), "d": d}


def anomaly_tables(folder=None, names=None):
    """Return ``{name: path}``; path is None for what scikit-learn ships."""
    if folder is None:
        tables = dict.fromkeys(SHIPPED)
    else:
        tables = {path.stem: path for path in sorted(Path(folder).glob("*.npz"))}
    missing = sorted(set(names or ()) - set(tables))
    if missing or not tables:
        sys.exit(f"Not there: {', '.join(missing) or f'a .npz file in {folder}'}")
    return {name: tables[name] for name in names or tables}


def _shipped(name):
    """Return a table of scikit-learn, its classes made normal rows and anomalies."""
    X, label = getattr(datasets, f"load_{name}")(return_X_y=True)
    normal, odd = (
        np.flatnonzero((label == SHIPPED[name]) == is_odd) for is_odd in (0, 1)
    )
    n_odd = min(len(odd), round(SHARE / (1 - SHARE) * len(normal)))
    odd = np.random.default_rng(0).choice(odd, n_odd, replace=False)
    rows = np.sort(np.concatenate([normal, odd]))
    return X[rows], label[rows] == SHIPPED[name]


@lru_cache(maxsize=1)
def read_anomalies(name, path):
    """Return the rows as float64, and 1 for each anomaly, 0 for each normal row."""
    if path is None:
        X, y = _shipped(name)
    else:
        with np.load(path) as arrays:
            X, y = arrays["X"], arrays["y"]
    return X.astype(np.float64), y.astype(int)


@lru_cache(maxsize=1)
def split_table(name, path, protocol, seed, cap):
    """Return the split of a table that a protocol and a seed define.

    A table of more than ``cap`` rows is cut down to as many first, with the share of
    anomalies that it has, but at least ten. "contaminated" trains on seven rows in ten
    of either kind and tests on the others; "clean" trains on half of the normal rows
    and tests on the other half and all anomalies.
    """
    X, y = read_anomalies(name, path)
    rng = np.random.RandomState(1000 * seed + 7)
    if len(y) > cap:
        n_odd = max(round(cap * y.mean()), min(int(y.sum()), LEAST))
        odd = rng.choice(np.flatnonzero(y == 1), n_odd, replace=False)
        normal = rng.choice(np.flatnonzero(y == 0), cap - n_odd, replace=False)
        rows = rng.permutation(np.concatenate([odd, normal]))
        X, y = X[rows], y[rows]
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
    """Figures of single fits, kept in a file with a JSON object on each line.

    Of two lines with the same key the later one counts.

    Parameters
    ----------
    path : Path
        The file, which need not exist.
    forget : callable
        Tells of which methods to forget what it says.
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
        """Return the key with its figures, measured unless they are there."""
        found = self._found.get(tuple(key[name] for name in KEY))
        if found is None:
            found = key | measure()
            with self._path.open("a") as file:
                file.write(json.dumps(found) + "\n")
        return found
