"""The features in which networks are trained: those of the table, or of a subspace.

The training samples of a wide table lie in a subspace of fewer dimensions. Its
orthonormal coordinates keep all distances, so squared errors and PCA are the same in
them, and a network of them is one of the features: its first and its last layer are
multiplied with the directions of the coordinates.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from skae._data.dataset import Dataset
from skae._data.source import ArraySource
from skae._data.statistics import column_statistics
from skae._model.fitted import FittedModel
from skae._nn.architecture import DenseArchitecture
from skae._nn.losses import SquaredError
from skae._pca.anchor import fit_anchor
from skae._pca.decomposition import Eigendecomposition
from skae._pca.subspace import Subspace, is_wide
from skae._training.rotation import weights_of_features

from .config import FitConfig
from .hold_out import Pairs
from .selection import Report
from .split import TrainingSplit


class Coordinates:
    """Samples to train on and to measure, in the features of the table.

    Parameters
    ----------
    pairs : list of (Dataset, Dataset)
        Training and validation samples.
    """

    def __init__(self, pairs: Pairs) -> None:
        self.pairs = pairs

    def to_features(self, model: FittedModel) -> FittedModel:
        """Return the model of the first pair as one of the table's features."""
        return model

    def splits(self, config: FitConfig) -> list[TrainingSplit]:
        """Return the pairs with the decompositions of their training samples."""
        return [TrainingSplit(*pair, config) for pair in self.pairs]

    def reporting(self, report: Report) -> Report:
        """Return a report whose models are of the table's features."""
        return lambda phase, step, training, validation, model: report(
            phase, step, training, validation, lambda: self.to_features(model())
        )


class SubspaceCoordinates(Coordinates):
    """The same samples in the subspaces of each pair's training samples.

    A last coordinate, zero in training, is the distance from the subspace: no
    reconstruction is nearer to a new sample than that.

    Parameters
    ----------
    data : Dataset
        All samples.
    pairs : list of (Dataset, Dataset)
        Some of them for training, others held out.
    seed : int
        Seed of the directions.
    """

    def __init__(self, data: Dataset, pairs: Pairs, seed: int) -> None:
        samples = data.to_array().astype(np.float64)
        whole = Subspace.spanned_by(samples, seed=seed)
        table = whole.coordinates(samples)
        row = np.empty(data.source.shape[0], np.intp)
        row[data.source_index(np.arange(len(data)))] = np.arange(len(data))
        rows = [
            [row[part.source_index(np.arange(len(part)))] for part in pair]
            for pair in pairs
        ]
        inner = [
            Subspace.spanned_by(table[train], pair[0].weight, seed=seed)
            for (train, _), pair in zip(rows, pairs, strict=True)
        ]
        rank, n = max(each.rank for each in inner), len(table)
        values = np.zeros((len(pairs) * n, rank + 1))
        for at, each in enumerate(inner):
            part = values[at * n : (at + 1) * n]
            part[:, : each.rank] = each.coordinates(table)
            total = np.square(table - each.origin).sum(axis=1)
            outside = total - np.square(part).sum(axis=1)
            part[:, -1] = np.sqrt(np.maximum(outside, 0.0))
            part[rows[at][0], -1] = 0.0
        source = ArraySource(values)

        def moved(part: Dataset, own: np.ndarray, at: int) -> Dataset:
            return Dataset(source, at * n + own, part.weight, part.groups)

        super().__init__(
            [
                (moved(pair[0], own[0], at), moved(pair[1], own[1], at))
                for at, (pair, own) in enumerate(zip(pairs, rows, strict=True))
            ]
        )
        self._train = pairs[0][0]
        self._space = inner[0].within(whole).padded(rank + 1)

    def splits(self, config: FitConfig) -> list[TrainingSplit]:
        """Return the pairs with their decompositions, the first one's oriented.

        Its components, as those of PCA, have a positive largest entry.
        """
        splits = super().splits(config)
        eigen = splits[0].eigen
        components = np.asarray(eigen.components @ self._space.basis.T)
        largest = np.abs(components).argmax(axis=1)[:, None]
        sign = np.sign(np.take_along_axis(components, largest, axis=1))
        sign[sign == 0] = 1
        splits[0].eigen = replace(eigen, components=sign * eigen.components)
        return splits

    def to_features(self, model: FittedModel) -> FittedModel:
        """Return the model of the first pair as one of the table's features."""
        inner, data, old = model.anchor, self._train, model.architecture
        assert isinstance(old, DenseArchitecture)
        assert model.weights is not None
        statistics = column_statistics(data.blocks(np.float64))
        eigen = Eigendecomposition(
            inner.components @ self._space.basis.T,
            inner.variances,
            np.square(statistics.std),
        )
        anchored = model.objective.anchored
        k = model.n_components
        outer = fit_anchor(data, statistics, eigen, k, anchored=anchored)
        outer = replace(outer, code_range=inner.code_range)
        return replace(
            model,
            anchor=outer,
            architecture=replace(old, n_features=data.n_features),
            weights=weights_of_features(model.weights, self._space, inner, outer),
        )


def choose_coordinates(
    data: Dataset, pairs: Sequence[tuple[Dataset, Dataset]], config: FitConfig
) -> Coordinates:
    """Return the coordinates in which networks of these samples are trained.

    Those of a subspace are for wide tables, and for squared errors, which do not change
    if features are rotated.
    """
    objective = config.objective
    rotates = (
        isinstance(objective.loss, SquaredError)
        and not objective.jacobian_weight
        and not objective.probabilistic
        and config.corruption is None
        and config.factory is None
        and not data.is_paired
    )
    own = all(part.source is data.source for pair in pairs for part in pair)
    if rotates and own and is_wide(len(data), data.n_features):
        return SubspaceCoordinates(data, list(pairs), config.seed)
    return Coordinates(list(pairs))
