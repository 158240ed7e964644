"""The anchored recipe: what to hold out, how long to train, and when to keep PCA.

A :class:`AnchoredFit` takes rows and settings and fits a model that held-out rows found
better than PCA, or PCA itself.
"""

import math
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from skae._data.dataset import Dataset
from skae._data.deduplication import count_distinct, deduplicate, hash_rows
from skae._data.splitting import MAX_VALIDATION_ROWS, train_validation_split
from skae._data.statistics import column_statistics
from skae._model.fitted import FittedModel
from skae._model.objective import OutputScale
from skae._nn.modules.architecture import ModuleArchitecture
from skae._pca.anchor import fit_anchor
from skae._pca.decomposition import eigendecompose
from skae._pca.explained_variance import pca_squared_errors
from skae._pca.probabilistic import to_probabilistic
from skae._training.loop import History
from skae._training.trainer import Trainer

from .config import SMALL, FitConfig, make_plan
from .n_components import DEFAULT_SHARE, explained_variance_curve
from .postprocessing import with_decoder_range, with_whitening
from .selection import NetworkSelection, Report, SelectionResult, new_trainee
from .split import TrainingSplit

N_FOLDS = 5


@dataclass
class FitResult:
    """A fitted model and what its fit has seen; curves are in units of PCA's loss."""

    model: FittedModel
    device: torch.device
    n_iter: int = 0
    best_step: int = 0
    pca_loss: float = math.nan
    ratio: float = 1.0
    shares: np.ndarray = field(default_factory=lambda: np.empty(0))
    steps: list[int] = field(default_factory=list)
    training: list[float] = field(default_factory=list)
    validation: list[float] = field(default_factory=list)
    diverged: bool = False
    interrupted: bool = False


def _no_report(*_: object) -> bool:
    return False


def pca_model(rows: Dataset, k: int | None, settings: FitConfig) -> FittedModel:
    """Return PCA of all rows; k None takes what the share that is asked for needs."""
    stats = column_statistics(rows)
    found = eigendecompose(rows, stats.mean, k, seed=settings.seed)
    k = k or found.count_for(float(settings.n_components or DEFAULT_SHARE))
    anchor = fit_anchor(rows, stats, found, k)
    if settings.probabilistic:
        anchor = to_probabilistic(anchor, rows)
    return FittedModel(
        anchor, OutputScale.of(settings.loss, [anchor]), code=settings.kind
    )


