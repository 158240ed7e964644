"""From an estimator's parameters to a fit, and from its result to fitted attributes.

Wrong parameters raise before training.
"""

from numbers import Integral
from typing import Any

import numpy as np

from skae._data.dataset import Dataset
from skae._fitting.config import FitParameters
from skae._fitting.fit import AnchoredFit, FitResult
from skae._fitting.hold_out import Given
from skae._model.fitted import FittedModel
from skae._model.state import to_state
from skae._nn.runtime import resolve_device, single_thread
from skae._sklearn.callbacks import FitCallbacks, warn_of_training
from skae._sklearn.validation import draw_seed

from .warm_start import model_to_start_from


def _given(value: Any, auto: Any = None) -> Any:
    """Return a parameter, or what stands for "auto"."""
    return auto if isinstance(value, str) and value == "auto" else value


def _share(validation_fraction: Any) -> float:
    """Return the share of the samples to hold out; a splitter has its own."""
    return 0.1 if hasattr(validation_fraction, "split") else float(validation_fraction)


def _n_components(estimator: Any, data: Dataset) -> int | float | None:
    """Return a number of latent codes, a share of the variance, or None."""
    n, d = len(data), data.n_features
    k = estimator._n_components(d)
    if k is None:
        return None
    if not isinstance(k, Integral):
        return float(k)
    k = int(k)
    if estimator.anchor is not None and k > min(n, d):
        raise ValueError(
            f"n_components={k} must be between 1 and min(n_samples, "
            f"n_features)={min(n, d)}: PCA has no more components. Take fewer, "
            "or anchor=None for codes that are wider than the data."
        )
    return k


def _hidden_layer_sizes(estimator: Any) -> tuple[int, ...] | None:
    sizes = _given(estimator.hidden_layer_sizes)
    if sizes is None:
        return estimator.AUTO.hidden_layer_sizes
    sizes = np.atleast_1d(sizes)
    integers = sizes.dtype.kind in "iu" or sizes.size == 0
    if sizes.ndim != 1 or not integers or (sizes < 1).any():
        raise ValueError(
            "hidden_layer_sizes must be positive integers, the encoder's "
            f"widths; got {estimator.hidden_layer_sizes!r}."
        )
    return tuple(int(size) for size in sizes)


def fit_parameters(estimator: Any, data: Dataset) -> FitParameters:
    """Return the parameters of a fit to these samples.

    Raises
    ------
    ValueError
        If parameters contradict each other or the data.
    """
    d, auto = data.n_features, estimator.AUTO
    k = _n_components(estimator, data)
    hidden = _hidden_layer_sizes(estimator)
    factory = estimator._network_factory(d)
    objective, corruption = estimator._objective(d), estimator._input_corruption()
    if data.is_paired:  # the noise is that of the samples
        corruption = None
    if factory is not None and isinstance(k, float):
        raise ValueError(
            f"n_components={k}, a share of the variance, needs a network whose "
            "codes can be cut off. Give an int beside network."
        )
    if factory is not None and estimator.pretrain is not None:
        raise ValueError(
            "pretrain='layerwise' is for dense layers; a network of your own has "
            "its own first weights. Leave one of them None."
        )
    parameters = FitParameters(
        objective=objective,
        n_components=k,
        hidden_layer_sizes=hidden,
        activation=estimator.activation,
        factory=factory,
        layerwise=estimator.pretrain is not None,
        corruption=corruption,
        whiten=bool(estimator.whiten),
        weight_decay=float(estimator.alpha),
        learning_rate=_given(estimator.learning_rate_init, auto.learning_rate),
        batch_size=_given(estimator.batch_size, auto.batch_size),
        n_steps=_given(estimator.max_iter),
        patience=_given(estimator.n_iter_no_change, auto.patience),
        steps_multiplier=auto.steps_multiplier,
        tolerance=float(estimator.tol),
        early_stopping=bool(estimator.early_stopping),
        validation_fraction=_share(estimator.validation_fraction),
        seed=draw_seed(estimator.random_state),
        device=resolve_device(estimator.device),
    )
    if parameters.layerwise and hidden == ():
        raise ValueError(
            "pretrain='layerwise' trains hidden layers, and there are none. Set "
            "hidden_layer_sizes, for instance to (128, 64)."
        )
    return parameters


def prepare_fit(
    estimator: Any, data: Dataset, held_out: Given | None = None
) -> AnchoredFit:
    """Return a fit to these samples that is ready to run.

    Validation samples or splits may be given.

    Raises
    ------
    ValueError
        If parameters contradict each other or the data, or if a warm start is asked
        for and the model before had another objective or architecture.
    """
    parameters = fit_parameters(estimator, data)
    start = model_to_start_from(estimator, parameters, data)
    return AnchoredFit(data, parameters, start, held_out)


def run_fit(
    estimator: Any,
    data: Dataset,
    held_out: Given | None,
    X: Any,
    y: Any,
    sample_weight: Any,
) -> FitResult:
    """Fit, with the estimator's callbacks, which see the arguments of `fit`."""
    fit = prepare_fit(estimator, data, held_out)
    with single_thread(autograd=fit.uses_autograd):
        callbacks = FitCallbacks(
            estimator, model_attributes, fit.n_reports, X, y, sample_weight
        )
        result = fit.run(callbacks.on_evaluation)
        callbacks.on_fit_end(result.model)
    cure = "Lower learning_rate_init, or look for extreme values in X."
    given = _given(estimator.max_iter) is not None  # else it is what skae has chosen
    spent = result.steps[-1] if given and result.unfinished else None
    warn_of_training([result], "the best model {} is kept", cure, spent)
    return result


def model_attributes(model: FittedModel) -> dict[str, Any]:
    """Return the attributes without which a fitted estimator cannot work."""
    return {
        "n_components_": model.n_components,
        "components_": model.anchor.components,
        "mean_": model.anchor.mean,
        "_n_features_out": model.n_components,
        "_state": to_state(model),
    }


def fitted_attributes(result: FitResult) -> dict[str, Any]:
    """Return the fitted attributes that all autoencoders have."""
    return {
        **model_attributes(result.model),
        "explained_variance_ratio_": np.diff(result.explained_variance, prepend=0.0),
        "best_step_": result.best_step,
        "curve_steps_": result.steps,
        "loss_curve_": result.training,
        "validation_curve_": result.validation,
        "n_iter_": max(1, result.n_iter),
        "pca_ratio_": result.ratio,
        "_pca_loss": result.pca_loss,
        "device_": str(result.device),
    }
