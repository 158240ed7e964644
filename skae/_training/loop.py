"""The training loop: steps, validation and stopping.

The loop knows a function that leaves a gradient, an optimizer and a function that
measures validation samples. It does not know what it trains.
"""

# numpy.average carries no type.
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false

import math
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from skae._sklearn.calls import one_of_several_fits

from .optimizer import Optimizer, cosine_schedule
from .stopping import BestCheckpoint, EarlyStopping

B = TypeVar("B")  # whatever a step reads
Report = Callable[[int, float, float | None], bool]

FEW_STEPS = 16  # in which hardly anything can be learned
LATE = 0.7  # share of the steps after which the learning rate is low
LATE_STEPS = 100
LATE_FALL = 0.03  # of the loss, or nats, in so many late steps: more would gain as much


@dataclass
class History:
    """What a run of the loop has seen.

    Attributes
    ----------
    steps : list of int
        Steps after which validation samples were measured, 0 first.
    training : list of float
        Mean training loss since the measurement before.
    validation : list of float
        Mean loss of the validation samples.
    start_losses, best_losses : ndarray of shape (n_validation,) or None
        Loss of each validation sample at step 0 and at the best step.
    best_step : int
        Where the validation loss was lowest; the last step without validation samples.
    n_steps : int
        How many steps ran.
    diverged, interrupted, exhausted : bool
        How the run ended; exhausted is the budget.
    """

    steps: list[int] = field(default_factory=list[int])
    training: list[float] = field(default_factory=list[float])
    validation: list[float] = field(default_factory=list[float])
    start_losses: np.ndarray | None = None
    best_losses: np.ndarray | None = None
    best_step: int = 0
    n_steps: int = 0
    diverged: bool = False
    interrupted: bool = False
    exhausted: bool = False

    def is_unfinished(self, *, in_nats: bool = False) -> bool:
        """Return whether the budget ended a run that still learned, or hardly began to.

        But for very few steps its last measurement is then the best one. In the late
        steps, when the learning rate is low, the loss fell by more than ``LATE_FALL``
        of what is left, or of a tenth of the first loss if less is left, or by as many
        nats; where these steps are fewer than ``LATE_STEPS``, by their part of it.
        """
        if not (self.exhausted and self.validation):
            return False
        if self.n_steps < FEW_STEPS:
            return self.n_steps > 0
        if self.best_step != self.n_steps:
            return False
        n_early = bisect_right(self.steps, LATE * self.n_steps)
        last, n_late = self.validation[-1], self.n_steps - self.steps[n_early - 1]
        fall = min(self.validation[:n_early]) - last
        small = LATE_FALL * min(1.0, n_late / LATE_STEPS)
        return fall > small * (1.0 if in_nats else max(last, 0.1 * self.validation[0]))


@dataclass(frozen=True)
class TrainingPlan:
    """How long and how fast to train.

    Attributes
    ----------
    n_steps : int
        Length of the schedule.
    learning_rate : float
        Its peak.
    weight_decay : float, default=0.0
        Decoupled decay of the weights.
    patience : int or None, default=None
        Steps without a gain after which a run ends; None for no such end.
    patience_start : int, default=0
        Step from which patience is counted at the earliest.
    tolerance : float, default=0.0
        Gain in the validation loss that counts as one.
    stop : int or None, default=None
        Step at which a run ends before its schedule does.
    """

    n_steps: int
    learning_rate: float
    weight_decay: float = 0.0
    patience: int | None = None
    patience_start: int = 0
    tolerance: float = 0.0
    stop: int | None = None

    @property
    def eval_interval(self) -> int:
        """Steps between two measurements: about 40, fewer where a run is short."""
        return max(16, self.n_steps // 40)

    @property
    def n_evaluations(self) -> int:
        """Measurements after the start, at the most."""
        return -(-self.n_steps // self.eval_interval)

    @property
    def last_step(self) -> int:
        """Step at which a run ends at the latest."""
        return self.n_steps if self.stop is None else min(self.stop, self.n_steps)


class _Run:
    """A run of the loop: what it has seen, and what it does at a measurement."""

    def __init__(
        self,
        flat: Tensor,
        plan: TrainingPlan,
        evaluate: Callable[[], np.ndarray] | None,
        weight: np.ndarray | None,
        report: Report | None,
    ) -> None:
        self.seen = History()
        self.checkpoint = BestCheckpoint(flat)
        self._flat, self._evaluate = flat, evaluate
        self._weight, self._report = weight, report
        self._stopping = EarlyStopping(
            plan.patience, plan.tolerance, plan.patience_start
        )

    def measure(self, training: float) -> bool:
        """Measure, keep the best parameters, and return whether to go on."""
        seen, loss, losses = self.seen, None, None
        finite = bool(torch.isfinite(self._flat).all())
        if finite and self._evaluate is not None:
            losses = self._evaluate()
            loss = float(np.average(losses, weights=self._weight))
            finite = math.isfinite(loss)
        if not finite:
            seen.diverged = True
            return False
        seen.steps.append(seen.n_steps)
        seen.training.append(training)
        if loss is not None:
            seen.validation.append(loss)
        if seen.start_losses is None:
            seen.start_losses = losses
        if self.checkpoint.update(loss):
            seen.best_step, seen.best_losses = seen.n_steps, losses
        patient = self._stopping.update(seen.n_steps, loss)
        if seen.n_steps == 0 or self._report is None:
            return patient
        return not self._report(seen.n_steps, training, loss) and patient


def train(
    optimizer: Optimizer,
    step: Callable[[B], Tensor],
    batches: Iterator[B],
    plan: TrainingPlan,
    *,
    evaluate: Callable[[], np.ndarray] | None = None,
    weight: np.ndarray | None = None,
    samples_per_step: int = 1,
    report: Report | None = None,
) -> History:
    """Train until the budget, the patience or the caller ends it; keep the best.

    Parameters
    ----------
    optimizer : Optimizer
        Changes the parameters along the gradient.
    step : callable
        ``step(batch)`` leaves the gradient and returns the summed loss, a tensor.
    batches : iterator
        Endless batches.
    plan : TrainingPlan
        Budget, learning rate and patience.
    evaluate : callable or None, default=None
        ``evaluate()`` returns the loss of each validation sample. With it the best
        parameters are restored at the end, else the last finite ones.
    weight : ndarray of shape (n_validation,) or None, default=None
        Weights of the validation samples.
    samples_per_step : int, default=1
        What the summed loss of a step is divided by.
    report : callable or None, default=None
        ``report(step, training_loss, validation_loss)`` is called after each
        measurement; a true answer ends the run.

    Returns
    -------
    History
        The curves, and how the run ended. A KeyboardInterrupt ends the run and is
        noted; it is raised if this fit is one of several, as in a search.
    """
    flat = optimizer.params.flat
    run = _Run(flat, plan, evaluate, weight, report)
    total = torch.zeros((), dtype=torch.float32, device=flat.device)
    seen, since = run.seen, 0
    try:
        going = run.measure(math.nan)
        while going and seen.n_steps < plan.last_step:
            total += step(next(batches))
            optimizer.step(
                cosine_schedule(seen.n_steps, plan.n_steps, plan.learning_rate)
            )
            seen.n_steps, since = seen.n_steps + 1, since + 1
            if seen.n_steps % plan.eval_interval == 0 or seen.n_steps == plan.last_step:
                going = run.measure(float(total) / (since * samples_per_step))
                total.zero_()
                since = 0
        seen.exhausted = going
    except KeyboardInterrupt:
        if one_of_several_fits():
            raise
        seen.interrupted = True
    run.checkpoint.restore()
    return seen
