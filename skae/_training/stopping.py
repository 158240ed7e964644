"""When to stop, and which parameters to keep."""

import math

from torch import Tensor


class BestCheckpoint:
    """A copy of the parameters as they were when the validation loss was lowest.

    Parameters
    ----------
    flat : Tensor
        The parameters, copied now and at each update.
    """

    def __init__(self, flat: Tensor) -> None:
        self._flat, self._kept, self._loss = flat, flat.clone(), math.inf

    def update(self, loss: float | None) -> bool:
        """Keep the parameters if the loss is a new minimum, or if there is none.

        Returns whether they were kept.
        """
        if loss is not None and not loss < self._loss:
            return False
        self._kept.copy_(self._flat)
        if loss is not None:
            self._loss = loss
        return True

    def restore(self) -> None:
        """Copy what was kept into the parameters."""
        self._flat.copy_(self._kept)


class EarlyStopping:
    """Ends a run whose validation loss has not fallen for a number of steps.

    Parameters
    ----------
    patience : int or None
        That number; None never stops.
    tolerance : float
        What the loss must fall by to count.
    start : int
        Step from which patience is counted at the earliest.
    """

    def __init__(self, patience: int | None, tolerance: float, start: int) -> None:
        self._patience, self._tolerance, self._start = patience, tolerance, start
        self._reference, self._improved_at = math.inf, 0

    def update(self, step: int, loss: float | None) -> bool:
        """Take note of a validation loss and return whether to go on."""
        if loss is None:
            return True
        if loss < self._reference - self._tolerance:
            self._reference, self._improved_at = loss, step
        since = max(self._improved_at, self._start)
        return self._patience is None or step - since < self._patience
