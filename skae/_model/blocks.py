"""Samples in blocks of a few constant sizes, which are all that networks see.

The same code then computes few shapes, each with its buffers built once: a sample's
result depends on the samples beside it by rounding at the most, a single sample costs
little, and memory is bounded.
"""

# torch.from_numpy carries no type.
# pyright: reportUnknownMemberType=false

from collections.abc import Iterator
from functools import cache

import numpy as np
import torch
from torch import Tensor

from skae._nn.runtime import Placement

SIZES = (1, 8, 64, 256)
OVERHEAD = 30  # samples whose arithmetic takes as long as all else of a block


def sizes_up_to(n_samples: int) -> tuple[int, ...]:
    """Return the sizes of blocks that hold at most so many samples."""
    return tuple(size for size in SIZES if size <= n_samples)


@cache
def _cheapest_covers(sizes: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Return the blocks that hold n samples in the least time, for small n.

    Small is what fits into a block of the largest size. Only the last may have room for
    more.
    """
    covers: list[tuple[int, ...]] = [()]
    for n in range(1, sizes[-1] + 1):
        candidates = [(size, *covers[max(0, n - size)]) for size in sizes[::-1]]
        costs = [sum(cover) + OVERHEAD * len(cover) for cover in candidates]
        covers.append(candidates[costs.index(min(costs))])
    return covers


def block_sizes(n_samples: int, sizes: tuple[int, ...] = SIZES) -> Iterator[int]:
    """Yield the sizes of blocks that together hold so many samples."""
    n_largest, rest = divmod(n_samples, sizes[-1])
    for _ in range(n_largest):
        yield sizes[-1]
    yield from _cheapest_covers(sizes)[rest]


def padded_blocks(
    values: np.ndarray, placement: Placement, sizes: tuple[int, ...] = SIZES
) -> Iterator[tuple[slice, Tensor]]:
    """Yield samples in blocks, the last one padded with zeros.

    Parameters
    ----------
    values : ndarray of shape (n_samples, n_features)
        The samples, of any type.
    placement : Placement
        Device and type of the blocks.
    sizes : tuple of int, default=SIZES
        Sizes of blocks, in ascending order.

    Yields
    ------
    at : slice
        The block's samples.
    block : Tensor of shape (size, n_features)
        A copy of them, followed by zeros.
    """
    dtype = np.float32 if placement.dtype == torch.float32 else np.float64
    start, (n_samples, n_features) = 0, values.shape
    for size in block_sizes(n_samples, sizes):
        at = slice(start, min(start + size, n_samples))
        block = np.zeros((size, n_features), dtype)
        block[: at.stop - start] = values[at]
        yield at, torch.from_numpy(block).to(placement.device)
        start = at.stop
