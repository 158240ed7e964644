"""The outlier detector."""

import warnings
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator, OutlierMixin, _fit_context, clone
from sklearn.callback import CallbackSupportMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils._set_output import _SetOutputMixin, _wrap_data_with_container
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted

from skae._data.dataset import Dataset
from skae._data.deduplication import deduplicate, hash_rows, rescale_weights
from skae._sklearn.callbacks import FitCallbacks
from skae._sklearn.docstrings import DocLinkMixin
from skae._sklearn.validation import restore_on_error, validate_table, weighted_dataset

from .calibration import (
    TIE_TOLERANCE,
    contamination_threshold,
    p_value_threshold,
    p_values,
)
from .cross_fitting import cross_fitted_scores, n_folds

if TYPE_CHECKING:
    from skae._nn.runtime import Placement
    from skae._training.loop import History

    from .fitted import FittedDetector

FLAGGED = 0.05  # share of rows like the training rows that "auto" flags
VALUES = 1 << 23  # numbers in the rows that a fit looks at
FEWEST = 1000  # rows that it looks at, however wide
MEMORY = 2000


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
        return validate_table(self, X, reset=False, unit=None)

    def _model(self) -> "tuple[FittedDetector, Placement]":
        from skae._nn.runtime import Placement, available_device

        from .fitted import FittedDetector

        where = Placement.exact(available_device(self.device))
        return FittedDetector.from_state(self._state), where

    def _quietly(self) -> Any:
        from skae._nn.runtime import gradient_mode

        return gradient_mode(autograd=False)

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


