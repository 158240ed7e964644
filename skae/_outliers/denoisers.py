"""Denoising autoencoders whose residual is the gradient of an energy.

The best reconstruction r(x) of a sample from itself and noise of variance s^2 leaves
``x - r(x) = s^2 grad E(x)`` with the energy E, minus the logarithm of the density that
the noise blurs. Integrated along the line from the mean, the residual gives the energy;
its root is a distance from the mean, for a normal distribution that of Mahalanobis.

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
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from skae._data.corruption import PerModelCorruption
from skae._data.dataset import Dataset
from skae._data.statistics import ColumnStatistics, column_statistics
from skae._model.blocks import padded_blocks, sizes_up_to
from skae._model.inference import build_once
from skae._model.network import AnchoredNetwork
from skae._model.objective import Objective, OutputScale
from skae._nn.architecture import DenseArchitecture
from skae._nn.latents import PlainLatent
from skae._nn.losses import SquaredError
from skae._nn.runtime import Placement
from skae._pca.anchor import Anchor, fit_anchor
from skae._pca.decomposition import Eigendecomposition
from skae._pca.subspace import is_wide, spanned_by_parts
from skae._training.loop import History, TrainingPlan
from skae._training.rotation import stack_of_features
from skae._training.trainer import Trainer
from skae.noise import Chain, Corruption, Gaussian, Swap

HIDDEN, MAX_CODES, BATCH_SIZE = 64, 64, 32
NODES = np.polynomial.legendre.leggauss(4)  # and weights, along the line
BLOCK_VALUES = 1 << 20  # numbers of all networks together that are computed at a time
RATIO = 8  # times as many features as samples from which a subspace is as good
Report = Callable[
    [int, float, float | None, Callable[[], "list[DenoiserEnsemble]"]], bool
]
OBJECTIVE = Objective(SquaredError(), PlainLatent(), anchored=False)


def denoising_architecture(n_features: int, n_components: int) -> DenseArchitecture:
    """Return encoder and decoder of a denoiser."""
    return DenseArchitecture(n_features, n_components, (HIDDEN,), "silu", skip=False)


def denoising_network(
    anchors: list[Anchor],
    owner: list[int],
    placement: Placement,
    *,
    corruption: Corruption | None = None,
    seed: int = 0,
) -> AnchoredNetwork:
    """Return a stack of denoisers; ``owner`` has the position of each one's anchor."""
    k, d = anchors[0].components.shape
    return AnchoredNetwork(
        [anchors[at] for at in owner],
        denoising_architecture(d, k),
        OBJECTIVE,
        OutputScale.from_anchors(OBJECTIVE.loss, anchors),
        placement,
        stacked=True,
        corruption=corruption,
        seed=seed,
    )


@dataclass(frozen=True, eq=False)
class DenoiserEnsemble:
    """Equal networks, each trained on its own part of the samples.

    Attributes
    ----------
    anchor : Anchor
        Mean and scales, the same for all.
    weights : dict of str to ndarray of shape (n_networks, ...)
        Their parameters.
    """

    anchor: Anchor
    weights: dict[str, np.ndarray]

    @property
    def n_networks(self) -> int:
        """How many networks there are."""
        return len(next(iter(self.weights.values())))

    def distances(self, x: np.ndarray, placement: Placement) -> np.ndarray:
        """Return each network's distance of samples from the mean.

        It is the root of twice the energy, in units of the noise, and zero where the
        energy is below the mean's; shape (n_networks, n_samples).
        """
        return self._apply(Denoisers.distance, x, placement)

    def residual_magnitudes(self, x: np.ndarray, placement: Placement) -> np.ndarray:
        """Return the mean absolute residual of each network, same shape."""
        return self._apply(Denoisers.residual_magnitude, x, placement)

    def _apply(
        self,
        function: Callable[["Denoisers", Tensor], Tensor],
        x: np.ndarray,
        placement: Placement,
    ) -> np.ndarray:
        denoisers = self.denoisers(placement)
        result = np.empty((self.n_networks, len(x)))
        for at, block in denoisers.blocks(x):
            values = function(denoisers, block)[:, : at.stop - at.start]
            result[:, at] = values.cpu().numpy()
        return result

    def denoisers(self, placement: Placement) -> "Denoisers":
        """Return the networks as tensors, built once for each placement and thread."""
        return build_once(
            self, self.weights, placement, lambda: Denoisers(self, placement)
        )


