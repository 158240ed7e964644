"""The training loop: schedule, optimizer, validation and stopping.

The loop knows a function that leaves a gradient, the flat buffer of parameters and a
function that measures held-out rows. It does not know what it trains.
"""

# torch.linalg, torch.from_numpy and scikit-learn carry no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportMissingTypeStubs=false

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from skae._nn.parameters import ParameterBuffer

from .optimizer import AdamW, AdaptiveGradientClipping, cosine_schedule

B = TypeVar("B")  # whatever a step reads


@dataclass
class History:
    """What a run of the loop has seen.

    Attributes
    ----------
    steps : list of int
        Steps after which the held-out rows were measured, 0 first.
    training : list of float
        Mean training loss since the measurement before.
    validation : list of float
        Mean loss of the held-out rows.
    start_rows, best_rows : ndarray of shape (n_held_out,) or None
        Loss of each held-out row at step 0 and at the best step.
    best_step : int
        Where the held-out loss was lowest; the last step without held-out rows.
    n_steps : int
        How many steps ran.
    diverged, interrupted : bool
        How the run ended.
    """

    steps: list[int] = field(default_factory=list[int])
    training: list[float] = field(default_factory=list[float])
    validation: list[float] = field(default_factory=list[float])
    start_rows: np.ndarray | None = None
    best_rows: np.ndarray | None = None
    best_step: int = 0
    n_steps: int = 0
    diverged: bool = False
    interrupted: bool = False


@dataclass(frozen=True)
class TrainingPlan:
    """How long and how fast to train.

    ``stop`` ends a run before its schedule does; ``patience`` is in steps, None for
    none, and counted from step ``grace`` on at the earliest; ``tolerance`` is the gain
    in the held-out loss that counts as one.
    """

    n_steps: int
    peak: float
    decay: float
    patience: int | None = None
    tolerance: float = 0.0
    stop: int | None = None
    grace: int = 0

    @property
    def every(self) -> int:
        """Steps between two measurements: about 40, fewer where a run is short."""
        return max(16, self.n_steps // 40)

    @property
    def checks(self) -> int:
        """Measurements after the start, at the most."""
        return -(-self.n_steps // self.every)


def train(
    params: ParameterBuffer,
    grads: ParameterBuffer,
    step: Callable[[B], Tensor],
    batches: Iterator[B],
    plan: TrainingPlan,
    *,
    measure: Callable[[], np.ndarray] | None = None,
    weight: np.ndarray | None = None,
    rows_per_step: int = 1,
    report: Callable[[int, float, float | None], bool] | None = None,
) -> History:
    """Train until the budget, the patience or the caller ends it; keep the best.

    Parameters
    ----------
    params, grads : ParameterBuffer
        What to change, and where ``step`` leaves the gradient.
    step : callable
        ``step(batch)`` leaves the gradient and returns the summed loss, a tensor.
    batches : iterator
        Endless batches.
    plan : TrainingPlan
        Budget, rate and patience.
    measure : callable or None
        ``measure()`` returns the loss of each held-out row. With it the best
        parameters are restored at the end, else the last finite ones.
    weight : ndarray of shape (n_held_out,) or None
        Weights of the held-out rows.
    rows_per_step : int, default=1
        What the summed loss of a step is divided by.
    report : callable or None
        ``report(step, training_loss, validation_loss)`` is called after each
        measurement; a true answer ends the run.

    Returns
    -------
    History
        The curves, and how the run ended. A KeyboardInterrupt ends the run and is
        noted, not raised.
    """
    seen = History()
    adam, clip = AdamW(params, grads, plan.decay), AdaptiveGradientClipping(grads)
    best, best_loss, marked, marked_step = params.flat.clone(), math.inf, math.inf, 0
    stop = plan.n_steps if plan.stop is None else min(plan.stop, plan.n_steps)
    total, since = torch.zeros((), device=params.flat.device), 0

    def check(training: float) -> bool:
        """Measure, remember the best, and say whether to go on."""
        nonlocal best_loss, marked, marked_step
        finite = bool(torch.isfinite(params.flat).all())
        loss = rows = None
        if finite and measure is not None:
            rows = measure()
            loss = float(np.average(rows, weights=weight))
            finite = math.isfinite(loss)
        if not finite:
            seen.diverged = True
            return False
        seen.steps.append(seen.n_steps)
        seen.training.append(training)
        if loss is None:
            best.copy_(params.flat)
            seen.best_step = seen.n_steps
        else:
            seen.validation.append(loss)
            if seen.start_rows is None:
                seen.start_rows = rows
            if loss < best_loss:
                best.copy_(params.flat)
                best_loss, seen.best_step, seen.best_rows = loss, seen.n_steps, rows
            if loss < marked - plan.tolerance:
                marked, marked_step = loss, seen.n_steps
        if seen.n_steps and report is not None and report(seen.n_steps, training, loss):
            return False
        patience = plan.patience
        since = max(marked_step, plan.grace)
        return patience is None or loss is None or seen.n_steps - since < patience

    try:
        going = check(math.nan)
        while going and seen.n_steps < stop:
            total += step(next(batches))
            clip.apply()
            adam.step(cosine_schedule(seen.n_steps, plan.n_steps, plan.peak))
            seen.n_steps, since = seen.n_steps + 1, since + 1
            if seen.n_steps % plan.every == 0 or seen.n_steps == stop:
                going = check(float(total) / (since * rows_per_step))
                total.zero_()
                since = 0
    except KeyboardInterrupt:
        seen.interrupted = True
    params.flat.copy_(best)
    return seen