class AutoencoderOutlierDetector(DocLinkMixin, CallbackSupportMixin, DetectorMixin):
    r"""Outlier detection with denoising autoencoders and a memory.

    A denoising autoencoder :math:`r` that was trained with noise of variance
    :math:`\sigma^2` leaves a residual that is the gradient of an energy, minus the
    logarithm of the blurred density: :math:`x - r(x) = \sigma^2 \nabla E(x)`. Six of
    them learn the usual rows, a robust choice of three quarters; the residual,
    integrated on the line from the mean to a row, gives the distance
    :math:`\sqrt{2 E(x)}`, which an ideal denoiser of normal rows would make that of
    Mahalanobis. With it go distances to remembered rows: to the fifth nearest usual
    one, and to the tenth and the first nearest of all. A row is an outlier if it is far
    from the usual rows, or in a gap between rows of any kind.

    Columns need no scaling. Distances are put on one scale by what networks and
    memories say of training rows that they do not contain, which also gives p-values.

    Parameters
    ----------
    estimator : estimator or None, default=None
        Any autoencoder of skae: its `score_samples`, minus the reconstruction error or
        the log-likelihood of a `VAE`, is then the score, in the units of X (mind the
        scaling). None is the recipe above.
    memory : bool or int, default=True
        Whether to remember rows, at most 2,000 or the number given (fewer of tables
        with more than 1,000 columns). False keeps networks only: those of the usual
        rows, and six more of all rows instead of the memory. It has no meaning with an
        `estimator`.
    contamination : "auto" or float, default="auto"
        With "auto" rows are outliers whose p-value is at most 0.05, about 5 % of rows
        like the training rows, and those may hold outliers or not (below 19 distinct
        rows those twice as far from the median score as the oddest). A number in
        (0, 0.5] says that this share of the training rows is outliers: as many are
        flagged, and since outliers may be near each other, only the distance from the
        usual rows counts.
    max_samples : int, default=10000
        Rows that a fit looks at; of larger tables it is a random choice (at most
        8 million values, but 1,000 rows). More give finer p-values, for none is below
        one in that number. It has no meaning with an `estimator`.
    max_iter : int or "auto", default="auto"
        Steps of each network. "auto" is 260. It has no meaning with an `estimator`.
    n_splits : int or None, default=5
        With an `estimator`, the number of folds: each is scored by a clone fitted to
        the others, since scores of rows that a network was trained on are too good.
        None takes those, fits once, and makes p-values too small.
    random_state : int, RandomState instance or None, default=None
        Seed of all that is drawn; it is passed on to `estimator`.
    verbose : int, default=0
        Whether to print the losses at each measurement. An `estimator` brings its own.
    device : str or torch.device, default="auto"
        Where to train and to predict: "auto", "cpu", "cuda", "cuda:1", "mps". "auto" is
        CUDA where there is some, else the CPU. An `estimator` brings its own.

    Attributes
    ----------
    offset_ : float
        ``decision_function = score_samples - offset_``; rows below zero are outliers.
    estimator_ : estimator
        The fitted clone of `estimator`, if there is one.
    loss_curve_ : list of float
        Mean training loss of the networks of the usual rows between measurements.
    n_iter_ : int
        Steps that ran in all.
    device_ : str
        Where it was fitted.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, where all are strings.

    See Also
    --------
    sklearn.ensemble.IsolationForest : Cuts the table with random trees.
    sklearn.neighbors.LocalOutlierFactor : Compares densities of neighbours.

    Notes
    -----
    `score_samples` of a training row asks all networks, also those that were trained on
    it, but does not count the row as its own neighbour: of remembered rows that equal
    a row, one is taken to be the row itself.

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
    >>> bool((detector.predict(malignant) == -1).mean() > 0.7)
    True
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "estimator": [
            HasMethods(["fit", "score_samples", "reconstruct"]),
            None,
        ],
        "memory": ["boolean", Interval(Integral, 1, None, closed="left")],
        "contamination": [StrOptions({"auto"}), Interval(Real, 0, 0.5, closed="right")],
        "max_samples": [Interval(Integral, 2, None, closed="left")],
        "max_iter": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "n_splits": [Interval(Integral, 2, None, closed="left"), None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
        "device": "no_validation",
    }

    def __init__(
        self,
        estimator=None,
        *,
        memory=True,
        contamination="auto",
        max_samples=10_000,
        max_iter="auto",
        n_splits=5,
        random_state=None,
        verbose=0,
        device="auto",
    ):
        self.estimator = estimator
        self.memory = memory
        self.contamination = contamination
        self.max_samples = max_samples
        self.max_iter = max_iter
        self.n_splits = n_splits
        self.random_state = random_state
        self.verbose = verbose
        self.device = device

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y=None, sample_weight=None):
        """Fit the detector to X.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training rows, dense numbers of any type, which may hold outliers.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows; a row of weight two counts like two rows, a row of
            weight zero is left out.

        Returns
        -------
        object
            The fitted estimator.

        Raises
        ------
        ValueError
            If X has missing, infinite or huge values (the columns are named) or fewer
            than two rows.
        TypeError
            If X is sparse or holds dates.
        """
        with restore_on_error(self):
            table = validate_table(self, X, reset=True, unit=None)
            rows = weighted_dataset(table, sample_weight)
            if isinstance(self.estimator, type):
                raise TypeError(
                    f"estimator={self.estimator.__name__} is a class; pass an object "
                    f"of it, such as {self.estimator.__name__}(2)."
                )
            vars(self).pop("estimator_", None)
            own = self.estimator is None
            run = self._run_recipe if own else self._run_estimator
            fitted = run(rows, X, y, sample_weight)
        vars(self).update(fitted)
        return self

    def _run_recipe(
        self, rows: Dataset, X: Any, y: Any, sample_weight: Any
    ) -> dict[str, Any]:
        """Fit the recipe."""
        from skae._nn.runtime import Placement, resolve_device, single_thread
        from skae._sklearn.validation import draw_seed

        from .fit import DetectorFit, detector_settings

        steps = None if self.max_iter == "auto" else int(self.max_iter)
        seed, device = draw_seed(self.random_state), resolve_device(self.device)
        limit = min(int(self.max_samples), max(FEWEST, VALUES // rows.n_features))
        some = rows.sample(limit, seed)
        # So that the same numbers of another type are the same rows.
        some = Dataset(
            some.gathered().astype(np.float64, copy=False), weight=some.weight
        )
        some = rescale_weights(deduplicate(some, hash_rows(some, seed))[0], len(some))
        memory = int(self.memory)
        if isinstance(self.memory, bool | np.bool_):
            memory *= MEMORY
        settings = detector_settings(steps, seed, device)
        with single_thread():
            recipe = DetectorFit(some, memory, self._contaminated, settings)
            own: dict[str, Any] = {}
            monitor = FitCallbacks(
                self,
                lambda model: self._attributes(model) | own,
                recipe.n_reports,
                X,
                y,
                sample_weight,
            )
            model, histories = recipe.fit(monitor.report)
            if self._contaminated:
                where = Placement.exact(device)
                scores = [-model.oddness(part, where) for _, part in rows.parts()]
                own["offset_"] = self._offset(np.concatenate(scores), rows.weight)
            monitor.end(model)
        self._warn(histories)
        return {
            **self._attributes(model),
            **own,
            "loss_curve_": histories[0].training[1:],
            "n_iter_": sum(history.n_steps for history in histories),
            "device_": str(device),
        }

    def _run_estimator(
        self, rows: Dataset, X: Any, y: Any, sample_weight: Any
    ) -> dict[str, Any]:
        """Fit a clone to all rows, and others to find how it scores new ones."""
        from skae._sklearn.validation import draw_seed

        seed = draw_seed(self.random_state)
        some = rescale_weights(deduplicate(rows, hash_rows(rows, seed))[0], len(rows))
        folds = n_folds(len(some), int(self.n_splits or 0))
        root = self._init_callback_context(max_subtasks=1 + folds)
        data = {"estimator": self, "X": X, "y": X if y is None else y}
        root.call_on_fit_task_begin(**data)

        def fit(name: str, part: Dataset) -> Any:
            estimator: Any = clone(self.estimator)
            if self.random_state is not None:
                estimator.set_params(random_state=seed)
            task = root.subcontext(task_name=name)
            with task.propagate_callback_context(estimator):
                return estimator.fit(part.gathered(), sample_weight=part.weight)

        estimator = fit("all rows", rows)
        scores = estimator.score_samples(rows.gathered())
        held, weight = scores, rows.weight
        if folds:
            held = cross_fitted_scores(
                some, folds, lambda i, part: fit(f"fold {i}", part)
            )
            weight = some.weight
        fitted = {
            **self._calibrated(-held, weight),
            "estimator_": estimator,
            "loss_curve_": estimator.loss_curve_,
            "n_iter_": estimator.n_iter_,
            "device_": estimator.device_,
        }
        if self._contaminated:
            fitted["offset_"] = self._offset(scores, rows.weight)
        root.call_on_fit_task_end(**data, reconstruction_attributes=lambda: fitted)
        return fitted

    @property
    def _contaminated(self) -> bool:
        return self.contamination != "auto"

    def _offset(self, scores: np.ndarray, weight: np.ndarray | None) -> float:
        """Return the score below which the asked share of the training rows is."""
        return contamination_threshold(scores, weight, float(self.contamination))

    def _attributes(self, model: "FittedDetector") -> dict[str, Any]:
        """Return the attributes without which a fitted detector cannot work."""
        return self._calibrated(model.calibration, model.weight) | {
            "_state": model.state()
        }

    def _calibrated(self, odd: np.ndarray, weight: np.ndarray | None) -> dict[str, Any]:
        """Return the threshold of "auto", and what p-values are made of."""
        # A rounding error beyond the fence is not beyond it.
        offset = -p_value_threshold(odd, weight, FLAGGED)
        offset -= TIE_TOLERANCE * max(abs(offset), 1.0)
        return {"offset_": offset, "_state": {"calibration": odd, "weight": weight}}

    @staticmethod
    def _warn(histories: "list[History]") -> None:
        for trouble, what in (
            ("interrupted", "Training was interrupted; the networks so far are kept."),
            (
                "diverged",
                "Training diverged; the networks before that are kept. Look for "
                "extreme values in X.",
            ),
        ):
            if any(getattr(history, trouble) for history in histories):
                warnings.warn(what, ConvergenceWarning, stacklevel=5)
