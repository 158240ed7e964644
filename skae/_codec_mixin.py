"""What a fitted autoencoder does with rows and codes."""

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_array
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from ._validation import column_names, read_table

if TYPE_CHECKING:
    from ._codec import Codec
    from ._model import Model


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
        return read_table(self, X, reset=reset, unit=self._bounded() if reset else None)

    def _model(self) -> "Model":
        from ._model import Model

        return Model.from_state(self._state)

    def _codec_class(self) -> "type[Codec]":
        from ._codec import Codec

        return Codec

    def _codec(self, dtype: np.dtype, model: "Model | None" = None) -> "Codec":
        from ._runtime import device_there

        device = device_there(self.device)
        return self._codec_class()(model or self._model(), dtype, device)

    def _quietly(self, model: "Model | None" = None) -> Any:
        """Return the mode in which a model, the fitted one if None, predicts."""
        from ._runtime import without_gradients

        state = self._state if model is None else model.state()
        return without_gradients(autograd="factory" in state)

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
