"""The optimizer: schedule, clipping and AdamW over one flat buffer."""

# torch.linalg, torch.from_numpy and scikit-learn carry no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportMissingTypeStubs=false

import math
from collections.abc import Callable

import torch
from torch import Tensor

from skae._nn.parameters import ParameterBuffer

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8
DECAY_EVERY = 8  # steps whose tiny decays are made in one pass over the weights


def cosine_schedule(step: int, n_steps: int, peak: float) -> float:
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

    def __init__(
        self, params: ParameterBuffer, grads: ParameterBuffer, weight_decay: float
    ) -> None:
        self._flat, self._grad, self._decay = params.flat, grads.flat, weight_decay
        self._weights = params.groups["weight"]
        self._mean = torch.zeros_like(self._flat)
        self._square = torch.zeros_like(self._flat)
        self._step = torch.zeros((), dtype=torch.float32, device=self._flat.device)
        private = getattr(torch, "_fused_adam_", None)
        kernel = self._flat.device.type in ("cpu", "cuda")
        self._fused: Callable[..., object] | None = private if kernel else None
        self._count, self._pending_decay = 0, 0.0

    def step(self, learning_rate: float) -> None:
        """Change the parameters along the gradient."""
        self._count += 1
        self._pending_decay += learning_rate * self._decay
        if self._pending_decay and self._count % DECAY_EVERY == 0:
            self._weights.mul_(math.exp(-self._pending_decay))
            self._pending_decay = 0.0
        if self._fused is None:
            self._plain(learning_rate)
            return
        self._step += 1
        self._fused(
            [self._flat], [self._grad], [self._mean], [self._square], [], [self._step],
            lr=learning_rate, beta1=BETA1, beta2=BETA2, weight_decay=0.0, eps=EPSILON,
            amsgrad=False, maximize=False,
        )  # fmt: skip

    def _plain(self, learning_rate: float) -> None:
        self._mean.lerp_(self._grad, 1 - BETA1)
        self._square.mul_(BETA2).addcmul_(self._grad, self._grad, value=1 - BETA2)
        root = self._square.sqrt().div_(math.sqrt(1 - BETA2**self._count))
        size = -learning_rate / (1 - BETA1**self._count)
        self._flat.addcdiv_(self._mean, root.add_(EPSILON), value=size)


class AdaptiveGradientClipping:
    """Shrink gradients that are longer than 1.5 times their usual length.

    The length is the norm of the flat gradient, of each model on its own where there
    are several; the usual length is a moving average of the clipped ones.
    """

    def __init__(self, grads: ParameterBuffer, factor: float = 1.5) -> None:
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


class Optimizer:
    """AdamW after adaptive clipping; its moments outlast a run of the loop.

    Parameters
    ----------
    params, grads : ParameterBuffer
        What to change, and along what.
    weight_decay : float
        Decoupled decay of the weights.
    """

    def __init__(
        self, params: ParameterBuffer, grads: ParameterBuffer, weight_decay: float
    ) -> None:
        self.params = params
        self._adam = AdamW(params, grads, weight_decay)
        self._clipping = AdaptiveGradientClipping(grads)

    def step(self, learning_rate: float) -> None:
        """Clip the gradient and change the parameters along it."""
        self._clipping.apply()
        self._adam.step(learning_rate)
