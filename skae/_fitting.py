"""The anchored recipe: what to hold out, how long to train, and when to keep PCA.

``fit_model`` takes rows and settings and returns a model that held-out rows found
better than PCA, or PCA itself.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from ._anchor import NEGLIGIBLE, Anchor, basis, fit_anchor, spectrum
from ._model import Codec, Model, Units, boxed
from ._network import Architecture
from ._rows import Rows, distinct, moments, row_hashes
from ._trainee import Held, Trainee
from ._training import History, Plan

SMALL = 600  # distinct rows below which folds choose the number of steps
WIDE_ROWS, WIDE_FEATURES = 4000, 256  # from which a larger network pays
TINY = 300  # distinct rows below which the gate asks for two standard errors
N_FOLDS = 5
MAX_HELD = 2000
NESTED_RATE = 0.2
DEFAULT_SHARE = 0.95
FACTORS = (0.25, 0.5, 0.75)


@dataclass(frozen=True)
class Settings:
    """Parameters of a fit; None means that the recipe chooses."""

    n_components: int | float | None = None
    hidden: tuple[int, ...] | None = None
    activation: str = "silu"
    linear: bool = True
    loss: str = "squared_error"
    whiten: bool = False
    alpha: float = 1e-2
    rate: float | None = None
    batch_size: int | None = None
    n_steps: int | None = None
    early_stopping: bool = True
    validation_fraction: float = 0.1
    patience: int | None = None
    tolerance: float = 1e-4
    seed: int = 0
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    tiny: bool = False

    def resolve(self, n_rows: int, n_features: int) -> "Settings":
        """Fill in the recipe's choices for this many distinct rows and columns."""
        if n_rows < SMALL:
            hidden, rate, n_steps = (128, 64), 2e-3, 600
        elif n_rows < WIDE_ROWS or n_features < WIDE_FEATURES:
            hidden, rate, n_steps = (256, 128), 4e-3, 2000
        else:
            hidden, rate, n_steps = (512, 256), 3e-3, 3000
        growth = max(1.0, (n_rows / 50_000) ** 0.5)
        n_steps = self.n_steps or int(n_steps * growth)
        return replace(
            self,
            tiny=n_rows < TINY,
            hidden=hidden if self.hidden is None else self.hidden,
            rate=self.rate or rate,
            batch_size=self.batch_size or 128,
            n_steps=n_steps,
            patience=self.patience or max(100, int(0.3 * n_steps)),
        )

    @property
    def nested(self) -> float:
        """Share of the rows that are cut in training."""
        return NESTED_RATE if isinstance(self.n_components, float) else 0.0


@dataclass
class Outcome:
    """A fitted model and what its fit has seen."""

    model: Model
    n_iter: int = 0
    ratio: float = 1.0
    shares: np.ndarray = field(default_factory=lambda: np.empty(0))
    training: list[float] = field(default_factory=list)
    validation: list[float] = field(default_factory=list)
    diverged: bool = False
    interrupted: bool = False
    device: torch.device | None = None


@dataclass
class Verdict:
    """What held-out rows say of a network: its loss over PCA's, and whether to keep it."""

    ratio: float
    accepted: bool


def judge(
    start: np.ndarray, best: np.ndarray, weight: np.ndarray, demanded: float = 1.0
) -> Verdict:
    """Compare held-out losses row by row with those at step 0.

    The mean gain must exceed ``demanded`` times its standard error, with Kish's
    effective number of rows where they have weights.

    References
    ----------
    Kish, L. (1965). Survey sampling. Wiley.
    """
    real = weight > 0
    weight, gain = weight[real], (start - best)[real]
    base = np.average(start[real], weights=weight)
    if base <= 0:
        return Verdict(1.0, False)
    mean = np.average(gain, weights=weight)
    effective = weight.sum() ** 2 / np.square(weight).sum()
    variance = np.average(np.square(gain - mean), weights=weight)
    error = math.sqrt(variance / effective)
    return Verdict(float(1 - mean / base), bool(mean > demanded * error))


