"""Held-out rows that are ready to be measured."""

from collections.abc import Callable, Iterable

import numpy as np

from skae._nn.autoencoder import Batch


class ValidationBatches:
    """Held-out rows of every model, cut into batches of one size.

    Parameters
    ----------
    cuts : list of ndarray of shape ([models,] size)
        Positions in the table of the rows of each batch.
    make : callable
        ``make(cut)`` builds a batch. Those of small tables are kept, those of wide ones
        are built whenever they are read.
    weight : ndarray of shape (models, n_rows)
        Weights; zero for rows that only fill up.
    """

    def __init__(
        self,
        cuts: list[np.ndarray],
        make: Callable[[np.ndarray], Batch],
        weight: np.ndarray,
    ) -> None:
        self._cuts, self._make, self.weight = cuts, make, weight
        self.size = cuts[0].shape[-1]
        self._kept: list[Batch] | None = None

    def keep(self) -> "ValidationBatches":
        """Build the batches now and keep them."""
        self._kept = [self._make(cut) for cut in self._cuts]
        return self

    @property
    def batches(self) -> Iterable[Batch]:
        """The batches, one after the other."""
        return self._kept or map(self._make, self._cuts)

    def head(self) -> "ValidationBatches":
        """Return the first batches only, some 500 rows."""
        n = max(1, 512 // self.size)
        return ValidationBatches(
            self._cuts[:n], self._make, self.weight[:, : n * self.size]
        )
