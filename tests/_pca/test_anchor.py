import numpy as np
import pytest
from pca_cases import anchor_of, graded, statistics_of
from sklearn.decomposition import PCA

from skae._data import dataset
from skae._pca.anchor import is_negligible, residual_scale


@pytest.mark.parametrize("block_rows", [7, 4096])
def test_anchor_holds_the_scales_of_pca(monkeypatch, block_rows):
    monkeypatch.setattr(dataset, "BLOCK_ROWS", block_rows)
    table = graded(60, 8)
    anchor, pca = anchor_of(table, 3), PCA(3).fit(table)
    scores = (table - table.mean(0)) @ pca.components_.T
    residual = table - pca.inverse_transform(scores)
    np.testing.assert_allclose(anchor.mean, table.mean(0))
    np.testing.assert_allclose(anchor.scale, table.std(0))
    np.testing.assert_allclose(anchor.components, pca.components_, atol=1e-8)
    np.testing.assert_allclose(anchor.score_std, scores.std(0))
    np.testing.assert_allclose(anchor.variances, scores.var(0))
    rms = np.sqrt((residual**2).mean(0))
    floor = 0.1 * np.sqrt((residual**2).mean())
    np.testing.assert_allclose(anchor.residual_scale, np.maximum(rms, floor), rtol=1e-6)
    assert anchor.residual_variance == pytest.approx((residual**2).mean(0).sum())
    z = scores / scores.std(0)
    np.testing.assert_allclose(anchor.code_range, [z.min(0), z.max(0)], atol=1e-7)
    centred = table - table.mean(0)
    ends = np.stack([centred.min(0), centred.max(0)])
    np.testing.assert_allclose(anchor.column_range, ends)
    np.testing.assert_allclose(anchor.input_range, ends / table.std(0))
    np.testing.assert_array_equal(anchor.shrinkage, 1)
    assert not anchor.is_exact
    assert anchor.noise_variance == 0
    assert anchor.n_components == 3


def test_anchor_of_noisy_inputs_scales_them_and_not_the_targets():
    table = graded(60, 4)
    noisy = table + np.random.default_rng(0).normal(size=table.shape)
    clean, anchor = (
        anchor_of(table, 2),
        anchor_of(table, 2, inputs=statistics_of(noisy)),
    )
    np.testing.assert_allclose(anchor.scale, noisy.std(0))
    u = (noisy - table.mean(0)) / noisy.std(0)
    np.testing.assert_allclose(anchor.input_range, [u.min(0), u.max(0)])
    for name in ("mean", "components", "column_range", "residual_scale", "code_range"):
        np.testing.assert_array_equal(getattr(anchor, name), getattr(clean, name))


def test_well_reconstructed_columns_keep_a_scale():
    table = graded(200, 4)
    table[:, 3] = table[:, 0]
    scale = anchor_of(table, 2).residual_scale
    assert scale.min() >= 0.1 * np.sqrt((scale**2).mean()) - 1e-12
    assert scale.min() > 0


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
def test_anchor_of_a_table_of_low_rank_is_exact(rank):
    rng = np.random.default_rng(0)
    table = rng.normal(size=(50, rank)) @ rng.normal(size=(rank, 5))
    for k in range(1, 5):
        assert anchor_of(table, k).is_exact == (k >= rank)


def test_directions_without_variance_have_scale_one():
    table = graded(50, 1) @ np.ones((1, 4))
    anchor = anchor_of(table, 3)
    np.testing.assert_array_equal(anchor.score_std[1:], 1)
    np.testing.assert_allclose(anchor.code_range[:, 1:], 0, atol=1e-9)


def test_without_components_the_residual_is_the_sample():
    table = graded(60, 3)
    anchor = anchor_of(table, 5, anchored=False)
    assert anchor.components.shape == (5, 3)
    assert not anchor.components.any()
    np.testing.assert_array_equal(anchor.score_std, 1)
    floor = 0.1 * np.sqrt(table.var(0).mean())
    np.testing.assert_allclose(anchor.residual_scale, np.maximum(table.std(0), floor))
    assert not anchor.is_exact


def test_truncate_keeps_the_first_components():
    anchor = anchor_of(graded(60, 8), 4)
    cut = anchor.truncate(2)
    assert cut.n_components == 2
    for name in ("components", "score_std", "variances", "shrinkage"):
        np.testing.assert_array_equal(getattr(cut, name), getattr(anchor, name)[:2])
    np.testing.assert_array_equal(cut.code_range, anchor.code_range[:, :2])
    np.testing.assert_array_equal(cut.residual_scale, anchor.residual_scale)


def test_residual_scale_is_at_least_a_tenth_of_the_usual():
    variances = np.array([1.0, 0.0, 1e-6, 3.0])
    expected = [1.0, 0.1, 0.1, np.sqrt(3.0)]
    np.testing.assert_allclose(residual_scale(variances), expected, rtol=1e-3)


@pytest.mark.parametrize(
    ("variance", "total", "expected"),
    [(1e-10, 1.0, True), (1e-8, 1.0, False), (0.0, 0.0, True), (1e-75, 0.0, True)],
)
def test_a_variance_is_negligible_beside_the_total(variance, total, expected):
    assert is_negligible(variance, total) is expected
