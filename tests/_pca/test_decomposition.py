import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pca_cases import eigen_of, graded
from sklearn.decomposition import PCA

from skae._data import dataset
from skae._data.dataset import Dataset
from skae._pca import decomposition
from skae._pca.decomposition import anchor_sample, randomized_range_finder


def with_constant_column(table):
    return np.insert(table, 1, 3.0, axis=1)


# -- eigendecompose --------------------------------------------------------------------


@pytest.mark.parametrize("block_rows", [7, 4096])
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
def test_eigendecomposition_is_pca_s(monkeypatch, table, block_rows):
    monkeypatch.setattr(dataset, "BLOCK_ROWS", block_rows)
    n = len(table)
    found, pca = eigen_of(table), PCA().fit(table)
    rank = min(n - 1, table.shape[1], 12)
    varies = pca.explained_variance_[:rank] > 1e-9
    variances = found.variances[:rank] * n / (n - 1)
    np.testing.assert_allclose(variances, pca.explained_variance_[:rank], atol=1e-7)
    np.testing.assert_allclose(
        found.components[:rank][varies], pca.components_[:rank][varies], atol=1e-5
    )
    np.testing.assert_allclose(found.column_variances, table.var(axis=0), atol=1e-8)


@pytest.mark.parametrize("shape", [(20, 5), (6, 9)], ids=["tall", "wide"])
def test_eigendecomposition_counts_a_weight_as_that_many_samples(shape):
    table = graded(*shape)
    weight = np.arange(len(table)) % 3 + 1
    one = eigen_of(table, weight=weight.astype(float))
    many = eigen_of(table.repeat(weight, axis=0))
    k = min(shape) - 1
    np.testing.assert_allclose(one.variances[:k], many.variances[:k])
    np.testing.assert_allclose(one.components[:k], many.components[:k], atol=1e-8)
    np.testing.assert_allclose(one.column_variances, many.column_variances)


ROUGH = {"dtype": torch.float32}


@pytest.mark.parametrize(
    ("shape", "options", "wide"),
    [
        ((600, 510), {}, 2000),
        ((600, 510), ROUGH, 2000),
        ((600, 510), ROUGH, 500),
        ((510, 510), ROUGH, 500),
        ((510, 600), {}, 2000),
        ((510, 600), ROUGH, 2000),
        ((300, 40), ROUGH, 2000),
        ((40, 300), ROUGH, 2000),
    ],
    ids=[
        "exact",
        "randomized covariance",
        "randomized samples",
        "randomized square",
        "randomized wide",
        "randomized wide float32",
        "float32",
        "float32 wide",
    ],
)
def test_few_components_are_pca_s_first(monkeypatch, shape, options, wide):
    monkeypatch.setattr(decomposition, "WIDE", wide)
    table = graded(*shape)
    found = eigen_of(table, 4, **options)
    pca = PCA(4, svd_solver="covariance_eigh").fit(table)
    np.testing.assert_allclose(
        found.variances[:4], pca.explained_variance_ * (1 - 1 / len(table)), rtol=1e-3
    )
    np.testing.assert_allclose(found.components[:4], pca.components_, atol=2e-3)
    np.testing.assert_allclose(found.column_variances, table.var(axis=0), rtol=1e-3)


def test_randomized_decomposition_depends_on_its_seed_alone():
    table = graded(510, 520)
    first, again = (eigen_of(table, 3, seed=1) for _ in range(2))
    np.testing.assert_array_equal(first.components, again.components)
    assert not np.array_equal(first.components, eigen_of(table, 3, seed=2).components)


@given(arrays(np.float64, (7, 3), elements=st.integers(-9, 9)))
def test_components_are_orthonormal_whatever_the_table(table):
    found = eigen_of(table)
    np.testing.assert_allclose(
        found.components @ found.components.T, np.eye(3), atol=1e-9
    )
    assert (np.diff(found.variances) <= 1e-9).all()
    assert (found.variances >= 0).all()
    assert found.variances.sum() == pytest.approx(found.column_variances.sum())


@pytest.mark.parametrize("symmetric", [False, True])
def test_range_finder_holds_the_top_right_vectors(symmetric):
    table = torch.from_numpy(graded(40, 30)).double()
    x = table.mT @ table if symmetric else table
    q = randomized_range_finder(x, 5, 0, symmetric=symmetric)
    assert q.shape == (30, 15)
    torch.testing.assert_close(q.mT @ q, torch.eye(15).double())
    top = torch.linalg.svd(table, full_matrices=False)[2][:5]
    torch.testing.assert_close(top @ q @ q.mT, top, atol=1e-6, rtol=0)


# -- Eigendecomposition ----------------------------------------------------------------


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9, 0.95, 0.999])
def test_n_components_for_a_share_is_pca_s(share):
    table = graded(60, 8)
    pca = PCA(share, svd_solver="full").fit(table)
    assert eigen_of(table).n_components_for(share) == pca.n_components_


def test_n_components_for_constant_tables_is_one():
    assert eigen_of(np.ones((9, 4))).n_components_for(0.95) == 1


def test_n_components_for_more_than_there_is_takes_all():
    assert eigen_of(graded(60, 8)).truncate(3).n_components_for(0.999) == 3


def test_truncate_pads_with_zeros():
    found = eigen_of(graded(60, 8))
    padded = found.truncate(10)
    assert padded.components.shape == (10, 8)
    np.testing.assert_array_equal(padded.components[:8], found.components)
    np.testing.assert_array_equal(padded.variances[8:], 0)
    np.testing.assert_array_equal(padded.components[8:], 0)
    np.testing.assert_array_equal(padded.column_variances, found.column_variances)


# -- anchor_sample ---------------------------------------------------------------------


def test_anchor_of_a_large_table_is_made_from_a_sample(monkeypatch):
    data = Dataset(graded(500, 6))
    assert anchor_sample(data, seed=0) == (data, torch.float64)
    monkeypatch.setattr(decomposition, "EXACT_PRODUCTS", 0)
    monkeypatch.setattr(decomposition, "SAMPLE_ROWS", 100)
    few, dtype = anchor_sample(data, seed=0)
    assert (len(few), dtype) == (100, torch.float32)
    monkeypatch.setattr(decomposition, "WIDE", 5)
    assert len(anchor_sample(data, seed=0)[0]) == 50
