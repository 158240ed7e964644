"""Validation samples, and what a network makes of them."""

# torch.from_numpy carries no type.
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import torch
from torch import Tensor

from skae._data.dataset import Dataset
from skae._model.network import AnchoredNetwork
from skae._model.parts import Stream
from skae._nn.autoencoder import Batch
from skae._pca.explained_variance import SquaredErrors

BATCH_SIZE = 128
KEPT_VALUES = 1 << 18  # numbers in validation samples that are prepared only once
FIRST_SAMPLES = 512


class ValidationBatches:
    """Validation samples of every model, cut into batches of one size.

    Parameters
    ----------
    network : AnchoredNetwork
        The networks that are measured.
    indices : list of ndarray of shape ([models,] batch_size)
        Positions in the source of the samples of each batch.
    make : callable
        ``make(index)`` prepares a batch.
    weight : ndarray of shape (models, n_samples)
        Weights; zero for samples that only fill a batch.
    groups : ndarray of shape (models, n_samples) or None, default=None
        Groups of samples that depend on each other.
    keep : bool, default=False
        Whether prepared batches are kept; else each is made whenever it is read.

    Attributes
    ----------
    weight, groups : ndarray of shape (models * n_samples,)
        Weights and groups, flat, as all that is measured.
    """

    def __init__(
        self,
        network: AnchoredNetwork,
        indices: list[np.ndarray],
        make: Callable[[np.ndarray], Batch],
        weight: np.ndarray,
        *,
        groups: np.ndarray | None = None,
        keep: bool = False,
    ) -> None:
        self.network, self._indices, self._make = network, indices, make
        self._weights, self.weight = weight, weight.ravel()
        self.groups = None if groups is None else groups.ravel()
        self._kept = [make(index) for index in indices] if keep else None

    @classmethod
    def from_parts(
        cls, network: AnchoredNetwork, parts: Sequence[Dataset]
    ) -> "ValidationBatches":
        """Prepare validation samples, one dataset for each model.

        Small tables are prepared now and kept.
        """
        longest = max(len(part) for part in parts)
        size = min(longest, BATCH_SIZE)
        length = -(-longest // size) * size
        index = np.empty((len(parts), length), dtype=np.intp)
        weight = np.zeros((len(parts), length))
        groups = np.zeros((len(parts), length), dtype=np.intp)
        for m, part in enumerate(parts):
            # In random order, so that the first batches are a random sample.
            order = np.random.default_rng(network.seed).permutation(len(part))
            index[m] = np.resize(part.source_index(order), length)
            weight[m, : len(part)] = part.sample_weight[order]
            if part.groups is not None:
                groups[m, : len(part)] = part.groups[order]
        cuts = [index[:, i : i + size] for i in range(0, length, size)]
        source = parts[0].source

        def make(cut: np.ndarray) -> Batch:
            # The same noise for the same samples, at each measurement.
            stream = Stream.VALIDATION + int(cut.flat[0])
            block, generator = source.read(cut), network.generator(stream)
            return network.preprocess(block.values, block.inputs, generator=generator)

        return cls(
            network,
            cuts if network.stacked else [cut[0] for cut in cuts],
            make,
            weight,
            groups=None if parts[0].groups is None else groups,
            keep=weight.size * parts[0].n_features <= KEPT_VALUES,
        )

    @property
    def batches(self) -> Iterable[Batch]:
        """The batches, one after the other."""
        return self._kept or map(self._make, self._indices)

    def first(self) -> "ValidationBatches":
        """Return the first batches only, some 500 samples."""
        size = self._indices[0].shape[-1]
        n = max(1, FIRST_SAMPLES // size)
        return ValidationBatches(
            self.network, self._indices[:n], self._make, self._weights[:, : n * size]
        )

    def _measure(self, function: Callable[[Batch], Tensor]) -> np.ndarray:
        """Return what a function gives for each sample, flat, in float64."""
        values = [function(batch) for batch in self.batches]
        return torch.cat(values, -1).cpu().double().numpy().ravel()

    def losses(
        self, n_codes: int | None = None, *, correction: bool = True
    ) -> np.ndarray:
        """Return the loss of each sample; see `AnchoredNetwork.per_sample_loss`."""
        return self._measure(
            lambda batch: self.network.per_sample_loss(
                batch, n_codes, correction=correction
            )
        )

    def squared_errors(self, n_codes: int, *, correction: bool = True) -> np.ndarray:
        """Return the squared error of each sample from its first latent codes.

        The others are zero. Errors are in units of the targets.
        """
        return self._measure(
            lambda batch: self.network.squared_errors(
                batch, n_codes, correction=correction
            )
        )

    def squared_norms(self) -> np.ndarray:
        """Return the squared norm of each sample's standardised features."""
        return self._measure(lambda batch: batch.inputs.square().sum(-1))

    def total_squares(self) -> SquaredErrors:
        """Return the squared distance of each sample from the mean."""
        network = self.network
        device, dtype = network.placement
        mean = torch.zeros((), dtype=dtype, device=device)
        if network.objective.loss.is_logit:
            mean = network.per_model(a.mean[None] for a in network.anchors)
        base = self._measure(lambda batch: (batch.targets - mean).square_().sum(-1))
        return SquaredErrors(base, self.weight)
