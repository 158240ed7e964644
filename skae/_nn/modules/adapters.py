"""Halves of an autoencoder that are torch modules, with autograd inside.

Outside they are like the dense halves: ``forward`` gives a result without history,
``backward`` takes its gradient and leaves those of the parameters in the flat buffer.
"""

from typing import Any

import torch
from torch import Tensor, nn

from skae._nn.parameters import ParameterBuffer


class _ModuleAdapter:
    """Modules, one for each model, over the flat buffer, and their gains."""

    def __init__(
        self,
        part: str,
        modules: tuple[nn.Module, ...],
        params: ParameterBuffer,
        grads: ParameterBuffer | None,
    ) -> None:
        self._modules, self._training = modules, grads is not None
        self._stacked, self._grads = params.n_models is not None, grads
        self._gain = params.views.get(f"{part}.gain.bias")
        self._gain_grad = None
        if grads is not None and self._gain is not None:
            self._gain_grad = grads.views[f"{part}.gain.bias"]

    def _run(self, x: Tensor, *, graph: bool) -> Tensor:
        """Return the modules' outputs, with what autograd needs to go back if asked."""
        with torch.set_grad_enabled(graph):
            parts = x.unbind(0) if self._stacked else (x,)
            # Modules may work in place: each gets a copy.
            each = [
                f(part.clone()) for f, part in zip(self._modules, parts, strict=True)
            ]
            return torch.stack(each) if self._stacked else each[0]

    def _train(self, mode: bool) -> None:
        for module in self._modules:
            module.train(mode)

    def _scaled(self, raw: Tensor) -> Tensor:
        y = raw.detach()
        return y.clone() if self._gain is None else y * self._gain

    def _unscaled(self, raw: Tensor, grad: Tensor) -> Tensor:
        """Leave the gradient of the gains, and return that of the modules' outputs."""
        if self._gain is None or self._gain_grad is None:
            return grad
        each = grad * raw.detach()
        torch.sum(each, (-2, -1), keepdim=True, out=self._gain_grad)
        return grad * self._gain


class ModuleEncoder(_ModuleAdapter):
    """From inputs to the encoder's outputs, through modules."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs."""
        self._input, self._pulled = x.detach(), None
        self._raw = self._run(self._input, graph=self._training)
        return self._scaled(self._raw)

    def backward(self, grad: Tensor) -> None:
        """Leave the gradients of the parameters."""
        assert self._grads is not None
        grads: Any = [self._unscaled(self._raw, grad)]
        roots = [self._raw]
        if self._pulled is not None:
            product, by_product = self._pulled
            roots, grads = [*roots, product], [*grads, by_product]
        if any(root.requires_grad for root in roots):  # else nothing is to be learned
            torch.autograd.backward(roots, grads)
        if self._pulled is not None and self._gain_grad is not None:
            assert self._leaf.grad is not None
            self._gain_grad += self._leaf.grad

    def pull(self, v: Tensor) -> Tensor:
        """Return the transposed Jacobian of the last ``forward`` times v."""
        # Outputs are gain * module(x): the gain goes to the vector instead.
        with torch.enable_grad():
            if self._gain is not None:
                self._leaf = self._gain.detach().clone().requires_grad_()
                v = v * self._leaf
            x = self._input.clone().requires_grad_()
            self._train(False)  # as it predicts: nothing dropped, no statistics moved
            (self._product,) = torch.autograd.grad(
                self._run(x, graph=True), x, v, create_graph=self._training
            )
        self._train(self._training)
        return self._product.detach()

    def pull_gradient(self, grad: Tensor) -> None:
        """Note the gradient with respect to the last pull, for ``backward``."""
        self._pulled = (self._product, grad)


class ModuleDecoder(_ModuleAdapter):
    """From clipped codes to the correction of the reconstruction, through modules."""

    def __init__(
        self,
        part: str,
        modules: tuple[nn.Module, ...],
        params: ParameterBuffer,
        grads: ParameterBuffer | None,
        clip: tuple[Tensor, Tensor] | None,
    ) -> None:
        super().__init__(part, modules, params, grads)
        self._clip = clip

    def forward(self, codes: Tensor) -> Tensor:
        """Return the correction."""
        if self._training and self._grads is not None:
            self._grads.flat.zero_()  # autograd adds to what is there
        self._codes = codes
        seen = codes.clone() if self._clip is None else codes.clamp(*self._clip)
        self._seen = seen.requires_grad_(self._training)
        self._raw = self._run(self._seen, graph=self._training)
        return self._scaled(self._raw)

    def backward(self, grad: Tensor) -> Tensor:
        """Leave the gradients of the parameters and return that of the codes."""
        torch.autograd.backward([self._raw], [self._unscaled(self._raw, grad)])
        result = self._seen.grad
        assert result is not None
        if self._clip is not None:
            result = result * (self._codes == self._seen.detach())
        return result
