import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.decomposition import PCA

from skae._pca import decomposition, anchor
from skae._data import dataset
from skae._data.dataset import Dataset
from skae._data.statistics import column_statistics
from skae._pca.anchor import fit_anchor
from skae._pca.decomposition import anchor_sample, eigendecompose


def graded(n_rows, n_features, seed=0):
    """A table whose variance falls clearly from one direction to the next."""
    rng = np.random.default_rng(seed)
    rank = min(n_rows, n_features)
    left = np.linalg.qr(rng.normal(size=(n_rows, rank)))[0]
    right = np.linalg.qr(rng.normal(size=(n_features, rank)))[0]
    sizes = np.sqrt(n_rows) * np.maximum(0.7 ** np.arange(rank), 1e-3)
    return left * sizes @ right.T + rng.normal(size=n_features)


def with_constant_column(table):
    return np.insert(table, 1, 3.0, axis=1)


def spectrum_of(table, k=None, weight=None, **options):
    rows = Dataset(table, None, weight)
    return eigendecompose(
        rows, column_statistics(rows).mean, k, **{"seed": 0, **options}
    )


def anchor_of(table, k, *, linear=True, weight=None):
    rows = Dataset(table, None, weight)
    stats = column_statistics(rows)
    found = eigendecompose(rows, stats.mean, k, seed=0)
    return fit_anchor(rows, stats, found, k, linear=linear)


# -- spectrum --------------------------------------------------------------------------


@pytest.mark.parametrize("chunk_rows", [7, 4096])
@pytest.mark.parametrize(
    "table",
    [
        graded(50, 6),
        graded(30, 30),
        graded(8, 20),
        with_constant_column(graded(50, 6)),
        with_constant_column(graded(8, 20)),
        1e6 + graded(50, 6),
    ],
    ids=["tall", "square", "wide", "constant", "wide, constant", "far from zero"],
)
def test_spectrum_is_pca_s(monkeypatch, table, chunk_rows):
    monkeypatch.setattr(_rows, "CHUNK_ROWS", chunk_rows)
    n = len(table)
    found, pca = spectrum_of(table), PCA().fit(table)
    rank = min(n - 1, table.shape[1], 12)
    known = pca.explained_variance_[:rank] > 1e-9
    variances = found.variances[:rank] * n / (n - 1)
    np.testing.assert_allclose(variances, pca.explained_variance_[:rank], atol=1e-7)
    np.testing.assert_allclose(
        found.components[:rank][known], pca.components_[:rank][known], atol=1e-5
    )
    np.testing.assert_allclose(found.column_variances, table.var(axis=0), atol=1e-8)


@pytest.mark.parametrize("shape", [(20, 5), (6, 9)], ids=["tall", "wide"])
def test_a_weight_counts_as_that_many_rows(shape):
    table = graded(*shape)
    weight = np.arange(len(table)) % 3 + 1
    one = spectrum_of(table, weight=weight.astype(float))
    many = spectrum_of(table.repeat(weight, axis=0))
    k = min(shape) - 1
    np.testing.assert_allclose(one.variances[:k], many.variances[:k])
    np.testing.assert_allclose(one.components[:k], many.components[:k], atol=1e-8)
    np.testing.assert_allclose(one.column_variances, many.column_variances)


ROUGH = {"dtype": torch.float32}


@pytest.mark.parametrize(
    ("shape", "options", "wide"),
    [
        ((700, 600), {}, 2000),
        ((700, 600), ROUGH, 2000),
        ((700, 600), ROUGH, 500),
        ((600, 600), ROUGH, 500),
        ((510, 700), {}, 2000),
        ((510, 700), ROUGH, 2000),
        ((300, 40), ROUGH, 2000),
        ((40, 300), ROUGH, 2000),
    ],
    ids=[
        "exact",
        "randomized covariance",
        "randomized rows",
        "randomized square",
        "randomized wide",
        "randomized wide float32",
        "float32",
        "float32 wide",
    ],
)
def test_few_components_are_pca_s_first(monkeypatch, shape, options, wide):
    monkeypatch.setattr(_anchor, "WIDE", wide)
    table = graded(*shape)
    found = spectrum_of(table, 4, **options)
    pca = PCA(4, svd_solver="full").fit(table)
    np.testing.assert_allclose(
        found.variances[:4], pca.explained_variance_ * (1 - 1 / len(table)), rtol=1e-3
    )
    np.testing.assert_allclose(found.components[:4], pca.components_, atol=2e-3)
    np.testing.assert_allclose(found.column_variances, table.var(axis=0), rtol=1e-3)


def test_a_randomized_decomposition_depends_on_its_seed_alone():
    table = graded(510, 520)
    first, again = (spectrum_of(table, 3, seed=1) for _ in range(2))
    np.testing.assert_array_equal(first.components, again.components)


