"""Networks against PCA: trained on some rows, compared on the others."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from skae._model.fitted import FittedModel
from skae._model.objective import OutputScale
from skae._nn.architecture import DenseArchitecture
from skae._nn.latents.base import PlainLatent
from skae._nn.modules.architecture import ModuleArchitecture
from skae._pca.anchor import Anchor
from skae._pca.explained_variance import SquaredErrors, pca_squared_errors
from skae._pca.probabilistic import mixture_log_density
from skae._training.loop import History
from skae._training.trainer import Trainer

from .config import FitConfig, make_plan
from .n_components import (
    DEFAULT_SHARE,
    GUARD_VALUES,
    explained_variance_curve,
    smallest_satisfying,
)
from .split import TrainingSplit

LOST = 700.0  # nats a column beyond which a likelihood's ratio is just huge
ROUNDING = 1e-9  # loss below which PCA is exact: the unit of losses is about one
FACTORS = (0.25, 0.5, 0.75)
Report = Callable[[str, int, float, float | None, Callable[[], FittedModel]], bool]


def new_trainee(
    anchors: Sequence[Anchor], settings: FitConfig, units: OutputScale | None = None
) -> Trainer:
    """Return untrained networks over these anchors."""
    k, d = anchors[0].components.shape
    units = units or OutputScale.of(settings.loss, anchors)
    outputs, noise = settings.kind.outputs(k), units.loss == "normal"
    if settings.factory is not None:
        architecture = ModuleArchitecture(
            d, k, settings.factory, settings.linear, outputs, noise, settings.seed
        )
    else:
        hidden, phi = settings.hidden or (), settings.activation
        architecture = DenseArchitecture(
            d, k, hidden, phi, settings.linear, outputs, noise
        )
    return Trainer(anchors, architecture, units, settings)


@dataclass
class SelectionResult:
    """What a contest found.

    Attributes
    ----------
    accepted : bool
        Whether the networks are better than PCA.
    ratio : float
        Their held-out loss over PCA's; 1 where PCA is kept.
    k : int
        Number of codes to keep.
    shares : ndarray of shape (k,)
        Share of the held-out variance that the first m codes explain.
    factor : float
        What the corrections are multiplied with.
    history : History
        The curves, in units of PCA's held-out loss.
    best_step : int
        Step of the networks that are kept; 0 for PCA, and for those that were there.
    pca_loss : float
        Loss of PCA in the unit of the curves, NaN if it is exact or no rows were held
        out.
    """

    accepted: bool
    ratio: float
    k: int
    shares: np.ndarray
    factor: float
    history: History
    best_step: int = 0
    pca_loss: float = math.nan


class NetworkSelection:
    """Networks, one for each fold, against PCA on the rows held out from each.

    Parameters
    ----------
    folds : sequence of TrainingSplit
        Their training rows are equally many, or nearly.
    settings : FitConfig
        Resolved settings.
    start : FittedModel or None
        A model to go on from; it is then the one to beat.

    Attributes
    ----------
    k : int
        Number of codes in training.
    trainee : Trainer
        The networks.
    """

    def __init__(
        self,
        folds: Sequence[TrainingSplit],
        settings: FitConfig,
        start: FittedModel | None = None,
    ) -> None:
        self._folds, self._settings, self._start = folds, settings, start
        self.k = self._count() if start is None else start.n_components
        anchors = [f.anchor(self.k, linear=settings.linear) for f in folds]
        if start is not None:
            anchors = [start.anchor]
        self.trainee = new_trainee(anchors, settings, start and start.units)
        if start is not None:
            self.trainee.params.load(start.weights or {})
        self._held = self.trainee.hold([fold.held for fold in folds])
        self._weight = self._held.weight.ravel()
        self._pca = self._pca_losses(self.k)
        self._scale = self._mean(self._pca)

    def _mean(self, rows: np.ndarray) -> float:
        return float(np.average(rows, weights=self._weight))

    def _count(self) -> int:
        """Return the number of codes to train: what is asked for, or what PCA needs."""
        asked = self._settings.n_components
        if isinstance(asked, int):
            return asked
        if asked is None:
            return self._folds[0].found.count_for(DEFAULT_SHARE)
        rank = min(len(fold.found.variances) for fold in self._folds)
        held, errors = self._pca_errors(rank)
        known = max(fold.found.count_for(asked) for fold in self._folds)
        new = smallest_satisfying(lambda m: held.reaches(errors[m - 1], asked), rank)
        return min(max(known, new), rank)

    def _pca_errors(self, k: int) -> tuple[SquaredErrors, np.ndarray]:
        parts = [pca_squared_errors(f.held, f.anchor(k)) for f in self._folds]
        spread = SquaredErrors(
            np.concatenate([held.base for held, _ in parts]),
            np.concatenate([held.weight for held, _ in parts]),
        )
        return spread, np.concatenate([errors for _, errors in parts], axis=1)

    def _pca_losses(self, k: int) -> np.ndarray:
        """Return the loss of PCA with k components on each held-out row."""
        trainee, settings = self.trainee, self._settings
        if settings.linear:
            now = trainee.params.flat.clone()
            trainee.scale_correction(now, 0.0)
            losses = trainee.measure(self._held, k)()
            trainee.params.flat.copy_(now)
            return losses
        if trainee.units.loss == "bernoulli":
            return self._independent_losses()
        k = min(k, *(len(f.found.variances) for f in self._folds))
        anchors = [fold.anchor(k) for fold in self._folds]
        plain = replace(
            settings,
            linear=True,
            hidden=(),
            factory=None,
            contraction=0.0,
            code=settings.kind if settings.probabilistic else None,
        )
        pca = new_trainee(anchors, plain, trainee.units)
        return pca.measure(pca.hold([fold.held for fold in self._folds]))()

    def _independent_losses(self) -> np.ndarray:
        """Return the loss of independent columns on each held-out row."""
        trainee = self.trainee
        simple = replace(self._settings, hidden=(), factory=None, code=PlainLatent())
        none = new_trainee(trainee.anchors, simple, trainee.units)
        none.params.flat.zero_()  # the head's mean is all that is left
        return none.measure(none.hold([fold.held for fold in self._folds]))()

    def run(self, report: Report) -> SelectionResult:
        """Train, and say what the held-out rows say."""
        settings, trainee = self._settings, self.trainee
        explained = all(anchor.explained for anchor in trainee.anchors)
        if settings.linear and (explained or self._scale <= 0):
            return self._keep_pca(History())
        phase = "train" if len(self._folds) == 1 else "cross-validate"
        shown = self._shown
        history = trainee.run(
            [fold.part for fold in self._folds],
            make_plan(settings, settings.tolerance * self._scale),
            batch_size=min(
                settings.batch_size or 1, *(len(f.part) for f in self._folds)
            ),
            held=self._held,
            judged=self._judged,
            report=lambda t, a, b: report(
                phase, t, shown(a), None if b is None else shown(b), trainee.model
            ),
        )
        history.training = [shown(value) for value in history.training]
        history.validation = [shown(value) for value in history.validation]
        start = self._pca if self._start is None else history.start_rows
        best = history.best_rows
        if best is None:  # interrupted before it began
            best = self._judged(trainee.measure(self._held)())
        assert best is not None
        assert start is not None
        factor = 1.0
        if settings.linear and self._start is None:
            best, factor = self._shrink(best)
        k, pca = self.k, self._pca
        if isinstance(settings.n_components, float) and self._start is None:
            k = self._fewest(settings.n_components)
            best = trainee.measure(self._held, k)()
            start = pca = self._pca_losses(k)
        demanded = 2.0 if settings.tiny else 1.0
        better = improves_significantly(start, best, self._weight, demanded)
        if settings.linear and not better and self._start is None:
            return self._keep_pca(history)
        best_step = history.best_step
        if self._start is not None and not better:
            trainee.params.load(self._start.weights or {})
            best, best_step = start, 0
        return SelectionResult(
            accepted=True,
            ratio=self._ratio(self._mean(best), self._mean(pca)),
            k=k,
            shares=explained_variance_curve(trainee, self._held, self.k)[:k],
            factor=factor,
            history=history,
            best_step=best_step,
            pca_loss=self._level,
        )

    def _judged(self, losses: np.ndarray) -> np.ndarray:
        """Return the held-out rows' losses; of a density, with its background."""
        if self._settings.linear and self.trainee.units.loss == "normal":
            return mixture_log_density(losses, self._pca)
        return losses

    def _shown(self, loss: float) -> float:
        """Return a loss in PCA's, a negative log-likelihood in nats for each column."""
        scale = self._scale if self._scale > ROUNDING else 1.0
        d = self.trainee.architecture.n_features
        return self.trainee.units.shown(loss, d, scale)

    @property
    def _level(self) -> float:
        """Return PCA's loss as it is shown, NaN where PCA is exact and no unit."""
        known = self.trainee.units.nats or self._scale > ROUNDING
        return self._shown(self._scale) if known else math.nan

    def _ratio(self, loss: float, pca: float) -> float:
        """Return the loss over PCA's; of likelihoods, that of a column's perplexity."""
        if self.trainee.units.nats:
            gain = (pca - loss) / self.trainee.architecture.n_features
            return math.exp(-max(gain, -LOST))
        return loss / pca if pca > ROUNDING else math.nan

    def _keep_pca(self, history: History) -> SelectionResult:
        spread, errors = self._pca_errors(self.k)
        shares = np.array([spread.share(row) for row in errors])
        return SelectionResult(
            False, 1.0, self.k, shares, 0.0, history, pca_loss=self._level
        )

    def _shrink(self, best: np.ndarray) -> tuple[np.ndarray, float]:
        """Scale the corrections by what the held-out rows like best."""
        trained, factor = self.trainee.params.flat.clone(), 1.0
        measure = self.trainee.measure(self._held)
        for tried in FACTORS:
            self.trainee.scale_correction(trained, tried)
            rows = self._judged(measure())
            if self._mean(rows) < self._mean(best):
                best, factor = rows, tried
        self.trainee.scale_correction(trained, factor)
        return best, factor

    def _fewest(self, share: float) -> int:
        """Return the fewest codes that explain this share of rows to come.

        The held-out rows must say so, and so must the training rows when the network
        gets no credit for the hundredth that is farthest out: rows to come that are as
        far out are strangers to it, and reconstructed nearly as PCA does.
        """
        trainee, held = self.trainee, self._held
        rows = max(1, GUARD_VALUES // self._folds[0].part.n_features)
        seed = self._settings.seed
        known = trainee.hold([fold.part.sample(rows, seed) for fold in self._folds])
        spread, known_spread = trainee.spread(held), trainee.spread(known)
        lengths = trainee.lengths(known)
        far = lengths > np.quantile(lengths, 0.99)
        trained = trainee.params.flat.clone()

        def reached(m: int) -> bool:
            if not spread.reaches(trainee.errors(held, m), share):
                return False
            errors = trainee.errors(known, m)
            trainee.scale_correction(trained, 0.0)
            errors = np.where(far, trainee.errors(known, m), errors)
            trainee.params.flat.copy_(trained)
            return known_spread.reaches(errors, share)

        return smallest_satisfying(reached, self.k)


def improves_significantly(
    start: np.ndarray, best: np.ndarray, weight: np.ndarray, demanded: float = 1.0
) -> bool:
    """Return whether held-out losses are better, row by row, than those at the start.

    The mean gain must exceed ``demanded`` times its standard error, with Kish's
    effective number of rows where they have weights.

    References
    ----------
    Kish, L. (1965). Survey sampling. Wiley.
    """
    real = weight > 0
    weight, gain = weight[real], (start - best)[real]
    mean = np.average(gain, weights=weight)
    effective = weight.sum() ** 2 / np.square(weight).sum()
    variance = np.average(np.square(gain - mean), weights=weight)
    error = math.sqrt(variance / effective)
    return bool(mean > demanded * error)
