"""What every autoencoder shares: fitting by the recipe, as a scikit-learn estimator."""

import warnings
from numbers import Integral
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.callback import CallbackSupportMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import _check_sample_weight

from ._codec_mixin import CodecMixin
from ._constraints import CONSTRAINTS
from ._rows import Rows

if TYPE_CHECKING:
    from ._fitting import Outcome, Settings
    from ._model import Model


def _auto(value: Any) -> Any:
    return None if isinstance(value, str) and value == "auto" else value


class BaseAutoencoder(
    CodecMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    CallbackSupportMixin,
    BaseEstimator,
):
    """Base of the autoencoders: validate, fit by the recipe, keep what it found.

    A subclass declares its parameters in ``__init__`` and may change the settings of
    the recipe in ``_settings``.
    """

    n_components: Any
    hidden_layer_sizes: Any
    activation: str
    anchor: str | None
    loss: str
    whiten: bool
    alpha: float
    learning_rate_init: Any
    batch_size: Any
    max_iter: Any
    early_stopping: bool
    validation_fraction: float
    n_iter_no_change: Any
    tol: float
    warm_start: bool
    random_state: Any
    verbose: Any
    device: Any
    _asked: Any

    _doc_link_module = "skae"

    @property
    def _doc_link_template(self) -> str:
        return (
            "https://skae.readthedocs.io/en/stable/api/"
            "{estimator_module}.{estimator_name}.html"
        )

    _parameter_constraints: ClassVar[dict[str, Any]] = CONSTRAINTS

    def _fit(self, X: Any, y: Any, sample_weight: Any) -> Any:
        """Validate, run the recipe and keep its outcome."""
        kept = {k: v for k, v in vars(self).items() if k.endswith("_in_")}
        try:
            table = self._check_table(X, reset=True)
            outcome = self._run(table, X, y, sample_weight)
        except BaseException:
            for name in ("n_features_in_", "feature_names_in_"):
                vars(self).pop(name, None)
            vars(self).update(kept)
            raise
        self._keep(outcome)
        self._asked = self.n_components
        return self

    def _run(self, table: np.ndarray, X: Any, y: Any, sample_weight: Any) -> "Outcome":
        rows = self._weigh(table, sample_weight)
        settings = self._settings(rows)

        import torch

        from ._fitting import Recipe
        from ._runtime import single_thread

        with single_thread():
            recipe = Recipe(rows, settings, self._start(settings, rows))
            metadata = (
                None if sample_weight is None else {"sample_weight": sample_weight}
            )
            root = self._init_callback_context(max_subtasks=recipe.n_reports)
            # An autoencoder's target is its input: what a ScoringMonitor scores.
            data = {"X": X, "y": X if y is None else y, "metadata": metadata}
            root.call_on_fit_task_begin(estimator=self, **data)

            def report(phase, step, training, held, model):
                if self.verbose:
                    shown = "" if held is None else f", held-out loss {held:.6f}"
                    print(f"{phase} step {step}: loss {training:.6f}{shown}")
                if not hasattr(self, "_skl_callbacks"):
                    return False
                task = root.subcontext(task_name=phase)
                attributes = self._attributes(model())
                with torch.inference_mode(False):
                    task.call_on_fit_task_begin(estimator=self, **data)
                    return task.call_on_fit_task_end(
                        estimator=self,
                        **data,
                        reconstruction_attributes=attributes,
                    )

            outcome = recipe.fit(report)
            root.call_on_fit_task_end(
                estimator=self,
                **data,
                reconstruction_attributes=lambda: self._attributes(outcome.model),
            )
        self._warn(outcome)
        return outcome

    def _weigh(self, table: np.ndarray, sample_weight: Any) -> Rows:
        """Return the rows of positive weight."""
        if sample_weight is None:
            return Rows(table)
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
        return Rows(table, index, weight[index])

    def _settings(self, rows: Rows) -> "Settings":
        """Return the settings of the recipe; wrong ones raise before any training."""
        n, d = len(rows), rows.n_features
        k = self.n_components
        if k is not None and isinstance(k, Integral):
            k = int(k)
            if self.anchor is not None and k > min(n, d):
                raise ValueError(
                    f"n_components={k} must be between 1 and min(n_samples, "
                    f"n_features)={min(n, d)}: PCA has no more components. Take fewer, "
                    "or anchor=None for codes that are wider than the data."
                )
        elif k is not None:
            k = float(k)
        sizes = _auto(self.hidden_layer_sizes)
        if sizes is not None:
            sizes = np.atleast_1d(sizes)
            whole = sizes.dtype.kind in "iu" or sizes.size == 0
            if sizes.ndim != 1 or not whole or (sizes < 1).any():
                raise ValueError(
                    "hidden_layer_sizes must be positive integers, the encoder's "
                    f"widths; got {self.hidden_layer_sizes!r}."
                )
            sizes = tuple(int(size) for size in sizes)

        from ._fitting import Settings
        from ._runtime import draw_seed, resolve_device

        return Settings(
            n_components=k,
            hidden=sizes,
            activation=self.activation,
            linear=self.anchor is not None,
            loss=self.loss,
            whiten=bool(self.whiten),
            alpha=float(self.alpha),
            rate=_auto(self.learning_rate_init),
            batch_size=_auto(self.batch_size),
            n_steps=_auto(self.max_iter),
            early_stopping=bool(self.early_stopping),
            validation_fraction=float(self.validation_fraction),
            patience=_auto(self.n_iter_no_change),
            tolerance=float(self.tol),
            device=resolve_device(self.device),
            seed=draw_seed(self.random_state),
        )

    def _start(self, settings: "Settings", rows: Rows) -> "Model | None":
        """Return the model to go on from, if there is one of the same shape."""
        if not (self.warm_start and hasattr(self, "_state")):
            return None
        model = self._model()
        if model.architecture is None:
            return None
        asked = settings.n_components
        same = (
            model.architecture.n_features == rows.n_features
            and (not isinstance(asked, int) or asked == model.n_components)
            and settings.hidden in (None, model.architecture.hidden)
            and settings.activation == model.architecture.activation
            and settings.linear == model.linear
            and settings.loss == model.units.loss
            and (isinstance(asked, int) or asked == self._asked)
        )
        if not same:
            raise ValueError(
                "warm_start=True goes on with the network of the previous fit, whose "
                "features, n_components, hidden_layer_sizes, activation, anchor or "
                "loss differ from what is asked for now. Set warm_start=False."
            )
        return model

    def _warn(self, outcome: "Outcome") -> None:
        if outcome.interrupted:
            warnings.warn(
                "Training was interrupted; the best model so far is kept.",
                ConvergenceWarning,
                stacklevel=4,
            )
        if outcome.diverged:
            warnings.warn(
                "Training diverged; the best model before that is kept. Lower "
                "learning_rate_init, or look for extreme values in X.",
                ConvergenceWarning,
                stacklevel=4,
            )

    def _attributes(self, model: "Model") -> dict[str, Any]:
        """Return the attributes without which a fitted estimator cannot work."""
        return {
            "n_components_": model.n_components,
            "components_": model.anchor.components,
            "mean_": model.anchor.mean,
            "_n_features_out": model.n_components,
            "_state": model.state(),
        }

    def _keep(self, outcome: "Outcome") -> None:
        vars(self).update(self._attributes(outcome.model))
        self.explained_variance_ratio_ = np.diff(outcome.shares, prepend=0.0)
        self.loss_curve_ = outcome.training
        self.validation_curve_ = outcome.validation
        self.n_iter_ = max(1, outcome.n_iter)
        self.pca_ratio_ = outcome.ratio
        self.device_ = str(outcome.device)

    def __sklearn_tags__(self):
        """Return the estimator's tags."""
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