def split(
    rows: Rows, hashes: np.ndarray, fraction: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return positions of training and held-out rows; equal rows stay together.

    About ``fraction`` of the weight is held out, at most 2,000 rows' worth. Rows that
    come more often than usual stay in training: held out with all their copies, they
    would be strangers to the network, which no new row like them is.
    """
    value, group = np.unique(hashes, return_inverse=True)
    mass = np.bincount(group, weights=rows.weight)
    usual = mass <= 1.5 * np.median(mass)
    goal = min(fraction, MAX_HELD / len(rows)) * mass.sum()
    held = usual & (np.cumsum(np.where(usual, mass, 0.0)) <= goal * (1 + 1e-9))
    if not held.any():
        held[np.argmax(usual)] = True
    picked = held[group]
    return np.flatnonzero(~picked), np.flatnonzero(picked)


def pca_shares(rows: Rows, anchor: Anchor) -> np.ndarray:
    """Return the share of the variance that the first m components explain, m = 1..k."""
    total, parts = 0.0, np.zeros(len(anchor.components))
    components = torch.from_numpy(anchor.components.T.copy())
    for at, chunk in rows.chunks():
        weight = rows.weights()[at]
        centred = torch.from_numpy(chunk - anchor.mean)
        total += float(weight @ np.square(centred.numpy()).sum(1))
        parts += weight @ np.square((centred @ components).numpy())
    return np.cumsum(parts) / total if total > 0 else np.ones(len(parts))


def _lengths(k: int) -> list[int]:
    """Return up to 32 numbers of codes from 1 to k, dense at the small ones."""
    return sorted({*range(1, min(k, 12) + 1), *np.geomspace(1, k, 20).astype(int), k})


def network_shares(trainee: Trainee, held: Held, k: int) -> np.ndarray:
    """Return the share that the first m codes explain, m = 1 .. k (interpolated)."""
    few = replace(held, batches=held.batches[:1])
    lengths = _lengths(k)
    return np.interp(np.arange(1, k + 1), lengths, trainee.explained(few, lengths))


def fewest(share_of: Callable[[int], float], share: float, k: int) -> int:
    """Return the fewest codes whose share is at least ``share``, by bisection."""
    low, high = 1, k
    while low < high:
        middle = (low + high) // 2
        if share_of(middle) >= share:
            high = middle
        else:
            low = middle + 1
    return low


Report = Callable[[str, int, float, float | None, Callable[[], Model]], bool]


def _no_report(*_: object) -> bool:
    return False


def pca_model(rows: Rows, k: int | None, settings: Settings) -> Model:
    """Return PCA of all rows, with as many components as explain 95 % if k is None."""
    stats = moments(rows)
    found = spectrum(rows, stats.mean, k, seed=settings.seed)
    k = found.count_for(DEFAULT_SHARE) if k is None else k
    anchor = fit_anchor(rows, stats, found, k)
    return Model(anchor, Units.of(settings.loss, [anchor.residual]))


def _new_trainee(
    anchors: list[Anchor], settings: Settings, units: Units | None = None
) -> Trainee:
    d, k = len(anchors[0].mean), len(anchors[0].components)
    assert settings.hidden is not None
    return Trainee(
        anchors,
        Architecture(
            d, k, settings.hidden, settings.activation, shortcuts=settings.linear
        ),
        units=units or Units.of(settings.loss, [a.residual for a in anchors]),
        linear=settings.linear,
        seed=settings.seed,
        device=settings.device,
    )


@dataclass
class _Fold:
    """A model's training rows, their moments and spectrum, and its held-out rows."""

    part: Rows
    held: Rows
    settings: Settings

    def __post_init__(self) -> None:
        k, seed = self.settings.n_components, self.settings.seed
        self._basis, dtype = basis(self.part, seed)
        self._stats = moments(self._basis)
        k = k if isinstance(k, int) else None
        self.found = spectrum(self._basis, self._stats.mean, k, dtype=dtype, seed=seed)

    def anchor(self, k: int, *, linear: bool) -> Anchor:
        return fit_anchor(self._basis, self._stats, self.found, k, linear=linear)


def _count(folds: list[_Fold], settings: Settings) -> int:
    """Return the number of codes to train."""
    asked = settings.n_components
    if isinstance(asked, int):
        return asked
    if asked is None:
        return folds[0].found.count_for(DEFAULT_SHARE)
    rank = min(len(fold.found.variances) for fold in folds)
    curves = [pca_shares(f.held, f.anchor(rank, linear=True)) for f in folds]
    reached = np.mean(curves, axis=0) >= asked
    return int(np.argmax(reached)) + 1 if reached.any() else rank


def _compare(
    folds: list[_Fold], settings: Settings, report: Report, start: Model | None
) -> tuple[Outcome, Trainee, History, float]:
    """Train on every fold and compare with PCA on its held-out rows.

    Returns the outcome (its model is that of the first fold), the trainee, its history
    and the factor of the correction.
    """
    k = start.n_components if start is not None else _count(folds, settings)
    linear = settings.linear
    if start is not None:
        anchors = [start.anchor]
    else:
        anchors = [fold.anchor(k, linear=linear) for fold in folds]
    trainee = _new_trainee(anchors, settings, None if start is None else start.units)
    if start is not None and start.weights is not None:
        trainee.params.load(start.weights)
    held = trainee.hold([fold.held for fold in folds])
    measure, weight = trainee.measure(held), held.weight.ravel()
    if linear:
        now = trainee.params.flat.clone()
        trainee.scale_correction(now, 0.0)
        base = measure()
        trainee.params.flat.copy_(now)
    else:
        usable = [min(k, len(fold.found.variances)) for fold in folds]
        pca = [f.anchor(min(usable), linear=True) for f in folds]
        plain = replace(settings, linear=True)
        reference = _new_trainee(pca, plain, trainee.units)
        base = reference.measure(reference.hold([f.held for f in folds]))()
    mean_base = float(np.average(base, weights=weight))
    outcome = Outcome(trainee.model())
    settled = all(a.explained for a in anchors) or mean_base <= 0
    if linear and settled:
        outcome.shares = np.mean(
            [pca_shares(f.held, a) for f, a in zip(folds, anchors, strict=True)], axis=0
        )
        return outcome, trainee, History(), 0.0
    size = min(settings.batch_size or 128, *(len(f.part) for f in folds))
    phase = "train" if len(folds) == 1 else "cross-validate"
    history = trainee.run(
        [fold.part for fold in folds],
        _plan(settings, settings.tolerance * mean_base),
        batch_size=size,
        nested=settings.nested,
        held=held,
        report=lambda t, a, b: report(phase, t, a, b, trainee.model),
    )
    outcome.n_iter = history.n_steps
    outcome.training = history.training[1:]
    outcome.validation = [value / mean_base for value in history.validation]
    outcome.diverged, outcome.interrupted = history.diverged, history.interrupted
    if history.best_rows is None:
        raise FloatingPointError(
            "Training diverged at its first step; lower learning_rate_init."
        )
    best, factor = history.best_rows, 1.0
    if linear and start is None:
        trained = trainee.params.flat.clone()
        for tried in FACTORS:
            trainee.scale_correction(trained, tried)
            rows = measure()
            if np.average(rows, weights=weight) < np.average(best, weights=weight):
                best, factor = rows, tried
        trainee.scale_correction(trained, factor)
    before = base if start is None else history.start_rows
    assert before is not None
    verdict = judge(before, best, weight, 2.0 if settings.tiny else 1.0)
    if linear and not verdict.accepted:
        factor = 0.0 if start is None else factor
        outcome.shares = np.mean(
            [pca_shares(f.held, a) for f, a in zip(folds, anchors, strict=True)], axis=0
        )
        if start is not None:
            outcome.model, outcome.shares = start, network_shares(trainee, held, k)
    else:
        outcome.ratio = float(np.average(best, weights=weight) / mean_base)
        outcome.shares = network_shares(trainee, held, k)
        outcome.model = trainee.model()
        if isinstance(settings.n_components, float):
            share = settings.n_components
            k = fewest(lambda m: trainee.explained(held, [m])[0], share, k)
            outcome.shares = outcome.shares[:k]
            outcome.model = outcome.model.head(k)
    return outcome, trainee, history, factor


def _plan(settings: Settings, tolerance: float, stop: int | None = None) -> Plan:
    assert settings.n_steps is not None and settings.rate is not None
    return Plan(
        n_steps=settings.n_steps,
        peak=settings.rate,
        decay=settings.alpha,
        patience=settings.patience if stop is None else None,
        tolerance=tolerance,
        stop=stop,
    )


def _train_all(
    rows: Rows,
    settings: Settings,
    k: int | None,
    report: Report,
    stop: int | None,
    start: Model | None = None,
) -> tuple[Trainee, History]:
    """Train on all rows for a given number of steps."""
    if start is not None:
        trainee = _new_trainee([start.anchor], settings, start.units)
        trainee.params.load(start.weights or {})
    else:
        fold = _Fold(rows, rows, replace(settings, n_components=k))
        if k is None:
            k = fold.found.count_for(float(settings.n_components or DEFAULT_SHARE))
        anchor = fold.anchor(k, linear=settings.linear)
        trainee = _new_trainee([anchor], settings)
        if settings.linear and anchor.explained:
            return trainee, History()
    history = trainee.run(
        [rows],
        _plan(settings, 0.0, stop),
        batch_size=min(settings.batch_size or 128, len(rows)),
        nested=settings.nested,
        report=lambda t, a, b: report("train", t, a, b, trainee.model),
    )
    return trainee, history


class Recipe:
    """A fit that is ready to run.

    Parameters
    ----------
    rows : Rows
        Finite rows with positive weights.
    settings : Settings
        Parameters; what is None is chosen here.
    start : Model or None, default=None
        A model to go on from.

    Attributes
    ----------
    n_reports : int
        How often :meth:`fit` reports at the most.
    """

    def __init__(
        self, rows: Rows, settings: Settings, start: Model | None = None
    ) -> None:
        hashes = row_hashes(rows, settings.seed)
        n_distinct = len(np.unique(hashes))
        if n_distinct < SMALL:
            rows, _ = distinct(rows, hashes)
            hashes = np.unique(hashes)
        self._rows, self._hashes, self._start = rows, hashes, start
        self._settings = settings = settings.resolve(
            n_distinct, rows.n_features
        )
        self._folded = n_distinct < SMALL and start is None and settings.early_stopping
        checks = _plan(settings, 0.0).checks
        self.n_reports = 2 * checks if self._folded else checks

    def fit(self, report: Report = _no_report) -> Outcome:
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
            outcome = self._fit_without_holding(report)
        elif self._folded:
            outcome = _fit_small(rows, settings, report)
        else:
            held = split(rows, self._hashes, settings.validation_fraction)
            fold = _Fold(*(rows.pick(at) for at in held), settings)
            outcome, _, _, factor = _compare([fold], settings, report, self._start)
            if settings.linear and factor == 0.0:
                outcome.model = pca_model(rows, len(outcome.shares), settings)
        outcome.device = settings.device
        seen = rows.sample(MAX_HELD, settings.seed)
        part = seen.table if seen.index is None else seen.table[seen.index]
        outcome.model = boxed(outcome.model, part, settings.device)
        if settings.whiten:
            outcome.model = whitened(outcome.model, rows, settings.device)
        return outcome

    def _fit_without_holding(self, report: Report) -> Outcome:
        settings, rows = self._settings, self._rows
        asked = settings.n_components
        k = asked if isinstance(asked, int) else None
        trainee, history = _train_all(
            rows, settings, k, report, settings.n_steps, self._start
        )
        sample = trainee.hold([rows.pick(np.arange(min(len(rows), MAX_HELD)))])
        model = trainee.model()
        return Outcome(
            model=model,
            n_iter=history.n_steps,
            ratio=math.nan,
            shares=network_shares(trainee, sample, model.n_components),
            training=history.training[1:],
            diverged=history.diverged,
            interrupted=history.interrupted,
        )


def whitened(model: Model, rows: Rows, device: torch.device) -> Model:
    """Return the model with uncorrelated codes of unit variance on these rows.

    The codes' covariance is factored as ``L L'`` with L lower-triangular, so the first
    m whitened codes span what the first m codes do. Variances divide by n - 1, as PCA's
    do.
    """
    codec, k = Codec(model, np.dtype(np.float64), device), model.n_components
    total, mean, scatter = 0.0, np.zeros(k), np.zeros((k, k))
    for at, chunk in rows.chunks():
        weight = rows.weights()[at]
        codes = codec.encode(chunk)
        mass = weight.sum()
        centre = np.einsum("i,ij->j", weight, codes) / mass
        shift = centre - mean
        root = torch.from_numpy((codes - centre) * np.sqrt(weight)[:, None])
        scatter += (root.mT @ root).numpy()
        scatter += np.outer(shift, shift) * (total * mass / (total + mass))
        total += mass
        mean += shift * (mass / total)
    covariance = scatter / max(total - 1, 1)
    variances = np.diagonal(covariance)
    # A constant code stays as it is; one that others determine keeps a tiny variance.
    dead = variances <= NEGLIGIBLE * variances.max(initial=0.0)
    covariance[dead] = covariance[:, dead] = 0.0
    covariance[dead, dead] = 1.0
    ridge = 1e-10 * np.diagonal(covariance)
    lower = np.linalg.cholesky(covariance + np.diag(ridge))
    return replace(model, whitening=(mean, lower))


def _fit_small(rows: Rows, settings: Settings, report: Report) -> Outcome:
    """Choose the number of steps by folds that are trained as one stack; refit."""
    n = len(rows)
    asked = settings.n_components
    k = asked if isinstance(asked, int) else None
    if n < 2 * N_FOLDS:
        if settings.linear:
            model = pca_model(rows, k, settings)
            return Outcome(model, shares=pca_shares(rows, model.anchor))
        trainee, history = _train_all(rows, settings, k, report, settings.n_steps)
        return Outcome(trainee.model(), history.n_steps, math.nan)
    label = np.arange(n) * N_FOLDS // n
    folds = [
        _Fold(
            rows.pick(np.flatnonzero(label != i)),
            rows.pick(np.flatnonzero(label == i)),
            settings,
        )
        for i in range(N_FOLDS)
    ]
    outcome, _, history, factor = _compare(folds, settings, report, None)
    k = None if asked is None else len(outcome.shares)
    if settings.linear and factor == 0.0:
        outcome.model = pca_model(rows, k, settings)
        return outcome
    trainee, final = _train_all(rows, settings, k, report, history.best_step)
    trainee.scale_correction(trainee.params.flat.clone(), factor)
    outcome.model = trainee.model()
    outcome.n_iter += final.n_steps
    return outcome
