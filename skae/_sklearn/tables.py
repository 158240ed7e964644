"""What users bring, as arrays: tables of any container, with weights and groups.

Errors name the column and the cure.
"""

# scikit-learn carries no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportMissingTypeStubs=false

import datetime
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils import column_or_1d

from skae._data.dataset import Dataset
from skae._data.source import PairSource

from .compat import check_sample_weight, is_pandas_na


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
    dtype = getattr(X, "dtype", None)
    if isinstance(dtype, np.dtype) and dtype.kind not in "mM":
        return
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


def group_codes(groups: Any, table: np.ndarray) -> np.ndarray:
    """Return the group of each sample as an integer, in the order of the labels.

    Raises
    ------
    ValueError
        If there is not one label for each sample of the table, or one is missing.
    """
    if np.ndim(groups) == 0 or np.asarray(groups).size != len(table):
        raise ValueError(
            f"groups must hold one label for each of the {len(table)} samples of X; "
            f"its shape is {np.shape(groups)}."
        )
    if isinstance(groups, list | tuple):
        groups = np.array(groups, dtype=object)  # as strings 1 and "1" were the same
    labels = column_or_1d(groups)
    missing = [i for i, label in enumerate(labels.tolist()) if _is_missing(label)]
    if missing:
        raise ValueError(
            f"groups has no label in row {missing[0]}. Give each sample one; a label "
            "that no other sample has makes a sample independent of all others."
        )
    try:
        return np.unique(labels, return_inverse=True)[1]
    except TypeError:  # labels of several types have no order
        labels = [f"{type(label).__name__} {label}" for label in labels]
        return np.unique(labels, return_inverse=True)[1]


def _is_missing(label: Any) -> bool:
    return label is None or is_pandas_na(label) or label != label


def weighted_dataset(
    table: np.ndarray,
    sample_weight: Any,
    groups: Any = None,
    clean: np.ndarray | None = None,
) -> Dataset:
    """Return the samples of positive weight; noisy ones where the clean ones are given.

    Parameters
    ----------
    table : ndarray of shape (n_samples, n_features)
        The samples.
    sample_weight : array-like of shape (n_samples,) or None
        Their weights; None means one each.
    groups : array-like of shape (n_samples,) or None, default=None
        Labels of groups of samples that depend on each other.
    clean : ndarray of the table's shape, or None, default=None
        What a network is to make of them; None means the samples themselves.
    """
    source = table if clean is None else PairSource(clean, table)
    codes = None if groups is None else group_codes(groups, table)
    data = _with_weight(Dataset(source, groups=codes), table, sample_weight)
    if data.groups is not None and (data.groups == data.groups[0]).all():
        raise ValueError(
            "All samples are of one group, so none is independent of the others. Pass "
            "groups with two labels or more, or leave groups out."
        )
    return data


def _with_weight(data: Dataset, table: np.ndarray, sample_weight: Any) -> Dataset:
    if sample_weight is None:
        return data
    weight = check_sample_weight(
        sample_weight, table, dtype=np.float64, ensure_non_negative=True
    )
    if not 1e-100 < weight.max() < 1e100:
        weight = weight / weight.max()
    index = np.flatnonzero(weight)
    if len(index) < 2:
        raise ValueError(
            "Only one sample has a sample_weight above zero; an autoencoder needs at "
            "least two."
        )
    return data.subset(index).reweighted(weight[index])
