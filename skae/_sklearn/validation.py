"""Checks of X and y, whose errors name the column and the cure."""

# scikit-learn carries no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportMissingTypeStubs=false

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import validate_data

from skae._data.dataset import Dataset

from .compat import get_feature_names
from .tables import as_numbers, column_names

ROUNDING = 1e-6  # by which features may lie outside [0, 1]
LARGEST = 1e30  # magnitude that can be scaled in single precision
FAR = 1e6  # deviations from the mean that no sample like those of training has
ONE_THREAD = 8192  # values up to which OpenBLAS wakes no threads for a dot product


def _is_finite_fast(X: np.ndarray) -> bool:
    """Return True if the sum of squares is moderate, in one pass without a copy.

    It is finite only if no value is missing, infinite or so large that its square
    overflows. False says nothing.
    """
    if X.dtype not in (np.float32, np.float64):
        return False
    if not (X.flags.c_contiguous or X.flags.f_contiguous):
        return bool(np.einsum("ij,ij->", X, X) < LARGEST)
    flat = X.ravel(order="K")
    parts = (flat[i : i + ONE_THREAD] for i in range(0, len(flat), ONE_THREAD))
    return sum(float(np.vdot(part, part)) for part in parts) < LARGEST


def check_finite(
    X: np.ndarray,
    names: np.ndarray | None,
    *,
    unit_interval_for: str | None,
    name: str = "X",
) -> None:
    """Raise ValueError if X has values that no model can be fitted to.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        The samples.
    names : ndarray of str or None
        Names of the features.
    unit_interval_for : str or None
        The parameter that requires values in [0, 1], if one does.
    name : str, default="X"
        What errors call the samples.

    Raises
    ------
    ValueError
        If a column has NaN, infinite or huge values, or values outside [0, 1] where
        these are required.
    """
    if not unit_interval_for and (X.dtype.kind != "f" or _is_finite_fast(X)):
        return
    d = X.shape[1]
    low, high = np.full(d, np.inf), np.full(d, -np.inf)
    for block in Dataset(X).blocks(np.float64):
        np.minimum(low, block.values.min(axis=0), out=low)
        np.maximum(high, block.values.max(axis=0), out=high)
    missing = np.flatnonzero(np.isnan(low) | np.isnan(high))
    if missing.size:
        raise ValueError(
            f"Input {name} contains NaN in {column_names(missing, names)}. Impute them "
            "first, for instance with SimpleImputer, or drop those samples."
        )
    infinite = np.flatnonzero(np.isinf(low) | np.isinf(high))
    if infinite.size:
        raise ValueError(
            f"Input {name} contains infinity in {column_names(infinite, names)}. "
            "Replace or drop those values."
        )
    huge = np.flatnonzero(np.maximum(-low, high) > LARGEST)
    if huge.size:
        raise ValueError(
            f"Input {name} has values above {LARGEST:.0e} in "
            f"{column_names(huge, names)}, which would overflow. Rescale or clip those "
            "columns."
        )
    if unit_interval_for:
        # A scaler may end a rounding error beyond one.
        outside = np.flatnonzero((low < -ROUNDING) | (high > 1 + ROUNDING))
        if outside.size:
            table = "" if name == "X" else f"{name}, "
            raise ValueError(
                f"{unit_interval_for} needs features in [0, 1], which is not so in "
                f"{table}{column_names(outside, names)}. Scale them, for instance with "
                "MinMaxScaler(clip=True), or choose another "
                f"{unit_interval_for.split('=')[0]}."
            )


def validate_table(
    estimator: BaseEstimator,
    X: Any,
    *,
    reset: bool,
    unit_interval_for: str | None,
    name: str = "X",
) -> np.ndarray:
    """Return X as an array of numbers, neither copied nor cast if it is one.

    Parameters
    ----------
    estimator : estimator
        Its number and names of features are set or checked.
    X : array-like of shape (n_samples, n_features)
        The samples.
    reset : bool
        True in `fit`: features are recorded, and two samples are needed.
    unit_interval_for : str or None
        The parameter that requires values in [0, 1], if one does.
    name : str, default="X"
        What errors call the samples.
    """
    table = as_numbers(
        X,
        lambda X: validate_data(
            estimator,
            X,
            reset=reset,
            dtype="numeric",
            ensure_all_finite=False,
            ensure_min_samples=2 if reset else 1,
        ),
    )
    names = getattr(estimator, "feature_names_in_", None)
    check_finite(table, names, unit_interval_for=unit_interval_for, name=name)
    return table


def is_target(X: Any, y: Any) -> bool:
    """Return whether y is another table of X's shape; labels and all else are not.

    Nor is X itself, which many pass to autoencoders as y: it says nothing of noise.
    """
    shape = _shape(y)
    if len(shape) != 2 or shape != _shape(X) or y is X:
        return False
    return not np.array_equal(np.asarray(X), np.asarray(y))


def _shape(table: Any) -> tuple[int, ...]:
    try:
        return tuple(np.shape(table))
    except (TypeError, ValueError):  # a ragged list
        return ()


def validate_target(
    estimator: BaseEstimator, y: Any, *, unit_interval_for: str | None
) -> np.ndarray:
    """Return clean samples as an array of numbers, as :func:`validate_table` does.

    Parameters
    ----------
    estimator : estimator
        Its features are those of the noisy samples, which were validated before.
    y : array-like of shape (n_samples, n_features)
        The clean samples.
    unit_interval_for : str or None
        The parameter that requires values in [0, 1], if one does.

    Raises
    ------
    ValueError
        If y has missing, infinite or huge values, or columns of other names than X.
    TypeError
        If y is sparse or holds dates.
    """
    names = get_feature_names(y)
    expected = getattr(estimator, "feature_names_in_", None)
    if names is not None and expected is not None:
        others = np.flatnonzero(names != expected)
        if others.size:
            cure = "Rename them, or pass y as an array."
            if set(names) == set(expected):
                cure = "Pass y[X.columns]."
            raise ValueError(
                "y holds the clean samples of X and must have its columns in their "
                f"order, but has {column_names(others, names)} where X has "
                f"{column_names(others, expected)}. {cure}"
            )
    table = as_numbers(
        y,
        lambda y: check_array(
            y, dtype="numeric", ensure_all_finite=False, input_name="y"
        ),
        name="y",
    )
    own = expected if names is None else names
    check_finite(table, own, unit_interval_for=unit_interval_for, name="y")
    return table


def within_precision(estimator: Any, X: np.ndarray, result: np.ndarray) -> np.ndarray:
    """Return results for X; raise ValueError if they overflowed.

    If a value is far from the mean, in deviations, the feature is named. Else the units
    of X are so small that a likelihood or a derivative overflows.
    """
    if np.isfinite(result).all():
        return result
    distance = np.abs((X - estimator.mean_) / estimator._state["anchor"]["scale"])
    distance = distance.max(axis=0)
    if distance.max() < FAR:
        raise ValueError(
            "The result is beyond the range of single precision, for the units of X "
            "are tiny or huge. Pass float64."
        )
    names = getattr(estimator, "feature_names_in_", None)
    raise ValueError(
        "X has values too far from the training samples for single precision in "
        f"{column_names([int(distance.argmax())], names)}. Pass float64 or clip them."
    )


def draw_seed(random_state: int | np.random.RandomState | None) -> int:
    """Return a seed for all random numbers of a fit.

    None takes fresh entropy from the system: NumPy's global state is not used.
    """
    if random_state is None:
        return int(np.random.default_rng().integers(2**31))
    return int(check_random_state(random_state).randint(2**31 - 1))
