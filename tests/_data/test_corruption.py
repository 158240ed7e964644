import numpy as np
import pytest
import torch
from corruptions import (
    D,
    centred_samples,
    check_depends_on_its_generator_alone,
    check_is_a_value_that_does_not_change,
    check_keeps_clean_samples_shape_and_type,
    seeded,
)

from skae._data import corruption as _corruption
from skae._data.corruption import (
    Binarization,
    FunctionCorruption,
    PerModelCorruption,
    corrupt_rows,
)
from skae.noise import NAMES, Chain, Columns, Gaussian, Masking, SaltAndPepper, Swap

N = 5000


def shifted(X, rng):
    return X + rng.normal(size=X.shape)


PRIVATE = [FunctionCorruption(shifted), Binarization()]
OF_ARRAYS = [
    *(kind() for kind in NAMES.values()),
    Chain((Swap(0.2), Gaussian(0.1))),
    FunctionCorruption(shifted),
]


def type_name(corruption):
    return type(corruption).__name__


@pytest.fixture
def clean():
    return centred_samples(50)


# -- Binarization ----------------------------------------------------------------------


def test_binarization_draws_ones_with_the_value_as_probability():
    p = torch.tensor([0.0, 0.2, 1.0]).expand(N, D)
    mean = torch.tensor([[0.1, 0.3, 0.6]])
    columns = Columns(mean, -mean, 1 - mean)
    drawn = Binarization().apply(p - mean, columns, seeded()) + mean
    assert set(drawn.round(decimals=6).unique().tolist()) == {0.0, 1.0}
    np.testing.assert_allclose(drawn.mean(0), p[0], atol=0.02)


def test_binarization_models_what_is_drawn():
    assert not Binarization.clean_target
    assert FunctionCorruption.clean_target


# -- FunctionCorruption ----------------------------------------------------------------


def test_function_gets_samples_in_their_units_and_a_generator(clean):
    x, columns = clean

    def function(X, rng):
        assert isinstance(rng, np.random.Generator)
        assert X.shape == (50, D)
        np.testing.assert_allclose(X, (x + columns.mean).numpy())
        return 2 * X

    noisy = FunctionCorruption(function).apply(x, columns, seeded())
    torch.testing.assert_close(noisy + columns.mean, 2 * (x + columns.mean))


def test_function_may_write_into_what_it_gets(clean):
    x, columns = clean
    before = x.clone()

    def function(X, rng):
        X[:] = 0
        return X

    noisy = FunctionCorruption(function).apply(x, columns, seeded())
    torch.testing.assert_close(noisy, (-columns.mean).expand(50, D))
    torch.testing.assert_close(x, before, rtol=0, atol=0)


@pytest.mark.parametrize(
    "function",
    [
        lambda X, rng: X[:, 0],
        lambda X, rng: X[:5],
        lambda X, rng: None,
        lambda X, rng: np.full_like(X, np.nan),
        lambda X, rng: np.full_like(X, np.inf),
    ],
    ids=["a column", "some samples", "nothing", "NaN", "infinity"],
)
def test_function_must_return_finite_samples_of_the_same_shape(clean, function):
    with pytest.raises(
        ValueError, match=r"passed as noise must return finite samples of"
    ):
        FunctionCorruption(function).apply(*clean, seeded())


# -- PerModelCorruption ----------------------------------------------------------------


@pytest.mark.parametrize("lead", [(4, 50), (3, 4, 50)], ids=str)
def test_each_model_has_noise_of_its_own(lead):
    x, _ = centred_samples(*lead)
    ends = x.reshape(-1, 4, 50, D).amax((0, 2))[:, None]
    columns = Columns(torch.zeros_like(ends), -ends, ends)
    kinds = (Gaussian(0.0), Gaussian(0.0), SaltAndPepper(1.0), Masking(1.0))
    before = x.clone()
    noisy = PerModelCorruption(kinds).apply(x, columns, seeded()).movedim(-3, 0)
    torch.testing.assert_close(x, before, rtol=0, atol=0)
    torch.testing.assert_close(noisy[:2], x.movedim(-3, 0)[:2], rtol=0, atol=0)
    torch.testing.assert_close(noisy[2].abs(), ends[2].expand_as(noisy[2]))
    assert noisy[3].abs().max() == 0


def test_models_with_equal_noise_are_drawn_at_once():
    x, columns = centred_samples(2, 50)
    one, each = (
        kind.apply(x, columns, seeded())
        for kind in (Swap(), PerModelCorruption((Swap(), Swap())))
    )
    torch.testing.assert_close(each, one, rtol=0, atol=0)
    assert not torch.equal(one[0] - x[0], one[1] - x[1])


# -- what all corruptions share --------------------------------------------------------


@pytest.mark.parametrize("kind", PRIVATE, ids=type_name)
@pytest.mark.parametrize("lead", [(50,), (2, 50), (4, 2, 50)], ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_corruption_keeps_clean_samples_shape_and_type(kind, lead, dtype):
    check_keeps_clean_samples_shape_and_type(kind, lead, dtype)


@pytest.mark.parametrize("kind", PRIVATE, ids=type_name)
def test_corruption_depends_on_its_generator_alone(kind):
    check_depends_on_its_generator_alone(kind)


@pytest.mark.parametrize(
    "kind", [*PRIVATE, PerModelCorruption((Swap(), Gaussian()))], ids=type_name
)
def test_corruption_is_a_value_that_does_not_change(kind):
    check_is_a_value_that_does_not_change(kind)


# -- corrupt_rows ----------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", OF_ARRAYS, ids=type_name)
def test_arrays_are_corrupted_in_chunks_of_any_size(monkeypatch, kind, dtype):
    rng = np.random.default_rng(0)
    table = (100 + rng.normal(size=(200, D))).astype(dtype)
    table.setflags(write=False)
    mean = table.mean(0, dtype=np.float64)
    ranges = np.stack([table.min(0), table.max(0)]) - mean
    for chunk_rows in (4096, 7):
        monkeypatch.setattr(_corruption, "CHUNK_ROWS", chunk_rows)
        noisy = corrupt_rows(table, kind, mean, ranges, seeded())
        assert noisy.dtype == dtype
        assert noisy.shape == table.shape
        assert not np.array_equal(noisy, table)
        assert np.abs(noisy - table).max() < 10


def test_values_without_noise_stay_as_they_are_to_the_last_bit():
    table = 100 + np.random.default_rng(0).normal(size=(200, D))
    mean = table.mean(0)
    ranges = np.stack([table.min(0), table.max(0)]) - mean
    noisy = corrupt_rows(table, Masking(0.5), mean, ranges, seeded())
    same = noisy == table
    assert 0.4 < same.mean() < 0.6
    np.testing.assert_allclose(noisy[~same], np.broadcast_to(mean, (200, D))[~same])
