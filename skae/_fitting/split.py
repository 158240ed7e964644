"""Training and validation samples, and the anchor of the former."""

# torch.Generator.manual_seed carries no type.
# pyright: reportUnknownMemberType=false

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import torch

from skae._data.corruption import corrupt_rows
from skae._data.dataset import Dataset
from skae._data.source import Block
from skae._data.statistics import ColumnStatistics, column_statistics
from skae._pca.anchor import Anchor, fit_anchor, is_negligible, residual_scale
from skae._pca.decomposition import anchor_sample, eigendecompose
from skae._pca.probabilistic import with_noise_variance

from .config import FitConfig

Corrupt = Callable[[Block], Block]


class TrainingSplit:
    """Training samples with the eigendecomposition of their covariance, and the rest.

    Parameters
    ----------
    train, validation : Dataset
        The samples.
    config : FitConfig
        Parameters of the fit.

    Attributes
    ----------
    eigen : Eigendecomposition
        That of the training samples, or of some of them where these are many.
    """

    def __init__(self, train: Dataset, validation: Dataset, config: FitConfig) -> None:
        self.train, self.validation, self._config = train, validation, config
        self._sample, dtype = anchor_sample(train, config.seed)
        self._statistics = column_statistics(self._sample.blocks(np.float64))
        self._noisy_statistics: ColumnStatistics | None = None
        self.eigen = eigendecompose(
            self._sample,
            self._statistics.mean,
            config.fixed_n_components,
            dtype=dtype,
            seed=config.seed,
        )

    def anchor(self, k: int, *, anchored: bool = True) -> Anchor:
        """Return PCA of the training samples with k components."""
        noisy = self._statistics_with_noise()
        anchor = fit_anchor(
            self._sample, self._statistics, self.eigen, k,
            anchored=anchored, inputs=noisy,
        )  # fmt: skip
        if noisy is not None:
            anchor = self._with_noisy_residual(anchor)
        if self._config.objective.probabilistic:
            return with_noise_variance(
                anchor, self.train, self.eigen, anchored=anchored
            )
        return anchor

    def _noise(self) -> Corrupt | None:
        """Return what gives the noisy samples of a block, if noise is to be removed."""
        if self._sample.is_paired:
            return lambda block: replace(
                block, values=block.network_inputs, inputs=None
            )
        corruption, statistics = self._config.corruption, self._statistics
        if corruption is None or not corruption.clean_target:
            return None
        ranges = np.stack([statistics.min, statistics.max]) - statistics.mean
        generator = torch.Generator().manual_seed(self._config.seed)
        return lambda block: replace(
            block,
            values=corrupt_rows(
                block.values, corruption, statistics.mean, ranges, generator
            ),
        )

    def _noisy_blocks(self, corrupt: Corrupt) -> Iterator[tuple[Block, Block]]:
        """Yield blocks of samples and of their noisy copies."""
        for block in self._sample.blocks(np.float64):
            yield block, corrupt(block)

    def _statistics_with_noise(self) -> ColumnStatistics | None:
        """Return statistics of what the network sees, if that is noisy."""
        corrupt = self._noise()
        if corrupt is not None and self._noisy_statistics is None:
            noisy = (noisy for _, noisy in self._noisy_blocks(corrupt))
            self._noisy_statistics = column_statistics(noisy)
        return self._noisy_statistics

    def _with_noisy_residual(self, anchor: Anchor) -> Anchor:
        """Return the anchor with the scale of what it cannot reconstruct of noise."""
        corrupt, mass = self._noise(), 0.0
        assert corrupt is not None
        squares = np.zeros(self._sample.n_features)
        components = anchor.components
        for clean, noisy in self._noisy_blocks(corrupt):
            codes = (noisy.values - anchor.mean) @ components.T
            residual = clean.values - anchor.mean - codes @ components
            weight = clean.sample_weight
            squares += weight @ np.square(residual)
            mass += weight.sum()
        squares /= mass
        variance, total = float(squares.sum()), self.eigen.column_variances.sum()
        return replace(
            anchor,
            residual_scale=residual_scale(squares),
            residual_variance=variance,
            is_exact=is_negligible(variance, float(total)),
        )
