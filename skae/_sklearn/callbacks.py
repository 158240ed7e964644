"""What scikit-learn's callbacks, and the user, are told of a fit."""

from collections.abc import Callable
from typing import Any


class FitCallbacks:
    """The callbacks of an estimator during a fit.

    Parameters
    ----------
    estimator : estimator with callback support
        What is being fitted.
    attributes : callable
        ``attributes(model)`` returns the fitted attributes that make a model usable.
    n_reports : int
        How many reports there will be at the most.
    X, y, sample_weight : array-like
        What `fit` was given.
    """

    def __init__(
        self,
        estimator: Any,
        attributes: Callable[[Any], dict[str, Any]],
        n_reports: int,
        X: Any,
        y: Any,
        sample_weight: Any,
    ) -> None:
        weights = None if sample_weight is None else {"sample_weight": sample_weight}
        # An autoencoder's target is its input: what a ScoringMonitor scores.
        data = {"X": X, "y": X if y is None else y, "metadata": weights}
        self._data: dict[str, Any] = {"estimator": estimator, **data}
        self._estimator, self._attributes = estimator, attributes
        self._root = estimator._init_callback_context(max_subtasks=n_reports)
        self._root.call_on_fit_task_begin(**self._data)

    def report(
        self,
        phase: str,
        step: int,
        training: float,
        held: float | None,
        model: Callable[[], Any],
    ) -> bool:
        """Tell of a measurement, and return whether a callback wants to stop."""
        if self._estimator.verbose:
            shown = "" if held is None else f", held-out loss {held:.6f}"
            print(f"{phase} step {step}: loss {training:.6f}{shown}")
        if not hasattr(self._estimator, "_skl_callbacks"):
            return False
        import torch

        task = self._root.subcontext(task_name=phase)
        with torch.inference_mode(False), torch.enable_grad():
            task.call_on_fit_task_begin(**self._data)
            return task.call_on_fit_task_end(
                **self._data,
                reconstruction_attributes=lambda: self._attributes(model()),
            )

    def end(self, model: Any) -> None:
        """Tell that the fit is over."""
        self._root.call_on_fit_task_end(
            **self._data, reconstruction_attributes=lambda: self._attributes(model)
        )
