"""Checks of tables that name the column and say what to do."""

# torch.linalg, torch.from_numpy and scikit-learn carry no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportMissingTypeStubs=false

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, validate_data

from skae._data.dataset import Dataset

ROUNDING = 1e-6  # by which features in [0, 1] may miss it
LARGEST = 1e30  # magnitude that single precision can scale


def column_names(columns: Iterable[int], names: np.ndarray | None) -> str:
    """Return up to five columns by name, or by number where they have none."""
    columns = list(columns)
    shown = [repr(str(names[j])) if names is not None else str(j) for j in columns[:5]]
    more = f" and {len(columns) - 5} more" if len(columns) > 5 else ""
    return f"column{'s' * (len(columns) > 1)} {', '.join(shown)}{more}"


def reject_datetimes(X: Any) -> None:
    """Raise TypeError if a column of a table holds dates or times.

    Numbers could be made of them, but which ones is for the user to say.
    """
    if hasattr(X, "columns") and hasattr(X, "dtypes"):
        names = np.asarray(list(X.columns), dtype=object)
        kinds = [str(kind).lower() for kind in X.dtypes]
    elif hasattr(X, "dtype") and hasattr(X, "shape") and len(X.shape) == 2:
        names, kinds = None, [str(X.dtype).lower()] * X.shape[1]
    else:
        return
    prefixes = ("datetime", "timedelta", "date", "time", "duration", "period")
    dated = [j for j, kind in enumerate(kinds) if kind.startswith(prefixes)]
    if dated:
        raise TypeError(
            f"X holds dates or times in {column_names(dated, names)}. Make numbers of "
            "them first, such as days since a date, or leave them out with a "
            "ColumnTransformer."
        )


def name_non_numeric_columns(X: Any, error: Exception) -> Exception:
    """Return the error with the columns that cannot be made numbers added to it."""
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
    kind = TypeError if isinstance(error, TypeError) else ValueError
    return kind(
        f"{error} Not numeric: {column_names(bad, names)}. Encode such columns first, "
        "for instance with OneHotEncoder in a ColumnTransformer."
    )


def _is_finite_fast(X: np.ndarray) -> bool:
    """Return True if a pass of sums of squares finds nothing extreme.

    A sum of squares is finite only if no value is missing, infinite or so large that
    its square overflows.
    """
    if X.dtype not in (np.float32, np.float64):
        return False
    flat = (part.ravel(order="K") for _, part in Dataset(X).parts())
    return all(np.vdot(part, part) < LARGEST for part in flat)


def check_finite(X: np.ndarray, names: np.ndarray | None, *, unit: str | None) -> None:
    """Raise ValueError if X has values that no model can be fitted to.

    Parameters
    ----------
    X : ndarray of shape (n, n_features)
        The table.
    names : ndarray of str or None
        Names of its columns.
    unit : str or None
        The parameter because of which values must be in [0, 1], if they must.

    Raises
    ------
    ValueError
        If a column has NaN, infinite or huge values, or is outside [0, 1] if asked.
    """
    if not unit and (X.dtype.kind != "f" or _is_finite_fast(X)):
        return
    d = X.shape[1]
    low, high = np.full(d, np.inf), np.full(d, -np.inf)
    for _, chunk in Dataset(X).chunks():
        np.minimum(low, chunk.min(axis=0), out=low)
        np.maximum(high, chunk.max(axis=0), out=high)
    missing = np.flatnonzero(np.isnan(low) | np.isnan(high))
    if missing.size:
        raise ValueError(
            f"Input X contains NaN in {column_names(missing, names)}. Impute them "
            "first, for instance with SimpleImputer, or drop those rows."
        )
    infinite = np.flatnonzero(np.isinf(low) | np.isinf(high))
    if infinite.size:
        raise ValueError(
            f"Input X contains infinity in {column_names(infinite, names)}. Replace or "
            "drop those values."
        )
    huge = np.flatnonzero(np.maximum(-low, high) > LARGEST)
    if huge.size:
        raise ValueError(
            f"Input X has values above {LARGEST:.0e} in {column_names(huge, names)}, "
            "which would overflow. Rescale or clip those columns."
        )
    if unit:
        # A scaler may end a rounding error beyond one.
        outside = np.flatnonzero((low < -ROUNDING) | (high > 1 + ROUNDING))
        if outside.size:
            raise ValueError(
                f"{unit} needs features in [0, 1], which is not so in "
                f"{column_names(outside, names)}. Scale them, for instance with "
                f"MinMaxScaler, or choose another {unit.split('=')[0]}."
            )


def validate_table(
    estimator: BaseEstimator, X: Any, *, reset: bool, unit: str | None
) -> np.ndarray:
    """Return X as an array of numbers, neither copied nor cast where it is one.

    Parameters
    ----------
    estimator : estimator
        Whose number and names of features are set or checked.
    X : array-like of shape (n, n_features)
        The table.
    reset : bool
        True in `fit`: features are noted, and two rows are needed.
    unit : str or None
        The parameter because of which values must be in [0, 1], if they must.
    """
    if sparse.issparse(X):
        raise TypeError(
            "Sparse data was passed, but dense data is required. Use X.toarray(), or "
            "reduce it first with TruncatedSVD, which takes sparse X."
        )
    reject_datetimes(X)
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
        if table.dtype.kind not in "biuf":
            table = table.astype(np.float64)
    except (TypeError, ValueError) as error:
        explained = name_non_numeric_columns(X, error)
        if explained is error:
            raise
        raise explained from error
    check_finite(table, getattr(estimator, "feature_names_in_", None), unit=unit)
    return table


def weighted_dataset(table: np.ndarray, sample_weight: Any) -> Dataset:
    """Return the rows of positive weight."""
    if sample_weight is None:
        return Dataset(table)
    weight = _check_sample_weight(
        sample_weight, table, dtype=np.float64, ensure_non_negative=True
    )
    if not 1e-100 < weight.max() < 1e100:
        weight = weight / weight.max()
    index = np.flatnonzero(weight)
    if len(index) < 2:
        raise ValueError(
            "Only one row has a sample_weight above zero; an autoencoder needs at "
            "least two."
        )
    return Dataset(table, index, weight[index])


@contextmanager
def restore_on_error(estimator: BaseEstimator) -> Generator[None, None, None]:
    """Take back what a fit has noted of X if it fails."""
    noted = {"n_features_in_", "feature_names_in_", "estimator_"}
    kept = {name: value for name, value in vars(estimator).items() if name in noted}
    try:
        yield
    except BaseException:
        for name in noted:
            vars(estimator).pop(name, None)
        vars(estimator).update(kept)
        raise


def draw_seed(random_state: int | np.random.RandomState | None) -> int:
    """Return a seed for all that a fit draws.

    None takes fresh entropy from the system, not from numpy's global state, which a fit
    leaves as it was.
    """
    if random_state is None:
        return int(np.random.default_rng().integers(2**31))
    return int(check_random_state(random_state).randint(2**31 - 1))
