"""The outlier detector."""

from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.callback import CallbackSupportMixin
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from skae._sklearn.calls import computes, restore_on_error
from skae._sklearn.compat import (
    HasMethods,
    Interval,
    StrOptions,
    fit_context,
    wrap_in_container,
)
from skae._sklearn.mixins import DocLinkMixin, ScoreThresholdMixin
from skae._sklearn.modules import set_module
from skae._sklearn.pipelines import call_method
from skae._sklearn.tables import weighted_dataset
from skae._sklearn.validation import validate_table
from skae._sklearn.warnings import available_device

from .calibration import p_values

METHODS = ["fit", "score_samples", "reconstruct"]  # of an autoencoder


@set_module("skae")
class AutoencoderOutlierDetector(
    DocLinkMixin, CallbackSupportMixin, ScoreThresholdMixin
):
    r"""Outlier detection with denoising autoencoders and nearest neighbors.

    A denoising autoencoder :math:`r` that was trained with noise of variance
    :math:`\sigma^2` leaves a residual that is the gradient of an energy, minus the
    logarithm of the blurred density: :math:`x - r(x) = \sigma^2 \nabla E(x)`. Six of
    them are trained on the inliers, a robust choice of three quarters of the samples;
    the residual, integrated on the line from the mean to a sample, gives the distance
    :math:`\sqrt{2 E(x)}`, which for an ideal denoiser of normally distributed samples
    is that of Mahalanobis. It is combined with distances to stored samples: to the
    fifth nearest inlier, and to the tenth and the first nearest of all. A sample is an
    outlier if it is far from the inliers, or in a gap between samples of any kind.

    Features need no scaling; times powers of two they give the same scores. Distances
    are put on one scale by what networks and stored samples say of training samples
    they were not fitted to, which also gives p-values.

    Parameters
    ----------
    estimator : estimator or None, default=None
        Any autoencoder of skae: its `score_samples`, minus the reconstruction error or
        the log-likelihood of a `VAE`, is then the score, in units of X. A pipeline that
        ends in one may scale the features first. None is the ensemble above.
    memory : bool or int, default=True
        Whether to store training samples, at most 2,000 or the number given (fewer of
        tables with more than 1,000 features). False uses networks only: those of the
        inliers, and six more of all samples. Ignored with an `estimator`.
    contamination : "auto" or float, default="auto"
        With "auto" samples are outliers whose p-value is at most 0.05, about 5 % of
        samples like the training samples, whether these hold outliers or not (below 19
        distinct samples those twice as far from the median score as the most extreme
        one). A number in (0, 0.5] is the share of outliers among the training samples:
        at most as many are flagged, fewer if scores are tied, and since outliers may be
        near each other, only the distance from the inliers counts.
    max_samples : int, default=10000
        Samples that are used for fitting; of larger tables it is a random choice (at
        most 8 million values, but 1,000 samples). More give finer p-values, for none is
        below one in that number. Ignored with an `estimator`.
    max_iter : int or "auto", default="auto"
        Steps of each network. "auto" is 260. Ignored with an `estimator`.
    n_splits : int or None, default=5
        With an `estimator`, the number of folds: each is scored by a clone fitted to
        the others, since scores of samples that a network was trained on are
        optimistically biased. None uses those, fits once, and makes p-values too small.
    random_state : int, RandomState instance or None, default=None
        Seed of all random numbers; it is passed on to `estimator`.
    verbose : int, default=0
        Whether to print the losses at each evaluation. An `estimator` has its own.
    device : str or torch.device, default="auto"
        Where to train and to predict: "auto", "cpu", "cuda", "cuda:1", "mps". "auto" is
        CUDA if available, else the CPU. An `estimator` has its own.

    Attributes
    ----------
    offset_ : float
        Threshold of `score_samples`; samples below it are outliers.
    estimator_ : estimator
        The fitted clone of `estimator`, if there is one.
    loss_curve_ : list of float
        Mean training loss of the inliers' networks between evaluations.
    n_iter_ : int
        Total number of steps.
    device_ : str
        Device of the fit.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, if all are strings.

    See Also
    --------
    sklearn.ensemble.IsolationForest : Isolates samples with random trees.
    sklearn.neighbors.LocalOutlierFactor : Compares densities of neighbors.

    Notes
    -----
    `score_samples` of a training sample uses all networks, also those that were trained
    on it, but the sample is not its own neighbor: of stored samples that equal a
    sample, one is taken to be the sample itself.

    References
    ----------
    Vincent, P. (2011). A connection between score matching and denoising autoencoders.
    Neural Computation 23, 1661-1674.

    Vovk, V., Gammerman, A. and Shafer, G. (2005). Algorithmic learning in a random
    world. Springer.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from skae import AutoencoderOutlierDetector
    >>> X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    >>> benign, malignant = X[y == 1], X[y == 0]
    >>> detector = AutoencoderOutlierDetector(random_state=0).fit(benign[:250])
    >>> bool((detector.predict(benign[250:]) == -1).mean() < 0.2)
    True
    >>> from scipy.stats import false_discovery_control
    >>> adjusted = false_discovery_control(detector.p_values(malignant))
    >>> bool((adjusted <= 0.1).mean() > 0.5)
    True
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "estimator": [HasMethods(METHODS), Pipeline, None],
        "memory": ["boolean", Interval(Integral, 1, None, closed="left")],
        "contamination": [StrOptions({"auto"}), Interval(Real, 0, 0.5, closed="right")],
        "max_samples": [Interval(Integral, 2, None, closed="left")],
        "max_iter": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "n_splits": [Interval(Integral, 2, None, closed="left"), None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
        "device": "no_validation",
    }

    estimator_: Any
    _state: dict[str, Any]

    def __init__(
        self, estimator=None, *, memory=True, contamination="auto", max_samples=10_000,
        max_iter="auto", n_splits=5, random_state=None, verbose=0, device="auto",
    ):  # fmt: skip
        self.estimator = estimator
        self.memory = memory
        self.contamination = contamination
        self.max_samples = max_samples
        self.max_iter = max_iter
        self.n_splits = n_splits
        self.random_state = random_state
        self.verbose = verbose
        self.device = device

    @restore_on_error
    @fit_context(prefer_skip_nested_validation=False)
    @computes
    def fit(self, X, y=None, sample_weight=None, *, groups=None):
        """Fit the detector to X.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training samples, dense numbers of any type, which may hold outliers.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples; weight two counts like two samples, zero leaves one
            out.
        groups : array-like of shape (n_samples,), default=None
            Labels of samples that depend on each other; p-values are for new groups.

        Returns
        -------
        object
            The fitted estimator.

        Raises
        ------
        ValueError
            If X has missing, infinite or huge values (the columns are named) or fewer
            than two samples, or if groups are of no use.
        TypeError
            If X is sparse or holds dates.
        """
        from .cross_fitting import fit_estimator
        from .fit import fit_detector

        data = weighted_dataset(self._table(X, reset=True), sample_weight, groups)
        vars(self).pop("estimator_", None)
        fit = fit_detector if self.estimator is None else fit_estimator
        fitted = fit(self, data, X, y, sample_weight)
        vars(self).update(fitted)
        return self

    def _table(self, X: Any, *, reset: bool = False) -> np.ndarray:
        if not reset:
            check_is_fitted(self)
        return validate_table(self, X, reset=reset, unit_interval_for=None)

    def _call(self, method: str, table: np.ndarray) -> np.ndarray:
        """Call a method of the fitted model, which is built once for each thread."""
        from skae._model.inference import build_once
        from skae._nn.runtime import Placement, single_thread

        from .fitted import FittedDetector

        placement, state = Placement.exact(available_device(self.device)), self._state
        model = build_once(self, state, None, lambda: FittedDetector.from_state(state))
        with single_thread():
            return getattr(model, method)(table, placement)

    @computes
    def score_samples(self, X):
        """Return how normal samples are; lower is more anomalous.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples to score.

        Returns
        -------
        ndarray of shape (n_samples,)
            About 0 for a typical training sample, -1 at the edge of the most anomalous
            tenth or so, unbounded below. With an `estimator`, its own scores.
        """
        table = self._table(X)
        if hasattr(self, "estimator_"):
            return call_method(self.estimator_, "score_samples", table)
        return -self._call("anomaly_scores", table)

    def p_values(self, X):
        """Return how likely as anomalous a sample would be if it were an inlier.

        Of new samples like the training samples, about a share a has a p-value of at
        most a. ``scipy.stats.false_discovery_control`` turns p-values into adjusted
        ones: of the samples whose adjusted value is at most 0.1, at most about one in
        ten is no outlier.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples that the detector was not fitted to.

        Returns
        -------
        ndarray of shape (n_samples,)
            ``(1 + k) / (n + 1)``, where k of n training samples are as anomalous to
            what was fitted without them (Bates et al., 2023; Vovk et al., 2005).

        References
        ----------
        Bates, S., Candes, E., Lei, L., Romano, Y. and Sesia, M. (2023). Testing for
        outliers with conformal p-values. Annals of Statistics 51, 149-178.
        """
        scores = -self.score_samples(X)
        return p_values(scores, self._state["calibration"], self._state["weight"])

    @computes
    def explain(self, X):
        """Return how much each feature contributes to a sample's anomaly.

        A feature counts as far as its value is from what is expected from the others:
        by networks, for which the two features that are farthest off are first replaced
        by what is expected of them, so that they do not affect others, and by the
        stored samples that are most like the sample but for two features.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples to explain.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            Non-negative contributions that sum to the sample's distance by the networks
            (about one for a typical sample); with an `estimator` to the mean squared
            error of its reconstruction, of the features that a pipeline's last step
            sees. After ``set_output(transform="pandas")``, or "polars", a frame.
        """
        table = self._table(X)
        if hasattr(self, "estimator_"):
            from .cross_fitting import contributions

            shares = contributions(self.estimator_, table)
        else:
            shares = self._call("explain", table)
        return wrap_in_container("transform", shares, X, self)
