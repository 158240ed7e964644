"""Named parameters of one or several networks of one architecture, in a flat buffer.

The buffer is divided into groups (``weight``, ``bias``), each group into the models,
each model into its arrays. An optimizer step is then one call on one tensor, weight
decay one call on one slice, and every layer works on views.
"""

# torch.from_numpy has no types.
# pyright: reportUnknownMemberType=false

import math
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

GROUPS = ("weight", "bias")
Shapes = Mapping[str, tuple[int, ...]]


def _group(name: str) -> str:
    return "weight" if name.endswith(".weight") else "bias"


class ParameterBuffer:
    """Views into one flat buffer.

    Parameters
    ----------
    shapes : mapping of str to tuple of int
        Shape of each array by name. An array whose name ends in ``.weight``, as in
        ``"encoder.0.weight"``, is in group ``weight``. All others are in group
        ``bias``, which does not decay. Biases of dense layers are ``(1, n)``.
    n_models : int or None, default=None
        Length of a leading model axis; with None there is none.
    dtype : torch.dtype
        Type of the buffer.
    device : torch.device
        Device of the buffer.

    Attributes
    ----------
    flat : Tensor of shape (n_parameters,)
        The buffer.
    views : dict of str to Tensor
        Each array, shape ``([n_models,] *shape)``.
    groups : dict of str to Tensor
        Each group as a slice of the buffer, shape ``(n_models or 1, n_in_group)``.
    """

    def __init__(
        self,
        shapes: Shapes,
        *,
        n_models: int | None = None,
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        self.shapes, self.n_models = dict(shapes), n_models
        copies = n_models or 1
        size = copies * sum(math.prod(shape) for shape in self.shapes.values())
        self.flat = torch.zeros(size, dtype=dtype, device=device)
        self.views: dict[str, Tensor] = {}
        self.groups: dict[str, Tensor] = {}
        start = 0
        for group in GROUPS:
            names = [name for name in self.shapes if _group(name) == group]
            width = sum(math.prod(self.shapes[name]) for name in names)
            region = self.flat[start : start + copies * width].view(copies, width)
            self.groups[group] = region
            start += copies * width
            column = 0
            for name in names:
                shape = self.shapes[name]
                length = math.prod(shape)
                view = region[:, column : column + length].view(copies, *shape)
                self.views[name] = view[0] if n_models is None else view
                column += length

    def zeros_like(self) -> "ParameterBuffer":
        """Return a new buffer of the same layout, all zero."""
        return ParameterBuffer(
            self.shapes,
            n_models=self.n_models,
            dtype=self.flat.dtype,
            device=self.flat.device,
        )

    def load(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Copy arrays in, to every model those without a model axis.

        Raises
        ------
        ValueError
            If one is missing or has another shape.
        """
        for name, view in self.views.items():
            shape = np.shape(arrays[name]) if name in arrays else None
            if shape not in (self.shapes[name], tuple(view.shape)):
                found = "are missing" if shape is None else f"have shape {shape}"
                raise ValueError(
                    f"The weights {name!r} {found}; the network needs "
                    f"{self.shapes[name]}. It is not the one that was fitted: load the "
                    "model with the network it was saved with, or fit it again."
                )
            view.copy_(torch.from_numpy(np.array(arrays[name])))

    def to_numpy(self, model: int | None = None) -> dict[str, np.ndarray]:
        """Return copies as NumPy arrays, of all models or of one."""
        selected = {
            name: view if model is None else view[model]
            for name, view in self.views.items()
        }
        return {name: view.cpu().numpy().copy() for name, view in selected.items()}
