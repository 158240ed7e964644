"""What every autoencoder shares: fitting by the recipe, as a scikit-learn estimator."""

import warnings
from dataclasses import replace
from numbers import Integral
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    _fit_context,
)
from sklearn.callback import CallbackSupportMixin
from sklearn.exceptions import ConvergenceWarning

from ._codec_mixin import CodecMixin
from ._constraints import CONSTRAINTS
from ._doc_link import DocLinkMixin
from ._monitor import Monitor
from ._rows import Rows
from ._validation import weighted_rows, whole_or_nothing

if TYPE_CHECKING:
    from ._fitting import Outcome, Settings
    from ._model import Model


def _auto(value: Any) -> Any:
    return None if isinstance(value, str) and value == "auto" else value


class BaseAutoencoder(
    DocLinkMixin,
    CodecMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    CallbackSupportMixin,
    BaseEstimator,
):
    """Base of the autoencoders: validate, fit by the recipe, keep what it found.

    A subclass declares parameters of its own in ``__init__`` and says in ``_design``
    what they change. What it leaves out stays as it is here.
    """

    _asked: Any

    _parameter_constraints: ClassVar[dict[str, Any]] = CONSTRAINTS

    def __init__(
        self,
        n_components=None,
        *,
        hidden_layer_sizes="auto",
        activation="silu",
        network=None,
        pretrain=None,
        anchor: str | None = "pca",
        loss="squared_error",
        whiten=False,
        alpha=1e-2,
        learning_rate_init="auto",
        batch_size="auto",
        max_iter="auto",
        early_stopping=True,
        validation_fraction=0.1,
        n_iter_no_change="auto",
        tol=1e-4,
        warm_start=False,
        random_state=None,
        verbose=0,
        device="auto",
    ):
        self.n_components = n_components
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.network = network
        self.pretrain = pretrain
        self.anchor = anchor
        self.loss = loss
        self.whiten = whiten
        self.alpha = alpha
        self.learning_rate_init = learning_rate_init
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose
        self.device = device

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, sample_weight=None):
        """Fit the autoencoder to X.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training rows, dense numbers of any type. They are read in chunks, neither
            copied whole nor changed.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows; zero leaves a row out.

        Returns
        -------
        object
            The fitted estimator.

        Raises
        ------
        ValueError
            If X has missing, infinite or huge values (the columns are named), fewer
            than two rows, or fewer rows or columns than `n_components`.
        TypeError
            If X is sparse or holds dates.
        """
        return self._fit(X, y, sample_weight)

    def _design(self, n_features: int) -> dict[str, Any]:
        """Return what a variant changes in the settings of the recipe."""
        return {}

    def _fit(self, X: Any, y: Any, sample_weight: Any) -> Any:
        """Validate, run the recipe and keep its outcome."""
        with whole_or_nothing(self):
            table = self._check_table(X, reset=True)
            rows = weighted_rows(table, sample_weight)
            fitted = self._fitted(self._run(rows, X, y, sample_weight), rows)
        vars(self).update(fitted, _asked=self.n_components)
        return self

    def _run(self, rows: Rows, X: Any, y: Any, sample_weight: Any) -> "Outcome":
        settings = self._settings(rows)

        from ._fitting import Recipe
        from ._runtime import single_thread

        with single_thread(autograd=settings.factory is not None):
            recipe = Recipe(rows, settings, self._start(settings, rows))
            monitor = Monitor(
                self, self._attributes, recipe.n_reports, X, y, sample_weight
            )
            outcome = recipe.fit(monitor.report)
            monitor.end(outcome.model)
        self._warn(outcome)
        return outcome

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

        factory, design = self.network, self._design(d)
        if factory is not None and isinstance(k, float):
            raise ValueError(
                f"n_components={k}, a share of the variance, needs a network whose "
                "codes can be cut off. Give an int beside network."
            )
        if factory is not None and self.pretrain is not None:
            raise ValueError(
                "pretrain='layerwise' is for dense layers; a network of your own has "
                "its own first weights. Leave one of them None."
            )

        from ._fitting import Settings
        from ._runtime import draw_seed, resolve_device

        settings = Settings(
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
            factory=factory,
            layerwise=self.pretrain is not None,
        )
        settings = replace(settings, **design)
        if settings.layerwise and settings.hidden == ():
            raise ValueError(
                "pretrain='layerwise' trains hidden layers, and there are none. Set "
                "hidden_layer_sizes, for instance to (128, 64)."
            )
        return settings

    def _start(self, settings: "Settings", rows: Rows) -> "Model | None":
        """Return the model to go on from, if there is one of the same shape."""
        if not (self.warm_start and hasattr(self, "_state")):
            return None
        model = self._model()
        if model.architecture is None:
            return None
        asked, sizes = settings.n_components, model.architecture
        if settings.factory is not None:
            alike = getattr(sizes, "factory", None) == settings.factory
        else:
            alike = settings.hidden in (None, getattr(sizes, "hidden", None)) and (
                settings.activation == getattr(sizes, "activation", None)
            )
        same = (
            alike
            and sizes.n_features == rows.n_features
            and (not isinstance(asked, int) or asked == model.n_components)
            and settings.kind == model.code
            and settings.linear == model.linear
            and settings.loss == model.units.loss
            and (isinstance(asked, int) or asked == self._asked)
        )
        if not same:
            raise ValueError(
                "warm_start=True goes on with the network of the previous fit, whose "
                "features, n_components, network, kind of codes (beta, sparsity, "
                "penalty, sparsity_weight), anchor or loss differ "
                "from what is asked for now. Set warm_start=False."
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

    def _fitted(self, outcome: "Outcome", rows: Rows) -> dict[str, Any]:
        """Return all fitted attributes; nothing is kept if this is interrupted."""
        return {
            **self._attributes(outcome.model),
            "explained_variance_ratio_": np.diff(outcome.shares, prepend=0.0),
            "best_step_": outcome.best_step,
            "curve_steps_": outcome.steps,
            "loss_curve_": outcome.training,
            "validation_curve_": outcome.validation,
            "n_iter_": max(1, outcome.n_iter),
            "pca_ratio_": outcome.ratio,
            "_pca_loss": outcome.pca_loss,
            "device_": str(outcome.device),
        }

    def __sklearn_tags__(self):
        """Return the estimator's tags."""
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
