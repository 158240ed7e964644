"""Whether a fit may go on from the model before, and whether the samples are like its.

A warm start needs the same objective and architecture. It keeps the units of the first
fit: what changed them since is said.
"""

from typing import Any

import numpy as np

from skae._data.dataset import Dataset
from skae._fitting.config import FitParameters
from skae._model.fitted import FittedModel
from skae._model.state import from_state
from skae._nn.architecture import DenseArchitecture
from skae._sklearn.tables import column_names
from skae._sklearn.warnings import warn

N_COMPARED = 2000
RATIO, N_ERRORS = 1.5, 3.0  # of deviations that differ, by so many standard errors
USUAL = 10.0  # range in deviations; beyond it, as of rare values, they are uncertain


def model_to_start_from(
    estimator: Any, parameters: FitParameters, data: Dataset
) -> FittedModel | None:
    """Return the network to go on from, None where there is none.

    Raises
    ------
    ValueError
        If a warm start is asked for, and the model before had another objective or
        architecture.
    """
    if not (estimator.warm_start and hasattr(estimator, "_state")):
        return None
    start = from_state(estimator._state)
    if start.architecture is None:
        return None
    same_share = estimator.n_components == estimator._requested_n_components
    _check(start, parameters, data.n_features, same_share=same_share)
    names = getattr(estimator, "feature_names_in_", None)
    _warn_of_other_units(start, data, names)
    return start


def _warn_of_other_units(start: FittedModel, data: Dataset, names: Any) -> None:
    """Warn if columns have other deviations than in the first fit, or other means."""
    some = data.sample(N_COMPARED, 0).blocks(np.float64)
    x = np.concatenate([block.values for block in some]) - start.anchor.mean
    mean, before = x.mean(axis=0), start.anchor.scale
    low, high = start.anchor.column_range
    squares = np.square(x - mean)
    variance = np.where(np.ptp(x, axis=0) > 0, squares.mean(axis=0), 0.0)
    reach = np.maximum(-low, high) / before
    with np.errstate(divide="ignore", invalid="ignore"):
        kurtosis = np.square(squares).mean(axis=0) / variance**2
        # That of the first samples is at most the square of their range.
        kurtosis = np.maximum(kurtosis, np.square(reach))
        factor = np.sqrt(variance) / before
        error = np.sqrt(np.maximum(kurtosis - 1, 1) / (4 * len(x)))
        changed = np.abs(np.log(factor)) > np.log(RATIO) + N_ERRORS * error
    moved = np.abs(mean) > (RATIO + N_ERRORS * np.sqrt(1 / len(x))) * before
    outside = ((x < low) | (x > high)).mean(axis=0) > 0.5
    differs = np.where(reach < USUAL, changed | moved | outside, outside)
    found = np.flatnonzero((variance > 0) & (high > low) & differs)
    if not found.size:
        return
    shift, factor = np.abs(mean / before)[found], factor[found]
    most = int(np.maximum(np.abs(np.log(factor)), shift).argmax())
    worst = column_names([int(found[most])], names)
    warn(
        "warm_start=True keeps means and scales of the first fit, but X has others now "
        f"in {column_names(found, names)}; in {worst} the mean is {shift[most]:.3g} of "
        f"the first deviations away, and the deviation {factor[most]:.3g} times the "
        "first. The network knows only values in the range of the first samples. Pass "
        "X in the same units, or set warm_start=False."
    )


def _check(
    model: FittedModel, parameters: FitParameters, n_features: int, *, same_share: bool
) -> None:
    """Raise ValueError unless a fit with these parameters may go on from a model.

    ``same_share`` says whether `n_components` is what the model was fitted with.
    """
    architecture, asked = model.architecture, parameters.n_components
    if isinstance(architecture, DenseArchitecture):
        sizes = architecture.hidden_layer_sizes
        alike = (
            parameters.factory is None
            and parameters.hidden_layer_sizes in (None, sizes)
            and parameters.activation == architecture.activation
        )
    else:
        alike = getattr(architecture, "factory", None) == parameters.factory
    if isinstance(asked, int):
        same_share = asked == model.n_components
    if not (
        alike
        and same_share
        and len(model.anchor.mean) == n_features
        and model.objective == parameters.objective
    ):
        raise ValueError(
            "warm_start=True goes on with the network of the previous fit, whose "
            "features, n_components, network, kind of latent codes (beta, sparsity, "
            "penalty, sparsity_weight), contraction, anchor or loss differ from what "
            "is asked for now. Set warm_start=False."
        )
