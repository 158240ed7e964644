"""Ensembles whose members are asked about samples that they were not trained on."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from skae._data.dataset import Dataset
from skae._data.statistics import weighted_quantiles
from skae._nn.runtime import Placement

from .denoisers import DenoiserEnsemble

N_MEASURED = 300


class Membership(NamedTuple):
    """What of a fit belongs to its training samples.

    Attributes
    ----------
    inliers, full : ndarray of bool of shape (n_networks, n_samples)
        Which networks were trained on which samples: of the ensemble of the inliers,
        and of that of all samples if there is one.
    groups : ndarray of int of shape (n_samples,) or None
        Groups of samples, which are not each other's neighbors.
    """

    inliers: np.ndarray
    full: np.ndarray | None = None
    groups: np.ndarray | None = None


def membership_masks(parts: list[np.ndarray], n: int) -> np.ndarray:
    """Return a mask (n_parts, n) of the samples of each part."""
    masks = np.zeros((len(parts), n), bool)
    for mask, part in zip(masks, parts, strict=True):
        mask[part] = True
    return masks


@dataclass(frozen=True)
class CalibratedEnsemble:
    """Denoisers, and what each says of samples that it was not trained on.

    Attributes
    ----------
    networks : DenoiserEnsemble
        The members.
    distance, magnitude : ndarray of shape (n_networks,)
        Medians of the members' distances and of their residuals' magnitudes.
    """

    networks: DenoiserEnsemble
    distance: np.ndarray
    magnitude: np.ndarray

    @classmethod
    def calibrate(
        cls,
        networks: DenoiserEnsemble,
        data: Dataset,
        trained_on: np.ndarray,
        placement: Placement,
    ) -> "CalibratedEnsemble":
        """Measure the members on samples that they were not trained on.

        Some are enough; the samples are in random order.
        """
        block = data.read(slice(0, N_MEASURED))

        def medians(scores: np.ndarray) -> np.ndarray:
            result: list[float] = []
            for own, mask in zip(scores, trained_on[:, :N_MEASURED], strict=True):
                new = mask if mask.all() else ~mask
                weight = None if block.weight is None else block.weight[new]
                median, high = weighted_quantiles(own[new], weight, 0.5, 0.9)
                # A member with half of the samples at no distance has another scale.
                result.append(max(median, high / 10) or 1.0)
            return np.array(result)

        return cls(
            networks,
            medians(networks.distances(block.values, placement)),
            medians(networks.residual_magnitudes(block.values, placement)),
        )

    def distances(
        self, x: np.ndarray, placement: Placement, trained_on: np.ndarray | None = None
    ) -> np.ndarray:
        """Return the mean of the members' distances, in units of their medians.

        Members that were trained on a sample are not asked, unless all were.
        """
        scores = self.networks.distances(x, placement)
        return self._mean(scores / self.distance[:, None], trained_on)

    def residual_magnitudes(
        self, x: np.ndarray, placement: Placement, trained_on: np.ndarray | None = None
    ) -> np.ndarray:
        """Return the mean of the residuals' magnitudes in the same way."""
        scores = self.networks.residual_magnitudes(x, placement)
        return self._mean(scores / self.magnitude[:, None], trained_on)

    @staticmethod
    def _mean(scores: np.ndarray, trained_on: np.ndarray | None) -> np.ndarray:
        asked = np.ones(scores.shape, bool) if trained_on is None else ~trained_on
        asked |= ~asked.any(axis=0)
        return (scores * asked).sum(axis=0) / asked.sum(axis=0)
