"""Tables of any container as arrays of numbers; errors name the column and the cure."""

# scikit-learn carries no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportMissingTypeStubs=false

import datetime
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from scipy import sparse


def column_names(columns: Iterable[int], names: np.ndarray | None) -> str:
    """Return up to five columns by name, or by number if they have no names."""
    columns = list(columns)
    shown = [repr(str(names[j])) if names is not None else str(j) for j in columns[:5]]
    more = f" and {len(columns) - 5} more" if len(columns) > 5 else ""
    return f"column{'s' * (len(columns) > 1)} {', '.join(shown)}{more}"


def reject_datetimes(X: Any, name: str = "X") -> None:
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
        raise _dates_found(dated, names, name)


def _dates_found(columns: list[int], names: np.ndarray | None, name: str) -> TypeError:
    return TypeError(
        f"{name} holds dates or times in {column_names(columns, names)}. Convert them "
        "to numbers first, such as days since a date, or leave them out with a "
        "ColumnTransformer."
    )


def _without_mask(X: Any, name: str = "X") -> Any:
    """Return the data of a masked array that masks nothing; raise if it masks any.

    NumPy would go on with what is behind the mask.
    """
    if not np.ma.isMaskedArray(X):
        return X
    masked = np.ma.getmaskarray(X)
    if masked.any():
        columns = np.flatnonzero(masked.reshape(len(X), -1).any(axis=0))
        raise ValueError(
            f"{name} is a masked array with masked values in "
            f"{column_names(columns, None)}. Impute them first, for instance "
            f"{name}.astype(float).filled(np.nan) with SimpleImputer, or drop those "
            "samples."
        )
    return X.data


def name_non_numeric_columns(X: Any, error: Exception, table: str = "X") -> Exception:
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
        return _dates_found(dated, names, table)
    error_type = TypeError if isinstance(error, TypeError) else ValueError
    return error_type(
        f"{error} Not numeric: {column_names(bad, names)}. Encode such columns first, "
        "for instance with OneHotEncoder(sparse_output=False) in a ColumnTransformer."
    )


def _holds_dates(column: np.ndarray) -> bool:
    """Return whether the objects of a column are dates or times."""
    kinds = (datetime.date, datetime.time, datetime.timedelta, np.datetime64)
    return any(isinstance(value, kinds) for value in column)


def as_numbers(X: Any, read: Callable[[Any], Any], name: str = "X") -> np.ndarray:
    """Return what scikit-learn's validation reads of X, as real numbers of NumPy.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        The samples.
    read : callable
        scikit-learn's validation, ``read(X)``.
    name : str, default="X"
        What errors call the samples.
    """
    if sparse.issparse(X):
        raise TypeError(
            f"Sparse data was passed, but dense data is required. Use {name}.toarray()"
            f", or reduce it first with TruncatedSVD, which takes sparse {name}."
        )
    reject_datetimes(X, name)
    X = _without_mask(X, name)
    try:
        table = np.asarray(read(X))
        if table.dtype.kind not in "biuf" or table.dtype.itemsize > 8:
            table = table.astype(np.float64)
    except (TypeError, ValueError) as error:
        explained = name_non_numeric_columns(X, error, name)
        if explained is error:
            raise
        raise explained from error
    return table
