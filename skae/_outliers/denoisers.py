"""Denoising autoencoders whose residual is the gradient of an energy.

The best reconstruction of a row from itself and noise of variance s^2 leaves ``x - r(x)
= s^2 grad E(x)`` with the energy E, minus the logarithm of the density that the noise
blurs. Integrated along the line from the mean, the residual gives the energy; its root
is a distance from the mean, for a normal distribution that of Mahalanobis.

References
----------
Vincent, P. (2011). A connection between score matching and denoising autoencoders.
Neural Computation 23, 1661-1674.
Alain, G. and Bengio, Y. (2014). What regularized auto-encoders learn from the
data-generating distribution. JMLR 15, 3563-3593.
"""

# torch.linalg, torch.from_numpy and scikit-learn carry no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportMissingTypeStubs=false

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from skae._data.corruption import PerModelCorruption
from skae._data.dataset import Dataset
from skae._data.statistics import ColumnStatistics, column_statistics
from skae._fitting.config import FitConfig, make_plan
from skae._model.objective import OutputScale
from skae._nn.architecture import DenseArchitecture
from skae._nn.autoencoder import AutoencoderNetwork
from skae._nn.latents.base import LatentContext, PlainLatent
from skae._nn.parameters import ParameterBuffer
from skae._nn.runtime import Placement
from skae._pca.anchor import Anchor, fit_anchor
from skae._pca.decomposition import Eigendecomposition
from skae._training.loop import History
from skae._training.trainer import Trainer
from skae.noise import Chain, Corruption, Gaussian, Swap

from .attribution import N_IGNORED_COLUMNS

HIDDEN, WIDEST = 64, 64
NODES = 4  # of the Gauss-Legendre rule along the line
CHUNK_ROWS, CHUNK_VALUES = 512, 1 << 18  # of rows that are scored at a time
Report = Callable[
    [int, float, float | None, Callable[[], "list[DenoiserEnsemble]"]], bool
]


class DenoisingTask(NamedTuple):
    """Networks that learn to undo the same noise.

    Attributes
    ----------
    parts : list of ndarray
        Positions of the rows of each network.
    sigma : float
        Standard deviation of the noise.
    swapped : float
        Share of the values that are another row's before the noise is added.
    """

    parts: list[np.ndarray]
    sigma: float
    swapped: float = 0.0

    @property
    def noise(self) -> Corruption:
        """The noise."""
        noise = Gaussian(self.sigma)
        return Chain((Swap(self.swapped), noise)) if self.swapped else noise


def _anchor(rows: Dataset, group: DenoisingTask) -> Anchor:
    """Return the scales of a group's rows and of their noisy copies."""
    rows = rows.pick(np.unique(np.concatenate(group.parts)))
    stats, d = column_statistics(rows), rows.n_features
    nothing = Eigendecomposition(
        np.zeros((0, d)), np.zeros(0), np.square(stats.deviation)
    )
    seen = ColumnStatistics(
        stats.mean,
        np.hypot(stats.deviation, group.sigma),
        stats.low - 2 * group.sigma,
        stats.high + 2 * group.sigma,
    )
    k = min(2 * d, WIDEST)
    return fit_anchor(rows, stats, nothing, k, linear=False, seen=seen)


@dataclass(frozen=True)
class DenoiserEnsemble:
    """Equal networks, each trained on its own part of the rows.

    Attributes
    ----------
    anchor : Anchor
        Mean and scales, the same for all.
    weights : dict of str to ndarray of shape (n_networks, ...)
        Their parameters.
    """

    anchor: Anchor
    weights: dict[str, np.ndarray]

    @classmethod
    def train(
        cls,
        rows: Dataset,
        groups: Sequence[DenoisingTask],
        settings: FitConfig,
        report: Report | None = None,
    ) -> tuple[list["DenoiserEnsemble"], History]:
        """Train networks in lock-step, and return those of each group.

        Parameters
        ----------
        rows : Dataset
            Rows in a view, where deviations are about one.
        groups : sequence of DenoisingTask
            Two networks or more in all.
        settings : FitConfig
            Steps, rate, batch, seed and device.
        report : callable or None, default=None
            As in :func:`skae._training.train`, with the networks so far at the end.
        """
        parts = [part for group in groups for part in group.parts]
        anchors = [_anchor(rows, group) for group in groups]
        each = [at for at, group in enumerate(groups) for _ in group.parts]
        trainee = Trainer(
            [anchors[at] for at in each],
            _architecture(anchors[0]),
            OutputScale.of("squared_error", anchors),
            replace(
                settings,
                linear=False,
                corruption=PerModelCorruption(tuple(groups[at].noise for at in each)),
            ),
        )

        def networks() -> list[DenoiserEnsemble]:
            arrays, cuts = trainee.params.arrays(), np.array(each)
            return [
                cls(anchor, {name: array[cuts == at] for name, array in arrays.items()})
                for at, anchor in enumerate(anchors)
            ]

        def tell(step: int, loss: float, held: float | None) -> bool:
            return report is not None and report(step, loss, held, networks)

        history = trainee.run(
            [rows.pick(part) for part in parts],
            make_plan(settings),
            batch_size=min(settings.batch_size or 1, min(map(len, parts))),
            report=tell,
        )
        return networks(), history

    @property
    def count(self) -> int:
        """How many networks there are."""
        return len(next(iter(self.weights.values())))

    def distances(self, x: np.ndarray, where: Placement) -> np.ndarray:
        """Return each network's distance of rows from the mean, ``(n_networks, n)``.

        It is the root of twice the energy, in units of the noise, and zero where the
        energy is below the mean's.
        """
        return self._apply(_Networks.distance, x, where)

    def sizes(self, x: np.ndarray, where: Placement) -> np.ndarray:
        """Return the mean size of each network's residuals, ``(n_networks, n)``."""
        return self._apply(_Networks.size, x, where)

    def repairs(self, x: np.ndarray, where: Placement) -> np.ndarray:
        """Return what the networks together would change in rows, (n, n_features).

        The column that stands out most is set to what the networks expect from the
        others, then the next; so an odd value does not spoil what is expected of its
        neighbours.
        """
        network, result = _Networks(self, where), np.empty(x.shape)
        for at, chunk in _chunks(x, network.chunk, where):
            result[at] = network.repair(chunk)[: at.stop - at.start].cpu()
        return result

    def _apply(
        self,
        function: Callable[["_Networks", Tensor], Tensor],
        x: np.ndarray,
        where: Placement,
    ) -> np.ndarray:
        network, result = _Networks(self, where), np.empty((self.count, len(x)))
        for at, chunk in _chunks(x, network.chunk, where):
            result[:, at] = function(network, chunk)[:, : at.stop - at.start].cpu()
        return result


