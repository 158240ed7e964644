"""What estimators offer: a link and a note if they are PCA; scores, a threshold."""

# scikit-learn carries no types.
# pyright: reportPrivateUsage=false

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.utils.validation import check_is_fitted

from .compat import (
    SetOutputMixin,
    VisualBlock,
    check_feature_names_in,
    check_sample_weight,
    lay_out_alike,
)
from .pipelines import active_steps, feature_names_after


class DocLinkMixin:
    """Link to the page of the class in the API reference."""

    _doc_link_module = "skae"

    @property
    def _doc_link_template(self) -> str:
        return (
            "https://skae.readthedocs.io/en/stable/api/"
            "{estimator_module}.{estimator_name}.html"
        )


class PCANoteMixin(DocLinkMixin):
    """Says in the repr and in the diagram of a fitted autoencoder if it is PCA."""

    def __repr__(self, N_CHAR_MAX: int = 700) -> str:
        """Return the parameters, and after a fit that kept PCA a comment.

        Parameters
        ----------
        N_CHAR_MAX : int, default=700
            Characters of the parameters that are shown, as in scikit-learn.

        Returns
        -------
        str
            What `eval`, of it alone, makes the unfitted estimator of.
        """
        shown: str = super().__repr__(N_CHAR_MAX)  # pyright: ignore[reportCallIssue]
        note = _pca_note(self)
        return f"{shown}  # {note}" if note else shown

    def _sk_visual_block_(self) -> VisualBlock:
        """Return what scikit-learn's diagrams show, with the note as a caption."""
        return VisualBlock(
            "single",
            self,
            names=type(self).__name__,
            name_details=str(self),
            name_caption=_pca_note(self),
        )


lay_out_alike(PCANoteMixin.__repr__, BaseEstimator.__repr__)


def _pca_note(estimator: Any) -> str | None:
    """Return why an autoencoder is PCA; None if it is not, or not fitted."""
    state = vars(estimator).get("_state", {})
    if "weights" not in state or state["weights"] is not None:
        return None
    if getattr(estimator, "curve_steps_", []):
        return "PCA was kept: no network was better on held-out samples"
    if state["anchor"]["is_exact"]:
        return "PCA was kept: it leaves nothing to learn"
    return "PCA was kept: no network was trained"


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


class ScoreThresholdMixin(OutlierMixin, SetOutputMixin, BaseEstimator):
    """Flags samples whose `score_samples` is below `offset_`."""

    offset_: float

    if TYPE_CHECKING:

        def score_samples(self, X: Any) -> np.ndarray: ...

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Offer `set_output` without a `transform`: it is for `explain`."""
        super().__init_subclass__(**kwargs)
        cls._sklearn_auto_wrap_output_keys = {"transform"}

    def decision_function(self, X):
        """Return the scores less the threshold; outliers are below zero.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples to score.

        Returns
        -------
        ndarray of shape (n_samples,)
            ``score_samples(X) - offset_``.
        """
        return self.score_samples(X) - self.offset_

    def predict(self, X):
        """Return -1 for outliers and 1 for inliers.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples to label.

        Returns
        -------
        ndarray of shape (n_samples,)
            The labels.
        """
        return np.where(self.decision_function(X) < 0, -1, 1)

    def get_feature_names_out(self, input_features=None):
        """Return the names of the features that `explain` gives.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            Names of the features, which must be those of the fit if it saw some.

        Returns
        -------
        ndarray of str
            The names of the features, "x0" and so on if there are none. With a
            pipeline as `estimator` those that its last step sees.
        """
        check_is_fitted(self)
        names = check_feature_names_in(self, input_features)
        *before, (_, model) = active_steps(getattr(self, "estimator_", self))
        names = feature_names_after(before, names)
        if names is None:
            return np.asarray([f"x{j}" for j in range(model.n_features_in_)], object)
        return names