class AnchoredFit:
    """A fit that is ready to run.

    Parameters
    ----------
    rows : Dataset
        Finite rows with positive weights.
    settings : FitConfig
        Parameters; what is None is chosen here.
    start : FittedModel or None, default=None
        A model to go on from.

    Attributes
    ----------
    n_reports : int
        How often :meth:`fit` reports at the most.
    """

    def __init__(
        self, rows: Dataset, settings: FitConfig, start: FittedModel | None = None
    ) -> None:
        hashes = hash_rows(rows, settings.seed)
        n_distinct = count_distinct(hashes)
        if n_distinct < SMALL:
            rows, _ = deduplicate(rows, hashes)
            hashes = np.unique(hashes)
        if start is not None and start.architecture is not None:
            hidden = getattr(start.architecture, "hidden", None)
            settings = replace(settings, hidden=hidden, layerwise=False)
            start = replace(start, whitening=None, box=None)
        self._rows, self._hashes, self._start = rows, hashes, start
        self._settings = settings.resolve(n_distinct, rows.n_features)
        if settings.factory is not None and self._size is not None:
            k, outputs = self._size, settings.kind.outputs(self._size)
            sizes = ModuleArchitecture(
                rows.n_features, k, settings.factory, outputs=outputs
            )
            sizes.shapes()  # modules that do not fit raise here
        self._folded = n_distinct < SMALL and start is None and settings.early_stopping
        checks = make_plan(self._settings).checks
        self.n_reports = 2 * checks if self._folded else checks

    def fit(self, report: Report = _no_report) -> FitResult:
        """Fit.

        Parameters
        ----------
        report : callable
            Called after each measurement with the phase, the step, the training loss,
            the held-out loss and a function that returns the model so far; a true
            answer ends the phase.
        """
        settings, rows = self._settings, self._rows
        if not settings.early_stopping:
            outcome = self._fit_plainly(report)
        elif not self._folded:
            outcome = self._fit_split(report)
        elif len(rows) >= 2 * N_FOLDS:
            outcome = self._fit_folds(report)
        elif settings.linear:
            outcome = self._fit_pca(self._size)
        else:
            outcome = self._fit_plainly(report)
        sample = rows.sample(MAX_VALIDATION_ROWS, settings.seed)
        outcome.model = with_decoder_range(outcome.model, sample, settings.device)
        if outcome.model.weights is not None and self._has_background:
            k = outcome.model.n_components
            background = pca_model(rows, k, settings).anchor
            outcome.model = replace(outcome.model, background=background)
        if settings.whiten:
            outcome.model = with_whitening(outcome.model, rows, settings.device)
        return outcome

    @property
    def _has_background(self) -> bool:
        """Whether a density leaves some rows to PCA."""
        return self._settings.linear and self._settings.loss == "normal"

    @property
    def _size(self) -> int | None:
        """The number of codes, if it is asked for as such."""
        asked = self._settings.n_components
        return asked if isinstance(asked, int) else None

    def _outcome(self, model: FittedModel, result: SelectionResult) -> FitResult:
        seen = result.history
        return FitResult(
            model=model,
            device=self._settings.device,
            n_iter=seen.n_steps,
            best_step=result.best_step,
            pca_loss=result.pca_loss,
            ratio=result.ratio,
            shares=result.shares,
            steps=seen.steps,
            training=seen.training[1:],
            validation=seen.validation,
            diverged=seen.diverged,
            interrupted=seen.interrupted,
        )

    def _fit_pca(self, k: int | None) -> FitResult:
        """Return PCA: it is exact, or there are too few rows to hold any out."""
        model = pca_model(self._rows, k, self._settings)
        spread, errors = pca_squared_errors(self._rows, model.anchor)
        shares = np.array([spread.share(row) for row in errors])
        return FitResult(model, self._settings.device, shares=shares)

    def _fit_split(self, report: Report) -> FitResult:
        """Hold out some rows once; train on the others."""
        settings, rows = self._settings, self._rows
        hashes, self._hashes = self._hashes, np.empty(0, dtype=np.uint64)
        parts = train_validation_split(rows, hashes, settings.validation_fraction)
        del hashes  # eight bytes a row that training need not keep
        fold = TrainingSplit(rows.pick(parts[0]), rows.pick(parts[1]), settings)
        result, model = self._contend(fold, report)
        return self._outcome(model or pca_model(rows, result.k, settings), result)

    def _contend(
        self, fold: TrainingSplit, report: Report
    ) -> tuple[SelectionResult, FittedModel | None]:
        """Return what a contest found and the model to keep, None for PCA.

        What the contest held in memory is gone before PCA is fitted to all rows.
        """
        contest = NetworkSelection([fold], self._settings, self._start)
        result = contest.run(report)
        if result.accepted:
            return result, contest.trainee.model().head(result.k)
        return result, self._start

    def _fit_folds(self, report: Report) -> FitResult:
        """Choose the number of steps by folds that are trained as one stack; refit."""
        settings, rows = self._settings, self._rows
        if settings.n_components is None:
            size = pca_model(rows, None, settings).n_components
            settings = replace(settings, n_components=size)
        label = np.arange(len(rows)) * N_FOLDS // len(rows)
        folds = [
            TrainingSplit(
                rows.pick(np.flatnonzero(label != i)),
                rows.pick(np.flatnonzero(label == i)),
                settings,
            )
            for i in range(N_FOLDS)
        ]
        contest = NetworkSelection(folds, settings)
        result = contest.run(report)
        if not result.accepted:
            return self._outcome(pca_model(rows, result.k, settings), result)
        if result.history.interrupted:
            # No more training: the first fold's network has seen most rows.
            return self._outcome(contest.trainee.model().head(result.k), result)
        trainee, final = self._train_all(
            contest.k, report, stop=result.history.best_step
        )
        if settings.linear:
            trainee.scale_correction(trainee.params.flat.clone(), result.factor)
        outcome = self._outcome(trainee.model().head(result.k), result)
        outcome.n_iter += final.n_steps
        outcome.diverged |= final.diverged
        outcome.interrupted |= final.interrupted
        return outcome

    def _fit_plainly(self, report: Report) -> FitResult:
        """Train for all steps on all rows."""
        settings, rows = self._settings, self._rows
        trainee, seen = self._train_all(self._size, report, stop=settings.n_steps)
        if settings.linear and trainee.anchors[0].explained:
            return self._fit_pca(len(trainee.anchors[0].components))
        model = trainee.model()
        held = trainee.hold([rows.sample(MAX_VALIDATION_ROWS, settings.seed)])
        shares = explained_variance_curve(trainee, held, model.n_components)
        k, last = model.n_components, seen.best_step
        result = SelectionResult(True, math.nan, k, shares, 1.0, seen, last)
        return self._outcome(model, result)

    def _train_all(
        self, k: int | None, report: Report, stop: int | None
    ) -> tuple[Trainer, History]:
        """Train on all rows for a given number of steps."""
        settings, rows, start = self._settings, self._rows, self._start
        if start is not None:
            trainee = new_trainee([start.anchor], settings, start.units)
            trainee.params.load(start.weights or {})
        else:
            fold = TrainingSplit(rows, rows, replace(settings, n_components=k))
            k = k or fold.found.count_for(float(settings.n_components or DEFAULT_SHARE))
            trainee = new_trainee([fold.anchor(k, linear=settings.linear)], settings)
        if settings.linear and trainee.anchors[0].explained:
            return trainee, History()

        def shown(loss: float) -> float:
            return trainee.units.shown(loss, rows.n_features)

        history = trainee.run(
            [rows],
            make_plan(settings, stop=stop),
            batch_size=min(settings.batch_size or 1, len(rows)),
            report=lambda t, a, b: report("train", t, shown(a), b, trainee.model),
        )
        history.training = [shown(loss) for loss in history.training]
        return trainee, history