def _architecture(anchor: Anchor) -> DenseArchitecture:
    k, d = anchor.components.shape
    return DenseArchitecture(d, k, (HIDDEN,), "silu", shortcuts=False)


def _chunks(
    x: np.ndarray, size: int, where: Placement
) -> Iterator[tuple[slice, Tensor]]:
    """Yield chunks of one size, so that a row is treated alike wherever it stands."""
    for start in range(0, len(x), size):
        at = slice(start, min(start + size, len(x)))
        chunk = np.zeros((size, x.shape[1]))
        chunk[: at.stop - at.start] = x[at]
        yield at, torch.from_numpy(chunk).to(where.dtype).to(where.device)


class _Networks:
    """The networks as tensors, for chunks of rows."""

    def __init__(self, fitted: DenoiserEnsemble, where: Placement) -> None:
        anchor, architecture = fitted.anchor, _architecture(fitted.anchor)
        self.count = fitted.count
        values = self.count * architecture.n_features
        self.chunk = min(CHUNK_ROWS, max(32, CHUNK_VALUES // values))
        kind = where._asdict()
        params = ParameterBuffer(architecture.shapes(), n_models=self.count, **kind)
        params.load(fitted.weights)
        units = OutputScale.of("squared_error", [anchor])
        head = units.head([anchor] * self.count, linear=False, stacked=True, **kind)
        layer = PlainLatent().layer(
            architecture.n_components, LatentContext(None, 1, None)
        )
        halves = architecture.halves(params, None, None, self.chunk)
        self._network = AutoencoderNetwork(halves, head, layer)
        self._mean, self._scale, low, high = (
            torch.tensor(array).to(where.dtype).to(where.device)
            for array in (anchor.mean, anchor.scale, *anchor.input_range)
        )
        self._range, self._unit = (low, high), units.unit

    def residual(self, x: Tensor) -> Tensor:
        """Return what each network takes away from rows."""
        moved = x - self._mean
        inputs = (moved / self._scale).clamp_(*self._range)
        stacked = inputs.expand(self.count, *x.shape).contiguous()
        codes = self._network.encode(stacked, None)
        return moved - self._network.decode(codes) * self._unit

    def distance(self, x: Tensor) -> Tensor:
        """Return the root of twice the integral of the residual from the mean."""
        moved = x - self._mean
        nodes, weights = np.polynomial.legendre.leggauss(NODES)
        energy = x.new_zeros(self.count, len(x))
        for node, weight in zip((nodes + 1) / 2, weights, strict=True):
            residual = self.residual(self._mean + float(node) * moved)
            energy += float(weight) * (residual * moved).sum(-1)
        return energy.clamp_(min=0).sqrt_()

    def size(self, x: Tensor) -> Tensor:
        """Return the mean absolute residual."""
        return self.residual(x).abs().mean(-1)

    def repair(self, x: Tensor) -> Tensor:
        """Return how far rows are from what is expected of them."""
        repaired, done = x.clone(), torch.zeros_like(x, dtype=torch.bool)
        for _ in range(min(N_IGNORED_COLUMNS, x.shape[1])):
            residual = self.residual(repaired).mean(0)
            worst = residual.masked_fill(done, 0).abs().argmax(-1, keepdim=True)
            done.scatter_(-1, worst, True)
            repaired = torch.where(done, repaired - residual, repaired)
        residual = self.residual(repaired).mean(0)
        return torch.where(done, x - repaired, residual)
