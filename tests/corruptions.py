"""Samples to corrupt, and what holds for corruptions of every kind."""

import pytest
import torch
from sklearn.base import clone

from skae.noise import Columns

D = 3


def centred_samples(*lead):
    """Values between zero and one less their mean, and the columns' mean and range."""
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(*lead, D, generator=generator, dtype=torch.float64)
    mean = x.mean(-2, keepdim=True)
    x = x - mean
    return x, Columns(mean, x.amin(-2, keepdim=True), x.amax(-2, keepdim=True))


def seeded(seed=1):
    return torch.Generator().manual_seed(seed)


def check_keeps_clean_samples_shape_and_type(corruption, lead, dtype):
    x, columns = centred_samples(*lead)
    x, columns = x.to(dtype), Columns(*(c.to(dtype) for c in columns))
    before = x.clone()
    noisy = corruption.apply(x, columns, seeded())
    assert noisy.shape == x.shape
    assert noisy.dtype == dtype
    assert noisy.data_ptr() != x.data_ptr()
    assert not torch.equal(noisy, x)
    torch.testing.assert_close(x, before, rtol=0, atol=0)


def check_depends_on_its_generator_alone(corruption):
    x, columns = centred_samples(50)
    first, again, other = (
        corruption.apply(x, columns, seeded(seed)) for seed in (1, 1, 2)
    )
    torch.testing.assert_close(first, again, rtol=0, atol=0)
    assert not torch.equal(first, other)
    generator = seeded()
    assert not torch.equal(*(corruption.apply(x, columns, generator) for _ in range(2)))


def check_is_a_value_that_does_not_change(corruption):
    with pytest.raises(AttributeError):
        corruption.level = 0.7
    assert clone(corruption, safe=False) == corruption
    assert hash(corruption) == hash(clone(corruption, safe=False))
