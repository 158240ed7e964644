"""Output heads: from latent codes and the decoder's output to the reconstruction.

``LinearHead`` adds the linear reconstruction of the skip path to the scaled correction.
``LogitHead`` does so on the scale of logits, for features in [0, 1].
"""

import torch
from torch import Tensor

MIN_PROBABILITY = 0.01  # the skip path's probabilities stay this far from 0 and 1


def _mm(x: Tensor, y: Tensor, out: Tensor) -> Tensor:
    return (torch.bmm if x.ndim == 3 else torch.mm)(x, y, out=out)


class LinearHead:
    """``y = z W + r * raw``.

    Parameters
    ----------
    skip : Tensor of shape (n_components, n_features) or None
        The linear path W, in the target's scale; None leaves it out.
    scale : Tensor of shape (1, n_features)
        The scale r of the residual. A leading model axis is allowed in both.
    """

    def __init__(self, skip: Tensor | None, scale: Tensor) -> None:
        self._skip, self._scale = skip, scale
        self._output = self._grad_raw = self._grad_codes = scale.new_empty(0)

    def forward(self, codes: Tensor, raw: Tensor) -> Tensor:
        """Return the reconstruction."""
        if self._skip is None:
            return raw.mul_(self._scale)
        if self._output.shape != raw.shape:
            self._output = torch.empty_like(raw)
        _mm(codes, self._skip, self._output)
        return self._output.addcmul_(raw, self._scale)

    def backward(self, grad: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return the gradients with respect to ``raw`` and the codes."""
        if self._grad_raw.shape != grad.shape:
            self._grad_raw = torch.empty_like(grad)
        torch.mul(grad, self._scale, out=self._grad_raw)
        if self._skip is None:
            return self._grad_raw, None
        if self._grad_codes.shape[:-1] != grad.shape[:-1]:
            self._grad_codes = grad.new_empty((*grad.shape[:-1], self._skip.shape[-2]))
        return self._grad_raw, _mm(grad, self._skip.mT, self._grad_codes)


class LogitHead:
    """``y = logit(clip(mu + z W)) + raw``, a logit; the skip path is a probability.

    Parameters
    ----------
    skip : Tensor of shape (n_components, n_features) or None
        The linear path W; None leaves only the mean.
    mean : Tensor of shape (1, n_features)
        The mean mu of the features. A leading model axis is allowed in both.
    """

    def __init__(self, skip: Tensor | None, mean: Tensor) -> None:
        self._skip, self._mean = skip, mean
        self._derivative = mean.new_empty(0)

    def forward(self, codes: Tensor, raw: Tensor) -> Tensor:
        """Return the logits."""
        linear = self._mean
        if self._skip is not None:
            linear = self._mean + codes @ self._skip
        clipped = linear.clamp(MIN_PROBABILITY, 1 - MIN_PROBABILITY)
        self._derivative = (linear == clipped) / (clipped * (1 - clipped))
        return raw.add_(torch.logit(clipped))

    def backward(self, grad: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return the gradients with respect to ``raw`` and the codes."""
        if self._skip is None:
            return grad, None
        return grad, (grad * self._derivative) @ self._skip.mT
