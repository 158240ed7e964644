"""Corruptions that are not public, and the noisy copy of an array."""

# torch.from_numpy and scikit-learn carry no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportMissingTypeStubs=false

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from sklearn.utils import gen_batches

from skae.noise import Columns, Corruption

if TYPE_CHECKING:
    import torch
    from torch import Tensor

CHUNK_ROWS = 4096


@dataclass(frozen=True)
class PerModelCorruption(Corruption):
    """A corruption for each network of a stack, the third axis from the end."""

    corruptions: tuple[Corruption, ...]

    def apply(self, x: Tensor, columns: Columns, generator: torch.Generator) -> Tensor:
        """Return noisy samples; see `Corruption.apply`."""
        noisy, start = x.new_empty(x.shape), 0
        # Neighbours with equal noise are drawn at once.
        for corruption, same in groupby(self.corruptions):
            end = start + len(list(same))
            at = (..., slice(start, end), slice(None), slice(None))
            own = Columns(*(part[start:end] for part in columns))
            noisy[at] = corruption.apply(x[at], own, generator)
            start = end
        return noisy


@dataclass(frozen=True)
class Binarization(Corruption):
    """Draws zeros and ones with the features, which are in [0, 1], as probabilities.

    This is the dynamic binarisation of grey images; the draw is what is modelled.

    References
    ----------
    Salakhutdinov, R. and Murray, I. (2008). On the quantitative analysis of deep belief
    networks. ICML.
    """

    clean_target: ClassVar[bool] = False

    def apply(self, x: Tensor, columns: Columns, generator: torch.Generator) -> Tensor:
        """Return binary samples; see `Corruption.apply`."""
        draw = x.new_empty(x.shape).uniform_(generator=generator)
        return (draw < x + columns.mean).to(x.dtype).sub_(columns.mean)


@dataclass(frozen=True)
class FunctionCorruption(Corruption):
    """A user's function ``function(X, rng)`` of an array and a NumPy generator."""

    function: Callable[[np.ndarray, np.random.Generator], np.ndarray]

    def apply(self, x: Tensor, columns: Columns, generator: torch.Generator) -> Tensor:
        """Return noisy samples; see `Corruption.apply`."""
        clean = (x + columns.mean).cpu().numpy().reshape(-1, x.shape[-1])
        seed = x.new_empty(1).uniform_(0, 2**31, generator=generator)
        rng = np.random.default_rng(int(seed))
        noisy = np.asarray(self.function(clean.copy(), rng), dtype=clean.dtype)
        if noisy.shape != clean.shape or not np.isfinite(noisy).all():
            raise ValueError(
                "The function that is passed as noise must return finite samples of "
                f"the shape that it got, {clean.shape}; it returned {noisy.shape}."
            )
        return x.new_tensor(noisy).view(x.shape).sub_(columns.mean)


def corrupt_rows(
    values: np.ndarray,
    corruption: Corruption,
    mean: np.ndarray,
    ranges: np.ndarray,
    generator: torch.Generator,
) -> np.ndarray:
    """Return a noisy copy of samples, in their own precision.

    Parameters
    ----------
    values : ndarray of shape (n_samples, n_features)
        Clean samples, float32 or float64.
    corruption : Corruption
        The noise.
    mean : ndarray of shape (n_features,)
        Mean of the columns.
    ranges : ndarray of shape (2, n_features)
        Their minima and maxima less the mean.
    generator : torch.Generator
        Source of the noise.
    """
    import torch

    mean, low, high = (x.astype(values.dtype) for x in (mean, *ranges))
    columns = Columns(*map(torch.from_numpy, (mean, low, high)))
    result = np.empty_like(values)
    for part in gen_batches(len(values), CHUNK_ROWS):
        clean = torch.from_numpy(values[part] - mean)
        noisy = corruption.apply(clean, columns, generator)
        # What is not changed stays as it is, to the last bit.
        same = (noisy == clean).numpy()
        result[part] = np.where(same, values[part], noisy.numpy() + mean)
    return result
