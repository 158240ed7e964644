import pytest

from skae._fitting.config import SMALL, FitConfig
from skae._nn.latents.base import PlainLatent
from skae._nn.latents.gaussian import GaussianLatent
from skae._nn.latents.sparse import SparseLatent

SIZES = [(100, 3), (100, 300), (SMALL, 10), (5000, 10), (5000, 500), (10**6, 50)]


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_the_recipe_fills_in_what_is_open(size):
    chosen = FitConfig().resolve(*size)
    assert all(width > 0 for width in chosen.hidden)
    assert chosen.batch_size > 0
    assert 0 < chosen.rate < 0.1
    assert 0 < chosen.patience <= chosen.n_steps


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_what_is_given_stays(size):
    given = FitConfig(
        hidden=(), rate=0.5, n_steps=7, batch_size=3, patience=2, n_components=4
    )
    chosen = given.resolve(*size)
    for name in ("hidden", "rate", "n_steps", "batch_size", "patience", "n_components"):
        assert getattr(chosen, name) == getattr(given, name)


def test_larger_tables_get_larger_networks_and_longer_fits():
    few, many, wide, huge = (
        FitConfig().resolve(*size)
        for size in [(100, 10), (5000, 10), (5000, 500), (10**6, 10)]
    )
    assert few.hidden < many.hidden < wide.hidden
    assert few.n_steps < many.n_steps < wide.n_steps
    assert many.n_steps < huge.n_steps


def test_few_rows_must_be_more_certain():
    assert FitConfig().resolve(50, 5).tiny
    assert not FitConfig().resolve(5000, 5).tiny


def test_codes_are_nested_where_their_number_is_to_be_found():
    assert FitConfig(n_components=0.9).kind.nested > 0
    assert FitConfig(n_components=3).kind == FitConfig().kind == PlainLatent()


def test_a_kind_of_codes_that_is_given_stays():
    assert FitConfig(code=SparseLatent()).kind == SparseLatent()


def test_codes_with_a_prior_make_the_anchor_probabilistic():
    assert FitConfig(code=GaussianLatent()).probabilistic
    assert not FitConfig(code=SparseLatent()).probabilistic
    assert not FitConfig().probabilistic
