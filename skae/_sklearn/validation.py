"""Checks of X, whose errors name the column and the cure."""

# scikit-learn carries no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportMissingTypeStubs=false

import datetime
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import validate_data

from skae._data.dataset import Dataset

ROUNDING = 1e-6  # by which features may lie outside [0, 1]
LARGEST = 1e30  # magnitude that can be scaled in single precision


def column_names(columns: Iterable[int], names: np.ndarray | None) -> str:
    """Return up to five columns by name, or by number if they have no names."""
    columns = list(columns)
    shown = [repr(str(names[j])) if names is not None else str(j) for j in columns[:5]]
    more = f" and {len(columns) - 5} more" if len(columns) > 5 else ""
    return f"column{'s' * (len(columns) > 1)} {', '.join(shown)}{more}"


def reject_datetimes(X: Any) -> None:
    """Raise TypeError if a column of X holds dates or times.

    NumPy would convert them to numbers, in a unit that the user did not choose.
    """
    if hasattr(X, "columns") and hasattr(X, "dtypes"):
        names = np.asarray(list(X.columns), dtype=object)
        dtypes = [str(dtype).lower() for dtype in X.dtypes]
    elif hasattr(X, "dtype") and hasattr(X, "shape") and len(X.shape) == 2:
        names, dtypes = None, [str(X.dtype).lower()] * X.shape[1]
    else:
        return
    prefixes = ("datetime", "timedelta", "date", "time", "duration", "period")
    dated = [j for j, dtype in enumerate(dtypes) if dtype.startswith(prefixes)]
    if dated:
        raise _dates_found(dated, names)


def _dates_found(columns: list[int], names: np.ndarray | None) -> TypeError:
    return TypeError(
        f"X holds dates or times in {column_names(columns, names)}. Convert them to "
        "numbers first, such as days since a date, or leave them out with a "
        "ColumnTransformer."
    )


def _without_mask(X: Any) -> Any:
    """Return the data of a masked array that masks nothing; raise if it masks any.

    NumPy would go on with what is behind the mask.
    """
    if not np.ma.isMaskedArray(X):
        return X
    masked = np.ma.getmaskarray(X)
    if masked.any():
        columns = np.flatnonzero(masked.reshape(len(X), -1).any(axis=0))
        raise ValueError(
            f"X is a masked array with masked values in {column_names(columns, None)}. "
            "Impute them first, for instance X.filled(np.nan) with SimpleImputer, or "
            "drop those samples."
        )
    return X.data


def name_non_numeric_columns(X: Any, error: Exception) -> Exception:
    """Return the error with the names of the columns that are not numeric added."""
    if not (hasattr(X, "columns") and hasattr(X, "dtypes")):
        return error
    bad = []
    for j, name in enumerate(X.columns):
        try:
            np.asarray(X[name]).astype(np.float64)
        except (TypeError, ValueError):
            bad.append(j)
    if not bad:
        return error
    names = np.asarray(list(X.columns), dtype=object)
    dated = [j for j in bad if _holds_dates(np.asarray(X[X.columns[j]]))]
    if dated:
        return _dates_found(dated, names)
    error_type = TypeError if isinstance(error, TypeError) else ValueError
    return error_type(
        f"{error} Not numeric: {column_names(bad, names)}. Encode such columns first, "
        "for instance with OneHotEncoder in a ColumnTransformer."
    )


def _holds_dates(column: np.ndarray) -> bool:
    """Return whether the objects of a column are dates or times."""
    kinds = (datetime.date, datetime.time, datetime.timedelta, np.datetime64)
    return any(isinstance(value, kinds) for value in column)


def _is_finite_fast(X: np.ndarray) -> bool:
    """Return True if the sum of squares is moderate, in one pass without a copy.

    It is finite only if no value is missing, infinite or so large that its square
    overflows. False says nothing.
    """
    if X.dtype not in (np.float32, np.float64):
        return False
    contiguous = X.flags.c_contiguous or X.flags.f_contiguous
    flat = X.ravel(order="K") if contiguous else X
    squares = np.vdot(flat, flat) if contiguous else np.einsum("ij,ij->", X, X)
    return bool(squares < LARGEST)


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
        What errors call X.

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
            raise ValueError(
                f"{unit_interval_for} needs features in [0, 1], which is not so in "
                f"{column_names(outside, names)}. Scale them, for instance with "
                f"MinMaxScaler, or choose another {unit_interval_for.split('=')[0]}."
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
        What errors call X.
    """
    if sparse.issparse(X):
        raise TypeError(
            "Sparse data was passed, but dense data is required. Use X.toarray(), or "
            "reduce it first with TruncatedSVD, which takes sparse X."
        )
    reject_datetimes(X)
    X = _without_mask(X)
    try:
        table = np.asarray(
            validate_data(
                estimator,
                X,
                reset=reset,
                dtype="numeric",
                ensure_all_finite=False,
                ensure_min_samples=2 if reset else 1,
            )
        )
        if table.dtype.kind not in "biuf" or table.dtype.itemsize > 8:
            table = table.astype(np.float64)
    except (TypeError, ValueError) as error:
        explained = name_non_numeric_columns(X, error)
        if explained is error:
            raise
        raise explained from error
    names = getattr(estimator, "feature_names_in_", None)
    check_finite(table, names, unit_interval_for=unit_interval_for, name=name)
    return table


def raise_out_of_precision(estimator: BaseEstimator, distance: np.ndarray) -> None:
    """Raise ValueError: results overflowed, most likely because of one feature.

    ``distance`` is the largest one of each feature from its mean, in deviations.
    """
    names = getattr(estimator, "feature_names_in_", None)
    raise ValueError(
        "X has values too far from the training samples for single precision in "
        f"{column_names([int(distance.argmax())], names)}. Pass float64 or clip them."
    )


@contextmanager
def restore_on_error(estimator: BaseEstimator) -> Generator[None, None, None]:
    """Restore the attributes that validation sets if the fit fails."""
    names = {"n_features_in_", "feature_names_in_", "estimator_"}
    before = {name: value for name, value in vars(estimator).items() if name in names}
    try:
        yield
    except BaseException:
        for name in names:
            vars(estimator).pop(name, None)
        vars(estimator).update(before)
        raise


def draw_seed(random_state: int | np.random.RandomState | None) -> int:
    """Return a seed for all random numbers of a fit.

    None takes fresh entropy from the system: NumPy's global state is not used.
    """
    if random_state is None:
        return int(np.random.default_rng().integers(2**31))
    return int(check_random_state(random_state).randint(2**31 - 1))
