"""Pipelines: their steps, and methods of the last one that a pipeline does not have."""

from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from .compat import adapter_of_container
from .modules import set_module

IDLE = (None, "passthrough")  # steps of a pipeline that do nothing
TO_SAMPLES = {"corrupt", "reconstruct", "sample"}  # methods that return samples
FROM_SAMPLES = {
    "elbo",
    "explain",
    "jacobian_norm",
    "p_values",
    "posterior",
    "score_samples",
}


def best_estimator(estimator: Any) -> Any:
    """Return the best estimator of a search, or the estimator."""
    return getattr(estimator, "best_estimator_", estimator)


def active_steps(estimator: Any, name: str = "") -> list[tuple[str, Any]]:
    """Return names and estimators of the steps that do something, in their order.

    Those of nested pipelines are among them, named as in `set_params`. What is no
    pipeline is a single step.
    """
    estimator = best_estimator(estimator)
    if not isinstance(estimator, Pipeline):
        return [(name, estimator)]
    return [
        active
        for inner, step in estimator.steps
        if step not in IDLE
        for active in active_steps(step, f"{name}__{inner}" if name else inner)
    ]


def last_step(estimator: Any) -> Any:
    """Return the last step of a pipeline that is not idle, or the estimator."""
    steps = active_steps(estimator)
    last = steps[-1][1] if steps else best_estimator(estimator)
    if isinstance(last, type):
        raise TypeError(f"{last.__name__} is a class; pass a fitted instance.")
    return last


def transform_by(steps: list[tuple[str, Any]], X: Any) -> Any:
    """Return X after the steps."""
    for _, step in steps:
        X = step.transform(X)
    return X


def feature_names_after(steps: list[tuple[str, Any]], names: Any) -> Any:
    """Return the names of the output of steps, None if a step gives none."""
    for _, step in steps:
        if hasattr(step, "feature_names_in_"):  # may be fewer than those of X
            names = None
        try:
            given = None if names is None else [str(name) for name in names]
            names = step.get_feature_names_out(given)
        except (AttributeError, TypeError, ValueError):
            names = None
    return names


@set_module("skae")
def call_method(estimator, method, X=None, **params):
    """Call a method of the last step of a pipeline, which a pipeline does not have.

    The earlier steps transform X first, and transform samples that the method returns
    back, so that these are in the units of X.

    Parameters
    ----------
    estimator : estimator
        A fitted pipeline, which may be nested and hold searches, or a search over one.
        Of any other estimator the method is called as it is.
    method : str
        "p_values" or "explain" of a detector; "reconstruct", "jacobian_norm" or
        "score_samples" of an autoencoder; "corrupt" of a `DenoisingAutoencoder`;
        "sample", "posterior" or "elbo" of a `VAE`.
    X : array-like of shape (n_samples, n_features), default=None
        Samples as the pipeline takes them. Without X for "sample" alone.
    **params : dict
        Other arguments of the method, by name.

    Returns
    -------
    object
        What the method returns. "reconstruct", "corrupt" and "sample" return arrays in
        the units of X; all else is about the features that the last step sees:
        contributions by "explain", derivatives by "jacobian_norm", densities by "elbo".
        "explain" returns a frame with their names where the earlier steps return one.

    Raises
    ------
    TypeError
        If the last step lacks the method, or an earlier step `inverse_transform` where
        samples are transformed back; the step is named.
    ValueError
        If `method` is none of these.

    See Also
    --------
    sklearn.pipeline.Pipeline : Has predict, transform and other methods by itself.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> import skae
    >>> X = load_iris().data
    >>> model = make_pipeline(StandardScaler(), skae.VAE(2, random_state=0)).fit(X)
    >>> skae.call_method(model, "sample", n_samples=5, random_state=0).shape
    (5, 4)
    >>> reconstructed = skae.call_method(model, "reconstruct", X)
    >>> bool(abs(reconstructed - X).mean() < 0.3)
    True
    """
    if method not in TO_SAMPLES | FROM_SAMPLES:
        methods = ", ".join(sorted(TO_SAMPLES | FROM_SAMPLES))
        raise ValueError(f"method={method!r} is not one of {methods}.")
    if (X is None) != (method == "sample"):
        without = "takes no X; pass n_samples by name" if X is not None else "needs X"
        raise TypeError(f"`{method}` {without}.")
    model = _last_step_with(method, estimator)
    before = active_steps(estimator)[:-1]
    if method in TO_SAMPLES:
        _check_inverse(before, method)
    if method == "sample":
        result = model.sample(**params)
    else:
        X = transform_by(before, X)
        result = getattr(model, method)(X, **params)
    if method in TO_SAMPLES:
        for _, step in reversed(before):
            result = step.inverse_transform(result)
    piped = isinstance(best_estimator(estimator), Pipeline)
    if method == "explain" and piped and hasattr(X, "columns"):
        return _frame_like(X, result, model)
    return result


def _last_step_with(method: str, estimator: Any) -> Any:
    """Return the last step of a pipeline; raise TypeError if it lacks the method."""
    model, steps = last_step(estimator), active_steps(estimator)
    if hasattr(model, method):
        return model
    if hasattr(model, "fit"):
        check_is_fitted(model)  # what a search has depends on its best estimator
    name = steps[-1][0] if steps else ""
    place = f"The last step, {name!r}, is " if name else "It is "
    having = [name for name, step in steps if hasattr(step, method)]
    cure = "Pass an estimator of skae that has it, or a pipeline that ends in one."
    if having:
        cure = f"Step {having[-1]!r} has it: leave out the steps that follow."
    raise TypeError(
        f"`{method}` is a method of the last step. {place}of type "
        f"{type(model).__name__}, which has none. {cure}"
    )


def _check_inverse(before: list[tuple[str, Any]], method: str) -> None:
    """Raise TypeError if one of the steps cannot be inverted."""
    for name, step in before:
        if not hasattr(step, "inverse_transform"):
            raise TypeError(
                f"`{method}` returns samples in the units of X by `inverse_transform` "
                f"of all earlier steps; step {name!r}, {type(step).__name__}, has "
                f"none. Replace it, or call `{method}` of the last step itself, for "
                "samples as that step sees them."
            )


def _frame_like(X: Any, contributions: Any, model: Any) -> Any:
    """Return contributions as a frame like X, which the model explained."""
    names = list(X.columns)
    if hasattr(model, "get_feature_names_out"):  # may be others than those of X
        names = model.get_feature_names_out(names)
    adapter = adapter_of_container(X)
    return adapter.create_container(np.asarray(contributions), X, columns=names)