@given(arrays(np.float64, (7, 3), elements=st.integers(-9, 9)))
def test_components_are_orthonormal_whatever_the_table(table):
    found = spectrum_of(table)
    np.testing.assert_allclose(
        found.components @ found.components.T, np.eye(3), atol=1e-9
    )
    assert (np.diff(found.variances) <= 1e-9).all()
    assert (found.variances >= 0).all()
    assert found.variances.sum() == pytest.approx(found.column_variances.sum())


def test_large_tables_are_sampled(monkeypatch):
    rows = Dataset(graded(500, 6))
    assert anchor_sample(rows, seed=0) == (rows, torch.float64)
    monkeypatch.setattr(_anchor, "EXACT_PRODUCTS", 0)
    monkeypatch.setattr(_anchor, "SAMPLE_ROWS", 100)
    few, dtype = anchor_sample(rows, seed=0)
    assert (len(few), dtype) == (100, torch.float32)
    monkeypatch.setattr(_anchor, "WIDE", 5)
    assert len(anchor_sample(rows, seed=0)[0]) == 50


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9, 0.95, 0.999])
def test_count_for_a_share_is_pca_s(share):
    table = graded(60, 8)
    pca = PCA(share, svd_solver="full").fit(table)
    assert spectrum_of(table).count_for(share) == pca.n_components_


def test_constant_tables_have_one_component():
    assert spectrum_of(np.ones((9, 4))).count_for(0.95) == 1


def test_more_than_there_is_takes_what_there_is():
    found = spectrum_of(graded(60, 8))
    assert found.head(3).count_for(0.999) == 3
    padded = found.head(10)
    assert padded.components.shape == (10, 8)
    np.testing.assert_array_equal(padded.variances[8:], 0)
    np.testing.assert_array_equal(padded.components[8:], 0)


# -- anchor ----------------------------------------------------------------------------


def test_anchor_holds_the_scales_of_pca():
    table = graded(60, 8)
    anchor, pca = anchor_of(table, 3), PCA(3).fit(table)
    scores = (table - table.mean(0)) @ pca.components_.T
    residual = table - pca.inverse_transform(scores)
    np.testing.assert_allclose(anchor.mean, table.mean(0))
    np.testing.assert_allclose(anchor.scale, table.std(0))
    np.testing.assert_allclose(anchor.components, pca.components_, atol=1e-8)
    np.testing.assert_allclose(anchor.deviations, scores.std(0))
    rms = np.sqrt((residual**2).mean(0))
    floor = 0.1 * np.sqrt((residual**2).mean())
    np.testing.assert_allclose(anchor.residual, np.maximum(rms, floor), rtol=1e-6)
    z = scores / scores.std(0)
    np.testing.assert_allclose(anchor.code_range, [z.min(0), z.max(0)], atol=1e-7)
    u = (table - table.mean(0)) / table.std(0)
    np.testing.assert_allclose(anchor.input_range, [u.min(0), u.max(0)])
    assert not anchor.explained


def test_well_predicted_columns_keep_a_scale():
    table = graded(200, 4)
    table[:, 3] = table[:, 0]
    anchor = anchor_of(table, 2)
    assert anchor.residual.min() >= 0.1 * np.sqrt((anchor.residual**2).mean()) - 1e-12
    assert anchor.residual.min() > 0


def test_columns_that_hardly_vary_are_not_blown_up():
    table = graded(60, 4)
    table[:, 1] = 1e6 + 1e-9 * np.arange(60)
    table[:, 2] = 0.0
    anchor = anchor_of(table, 2)
    np.testing.assert_array_equal(anchor.scale[[1, 2]], 1)
    np.testing.assert_allclose(anchor.input_range[:, 1:3], 0, atol=1e-6)


def test_small_columns_are_scaled_as_large_ones_are():
    table = graded(60, 4) * [1, 1e-8, 1, 1]
    np.testing.assert_allclose(anchor_of(table, 2).scale, table.std(0))


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_a_table_of_low_rank_is_explained(rank):
    rng = np.random.default_rng(0)
    table = rng.normal(size=(50, rank)) @ rng.normal(size=(rank, 5))
    for k in range(1, 5):
        assert anchor_of(table, k).explained == (k >= rank)


def test_directions_without_variance_have_unit_deviation():
    table = graded(50, 1) @ np.ones((1, 4))
    anchor = anchor_of(table, 3)
    np.testing.assert_array_equal(anchor.deviations[1:], 1)
    np.testing.assert_allclose(anchor.code_range[:, 1:], 0, atol=1e-9)


def test_without_components_the_residual_is_the_deviation():
    table = graded(60, 3)
    anchor = anchor_of(table, 5, linear=False)
    assert anchor.components.shape == (5, 3)
    assert not anchor.components.any()
    np.testing.assert_array_equal(anchor.deviations, 1)
    floor = 0.1 * np.sqrt(table.var(0).mean())
    np.testing.assert_allclose(anchor.residual, np.maximum(table.std(0), floor))
    assert not anchor.explained
