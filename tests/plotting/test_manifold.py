"""Reconstructions over a grid of codes."""

import numpy as np
import pandas as pd
import pytest
from drawn import (
    picture,
    profile,
    texts,
)
from scipy.stats import norm
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skae import VAE
from skae.plotting import ManifoldDisplay
from skae.plotting._shared.mosaic import Mosaic

SHAPE = (8, 8)


@pytest.fixture(scope="module")
def pca(digits):
    return PCA(4).fit(digits)


def decoded_one_by_one(model, codes, size, at=(0, 1)):
    """The grid, decoded in the plainest way: the greatest second code first."""
    middle, (low, high) = np.median(codes, 0), np.quantile(codes, [0.025, 0.975], 0)
    across = np.linspace(low[at[0]], high[at[0]], size)
    up = np.linspace(low[at[1]], high[at[1]], size)
    cells = np.empty((size, size, model.inverse_transform(codes[:1]).shape[1]))
    for row, b in enumerate(reversed(up)):
        for column, a in enumerate(across):
            code = middle.copy()
            code[at[0]], code[at[1]] = a, b
            cells[row, column] = model.inverse_transform(code[None])[0]
    return cells, across, up


@pytest.mark.parametrize("at", [(0, 1), (1, 0), (3, 1), [-1, 0], np.array([0, 2])])
def test_a_grid_is_decoded(pca, digits, at):
    display = ManifoldDisplay.from_estimator(
        pca, digits, components=at, n_grid=5, image_shape=SHAPE
    )
    cells, across, up = decoded_one_by_one(pca, pca.transform(digits), 5, at)
    np.testing.assert_allclose(display.cells, cells)
    for row in range(5):
        for column in range(5):
            np.testing.assert_allclose(
                picture(display.image_, row, column, *SHAPE),
                cells[row, column].reshape(SHAPE),
            )
    # The range of the samples: a background of zero stays white.
    assert display.image_.get_clim() == pytest.approx((digits.min(), digits.max()))
    ax, wanted = display.ax_, [0, 2, 4]
    assert texts(ax.get_xticklabels()) == [f"{across[i]:.2g}" for i in wanted]
    assert texts(ax.get_yticklabels()) == [f"{up[4 - i]:.2g}" for i in wanted]
    assert ax.get_xticks().tolist() == [3.5, 21.5, 39.5]
    assert ax.get_yticks().tolist() == [3.5, 21.5, 39.5]
    assert ax.yaxis_inverted()
    named = [f"code {i % 4}" for i in at]
    assert [ax.get_xlabel(), ax.get_ylabel()] == named


@pytest.mark.parametrize("size", [2, 3])
def test_small_grids_as_profiles(X, size):
    model = make_pipeline(StandardScaler(), PCA(2)).fit(X)
    display = ManifoldDisplay.from_estimator(
        model, pd.DataFrame(X), n_grid=size, line_kw={"linewidth": 3}
    )
    cells, _, _ = decoded_one_by_one(model, model.transform(X), size)
    np.testing.assert_allclose(display.cells, cells)
    cells = StandardScaler().fit(X).transform(cells.reshape(-1, 6)).reshape(cells.shape)
    span = (cells.max() - cells.min()) or 1.0
    assert len(display.lines_) == size
    middles = Mosaic(size, size).row_centres
    for row, line in enumerate(display.lines_):
        assert line.get_linewidth() == 3
        for column in range(size):
            height = middles[row] + 0.5 - profile(line, column, 6)[1]
            np.testing.assert_allclose(height * span + cells.min(), cells[row, column])
    assert len(display.ax_.get_xticks()) == size
    assert display.image_ is None


def test_a_vae_has_a_prior(X, quick):
    vae = VAE(3, **quick).fit(X)
    ends = norm.ppf(0.025), norm.ppf(0.975)
    for model in (vae, make_pipeline("passthrough", vae)):
        display = ManifoldDisplay.from_estimator(model, components=(2, 0), n_grid=3)
        np.testing.assert_allclose(display.across, np.linspace(*ends, 3))
        np.testing.assert_allclose(display.up, np.linspace(*ends, 3))
        expected = vae.inverse_transform([[ends[1], 0.0, ends[0]]])
        np.testing.assert_allclose(display.cells[0, 0], expected[0])
    display = ManifoldDisplay.from_estimator(vae, X, n_grid=2)
    expected = np.quantile(vae.transform(X)[:, 0], [0.025, 0.975])
    np.testing.assert_allclose(display.across, expected)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"components": (0, 0)}, r"components=\(0, 0\) must name two different codes"),
        (
            {"components": (0, -3)},
            r"=\(0, -3\) must name two different codes",
        ),
        ({"components": (0, 1, 2)}, "must name two different codes"),
        ({"components": 2}, "components=2 must name two different codes"),
        ({"components": (0, 3)}, "has indices beyond the 3"),
        ({"components": "ab"}, "components must be"),
        ({"n_grid": 0}, "n_grid == 0, must be >= 2"),
        ({"n_grid": 1}, "n_grid == 1, must be >= 2"),
        ({"n_grid": 2.5}, "n_grid must be an instance of int"),
        ({"n_grid": None}, "n_grid must be an instance of int"),
        ({"n_grid": [3]}, "n_grid must be an instance of int"),
    ],
)
def test_grids_that_there_are_not(options, message, X):
    with pytest.raises((TypeError, ValueError), match=message):
        ManifoldDisplay.from_estimator(PCA(3).fit(X), X, **options)


def test_a_manifold_needs_two_codes_and_samples(X, model):
    with pytest.raises(ValueError, match="needs at least two codes, and there is one"):
        ManifoldDisplay.from_estimator(PCA(1).fit(X), X)
    for one in (PCA(2), model):
        message = f"Without X .* codes of {type(one).__name__} is unknown; only a VAE"
        with pytest.raises(ValueError, match=message):
            ManifoldDisplay.from_estimator(one.fit(X))


def test_options_reach_the_manifold(X):
    options = {"image_shape": (2, 3), "im_kw": {"cmap": "Blues"}}
    display = ManifoldDisplay.from_estimator(PCA(2).fit(X), X, n_grid=2, **options)
    assert display.image_.get_cmap().name == "Blues"
    assert display.plot(im_kw={"vmin": -5}).image_.get_clim()[0] == -5


def test_profiles_of_a_grid_have_columns_in_deviations(X):
    table = X * [1, 1e3, 1e-3, 1, 1, 1] + [0, 9, 0, 0, 0, 0]
    model = make_pipeline(StandardScaler(), PCA(2)).fit(table)
    display = ManifoldDisplay.from_estimator(model, table, n_grid=3)
    cells = StandardScaler().fit(table).transform(display.cells.reshape(9, 6))
    low, high = cells.min(), cells.max()
    for i, (middle, line) in enumerate(
        zip(display.ax_.get_yticks(), display.lines_, strict=True)
    ):
        for c in range(3):
            drawn = (middle + 0.5 - profile(line, c, 6)[1]) * (high - low) + low
            np.testing.assert_allclose(drawn, cells[3 * i + c], atol=1e-9)
    own = ManifoldDisplay(display.cells, display.across, display.up).plot()
    heights = own.lines_[0].get_ydata()
    assert not np.allclose(heights, display.lines_[0].get_ydata(), equal_nan=True)
