"""What every autoencoder shares: a scikit-learn estimator around an anchored fit."""

from numbers import Integral
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.callback import CallbackSupportMixin
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted

from skae._data.dataset import Dataset
from skae._sklearn.callbacks import warn_of_extreme_rows
from skae._sklearn.calls import computes, restore_on_error
from skae._sklearn.compat import fit_context
from skae._sklearn.constraints import CONSTRAINTS
from skae._sklearn.mixins import MeanScoreMixin, PCANoteMixin
from skae._sklearn.tables import weighted_dataset
from skae._sklearn.validation import (
    validate_table,
    within_precision,
)
from skae._sklearn.warnings import available_device

from .defaults import AutoDefaults

if TYPE_CHECKING:
    from skae._fitting.fit import FitResult
    from skae._model.fitted import FittedModel
    from skae._model.inference import Codec
    from skae._model.objective import Objective
    from skae._nn.modules.architecture import Factory
    from skae.noise import Corruption


class BaseAutoencoder(
    PCANoteMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    CallbackSupportMixin,
    MeanScoreMixin,
):
    """Base of the autoencoders.

    A subclass declares parameters of its own in ``__init__`` and says in ``_objective``
    what they make of the objective; ``AUTO`` has its values for "auto".
    """

    AUTO: ClassVar[AutoDefaults] = AutoDefaults()
    _parameter_constraints: ClassVar[dict[str, Any]] = CONSTRAINTS

    n_components_: int
    components_: np.ndarray
    mean_: np.ndarray
    _requested_n_components: Any
    _state: dict[str, Any]

    def __init__(
        self, n_components=None, *, hidden_layer_sizes="auto", activation="silu",
        network=None, pretrain=None, anchor: str | None = "pca", loss="squared_error",
        whiten=False, alpha=1e-2, learning_rate_init="auto", batch_size="auto",
        max_iter="auto", early_stopping=True, validation_fraction=0.1,
        n_iter_no_change="auto", tol=1e-4, warm_start=False, random_state=None,
        verbose=0, device="auto",
    ):  # fmt: skip
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

    def _objective(self, n_features: int) -> "Objective":
        """Return what is minimised."""
        from skae._model.objective import Objective
        from skae._nn.latents import PlainLatent
        from skae._nn.losses import loss_from_name

        fixed = self.n_components is None or isinstance(self.n_components, Integral)
        return Objective(
            loss_from_name(self.loss, n_features),
            PlainLatent() if fixed else PlainLatent.ordered(),
            self.anchor is not None,
        )

    def _n_components(self, n_features: int) -> Any:
        """Return the number of latent codes, a share of the variance, or None."""
        return self.n_components

    def _network_factory(self, n_features: int) -> "Factory | None":
        """Return what makes encoder and decoder; None for dense ones."""
        return self.network

    def _input_corruption(self) -> "Corruption | None":
        """Return the noise of the inputs in training."""
        return None

    def _unit_interval_parameter(self) -> str | None:
        """Return the parameter that needs features in [0, 1], if one does."""
        cross_entropy = self.loss == "binary_cross_entropy"
        return "loss='binary_cross_entropy'" if cross_entropy else None

    @restore_on_error
    @fit_context(prefer_skip_nested_validation=True)
    @computes
    def fit(self, X, y=None, sample_weight=None, *, groups=None, X_val=None):
        """Fit the autoencoder to X.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training samples, dense numbers of any type. They are read in blocks,
            neither copied as a whole nor changed.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples; zero leaves a sample out.
        groups : array-like of shape (n_samples,), default=None
            Labels of groups of samples that depend on each other, such as the visits of
            a person or a stretch of a time series; none is split between training and
            validation. In sorted order neighboring groups are held out together.
        X_val : array-like of shape (n_val, n_features), default=None
            Samples to validate on, such as later ones; X then is all for training.

        Returns
        -------
        object
            The fitted estimator.

        Raises
        ------
        ValueError
            If X has missing, infinite or huge values (the columns are named), fewer
            than two samples, or fewer samples or features than `n_components`; if
            groups or X_val cannot be used.
        TypeError
            If X is sparse or holds dates.
        """
        from .configuration import run_fit
        from .validation_samples import given_validation

        table, clean = self._check_samples(X, y)
        data = weighted_dataset(table, sample_weight, groups, clean)
        warn_of_extreme_rows(data, getattr(self, "feature_names_in_", None))
        held_out = given_validation(self, data, y, X_val, groups)
        result = run_fit(self, data, held_out, X, y, sample_weight)
        fitted = self._fitted_attributes(result, data)
        vars(self).update(fitted, _requested_n_components=self.n_components)
        self._codec(table.dtype)
        return self

    def _fitted_attributes(self, result: "FitResult", data: Dataset) -> dict[str, Any]:
        """Return all fitted attributes."""
        from .configuration import fitted_attributes

        return fitted_attributes(result)

    def _check_table(self, X: Any, *, reset: bool, name: str = "X") -> np.ndarray:
        training = reset or name != "X"
        parameter = self._unit_interval_parameter() if training else None
        return validate_table(
            self, X, reset=reset, unit_interval_for=parameter, name=name
        )

    def _check_samples(self, X: Any, y: Any) -> tuple[np.ndarray, np.ndarray | None]:
        """Return X, and what its reconstruction is compared with if not X itself."""
        return self._check_table(X, reset=True), None

    def _new_codec(self, model: "FittedModel", dtype: Any) -> "Codec":
        from skae._model.inference import Codec

        return Codec(model, dtype, available_device(self.device))

    def _codec(self, dtype: Any) -> Any:
        """Return the fitted model's codec, built once for each type and thread."""
        from skae._model.inference import build_once
        from skae._model.state import from_state

        state, dtype = self._state, np.float32 if dtype == np.float32 else np.float64
        key = (dtype, str(self.device))
        return build_once(
            self, state, key, lambda: self._new_codec(from_state(state), dtype)
        )

    @computes
    def _apply(self, method: str, X: Any, *args: Any) -> np.ndarray:
        """Call a method of the codec on X, in X's own precision."""
        check_is_fitted(self)
        table = self._check_table(X, reset=False)
        result = getattr(self._codec(table.dtype), method)(table, *args)
        return within_precision(self, table, result)

    def transform(self, X):
        """Encode X.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples to encode.

        Returns
        -------
        ndarray of shape (n_samples, n_components_)
            The latent codes: float32 for float32 X, else float64.
        """
        return self._apply("encode", X)

    @computes
    def inverse_transform(self, X):
        """Decode latent codes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components_)
            Codes, as `transform` returns them.

        Returns
        -------
        ndarray of shape (n_samples, n_features_in_)
            Their reconstructions, in units of the training samples.
        """
        check_is_fitted(self)
        codes = np.asarray(check_array(X))
        if codes.shape[1] != self.n_components_:
            raise ValueError(
                f"X has {codes.shape[1]} codes, but {type(self).__name__} was fitted "
                f"with n_components_={self.n_components_}."
            )
        return self._codec(codes.dtype).decode(codes)

    def reconstruct(self, X):
        """Encode X and decode the codes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples to reconstruct.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            The round trip, ``inverse_transform(transform(X))``.
        """
        return self._apply("reconstruct", X)

    def jacobian_norm(self, X):
        """Return the squared Frobenius norm of each sample's Jacobian.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        ndarray of shape (n_samples,)
            The sum over codes i and columns j of ``(d code_i / d x_j) ** 2``, codes
            being what `transform` returns. It is exact inside the training range; on
            its edge, beyond which the networks see no change, the derivative is that
            of the inner side, and far outside the attenuation factor is held fixed.
        """
        return self._apply("squared_jacobian", X)

    def score_samples(self, X):
        """Return minus the mean squared error of each sample's reconstruction.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples to score.

        Returns
        -------
        ndarray of shape (n_samples,)
            ``-mean_j (x_j - x_hat_j)^2``, in squared units of X; higher is better.
        """
        return -self._apply("squared_error", X)

    def __sklearn_tags__(self):
        """Return the estimator's tags."""
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
