import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from model_cases import CPU

from skae._model.blocks import (
    OVERHEAD,
    SIZES,
    block_sizes,
    padded_blocks,
    sizes_up_to,
)
from skae._nn.runtime import Placement

DOUBLE, SINGLE = Placement(CPU, torch.float64), Placement(CPU, torch.float32)


@pytest.mark.parametrize(
    ("n_samples", "expected"),
    [
        (0, []),
        (1, [1]),
        (2, [8]),
        (7, [8]),
        (8, [8]),
        (9, [8, 1]),
        (16, [8, 8]),
        (40, [64]),
        (64, [64]),
        (65, [64, 1]),
        (100, [64, 64]),
        (193, [256]),
        (255, [256]),
        (256, [256]),
        (257, [256, 1]),
        (300, [256, 64]),
        (1000, [256] * 4),
    ],
)
def test_blocks_of_few_sizes_hold_all_samples(n_samples, expected):
    assert list(block_sizes(n_samples)) == expected


@given(st.integers(0, 2000), st.integers(1, 300))
def test_blocks_hold_all_samples_and_none_is_superfluous(n_samples, largest):
    sizes = sizes_up_to(largest)
    found = list(block_sizes(n_samples, sizes))
    assert set(found) <= set(sizes)
    assert sum(found) >= n_samples
    assert sum(found[:-1]) < n_samples or not found

    def cost(cover):
        return sum(cover) + OVERHEAD * len(cover)

    for size in sizes:  # no size alone holds them at lower cost
        assert cost(found) <= cost([size] * -(-n_samples // size))


@pytest.mark.parametrize(
    ("n_samples", "expected"),
    [(1, (1,)), (7, (1,)), (8, (1, 8)), (200, (1, 8, 64)), (10**6, SIZES)],
)
def test_sizes_are_limited(n_samples, expected):
    assert sizes_up_to(n_samples) == expected


def test_modules_may_get_larger_blocks_only():
    assert list(block_sizes(1, SIZES[1:])) == [8]
    assert list(block_sizes(257, SIZES[1:])) == [256, 8]


@pytest.mark.parametrize("placement", [DOUBLE, SINGLE])
@pytest.mark.parametrize("n_samples", [1, 5, 8, 73, 300])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.uint16, bool])
def test_blocks_are_copies_padded_with_zeros(n_samples, dtype, placement):
    rng = np.random.default_rng(0)
    values = (9 * rng.normal(size=(n_samples, 3)) ** 2).astype(dtype)
    kept = values.copy()
    start = 0
    for at, block in padded_blocks(values, placement):
        assert block.dtype == placement.dtype
        assert at.start == start
        count, start = at.stop - at.start, at.stop
        np.testing.assert_array_equal(
            block[:count], values[at].astype(block.numpy().dtype)
        )
        assert not block[count:].any()
        block.fill_(7.0)
    assert start == n_samples
    np.testing.assert_array_equal(values, kept)


def test_blocks_are_made_of_any_array():
    values = np.arange(60.0).reshape(6, 10)[::-1, ::2]
    values.flags.writeable = False
    ((at, block),) = padded_blocks(values, DOUBLE)
    assert at == slice(0, 6)
    np.testing.assert_array_equal(block[:6], values)
