"""Cells in rows and columns: images and profiles."""

import numpy as np
import pytest
from drawn import (
    picture,
    pixels,
    profile,
)
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from skae.plotting._shared.mosaic import Mosaic, resolve_image_shape

SHAPE = (8, 8)


# -- where cells are -------------------------------------------------------------------

counts = st.tuples(st.integers(1, 4), st.integers(1, 4))


sizes = st.tuples(st.integers(1, 15), st.integers(1, 15))


@given(counts, sizes, st.booleans())
def test_every_picture_is_found_where_it_is_labelled(count, size, colour):
    shape = (3, *size) if colour else size
    cells = np.arange(1.0, np.prod(count) * np.prod(shape) + 1)
    cells = cells.reshape(*count, np.prod(shape))
    mosaic = Mosaic(*count, shape)
    limits = 0.0, cells.max()
    image = mosaic.draw_images(Figure().subplots(), cells, limits, None)
    found = pixels(image)
    assert image.get_extent() == [
        -0.5, found.shape[1] - 0.5, found.shape[0] - 0.5, -0.5,
    ]  # fmt: skip
    there = found[..., 3] == 1 if colour else np.isfinite(found)
    assert there.sum() == np.prod(count) * np.prod(size)  # none is on another
    for r, middle in enumerate(mosaic.row_centres):
        for c, centre in enumerate(mosaic.column_centres):
            top, left = int(middle - (size[0] - 1) / 2), int(centre - (size[1] - 1) / 2)
            cell = found[top : top + size[0], left : left + size[1]]
            if colour:
                cell = np.moveaxis(cell[..., :3], -1, 0) * limits[1]
            np.testing.assert_allclose(cell.ravel(), cells[r, c])
    for side, n, length in zip((0, 1), count, size, strict=True):
        gap = max(1, round(0.08 * max(size)))
        assert found.shape[side] == n * length + (n - 1) * gap


@given(counts, st.integers(1, 9), st.integers(0, 99))
def test_every_profile_is_found_in_its_cell(count, n_features, seed):
    cells = np.random.default_rng(seed).normal(size=(*count, n_features))
    mosaic = Mosaic(*count)
    ax, limits = Figure().subplots(), (cells.min(), cells.max())
    lines = mosaic.draw_profiles(ax, cells, limits, {"color": "tab:red"})
    (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    assert bottom > top  # the first row is on top
    assert np.diff(mosaic.row_centres).min(initial=9) > 1
    assert np.diff(mosaic.column_centres).min(initial=9) > 1
    span = (limits[1] - limits[0]) or 1.0
    for r, line in enumerate(lines):
        assert line.get_color() == "tab:red"
        assert np.isnan(line.get_xdata()).sum() == count[1]  # the pen is lifted
        for c, centre in enumerate(mosaic.column_centres):
            x, y = profile(line, c, n_features)
            assert abs(x - centre).max() <= 0.5 + 1e-9
            assert (np.diff(x) > 0).all()
            assert left < x.min() <= x.max() < right
            assert abs(y - mosaic.row_centres[r]).max() <= 0.5 + 1e-9
            assert top < y.min() <= y.max() < bottom
            height = mosaic.row_centres[r] + 0.5 - y  # greater values are higher
            np.testing.assert_allclose(
                height, (cells[r, c] - limits[0]) / span, atol=1e-9
            )


@pytest.mark.parametrize("shape", [None, (8, 8), (2, 9), (28, 28), (3, 5, 5)])
def test_figures_grow_with_the_number_of_cells(shape):
    width, height = Mosaic(2, 3, shape).size()
    wider, taller = Mosaic(4, 6, shape).size(labels=1.0)
    assert wider == pytest.approx(2 * width + 1)
    assert height < taller < 2 * height
    assert min(width, height) > 0


def test_constant_cells_are_drawn():
    cells = np.full((1, 2, 4), 3.0)
    ax = Figure().subplots()
    image = Mosaic(1, 2, (2, 2)).draw_images(ax, cells, (3.0, 3.0), None)
    np.testing.assert_array_equal(picture(image, 0, 1, 2, 2), 3.0)
    image = Mosaic(1, 2, (3, 2, 2)).draw_images(ax, np.ones((1, 2, 12)), (1, 1), None)
    assert np.isfinite(pixels(image)).all()
    (line,) = Mosaic(1, 2).draw_profiles(ax, cells, (3.0, 3.0), {})
    assert np.isfinite(profile(line, 1, 4)).all()


# -- shapes of pictures ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "n_features", "found"),
    [
        (None, 6, None),
        ((2, 3), 6, (2, 3)),
        ([2, 3], 6, (2, 3)),
        (np.array([6, 1]), 6, (6, 1)),
        ((1, 2, 3), 6, (2, 3)),
        ((3, 2, 1), 6, (3, 2, 1)),
    ],
)
def test_shapes(shape, n_features, found):
    assert resolve_image_shape(shape, n_features) == found
