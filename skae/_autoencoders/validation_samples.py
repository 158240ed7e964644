"""From the arguments of `fit` to the samples that are held out, where these are given.

Validation samples may be given as such, by a splitter, or by groups; where they are
not, the order of the rows may show that they should have been.
"""

from typing import Any

import numpy as np

from skae._data.dataset import Dataset
from skae._fitting.hold_out import Given
from skae._sklearn.callbacks import warn_of_dependent_rows
from skae._sklearn.warnings import warn

from .warm_start import N_COMPARED


def given_validation(
    estimator: Any, data: Dataset, y: Any, X_val: Any, groups: Any
) -> Given | None:
    """Return validation samples or splits, None where they are to be chosen.

    Parameters
    ----------
    estimator : estimator
        Its `validation_fraction` may be a splitter.
    data : Dataset
        The samples of the fit.
    y, X_val, groups : array-like or None
        Arguments of `fit`.

    Raises
    ------
    ValueError
        If arguments contradict each other, or splits are of no use.
    """
    splitter = estimator.validation_fraction
    if not hasattr(splitter, "split"):
        splitter = None
    elif isinstance(splitter, type | str):
        raise TypeError(
            f"validation_fraction={splitter!r} is no splitter; pass an object "
            "such as KFold(5), or a number in (0, 1)."
        )
    if X_val is not None:
        _check_alone(estimator, splitter, groups)
        if data.is_paired:
            raise ValueError(
                "X_val has no clean samples, which y has for X. Put the pairs to "
                "validate on into X and y, and name them by "
                "validation_fraction=PredefinedSplit(...), or leave X_val out."
            )
        return Dataset(_checked(estimator, data, X_val))
    if not estimator.early_stopping:
        return None
    if splitter is not None:
        return _splits(splitter, data, y, groups, estimator.n_components)
    if groups is None:
        warn_of_dependent_rows(data, "held-out rows then are like those in training")
    return None


def _checked(estimator: Any, data: Dataset, X_val: Any) -> np.ndarray:
    """Return X_val as an array; errors name it, and a warning says of other units."""
    try:
        table = estimator._check_table(X_val, reset=False, name="X_val")
    except (TypeError, ValueError) as error:
        if "X_val" in str(error):
            raise
        raise type(error)(f"X_val: {error}") from error
    some = np.concatenate([b.values for b in data.sample(N_COMPARED, 0).blocks()])
    other = Dataset(table).sample(N_COMPARED, 0).to_array()
    low, high = some.min(axis=0), some.max(axis=0)
    outside = (other < low) | (other > high)
    narrow = np.ptp(other, axis=0) < 0.01 * (high - low)
    if outside.mean() > 0.5 or (len(table) > 1 and narrow.mean() > 0.5):
        warn(
            "X_val has other units than X: most of its values are outside of the range "
            "of X, or in a hundredth of it. A pipeline transforms X_val by its earlier "
            'steps if it is made with transform_input=["X_val"].'
        )
    return table


def _check_alone(estimator: Any, splitter: Any, groups: Any) -> None:
    """Raise ValueError if X_val is given beside what else decides on validation."""
    for contradicts, other, cure in (
        (not estimator.early_stopping, "early_stopping=False", "early_stopping=True"),
        (splitter is not None, f"validation_fraction={splitter!r}", "a number there"),
        (groups is not None, "groups", "only one of them"),
    ):
        if contradicts:
            raise ValueError(
                f"X_val says which samples to validate on, which {other} contradicts. "
                f"Pass {cure}, or leave X_val out."
            )


def _splits(
    splitter: Any, data: Dataset, y: Any, groups: Any, k: Any
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return positions in the dataset of what a splitter returns for the table."""
    n = data.source.shape[0]
    table = data.source.read(slice(None)).values
    position = np.full(n, -1)
    used = np.arange(n) if data.index is None else data.index
    position[used] = np.arange(len(data))
    fewest = max(2, k) if isinstance(k, int | np.integer) else 2
    result: list[tuple[np.ndarray, np.ndarray]] = []
    for train, validation in _split(splitter, table, y, groups):
        parts = (np.asarray(part, dtype=np.intp) for part in (train, validation))
        train, validation = (at[at >= 0] for at in (position[part] for part in parts))
        if np.intersect1d(train, validation).size:
            raise ValueError(
                f"validation_fraction={splitter!r} puts samples into training and "
                "validation at once. Use a splitter whose two parts are disjoint."
            )
        if len(train) < fewest or not len(validation):
            raise ValueError(
                f"validation_fraction={splitter!r} leaves {len(train)} training and "
                f"{len(validation)} validation samples; at least {fewest} and one are "
                "needed. Use fewer splits, or another share."
            )
        result.append((train, validation))
    if not result:
        raise ValueError(
            f"validation_fraction={splitter!r} gives no split. Use another splitter, "
            "or a number in (0, 1)."
        )
    return result


def _split(splitter: Any, table: np.ndarray, y: Any, groups: Any) -> Any:
    """Return the splits; errors of the splitter say where it was given."""
    try:
        return list(splitter.split(table, y, groups))
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"validation_fraction={splitter!r} cannot split X ({error}). Pass y or "
            "groups to fit if it needs them, or use another splitter."
        ) from error
