"""Rows and columns of equal cells on one pair of axes: pictures, or profiles."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ._canvas import styled
from ._estimators import last_step

PICTURE, PROFILE, LEAST = 0.85, (1.6, 0.9), 0.4  # inches of a cell
GAP = 0.08  # of a cell


def picture_shape(
    image_shape: Any, n_features: int, estimators: Sequence[Any] = ()
) -> tuple[int, ...] | None:
    """Return the shape of a row as a picture: as given, or as an estimator has it.

    Returns
    -------
    tuple of int or None
        ``(height, width)``, ``(3, height, width)``, or None for rows that are none.
    """
    if image_shape is None:
        shapes = [getattr(last_step(e), "image_shape_", None) for e in estimators]
        known = [s for s in shapes if s is not None and _is_picture(s, n_features)]
        if not known:
            return None
        image_shape = known[0]
    shape = np.asarray(image_shape)
    whole = shape.dtype.kind in "iu" and shape.shape in {(2,), (3,)}
    if not whole or (shape < 1).any():
        raise ValueError(
            f"image_shape={image_shape!r} must be (height, width) or (channels, "
            "height, width)."
        )
    if shape.prod() != n_features:
        raise ValueError(
            f"image_shape={image_shape!r} has {shape.prod()} pixels, but the rows have "
            f"{n_features} features."
        )
    if len(shape) == 3 and shape[0] not in {1, 3}:
        raise ValueError(
            f"image_shape={image_shape!r} has {shape[0]} channels; pictures with one "
            "(grey) or three (red, green, blue) can be drawn."
        )
    height, width = int(shape[-2]), int(shape[-1])
    return (3, height, width) if len(shape) == 3 and shape[0] == 3 else (height, width)


def _is_picture(shape: tuple[int, int, int], n_features: int) -> bool:
    """Say whether rows of an estimator's shape are pictures that can be drawn."""
    channels, height, width = shape
    fits = channels * height * width == n_features
    return fits and channels in {1, 3} and min(height, width) > 1


@dataclass(frozen=True)
class Mosaic:
    """Where the cells are, in units of the axes, with the first row on top.

    Parameters
    ----------
    n_rows, n_columns : int
        How many cells.
    shape : tuple of int or None
        Shape of the pictures, None for profiles.
    """

    n_rows: int
    n_columns: int
    shape: tuple[int, ...] | None = None

    @property
    def _cell(self) -> tuple[int, int]:
        """Return height and width of a cell."""
        return (1, 1) if self.shape is None else (self.shape[-2], self.shape[-1])

    @property
    def _pitch(self) -> tuple[float, float]:
        """Return how far it is from one cell to the next, down and right."""
        height, width = self._cell
        if self.shape is None:
            return height + 2 * GAP, width + GAP
        gap = max(1, round(GAP * max(height, width)))
        return height + gap, width + gap

    def _middles(self, side: int, n: int) -> np.ndarray:
        """Return the middle of n cells along a side; a pixel's is a whole number."""
        first = 0.5 if self.shape is None else (self._cell[side] - 1) / 2
        return np.arange(n) * self._pitch[side] + first

    @property
    def rows(self) -> np.ndarray:
        """Return the middle of each row."""
        return self._middles(0, self.n_rows)

    @property
    def columns(self) -> np.ndarray:
        """Return the middle of each column."""
        return self._middles(1, self.n_columns)

    def corners(self) -> list[tuple[float, float]]:
        """Return where the upper left corner of each picture is, as x and y."""
        height, width = self._cell
        down, right = self.rows - height / 2, self.columns - width / 2
        return [(float(x), float(y)) for y in down for x in right]

    @property
    def _inches(self) -> tuple[float, float]:
        """Return width and height of a cell as it is drawn."""
        if self.shape is None:
            return PROFILE
        tall, wide = (PICTURE * side / max(self._cell) for side in self._cell)
        return max(wide, LEAST), max(tall, LEAST)

    def size(self, labels: float = 0.0) -> tuple[float, float]:
        """Return the figure's width and height in inches."""
        width, height = self._inches
        return labels + width * self.n_columns, 0.3 + height * self.n_rows

    def clear(self, ax: Any) -> None:
        """Leave nothing on the axes but what labels the cells."""
        ax.set(xticks=[], yticks=[])
        ax.tick_params(length=0)
        ax.spines[:].set_visible(False)

    def pictures(self, ax: Any, cells: np.ndarray, limits: Any, im_kw: Any) -> Any:
        """Draw cells of shape ``(n_rows, n_columns, n_features)`` as one image."""
        assert self.shape is not None
        (height, width), (down, right) = self._cell, (int(p) for p in self._pitch)
        whole = (self.n_rows - 1) * down + height, (self.n_columns - 1) * right + width
        (low, high), colour = limits, len(self.shape) == 3
        # What no picture covers is transparent.
        canvas = np.zeros((*whole, 4)) if colour else np.full(whole, np.nan)
        for r, c in np.ndindex(self.n_rows, self.n_columns):
            pixels = cells[r, c].reshape(self.shape)
            block = canvas[r * down :, c * right :][:height, :width]
            if colour:
                share = (pixels - low) / ((high - low) or 1.0)
                block[..., :3] = np.clip(np.moveaxis(share, 0, -1), 0, 1)
                block[..., 3] = 1
            else:
                block[:] = pixels
        options = {} if colour else {"cmap": "gray_r", "vmin": low, "vmax": high}
        # Strips are widened: their pixels are no squares, and must not be blurred.
        wide, tall = self._inches
        options["aspect"] = tall / height / (wide / width)
        if not np.isclose(options["aspect"], 1):
            options["interpolation"] = "nearest"
        return ax.imshow(canvas, **styled("image", im_kw, **options))

    def profiles(self, ax: Any, cells: np.ndarray, limits: Any, line_kw: Any) -> list:
        """Draw cells as lines over their features, one artist for each row."""
        (low, high), n_features = limits, cells.shape[-1]
        along = np.linspace(0, 1, n_features) if n_features > 1 else np.array([0.5])
        lift = ((0, 0), (0, 1))  # a column of NaN lifts the pen between two cells
        x = np.pad(
            along + self.columns[:, None] - 0.5, lift, constant_values=np.nan
        ).ravel()
        lines = []
        for middle, row in zip(self.rows, cells, strict=True):
            share = (row - low) / ((high - low) or 1.0)
            y = np.pad(middle + 0.5 - share, lift, constant_values=np.nan)
            dots = {"marker": "."} if n_features == 1 else {}
            lines += ax.plot(x, y.ravel(), **dots | line_kw)
        ax.set_xlim(-GAP, self.columns[-1] + 0.5 + GAP)
        ax.set_ylim(self.rows[-1] + 0.5 + GAP, -GAP)
        return lines
