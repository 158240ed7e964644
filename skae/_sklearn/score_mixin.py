"""The mean score of samples, for estimators that score each of them."""

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator

from .compat import check_sample_weight


class MeanScoreMixin(BaseEstimator):
    """Offers `score`, the weighted mean of `score_samples`."""

    if TYPE_CHECKING:

        def score_samples(self, X: Any) -> np.ndarray: ...

    def score(self, X, y=None, sample_weight=None):
        """Return the mean of `score_samples`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples to score.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples.

        Returns
        -------
        float
            The mean.
        """
        scores = self.score_samples(X)
        if sample_weight is not None:
            sample_weight = check_sample_weight(sample_weight, scores)
        return float(np.average(scores, weights=sample_weight))
