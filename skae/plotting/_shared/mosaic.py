"""A grid of equal cells on one pair of axes: images, or profiles."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .canvas import artist_kwargs
from .estimators import last_step

IMAGE, PROFILE, MIN_SIDE = 0.85, (1.6, 0.9), 0.4  # inches of a cell
GAP = 0.08  # between cells, relative to a cell


def resolve_image_shape(
    image_shape: Any, n_features: int, estimators: Sequence[Any] = ()
) -> tuple[int, ...] | None:
    """Return the shape of a sample as an image: as given, or that of an estimator.

    Returns
    -------
    tuple of int or None
        ``(height, width)``, ``(3, height, width)``, or None for samples that are not
        images.
    """
    if image_shape is None:
        shapes = [getattr(last_step(e), "image_shape_", None) for e in estimators]
        shapes = [s for s in shapes if s is not None and _is_image(s, n_features)]
        if not shapes:
            return None
        image_shape = shapes[0]
    shape = np.asarray(image_shape)
    valid = shape.dtype.kind in "iu" and shape.shape in {(2,), (3,)}
    if not valid or (shape < 1).any():
        raise ValueError(
            f"image_shape={image_shape!r} must be (height, width) or (channels, "
            "height, width)."
        )
    if shape.prod() != n_features:
        raise ValueError(
            f"image_shape={image_shape!r} has {shape.prod()} pixels, but the samples "
            f"have {n_features} features."
        )
    if len(shape) == 3 and shape[0] not in {1, 3}:
        raise ValueError(
            f"image_shape={image_shape!r} has {shape[0]} channels; images with one "
            "(grey) or three (red, green, blue) can be drawn."
        )
    height, width = int(shape[-2]), int(shape[-1])
    return (3, height, width) if len(shape) == 3 and shape[0] == 3 else (height, width)


def _is_image(shape: tuple[int, int, int], n_features: int) -> bool:
    """Return whether samples of an estimator's shape are images that can be drawn."""
    channels, height, width = shape
    fits = channels * height * width == n_features
    return fits and channels in {1, 3} and min(height, width) > 1


@dataclass(frozen=True)
class Mosaic:
    """Positions of the cells in data coordinates, with the first row on top.

    Parameters
    ----------
    n_rows, n_columns : int
        Number of cells down and across.
    shape : tuple of int or None, default=None
        Shape of the images, None for profiles.
    """

    n_rows: int
    n_columns: int
    shape: tuple[int, ...] | None = None

    @property
    def _cell(self) -> tuple[int, int]:
        """Height and width of a cell."""
        return (1, 1) if self.shape is None else (self.shape[-2], self.shape[-1])

    @property
    def _pitch(self) -> tuple[float, float]:
        """Distance from one cell to the next, down and right."""
        height, width = self._cell
        if self.shape is None:
            return height + 2 * GAP, width + GAP
        gap = max(1, round(GAP * max(height, width)))
        return height + gap, width + gap

    def _centres(self, side: int, n: int) -> np.ndarray:
        """Return the centres of n cells along a side; those of pixels are integers."""
        first = 0.5 if self.shape is None else (self._cell[side] - 1) / 2
        return np.arange(n) * self._pitch[side] + first

    @property
    def row_centres(self) -> np.ndarray:
        """Centre of each row of cells."""
        return self._centres(0, self.n_rows)

    @property
    def column_centres(self) -> np.ndarray:
        """Centre of each column of cells."""
        return self._centres(1, self.n_columns)

    def corners(self) -> list[tuple[float, float]]:
        """Return x and y of the upper left corner of each image."""
        height, width = self._cell
        down, right = self.row_centres - height / 2, self.column_centres - width / 2
        return [(float(x), float(y)) for y in down for x in right]

    @property
    def _inches(self) -> tuple[float, float]:
        """Width and height of a cell as it is drawn."""
        if self.shape is None:
            return PROFILE
        tall, wide = (IMAGE * side / max(self._cell) for side in self._cell)
        return max(wide, MIN_SIDE), max(tall, MIN_SIDE)

    def size(self, labels: float = 0.0) -> tuple[float, float]:
        """Return width and height of the figure in inches."""
        width, height = self._inches
        return labels + width * self.n_columns, 0.3 + height * self.n_rows

    def clear(self, ax: Any) -> None:
        """Remove ticks and spines of the axes; labels of the cells may be added."""
        ax.set(xticks=[], yticks=[])
        ax.tick_params(length=0)
        ax.spines[:].set_visible(False)

    def draw_images(self, ax: Any, cells: np.ndarray, limits: Any, im_kw: Any) -> Any:
        """Draw cells of shape ``(n_rows, n_columns, n_features)`` as one image."""
        assert self.shape is not None
        (height, width), (down, right) = self._cell, (int(p) for p in self._pitch)
        size = (self.n_rows - 1) * down + height, (self.n_columns - 1) * right + width
        (low, high), colour = limits, len(self.shape) == 3
        # Pixels between the images are transparent.
        canvas = np.zeros((*size, 4)) if colour else np.full(size, np.nan)
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
        # Narrow images are widened: their pixels are not square, and must stay sharp.
        wide, tall = self._inches
        options["aspect"] = tall / height / (wide / width)
        if not np.isclose(options["aspect"], 1):
            options["interpolation"] = "nearest"
        return ax.imshow(canvas, **artist_kwargs("image", im_kw, **options))

    def draw_profiles(
        self, ax: Any, cells: np.ndarray, limits: Any, line_kw: Any
    ) -> list:
        """Draw cells as lines over their features, one artist for each row."""
        (low, high), n_features = limits, cells.shape[-1]
        along = np.linspace(0, 1, n_features) if n_features > 1 else np.array([0.5])
        gap = ((0, 0), (0, 1))  # a column of NaN interrupts the line between two cells
        x = np.pad(
            along + self.column_centres[:, None] - 0.5, gap, constant_values=np.nan
        ).ravel()
        lines = []
        for centre, row in zip(self.row_centres, cells, strict=True):
            share = (row - low) / ((high - low) or 1.0)
            y = np.pad(centre + 0.5 - share, gap, constant_values=np.nan)
            dots = {"marker": "."} if n_features == 1 else {}
            lines += ax.plot(x, y.ravel(), **dots | line_kw)
        ax.set_xlim(-GAP, self.column_centres[-1] + 0.5 + GAP)
        ax.set_ylim(self.row_centres[-1] + 0.5 + GAP, -GAP)
        return lines
