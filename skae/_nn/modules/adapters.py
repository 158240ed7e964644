"""Adapters that make an encoder and a decoder of torch modules, with autograd inside.

They are used like the dense ones: ``forward`` returns a result without history,
``backward`` takes its gradient and writes those of the parameters to the flat buffer.
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

    def _apply_modules(self, x: Tensor, *, graph: bool) -> Tensor:
        """Return the modules' outputs, with a graph for autograd if asked for."""
        with torch.set_grad_enabled(graph):
            inputs = x.unbind(0) if self._stacked else (x,)
            # Modules may work in place: each gets a copy.
            outputs = [
                f(part.clone()) for f, part in zip(self._modules, inputs, strict=True)
            ]
            return torch.stack(outputs) if self._stacked else outputs[0]

    def _train(self, mode: bool) -> None:
        for module in self._modules:
            module.train(mode)

    def _scale(self, raw: Tensor) -> Tensor:
        y = raw.detach()
        return y.clone() if self._gain is None else y * self._gain

    def _scale_backward(self, raw: Tensor, grad: Tensor) -> Tensor:
        """Write the gradient of the gains, and return that of the modules' outputs."""
        if self._gain is None or self._gain_grad is None:
            return grad
        product = grad * raw.detach()
        torch.sum(product, (-2, -1), keepdim=True, out=self._gain_grad)
        return grad * self._gain


class ModuleEncoder(_ModuleAdapter):
    """An encoder of modules."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs."""
        self._input, self._vjp_grad = x.detach(), None
        self._raw = self._apply_modules(self._input, graph=self._training)
        return self._scale(self._raw)

    def backward(self, grad: Tensor) -> None:
        """Write the gradients of the parameters."""
        assert self._grads is not None
        grads: Any = [self._scale_backward(self._raw, grad)]
        roots = [self._raw]
        if self._vjp_grad is not None:
            product, product_grad = self._vjp_grad
            roots, grads = [*roots, product], [*grads, product_grad]
        if any(root.requires_grad for root in roots):  # not if nothing is to be learned
            torch.autograd.backward(roots, grads)
        if self._vjp_grad is not None and self._gain_grad is not None:
            assert self._gain_leaf.grad is not None
            self._gain_grad += self._gain_leaf.grad

    def vjp(self, v: Tensor) -> Tensor:
        """Return the transposed Jacobian of the last ``forward`` times v."""
        # Outputs are gain * module(x): the gain goes to the vector instead.
        with torch.enable_grad():
            if self._gain is not None:
                self._gain_leaf = self._gain.detach().clone().requires_grad_()
                v = v * self._gain_leaf
            x = self._input.clone().requires_grad_()
            self._train(False)  # as in prediction: no dropout, no update of statistics
            (self._product,) = torch.autograd.grad(
                self._apply_modules(x, graph=True), x, v, create_graph=self._training
            )
        self._train(self._training)
        return self._product.detach()

    def vjp_backward(self, grad: Tensor) -> None:
        """Keep the gradient with respect to the last ``vjp`` for ``backward``."""
        self._vjp_grad = (self._product, grad)


class ModuleDecoder(_ModuleAdapter):
    """A decoder of modules, which read clipped latent codes."""

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
            self._grads.flat.zero_()  # autograd adds to the gradients of the last step
        self._codes = codes
        clipped = codes.clone() if self._clip is None else codes.clamp(*self._clip)
        self._clipped = clipped.requires_grad_(self._training)
        self._raw = self._apply_modules(self._clipped, graph=self._training)
        return self._scale(self._raw)

    def backward(self, grad: Tensor) -> Tensor:
        """Write the gradients of the parameters and return that of the codes."""
        torch.autograd.backward([self._raw], [self._scale_backward(self._raw, grad)])
        result = self._clipped.grad
        assert result is not None
        if self._clip is not None:
            result = result * (self._codes == self._clipped.detach())
        return result
