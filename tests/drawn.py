"""What tests of displays share: eyes for what is drawn."""

import numpy as np
from matplotlib.patches import Rectangle
from matplotlib.ticker import FixedFormatter


def texts(ticks):
    """What tick labels, or those of a legend, say."""
    return [text.get_text() for text in ticks]


def legend(ax):
    return texts(ax.get_legend().get_texts())


def pixels(image):
    """The values of an image, NaN where there is nothing."""
    return np.ma.filled(np.ma.masked_invalid(image.get_array()).astype(float), np.nan)


def picture(image, row, column, height, width, gap=1):
    """The values of one cell of a mosaic, found by counting pixels."""
    top, left = row * (height + gap), column * (width + gap)
    return pixels(image)[top : top + height, left : left + width]


def profile(line, cell, n_features):
    """Where a line of a mosaic runs in one cell: x and y of each feature."""
    x, y = line.get_data()
    at = np.s_[cell * (n_features + 1) : cell * (n_features + 1) + n_features]
    return np.asarray(x, dtype=float)[at], np.asarray(y, dtype=float)[at]


def colours(artist):
    """The colours of points as they come out."""
    artist.figure.canvas.draw()
    return artist.get_facecolors()


def contents(ax):
    """Everything on axes that has a place, as arrays, and what is written there."""
    shapes = [
        np.array(patch.get_bbox().bounds)
        if isinstance(patch, Rectangle)
        else patch.get_xy()
        for patch in ax.patches
    ]
    arrays = [
        *(pixels(image) for image in ax.images),
        *(np.asarray(line.get_xydata(), dtype=float) for line in ax.lines),
        *(np.asarray(points.get_offsets()) for points in ax.collections),
        *shapes,
    ]
    words = [ax.get_xlabel(), ax.get_ylabel()]
    for axis in (ax.xaxis, ax.yaxis):
        if isinstance(axis.get_major_formatter(), FixedFormatter):
            words += texts(axis.get_ticklabels())
    words += texts(ax.texts)
    return arrays, words + (legend(ax) if ax.get_legend() else [])


def assert_same_drawing(ax, expected, rtol=1e-7):
    """Compare axes with others, or with what `contents` returned of them."""
    if not isinstance(expected, tuple):
        expected = contents(expected)
    (arrays, words), (wanted, said) = contents(ax), expected
    assert arrays
    assert words == said
    assert len(arrays) == len(wanted)
    for one, two in zip(arrays, wanted, strict=True):
        np.testing.assert_allclose(one, two, rtol=rtol, atol=rtol)
