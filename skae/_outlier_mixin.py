"""What a fitted outlier detector says of rows."""

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.utils._set_output import _SetOutputMixin, _wrap_data_with_container
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted

from ._calibration import p_values
from ._validation import read_table

if TYPE_CHECKING:
    from ._denoisers import Where
    from ._detection import Detection


class DetectorMixin(OutlierMixin, _SetOutputMixin, BaseEstimator):
    """Score, flag, test and explain rows with what a fit has left."""

    estimator: Any
    estimator_: Any
    device: Any
    offset_: float
    _state: dict[str, Any]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Let `set_output` be there without a `transform`: it is for `explain`."""
        super().__init_subclass__(**kwargs)
        cls._sklearn_auto_wrap_output_keys = {"transform"}

    def _table(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        return read_table(self, X, reset=False, unit=None)

    def _model(self) -> "tuple[Detection, Where]":
        from ._denoisers import Where
        from ._detection import Detection
        from ._runtime import device_there

        where = Where.exact(device_there(self.device))
        return Detection.from_state(self._state), where

    def _quietly(self) -> Any:
        from ._runtime import without_gradients

        return without_gradients(autograd=False)

    def score_samples(self, X):
        """Return how ordinary rows are; the lower, the odder.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows to score.

        Returns
        -------
        ndarray of shape (n_samples,)
            About 0 for an ordinary training row, -1 for one at the edge of the oddest
            tenth or so, unbounded below. With an `estimator`, its own scores.
        """
        table = self._table(X)
        if hasattr(self, "estimator_"):
            return self.estimator_.score_samples(table)
        model, where = self._model()
        with self._quietly():
            return -model.oddness(table, where)

    def decision_function(self, X):
        """Return the scores less the threshold; outliers are below zero.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows to score.

        Returns
        -------
        ndarray of shape (n_samples,)
            ``score_samples(X) - offset_``.
        """
        return self.score_samples(X) - self.offset_

    def predict(self, X):
        """Return -1 for outliers and 1 for other rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows to judge.

        Returns
        -------
        ndarray of shape (n_samples,)
            The labels.
        """
        return np.where(self.decision_function(X) < 0, -1, 1)

    def p_values(self, X):
        """Return how unusual rows would be if they were like the training rows.

        Of fresh rows like the training rows, about a share a has a p-value of at most
        a. ``scipy.stats.false_discovery_control`` turns p-values into adjusted ones:
        of the rows whose adjusted value is at most 0.1, at most about one in ten is no
        outlier.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows that the detector was not fitted to.

        Returns
        -------
        ndarray of shape (n_samples,)
            ``(1 + k) / (n + 1)``, where k of n training rows are as odd to what was
            fitted without them (Bates et al., 2023; Vovk et al., 2005).

        References
        ----------
        Bates, S., Candes, E., Lei, L., Romano, Y. and Sesia, M. (2023). Testing for
        outliers with conformal p-values. Annals of Statistics 51, 149-178.

        Examples
        --------
        >>> import numpy as np
        >>> from scipy.stats import false_discovery_control
        >>> from skae import AutoencoderOutlierDetector
        >>> rng = np.random.default_rng(0)
        >>> X = rng.normal(size=(1000, 3))
        >>> detector = AutoencoderOutlierDetector(max_iter=50, random_state=0).fit(X)
        >>> new = np.vstack([rng.normal(size=(20, 3)), np.full((5, 3), 9.0)])
        >>> adjusted = false_discovery_control(detector.p_values(new))
        >>> np.flatnonzero(adjusted <= 0.01)
        array([20, 21, 22, 23, 24])
        """
        odd = -self.score_samples(X)
        return p_values(odd, self._state["calibration"], self._state["weight"])

    def explain(self, X):
        """Return how much each column makes a row odd.

        A column is as odd as its value is far from what is expected from the others:
        by networks, for which the two columns that stand out most are first set to what
        is expected of them, so that they throw no suspicion on others, and by the
        remembered rows that are most like the row but for two columns.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows to explain.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            Non-negative contributions that sum to the row's distance by the networks
            (about one for a usual row); with an `estimator` to the mean squared error
            of its reconstruction. After ``set_output(transform="pandas")``, or
            "polars", a table with the names of the columns.
        """
        table = self._table(X)
        if hasattr(self, "estimator_"):
            left = table - self.estimator_.reconstruct(table)
            shares = np.square(left) / table.shape[1]
        else:
            model, where = self._model()
            with self._quietly():
                shares = model.explain(table, where)
        return _wrap_data_with_container("transform", shares, X, self)

    def get_feature_names_out(self, input_features=None):
        """Return the names of the columns that `explain` gives.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            Names of the features, which must be those of the fit if it saw some.

        Returns
        -------
        ndarray of str
            The names of the features, "x0" and so on where there are none.
        """
        check_is_fitted(self)
        return _check_feature_names_in(self, input_features)
