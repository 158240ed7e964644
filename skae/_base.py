"""What every autoencoder shares: the scikit-learn surface over the recipe."""

import warnings
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from scipy import sparse
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.callback import CallbackSupportMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_array
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import (
    _check_sample_weight,
    check_is_fitted,
    validate_data,
)

from ._rows import Rows
from ._validation import (
    check_finite,
    check_kinds,
    column_names,
    explain_conversion,
)

if TYPE_CHECKING:
    from ._fitting import Outcome, Settings
    from ._model import Codec, Model

ACTIVATIONS = {
    "elu", "gelu", "identity", "leaky_relu", "logistic", "relu", "silu", "tanh",
}  # fmt: skip
LOSSES = {"absolute_error", "binary_cross_entropy", "huber", "squared_error"}


def _auto(value: Any) -> Any:
    return None if isinstance(value, str) and value == "auto" else value


class BaseAutoencoder(
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    CallbackSupportMixin,
    BaseEstimator,
):
    """Base of the autoencoders: validate, fit by the recipe, encode and decode.

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
    n_components_: int
    mean_: np.ndarray
    _state: dict[str, Any]

    _doc_link_module = "skae"

    @property
    def _doc_link_template(self) -> str:
        return (
            "https://skae.readthedocs.io/en/stable/api/"
            "{estimator_module}.{estimator_name}.html"
        )

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "n_components": [
            Interval(Integral, 1, None, closed="left"),
            Interval(Real, 0, 1, closed="neither"),
            None,
        ],
        "hidden_layer_sizes": [
            StrOptions({"auto"}),
            "array-like",
            Interval(Integral, 1, None, closed="left"),
        ],
        "activation": [StrOptions(ACTIVATIONS)],
        "anchor": [StrOptions({"pca"}), None],
        "loss": [StrOptions(LOSSES)],
        "whiten": ["boolean"],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "learning_rate_init": [
            StrOptions({"auto"}),
            Interval(Real, 0, None, closed="neither"),
        ],
        "batch_size": [
            StrOptions({"auto"}),
            Interval(Integral, 1, None, closed="left"),
        ],
        "max_iter": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [
            StrOptions({"auto"}),
            Interval(Integral, 1, None, closed="left"),
        ],
        "tol": [Interval(Real, 0, None, closed="left")],
        "warm_start": ["boolean"],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
        "device": "no_validation",
    }

    # -- fit ---------------------------------------------------------------------------

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
        return self

    def _run(self, table: np.ndarray, X: Any, y: Any, sample_weight: Any) -> "Outcome":
        index = weight = None
        if sample_weight is not None:
            weight = _check_sample_weight(
                sample_weight, table, dtype=np.float64, ensure_non_negative=True
            )
            index = np.flatnonzero(weight)
            if len(index) == len(weight):
                index = None
            elif len(index) < 2:
                raise ValueError(
                    "Only one row has a sample_weight above zero; an autoencoder needs "
                    "at least two."
                )
            else:
                weight = weight[index]
        rows = Rows(table, index, weight)
        settings = self._settings(rows)

        from ._fitting import Recipe
        from ._runtime import single_thread

        with single_thread():
            recipe = Recipe(rows, settings, self._start(settings, rows))
            metadata = None if weight is None else {"sample_weight": sample_weight}
            root = self._init_callback_context(max_subtasks=recipe.n_reports)
            # An autoencoder's target is its input: what a ScoringMonitor scores.
            data = {"X": X, "y": X if y is None else y, "metadata": metadata}
            root.call_on_fit_task_begin(estimator=self, **data)

            def report(phase, step, training, held, model):
                if self.verbose:
                    shown = "" if held is None else f", held-out loss {held:.6f}"
                    print(f"{phase} step {step}: loss {training:.6f}{shown}")
                task = root.subcontext(task_name=phase)
                task.call_on_fit_task_begin(estimator=self, **data)
                return task.call_on_fit_task_end(
                    estimator=self,
                    **data,
                    reconstruction_attributes=lambda: self._attributes(model()),
                )

            outcome = recipe.fit(report)
            root.call_on_fit_task_end(
                estimator=self,
                **data,
                reconstruction_attributes=lambda: self._attributes(outcome.model),
            )
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

    # -- encode and decode -------------------------------------------------------------

    def _check_table(self, X: Any, *, reset: bool) -> np.ndarray:
        """Return X as an array of numbers, neither copied nor cast where it is one."""
        if sparse.issparse(X):
            raise TypeError(
                "Sparse data was passed, but dense data is required. Use X.toarray(), "
                "or reduce it first with TruncatedSVD, which takes sparse X."
            )
        check_kinds(X)
        try:
            table = np.asarray(
                validate_data(
                    self,
                    X,
                    reset=reset,
                    dtype="numeric",
                    ensure_all_finite=False,
                    ensure_min_samples=2 if reset else 1,
                )
            )
            if table.dtype.kind not in "biuf":
                table = table.astype(np.float64)
        except (TypeError, ValueError) as error:
            explained = explain_conversion(X, error)
            if explained is error:
                raise
            raise explained from error
        names = getattr(self, "feature_names_in_", None)
        unit = reset and self.loss == "binary_cross_entropy"
        check_finite(table, names, unit=unit)
        return table

    def _model(self) -> "Model":
        from ._model import Model

        return Model.from_state(self._state)

    def _codec(self, dtype: np.dtype) -> "Codec":
        from ._model import Codec
        from ._runtime import resolve_device

        return Codec(self._model(), dtype, resolve_device(self.device))

    def _apply(self, method: str, X: Any) -> np.ndarray:
        """Call a method of the codec on X, in X's own precision."""
        check_is_fitted(self)
        table = self._check_table(X, reset=False)
        return self._call(method, table)

    def _call(self, method: str, table: np.ndarray) -> np.ndarray:
        import torch

        single = table.dtype == np.float32
        with torch.inference_mode():
            codec = self._codec(np.dtype(np.float32 if single else np.float64))
            result = getattr(codec, method)(table)
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
        import torch

        with torch.inference_mode():
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
            Minus the mean squared reconstruction error.
        """
        scores = self.score_samples(X)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, scores)
        return float(np.average(scores, weights=sample_weight))

    def __sklearn_tags__(self):
        """Return the estimator's tags."""
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