class Denoisers:
    """The networks of an ensemble as tensors, for blocks of samples."""

    def __init__(self, ensemble: DenoiserEnsemble, placement: Placement) -> None:
        count = ensemble.n_networks
        self._network = denoising_network([ensemble.anchor], [0] * count, placement)
        self._network.params.load(ensemble.weights)
        self._placement = placement
        n_samples = BLOCK_VALUES // (count * len(ensemble.anchor.mean))
        self._sizes = sizes_up_to(max(8, n_samples))
        self._mean = self._network.per_model([ensemble.anchor.mean] * count)[0]
        self._scale = self._network.output_scale.scale

    def blocks(self, x: np.ndarray) -> Iterator[tuple[slice, Tensor]]:
        """Yield blocks of constant sizes, so that a score depends on its sample."""
        return padded_blocks(x, self._placement, self._sizes)

    def residual(self, x: Tensor) -> Tensor:
        """Return what each network removes from samples."""
        centred = x - self._mean
        codes = self._network.encode(centred)
        return centred - self._network.decode(codes) * self._scale

    def distance(self, x: Tensor) -> Tensor:
        """Return the root of twice the integral of the residual from the mean."""
        centred = x - self._mean
        energy: Tensor | float = 0.0
        for node, weight in zip((NODES[0] + 1) / 2, NODES[1], strict=True):
            residual = self.residual(self._mean + float(node) * centred)
            energy = energy + float(weight) * (residual * centred).sum(-1)
        assert isinstance(energy, Tensor)
        return energy.clamp_(min=0).sqrt_()

    def residual_magnitude(self, x: Tensor) -> Tensor:
        """Return the mean absolute residual."""
        return self.residual(x).abs().mean(-1)


class DenoisingTask(NamedTuple):
    """Networks that learn to remove the same noise.

    Attributes
    ----------
    parts : list of ndarray
        Positions of the training samples of each network.
    noise_std : float
        Standard deviation of the noise.
    swapped : float
        Share of the values that are another sample's before the noise is added.
    """

    parts: list[np.ndarray]
    noise_std: float
    swapped: float = 0.0

    @property
    def corruption(self) -> Corruption:
        """The noise."""
        noise = Gaussian(self.noise_std)
        return Chain((Swap(self.swapped), noise)) if self.swapped else noise

    @property
    def rotated_corruption(self) -> Corruption:
        """The noise in directions that many features share.

        Swapped values differ by about two variances, and are many: in each direction
        their sum is normal.
        """
        variance = self.swapped * (2 - self.swapped)
        return Gaussian(float(np.hypot(self.noise_std, variance**0.5)))


def _anchor(data: Dataset, noise_std: float, k: int) -> Anchor:
    """Return the scales of samples and of their noisy copies."""
    statistics, d = column_statistics(data.blocks(np.float64)), data.n_features
    no_components = Eigendecomposition(
        np.zeros((0, d)), np.zeros(0), np.square(statistics.std)
    )
    noisy = ColumnStatistics(
        statistics.mean,
        np.hypot(statistics.std, noise_std),
        statistics.min - 2 * noise_std,
        statistics.max + 2 * noise_std,
    )
    return fit_anchor(data, statistics, no_components, k, anchored=False, inputs=noisy)


def train_denoisers(
    data: Dataset,
    tasks: Sequence[DenoisingTask],
    plan: TrainingPlan,
    *,
    seed: int,
    device: torch.device,
    report: Report | None = None,
) -> tuple[list[DenoiserEnsemble], History]:
    """Train networks in lock-step, and return the ensemble of each task.

    Parameters
    ----------
    data : Dataset
        Scaled samples, whose deviations are about one.
    tasks : sequence of DenoisingTask
        Two networks or more in all.
    plan : TrainingPlan
        Steps and learning rate.
    seed : int
        Seed of all random numbers.
    device : torch.device
        Where to train.
    report : callable or None, default=None
        As in :func:`skae._training.loop.train`, with the networks so far at the end.
    """
    parts = [data.subset(part) for task in tasks for part in task.parts]
    owner = [at for at, task in enumerate(tasks) for _ in task.parts]
    k, spaces = min(2 * data.n_features, MAX_CODES), None
    anchors = outer = [
        _anchor(data.subset(np.unique(np.concatenate(t.parts))), t.noise_std, k)
        for t in tasks
    ]
    noise = [tasks[at].corruption for at in owner]
    if is_wide(max(map(len, parts)), data.n_features, RATIO):
        spaces, parts = spanned_by_parts(parts, seed)
        anchors = [
            _anchor(part, tasks[at].noise_std, k)
            for at, part in zip(owner, parts, strict=True)
        ]
        noise = [tasks[at].rotated_corruption for at in owner]
    network = denoising_network(
        anchors,
        owner if spaces is None else [*range(len(parts))],
        Placement(device),
        corruption=PerModelCorruption(tuple(noise)),
        seed=seed,
    )
    network.initialize()

    def ensembles() -> list[DenoiserEnsemble]:
        arrays, task_of = network.params.to_numpy(), np.array(owner)
        if spaces is not None:
            to = [outer[at] for at in owner]
            arrays = stack_of_features(arrays, spaces, anchors, to)
        return [
            DenoiserEnsemble(
                anchor, {name: array[task_of == at] for name, array in arrays.items()}
            )
            for at, anchor in enumerate(outer)
        ]

    def tell(step: int, training: float, validation: float | None) -> bool:
        return report is not None and report(step, training, validation, ensembles)

    history = Trainer(network).train(
        parts,
        plan,
        batch_size=min(BATCH_SIZE, min(map(len, parts))),
        report=tell,
    )
    return ensembles(), history
