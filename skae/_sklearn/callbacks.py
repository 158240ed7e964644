"""What a fit tells: scikit-learn's callbacks, `verbose`, and warnings."""

from collections.abc import Callable, Iterable
from typing import Any

from sklearn.exceptions import ConvergenceWarning

from skae._data.dataset import Dataset
from skae._data.extremes import extreme_rows

from .tables import column_names
from .warnings import warn


class FitCallbacks:
    """The callbacks of an estimator during one fit.

    Parameters
    ----------
    estimator : estimator with callback support
        The estimator that is being fitted.
    attributes : callable
        ``attributes(model)`` returns the fitted attributes that make a model usable.
    max_evaluations : int
        How many evaluations there will be at most.
    X, y, sample_weight : array-like
        The arguments of `fit`.
    """

    def __init__(
        self,
        estimator: Any,
        attributes: Callable[[Any], dict[str, Any]],
        max_evaluations: int,
        X: Any,
        y: Any,
        sample_weight: Any,
    ) -> None:
        weights = None if sample_weight is None else {"sample_weight": sample_weight}
        # An autoencoder's target is its input: what a ScoringMonitor scores.
        data = {"X": X, "y": X if y is None else y, "metadata": weights}
        self._data: dict[str, Any] = {"estimator": estimator, **data}
        self._estimator, self._attributes = estimator, attributes
        self._root = estimator._init_callback_context(max_subtasks=max_evaluations)
        self._root.call_on_fit_task_begin(**self._data)

    def on_evaluation(
        self,
        phase: str,
        step: int,
        training_loss: float,
        validation_loss: float | None,
        model: Callable[[], Any],
    ) -> bool:
        """Report the losses after a step; return whether a callback wants to stop."""
        if self._estimator.verbose:
            shown = ""
            if validation_loss is not None:
                shown = f", held-out loss {validation_loss:.6f}"
            print(f"{phase} step {step}: loss {training_loss:.6f}{shown}")
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

    def on_fit_end(self, model: Any) -> None:
        """Report the final model; with `verbose` say if it is PCA."""
        if self._estimator.verbose and getattr(model, "weights", {}) is None:
            print("PCA is kept: no network is better on held-out samples.")
        self._root.call_on_fit_task_end(
            **self._data, reconstruction_attributes=lambda: self._attributes(model)
        )


def warn_of_training(
    runs: Iterable[Any], kept: str, cure: str, spent: int | None = None
) -> None:
    """Warn if a run of a fit was interrupted or diverged, or if the budget was short.

    Parameters
    ----------
    runs : iterable of objects with `interrupted` and `diverged`
        The runs.
    kept : str
        What is kept, with a place for the time: "the best model {} is kept".
    cure : str
        What may be done about training that diverges.
    spent : int or None, default=None
        The budget in steps, if it ended training too early.
    """
    runs = list(runs)
    if any(run.interrupted for run in runs):
        message = f"Training was interrupted; {kept.format('so far')}."
        warn(message, ConvergenceWarning)
    if any(run.diverged for run in runs):
        message = f"Training diverged; {kept.format('before that')}. {cure}"
        warn(message, ConvergenceWarning)
    if spent is not None:
        message = (
            f"Training ended at max_iter={spent} before the held-out loss had settled. "
            "Raise max_iter, or leave it at 'auto'."
        )
        warn(message, ConvergenceWarning)


def warn_of_dependent_rows(data: Dataset, consequence: str) -> None:
    """Warn if the order of the samples shows that they depend on each other.

    Parameters
    ----------
    data : Dataset
        The samples in the order of the table.
    consequence : str
        What goes wrong if they do.
    """
    from skae._data.dependence import row_neighbors
    from skae._nn.threads import one_thread

    with one_thread():
        found = row_neighbors(data)
    if found is None or not found.dependent:
        return
    warn(
        f"{found.share:.0%} of the rows of X have their most similar row within "
        f"{found.reach} rows of them: rows seem to depend on each other, and "
        f"{consequence}. If several are of one person, object or stretch of time, pass "
        "groups=, one label for each row, to fit. If rows are only sorted, ignore this."
    )


def warn_of_extreme_rows(data: Dataset, names: Any) -> None:
    """Warn if a few rows have nearly all of the variance; name the most extreme value.

    Parameters
    ----------
    data : Dataset
        The samples.
    names : ndarray of str or None
        Names of the features.
    """
    found = extreme_rows(data)
    if found is None:
        return
    more = found.n_rows - 1
    whose = f", and {more} more rows have" if more else " has"
    warn(
        f"Row {found.row} of X ({found.value:g} in "
        f"{column_names([found.column], names)}){whose} {found.share:.1%} of the "
        "variance of X, so PCA and network describe little else. Correct or drop such "
        "values, or transform the columns, for instance with QuantileTransformer."
    )
