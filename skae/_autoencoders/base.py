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
from sklearn.utils import check_array
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from skae._data.dataset import Dataset
from skae._sklearn.callbacks import FitCallbacks
from skae._sklearn.constraints import CONSTRAINTS
from skae._sklearn.docstrings import DocLinkMixin
from skae._sklearn.validation import (
    column_names,
    restore_on_error,
    validate_table,
    weighted_dataset,
)

if TYPE_CHECKING:
    from skae._fitting.config import FitConfig
    from skae._fitting.fit import FitResult
    from skae._model.fitted import FittedModel
    from skae._model.inference import Codec


class CodecMixin(BaseEstimator):
    """Encode, decode and score with the state that a fit has left."""

    loss: str
    device: Any
    n_components_: int
    mean_: np.ndarray
    components_: np.ndarray
    validation_curve_: list[float]
    _state: dict[str, Any]

    def _bounded(self) -> str | None:
        """Return the parameter that wants features in [0, 1], if one does."""
        cross_entropy = self.loss == "binary_cross_entropy"
        return "loss='binary_cross_entropy'" if cross_entropy else None

    def _check_table(self, X: Any, *, reset: bool) -> np.ndarray:
        return validate_table(
            self, X, reset=reset, unit=self._bounded() if reset else None
        )

    def _model(self) -> "FittedModel":
        from skae._model.fitted import FittedModel

        return FittedModel.from_state(self._state)

    def _codec_class(self) -> "type[Codec]":
        from skae._model.inference import Codec

        return Codec

    def _codec(self, dtype: np.dtype, model: "FittedModel | None" = None) -> "Codec":
        from skae._nn.runtime import available_device

        device = available_device(self.device)
        return self._codec_class()(model or self._model(), dtype, device)

    def _quietly(self, model: "FittedModel | None" = None) -> Any:
        """Return the mode in which a model, the fitted one if None, predicts."""
        from skae._nn.runtime import gradient_mode

        state = self._state if model is None else model.state()
        return gradient_mode(autograd="factory" in state)

    def _apply(self, method: str, X: Any, *args: Any) -> np.ndarray:
        """Call a method of the codec on X, in X's own precision."""
        check_is_fitted(self)
        table = self._check_table(X, reset=False)
        return self._call(method, table, *args)

    def _call(self, method: str, table: np.ndarray, *args: Any) -> np.ndarray:
        single = table.dtype == np.float32
        with self._quietly():
            codec = self._codec(np.dtype(np.float32 if single else np.float64))
            result = getattr(codec, method)(table, *args)
        if not np.isfinite(result).all():
            scale = self._state["anchor.scale"]
            distance = np.abs((table - self.mean_) / scale).max(axis=0)
            names = getattr(self, "feature_names_in_", None)
            raise ValueError(
                "X has values too far from the training rows for single precision in "
                f"{column_names([int(distance.argmax())], names)}. Pass float64 or "
                "clip them."
            )
        return result

    def transform(self, X):
        """Encode X.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows to encode.

        Returns
        -------
        ndarray of shape (n_samples, n_components_)
            The codes: float32 for float32 X, else float64.
        """
        return self._apply("encode", X)

    def inverse_transform(self, X):
        """Decode codes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components_)
            Codes, as `transform` returns them.

        Returns
        -------
        ndarray of shape (n_samples, n_features_in_)
            Their reconstructions, in the units of the training rows.
        """
        check_is_fitted(self)
        codes = np.asarray(check_array(X))
        if codes.dtype != np.float32:
            codes = codes.astype(np.float64, copy=False)
        if codes.shape[1] != self.n_components_:
            raise ValueError(
                f"X has {codes.shape[1]} codes, but {type(self).__name__} was fitted "
                f"with n_components_={self.n_components_}."
            )
        with self._quietly():
            return self._codec(codes.dtype).decode(codes)

    def reconstruct(self, X):
        """Encode X and decode the codes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows to reconstruct.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            The round trip, ``inverse_transform(transform(X))``.
        """
        return self._apply("reconstruct", X)

    def jacobian_norm(self, X):
        """Return the squared Frobenius norm of each row's Jacobian.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        ndarray of shape (n_samples,)
            The sum over codes i and columns j of ``(d code_i / d x_j) ** 2``, codes
            being what `transform` returns. It is exact inside the training range; on
            its edge, beyond which the networks see no change, the derivative is that
            of the inner side, and far outside the trust in a row is held fixed.
        """
        return self._apply("jacobian", X)

    def score_samples(self, X):
        """Return minus the mean squared error of each row's reconstruction.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows to score.

        Returns
        -------
        ndarray of shape (n_samples,)
            ``-mean_j (x_j - x_hat_j)^2``, in squared units of X; higher is better.
        """
        return -self._apply("squared_error", X)

    def score(self, X, y=None, sample_weight=None):
        """Return the mean of `score_samples`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows to score.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        float
            The mean.
        """
        scores = self.score_samples(X)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, scores)
        return float(np.average(scores, weights=sample_weight))


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
        with restore_on_error(self):
            table = self._check_table(X, reset=True)
            rows = weighted_dataset(table, sample_weight)
            fitted = self._fitted(self._run(rows, X, y, sample_weight), rows)
        vars(self).update(fitted, _asked=self.n_components)
        return self

    def _run(self, rows: Dataset, X: Any, y: Any, sample_weight: Any) -> "FitResult":
        settings = self._settings(rows)

        from skae._fitting.fit import AnchoredFit
        from skae._nn.runtime import single_thread

        with single_thread(autograd=settings.factory is not None):
            recipe = AnchoredFit(rows, settings, self._start(settings, rows))
            monitor = FitCallbacks(
                self, self._attributes, recipe.n_reports, X, y, sample_weight
            )
            outcome = recipe.fit(monitor.report)
            monitor.end(outcome.model)
        self._warn(outcome)
        return outcome

    def _settings(self, rows: Dataset) -> "FitConfig":
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

        from skae._fitting.config import FitConfig
        from skae._nn.runtime import resolve_device
        from skae._sklearn.validation import draw_seed

        settings = FitConfig(
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

    def _start(self, settings: "FitConfig", rows: Dataset) -> "FittedModel | None":
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

    def _warn(self, outcome: "FitResult") -> None:
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

    def _attributes(self, model: "FittedModel") -> dict[str, Any]:
        """Return the attributes without which a fitted estimator cannot work."""
        return {
            "n_components_": model.n_components,
            "components_": model.anchor.components,
            "mean_": model.anchor.mean,
            "_n_features_out": model.n_components,
            "_state": model.state(),
        }

    def _fitted(self, outcome: "FitResult", rows: Dataset) -> dict[str, Any]:
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
