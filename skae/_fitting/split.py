"""Rows to train on and rows to judge by, and the anchor of the former."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from skae._data.corruption import corrupt_rows
from skae._data.dataset import Dataset
from skae._data.statistics import ColumnStatistics, column_statistics
from skae._pca.anchor import NEGLIGIBLE, SMALLEST, Anchor, fit_anchor
from skae._pca.decomposition import anchor_sample, eigendecompose
from skae._pca.probabilistic import with_noise_variance

from .config import FitConfig

Change = Callable[[np.ndarray], np.ndarray]


class TrainingSplit:
    """Training rows with their spectrum, and the rows that are held out from them."""

    def __init__(self, part: Dataset, held: Dataset, settings: FitConfig) -> None:
        self.part, self.held, self._settings = part, held, settings
        self._basis, dtype = anchor_sample(part, settings.seed)
        self._stats = column_statistics(self._basis)
        self._noisy: ColumnStatistics | None = None
        asked = settings.n_components
        self.found = eigendecompose(
            self._basis,
            self._stats.mean,
            asked if isinstance(asked, int) else None,
            dtype=dtype,
            seed=settings.seed,
        )

    def anchor(self, k: int, *, linear: bool = True) -> Anchor:
        """Return PCA of the training rows with k components."""
        settings, seen = self._settings, self._seen()
        anchor = fit_anchor(
            self._basis, self._stats, self.found, k, linear=linear, seen=seen
        )
        if seen is not None:
            anchor = self._with_noise(anchor)
        if settings.probabilistic:
            return with_noise_variance(anchor, self.part, self.found, linear=linear)
        return anchor

    def _corrupt(self) -> Change | None:
        """Return what adds the noise that is to be undone, if there is any."""
        corruption = self._settings.corruption
        if corruption is None or not corruption.undone:
            return None
        stats = self._stats
        ranges = np.stack([stats.low, stats.high]) - stats.mean
        generator = torch.Generator().manual_seed(self._settings.seed)
        return lambda x: corrupt_rows(x, corruption, stats.mean, ranges, generator)

    def _seen(self) -> ColumnStatistics | None:
        """Return the moments of the rows as the network sees them, if they differ."""
        change = self._corrupt()
        if change is not None and self._noisy is None:
            self._noisy = column_statistics(self._basis, change)
        return self._noisy

    def _with_noise(self, anchor: Anchor) -> Anchor:
        """Return the anchor with the scale of what it leaves of noisy rows."""
        change, mass = self._corrupt(), 0.0
        assert change is not None
        squares = np.zeros(self._basis.n_features)
        components = anchor.components
        for at, chunk in self._basis.chunks():
            codes = (change(chunk) - anchor.mean) @ components.T
            left = chunk - anchor.mean - codes @ components
            weight = self._basis.weights()[at]
            squares += weight @ np.square(left)
            mass += weight.sum()
        squares /= mass
        left = float(squares.sum())
        whole = float(self.found.column_variances.sum())
        explained = left <= max(NEGLIGIBLE * whole, SMALLEST**2)
        residual = np.maximum(np.sqrt(squares), 0.1 * np.sqrt(squares.mean()))
        return replace(anchor, residual=residual, left=left, explained=explained)
