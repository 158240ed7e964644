import tracemalloc

import numpy as np
import pytest

from skae._pca.subspace import Subspace


def wide(n=6, d=40, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) * np.arange(1, d + 1) + 100


@pytest.mark.parametrize("weighted", [True, False])
def test_subspace_holds_its_samples_and_keeps_their_distances(weighted):
    x = wide()
    weight = np.arange(1.0, 7) if weighted else None
    space = Subspace.spanned_by(x, weight)
    t = space.coordinates(x)
    assert space.rank == t.shape[1] == 5
    np.testing.assert_allclose(space.origin, np.average(x, axis=0, weights=weight))
    np.testing.assert_allclose(space.basis.T @ space.basis, np.eye(5), atol=1e-10)
    np.testing.assert_allclose(space.origin + t @ space.basis.T, x)
    apart = [np.linalg.norm(y[:, None] - y, axis=2) for y in (x, t)]
    np.testing.assert_allclose(*apart, atol=1e-10)


def test_subspace_projects_new_samples():
    x, new = wide(), wide(seed=1)
    space = Subspace.spanned_by(x)
    centred = (x - x.mean(axis=0)).T
    expected = centred @ np.linalg.lstsq(centred, (new - x.mean(axis=0)).T)[0]
    np.testing.assert_allclose(
        space.coordinates(new) @ space.basis.T, expected.T, rtol=1e-8
    )


@pytest.mark.parametrize("rank", [0, 1, 3])
def test_subspace_has_the_rank_of_its_samples(rank):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(8, rank)) @ rng.normal(size=(rank, 30)) + 5
    space = Subspace.spanned_by(x)
    assert space.rank == rank
    np.testing.assert_allclose(
        space.origin + space.coordinates(x) @ space.basis.T, x, rtol=1e-9
    )


def test_subspace_directions_share_the_variance():
    t = Subspace.spanned_by(wide(100, 400) ** 3).coordinates(wide(100, 400) ** 3)
    std = t.std(axis=0)
    assert std.max() < 3 * std.min()


def test_subspace_within_another():
    x = wide()
    outer = Subspace.spanned_by(x)
    inner = Subspace.spanned_by(outer.coordinates(x)[:4])
    direct = Subspace.spanned_by(x[:4])
    both = inner.within(outer)
    np.testing.assert_allclose(both.origin, direct.origin)
    np.testing.assert_allclose(
        both.basis @ both.basis.T, direct.basis @ direct.basis.T, atol=1e-9
    )


def test_subspace_of_many_features_holds_no_matrix_of_them():
    x = np.random.default_rng(0).normal(size=(20, 5000))
    tracemalloc.start()
    Subspace.spanned_by(x)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10 * x.nbytes
