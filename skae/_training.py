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

from ._parameters import Parameters

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8
B = TypeVar("B")  # whatever a step reads
DECAY_EVERY = 8  # steps whose tiny decays are made in one pass over the weights


def cosine_rate(step: int, n_steps: int, peak: float) -> float:
    """Return the learning rate: 10 % linear warm-up, then a cosine down to zero.

    References
    ----------
    Loshchilov, I. and Hutter, F. (2017). SGDR: stochastic gradient descent with warm
    restarts. ICLR.
    """
    warm = max(1, n_steps // 10)
    if step < warm:
        return peak * (step + 1) / warm
    progress = (step - warm) / max(1, n_steps - warm)
    return peak * 0.5 * (1 + math.cos(math.pi * progress))


class AdamW:
    """Adam with decoupled weight decay on the weights, over one flat buffer.

    References
    ----------
    Loshchilov, I. and Hutter, F. (2019). Decoupled weight decay regularization. ICLR.
    """

    def __init__(self, params: Parameters, grads: Parameters, decay: float) -> None:
        self._flat, self._grad, self._decay = params.flat, grads.flat, decay
        self._weights = params.groups["weight"]
        self._mean = torch.zeros_like(self._flat)
        self._square = torch.zeros_like(self._flat)
        self._step = torch.zeros((), dtype=torch.float32, device=self._flat.device)
        private = getattr(torch, "_fused_adam_", None)
        kernel = self._flat.device.type in ("cpu", "cuda")
        self._fused: Callable[..., object] | None = private if kernel else None
        self._count, self._owed = 0, 0.0

    def step(self, rate: float) -> None:
        """Change the parameters along the gradient."""
        self._count += 1
        self._owed += rate * self._decay
        if self._owed and self._count % DECAY_EVERY == 0:
            self._weights.mul_(math.exp(-self._owed))
            self._owed = 0.0
        if self._fused is None:
            self._plain(rate)
            return
        self._step += 1
        self._fused(
            [self._flat], [self._grad], [self._mean], [self._square], [], [self._step],
            lr=rate, beta1=BETA1, beta2=BETA2, weight_decay=0.0, eps=EPSILON,
            amsgrad=False, maximize=False,
        )  # fmt: skip

    def _plain(self, rate: float) -> None:
        self._mean.lerp_(self._grad, 1 - BETA1)
        self._square.mul_(BETA2).addcmul_(self._grad, self._grad, value=1 - BETA2)
        root = self._square.sqrt().div_(math.sqrt(1 - BETA2**self._count))
        size = -rate / (1 - BETA1**self._count)
        self._flat.addcdiv_(self._mean, root.add_(EPSILON), value=size)


class NormClip:
    """Shrink gradients that are longer than 1.5 times their usual length.

    The length is that of the whole flat gradient, of each model on its own where there
    are several; the usual length is a moving average of the clipped ones.
    """

    def __init__(self, grads: Parameters, factor: float = 1.5) -> None:
        self._groups = list(grads.groups.values())
        self._flat, self._single = grads.flat, grads.n_models is None
        self._factor = factor
        self._usual_one: float | None = None
        self._usual: Tensor | None = None

    def apply(self) -> None:
        """Clip the gradient in place."""
        if self._single and self._flat.device.type == "cpu":
            self._apply_one()
        else:
            self._apply_many()

    def _apply_one(self) -> None:
        norm = math.sqrt(float(torch.dot(self._flat, self._flat)))
        if self._usual_one is None:
            self._usual_one = norm
        limit = self._factor * self._usual_one
        if norm > limit:
            self._flat.mul_(limit / norm)
            norm = limit
        self._usual_one += 0.05 * (norm - self._usual_one)

    def _apply_many(self) -> None:
        squares = [torch.linalg.vector_norm(g, dim=1) ** 2 for g in self._groups]
        norm = torch.stack(squares).sum(0).sqrt_()
        if self._usual is None:
            self._usual = norm.clone()
        kept = torch.minimum(norm, self._usual * self._factor)
        shrink = torch.where(norm > kept, kept / norm, 1.0)
        for group in self._groups:
            group.mul_(shrink[:, None])
        self._usual.lerp_(kept, 0.05)


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
class Plan:
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
    params: Parameters,
    grads: Parameters,
    step: Callable[[B], Tensor],
    batches: Iterator[B],
    plan: Plan,
    *,
    measure: Callable[[], np.ndarray] | None = None,
    weight: np.ndarray | None = None,
    rows_per_step: int = 1,
    report: Callable[[int, float, float | None], bool] | None = None,
) -> History:
    """Train until the budget, the patience or the caller ends it; keep the best.

    Parameters
    ----------
    params, grads : Parameters
        What to change, and where ``step`` leaves the gradient.
    step : callable
        ``step(batch)`` leaves the gradient and returns the summed loss, a tensor.
    batches : iterator
        Endless batches.
    plan : Plan
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
    adam, clip = AdamW(params, grads, plan.decay), NormClip(grads)
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
            adam.step(cosine_rate(seen.n_steps, plan.n_steps, plan.peak))
            seen.n_steps, since = seen.n_steps + 1, since + 1
            if seen.n_steps % plan.every == 0 or seen.n_steps == stop:
                going = check(float(total) / (since * rows_per_step))
                total.zero_()
                since = 0
    except KeyboardInterrupt:
        seen.interrupted = True
    params.flat.copy_(best)
    return seen
