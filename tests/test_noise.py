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

from skae import noise
from skae.noise import NAMES, Chain, Columns, Gaussian, Masking, SaltAndPepper, Swap

ROWS = 20_000
LEVELS = [0.0, 0.1, 0.5, 1.0]
BY_SHARE = [Masking, SaltAndPepper, Swap]


def shifted(X, rng):
    return X + rng.normal(size=X.shape)


CHAIN = Chain((Swap(0.2), Gaussian(0.1)))
ALL = [*(kind() for kind in NAMES.values()), CHAIN]


@pytest.fixture
def clean():
    return centred_samples(ROWS)


# -- each kind -------------------------------------------------------------------------


@pytest.mark.parametrize("level", [0.0, 0.3, 2.0])
def test_gaussian_noise_has_the_deviation_that_is_asked_for(clean, level):
    x, columns = clean
    change = Gaussian(level).apply(x, columns, seeded()) - x
    np.testing.assert_allclose(change.mean(0), 0, atol=0.03 * level)
    np.testing.assert_allclose(change.std(0), level, rtol=0.02)
    np.testing.assert_allclose(change.T @ x / ROWS, 0, atol=0.03 * level)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("kind", BY_SHARE)
def test_a_level_is_the_share_of_values_that_are_replaced(clean, kind, level):
    x, columns = clean
    changed = kind(level).apply(x, columns, seeded()) != x
    np.testing.assert_allclose(changed.double().mean(0), level, atol=0.015)
    both = (changed[:, 0] & changed[:, 1]).double().mean()
    assert float(both) == pytest.approx(level**2, abs=0.015)


def test_masked_values_are_their_column_s_mean(clean):
    x, columns = clean
    noisy = Masking(0.4).apply(x, columns, seeded())
    assert set(noisy[noisy != x].tolist()) == {0.0}


def test_salt_and_pepper_are_the_ends_of_the_column_one_as_likely(clean):
    x, columns = clean
    noisy = SaltAndPepper(0.4).apply(x, columns, seeded())
    salt, pepper = noisy == columns.high, noisy == columns.low
    assert ((noisy == x) | salt | pepper).all()
    for end in (salt, pepper):
        np.testing.assert_allclose(end.double().mean(0), 0.2, atol=0.015)


def test_swapped_values_are_of_their_column_and_keep_its_distribution(clean):
    x, columns = clean
    x = x * torch.tensor([1.0, 10.0, 100.0])
    noisy = Swap(1.0).apply(x, columns, seeded())
    for j in range(D):
        assert np.isin(noisy[:, j], x[:, j]).all()
    shares = np.linspace(0.05, 0.95, 19)
    for j in range(D):
        np.testing.assert_allclose(
            np.quantile(noisy[:, j], shares),
            np.quantile(x[:, j], shares),
            atol=0.03 * float(x[:, j].std()),
        )


def test_swapped_columns_lose_their_relations(clean):
    x, columns = clean
    x = x[:, :1].expand(ROWS, D)
    noisy = Swap(1.0).apply(x, columns, seeded())
    np.testing.assert_allclose(np.corrcoef(noisy.T), np.eye(D), atol=0.03)


# -- one after the other ---------------------------------------------------------------


def test_a_chain_is_one_corruption_after_the_other(clean):
    x, columns = clean
    parts = (Swap(0.3), Gaussian(0.5), Masking(0.1))
    generator, expected = seeded(), x
    for part in parts:
        expected = part.apply(expected, columns, generator)
    noisy = Chain(parts).apply(x, columns, seeded())
    torch.testing.assert_close(noisy, expected, rtol=0, atol=0)
    other = Chain(parts[::-1]).apply(x, columns, seeded())
    assert not torch.equal(other, noisy)


def test_a_chain_of_one_is_that_one(clean):
    one, alone = (kind.apply(*clean, seeded()) for kind in (Chain((Swap(),)), Swap()))
    torch.testing.assert_close(one, alone, rtol=0, atol=0)


def test_a_chain_of_none_changes_nothing(clean):
    noisy = Chain().apply(*clean, seeded())
    torch.testing.assert_close(noisy, clean[0], rtol=0, atol=0)


def test_chains_nest(clean):
    flat = Chain((Swap(0.3), Gaussian(0.5), Masking(0.1)))
    nested = Chain((Chain((Swap(0.3), Gaussian(0.5))), Masking(0.1)))
    first, second = (kind.apply(*clean, seeded()) for kind in (flat, nested))
    torch.testing.assert_close(first, second, rtol=0, atol=0)


def test_a_chain_s_repr_makes_it_again():
    assert eval(repr(CHAIN), vars(noise)) == CHAIN
    assert CHAIN != Chain((Gaussian(0.1), Swap(0.2)))


@pytest.mark.parametrize(
    "wrong",
    [(0.2,), (Gaussian(), "swap"), (Swap,), (shifted,), "swap", Gaussian(), 3],
    ids=["number", "name", "class", "function", "bare name", "corruption", "3"],
)
def test_a_chain_is_made_of_corruptions(wrong):
    with pytest.raises(TypeError, match=r"must be a tuple of objects of skae\.noise"):
        Chain(wrong)


# -- what all share --------------------------------------------------------------------


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: type(kind).__name__)
@pytest.mark.parametrize("lead", [(50,), (2, 50), (4, 2, 50)], ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_noise_keeps_clean_rows_shape_and_type(kind, lead, dtype):
    check_keeps_clean_samples_shape_and_type(kind, lead, dtype)


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: type(kind).__name__)
def test_a_generator_decides_the_noise(kind):
    check_depends_on_its_generator_alone(kind)


@pytest.mark.parametrize("kind", BY_SHARE)
def test_each_model_has_its_own_columns(kind):
    x, columns = centred_samples(2, 500)
    scale = torch.tensor([1.0, 100.0])[:, None, None]
    moved = Columns(*(scale * c for c in columns))
    noisy = kind(1.0).apply(scale * x, moved, seeded())
    ranges = zip(noisy, moved.low, moved.high, strict=True)
    assert all(low.le(part).all() & high.ge(part).all() for part, low, high in ranges)


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: type(kind).__name__)
def test_a_corruption_is_a_value_that_does_not_change(kind):
    check_is_a_value_that_does_not_change(kind)


@pytest.mark.parametrize("name", NAMES)
def test_a_corruption_s_repr_makes_it_again(name):
    kind = NAMES[name](0.25)
    assert eval(repr(kind), vars(noise)) == kind
    assert kind != NAMES[name](0.3)
    assert repr(kind) == f"{type(kind).__name__}(level=0.25)"


@pytest.mark.parametrize("level", [-0.1, 1.1, np.nan, np.inf])
@pytest.mark.parametrize("kind", BY_SHARE)
def test_shares_are_between_zero_and_one(kind, level):
    with pytest.raises(ValueError, match=r"level=.* is a share of the values"):
        kind(level)


@pytest.mark.parametrize("level", [-0.1, np.nan, np.inf])
def test_deviations_are_not_negative(level):
    with pytest.raises(ValueError, match=r"level=.* must be a standard deviation"):
        Gaussian(level)


def test_public_names_are_there_and_no_others_are_needed():
    named = {kind.__name__ for kind in NAMES.values()}
    assert set(noise.__all__) == {"Chain", "Corruption", *named}
    assert all(hasattr(noise, name) for name in noise.__all__)


# -- tables ----------------------------------------------------------------------------


def test_noise_is_removed_where_it_is_public():
    assert all(kind.clean_target for kind in ALL)
