"""How odd rows are: far from the usual ones, or in a gap between them.

Two scalings of the table, networks and remembered rows give distances of a row:

- far: from the usual rows, by the energy of denoisers trained on them and to the fifth
  nearest of them, in the robust view;
- near: to the tenth and the first nearest of all rows, in the standard view; without a
  memory the energy and the residual of denoisers trained on all rows.

Each is put on one scale by how it is for training rows that it does not know. A row is
as odd as the mean of the far ones or of the near ones says, whichever says more.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from skae._data.dataset import Dataset
from skae._data.statistics import weighted_quantiles
from skae._nn.runtime import Placement

from .denoisers import DenoiserEnsemble

MEASURED = 300


class TrainingMasks(NamedTuple):
    """Which networks were trained on which training rows, (n_networks, n) each."""

    usual: np.ndarray
    every: np.ndarray | None = None


def membership_masks(parts: list[np.ndarray], n: int) -> np.ndarray:
    """Return a mask (n_parts, n) of the rows of each part."""
    mask = np.zeros((len(parts), n), bool)
    for row, part in zip(mask, parts, strict=True):
        row[part] = True
    return mask


@dataclass(frozen=True)
class CalibratedEnsemble:
    """Denoisers, and what each says of rows that it was not trained on.

    Attributes
    ----------
    networks : DenoiserEnsemble
        The members.
    distance, size : ndarray of shape (n_networks,)
        Medians of the members' distances and of the sizes of their residuals.
    """

    networks: DenoiserEnsemble
    distance: np.ndarray
    size: np.ndarray

    @classmethod
    def of(
        cls,
        networks: DenoiserEnsemble,
        rows: Dataset,
        known: np.ndarray,
        where: Placement,
    ) -> "CalibratedEnsemble":
        """Measure the members on rows of a table that they do not know.

        Some are enough; the rows are in random order.
        """

        def medians(scores: np.ndarray) -> np.ndarray:
            result = []
            for row, mask in zip(scores, known[:, :MEASURED], strict=True):
                new = mask if mask.all() else ~mask
                weight = None if rows.weight is None else rows.weight[:MEASURED][new]
                median, high = weighted_quantiles(row[new], weight, 0.5, 0.9)
                # A member that finds half of the rows at no distance has another scale.
                result.append(max(median, high / 10) or 1.0)
            return np.array(result)

        x = rows.table[:MEASURED]
        return cls(
            networks,
            medians(networks.distances(x, where)),
            medians(networks.sizes(x, where)),
        )

    def distances(
        self, x: np.ndarray, where: Placement, known: np.ndarray | None = None
    ) -> np.ndarray:
        """Return the mean of the members' distances, in units of the usual one.

        Members that know a row are not asked, unless all do.
        """
        return self._mean(self.networks.distances(x, where), self.distance, known)

    def sizes(
        self, x: np.ndarray, where: Placement, known: np.ndarray | None = None
    ) -> np.ndarray:
        """Return the mean of the sizes of the residuals in the same way."""
        return self._mean(self.networks.sizes(x, where), self.size, known)

    @staticmethod
    def _mean(
        scores: np.ndarray, median: np.ndarray, known: np.ndarray | None
    ) -> np.ndarray:
        asked = np.ones(scores.shape, bool) if known is None else ~known
        asked |= ~asked.any(axis=0)
        return (scores / median[:, None] * asked).sum(axis=0) / asked.sum(axis=0)
