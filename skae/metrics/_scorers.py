"""The reconstruction metrics as scorers."""

from skae._sklearn.compat import BaseScorer
from skae._sklearn.modules import set_module

from ._reconstruction import reconstruction_error, reconstruction_r2


@set_module("skae.metrics")
class _ReconstructionScorer(BaseScorer):
    """A reconstruction metric as a scorer, greater is better.

    The base class brings metadata routing, and makes every tool of scikit-learn that
    takes ``scoring=`` accept it as one of its own.

    Parameters
    ----------
    metric : callable
        Metric with signature ``metric(estimator, X, *, sample_weight=None)``.
    sign : {-1, 1}
        Factor of the metric.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.decomposition import PCA
    >>> from sklearn.model_selection import GridSearchCV
    >>> from skae.metrics import (
    ...     neg_reconstruction_error_scorer,
    ...     reconstruction_r2_scorer,
    ... )
    >>> X = load_iris().data
    >>> sizes = {"n_components": [1, 2]}
    >>> search = GridSearchCV(PCA(), sizes, scoring=reconstruction_r2_scorer).fit(X)
    >>> search.best_params_
    {'n_components': 2}
    >>> round(neg_reconstruction_error_scorer(search.best_estimator_, X), 4)
    -0.0253
    """

    def __init__(self, metric, sign):
        super().__init__(metric, sign, kwargs={}, response_method="transform")

    def __call__(self, estimator, X, y_true=None, **params):
        return self._score(None, estimator, X, **params)

    def _score(self, method_caller, estimator, X, y_true=None, **params):
        return self._sign * self._score_func(estimator, X, **params)

    def __repr__(self):
        sign = "-" if self._sign < 0 else ""
        return f"<scorer: {sign}{self._score_func.__name__}>"


#: Scorer ``(estimator, X, y=None, *, sample_weight=None)``: minus the reconstruction
#: error, so that greater is better.
neg_reconstruction_error_scorer = _ReconstructionScorer(reconstruction_error, sign=-1)
#: Scorer ``(estimator, X, y=None, *, sample_weight=None)``: the reconstruction's R^2.
reconstruction_r2_scorer = _ReconstructionScorer(reconstruction_r2, sign=1)
