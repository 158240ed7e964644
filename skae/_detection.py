"""How odd rows are: far from the usual ones, or in a gap between them.

Two scalings of the table, networks and remembered rows give distances of a row:

- far: from the usual rows, by the energy of denoisers trained on them and to the fifth
  nearest of them, in the robust view;
- near: to the tenth and the first nearest of all rows, in the standard view; without a
  memory the energy and the residual of denoisers trained on all rows.

Each is put on one scale by how it is for training rows that it does not know. A row is
as odd as the mean of the far ones or of the near ones says, whichever says more.
"""

from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np

from ._anchor import Anchor
from ._blame import CANDIDATES, unlike
from ._calibration import Level, quantiles
from ._denoisers import Denoisers, Where
from ._memory import Memory
from ._rows import Rows
from ._views import View

FAR = ("energy", "core")
CORE_NEIGHBOURS, NEIGHBOURS = 5, (10, 1)
CHUNK_ROWS, CHUNK_VALUES = 4096, 1 << 18
MEASURED = 300


class Known(NamedTuple):
    """Which networks were trained on which training rows, (n_networks, n) each."""

    usual: np.ndarray
    every: np.ndarray | None = None


def inside(parts: list[np.ndarray], n: int) -> np.ndarray:
    """Return a mask (n_parts, n) of the rows of each part."""
    mask = np.zeros((len(parts), n), bool)
    for row, part in zip(mask, parts, strict=True):
        row[part] = True
    return mask


@dataclass(frozen=True)
class Committee:
    """Denoisers, and what each says of rows that it was not trained on.

    Attributes
    ----------
    networks : Denoisers
        The members.
    distance, size : ndarray of shape (n_networks,)
        Medians of the members' distances and of the sizes of their residuals.
    """

    networks: Denoisers
    distance: np.ndarray
    size: np.ndarray

    @classmethod
    def of(
        cls, networks: Denoisers, rows: Rows, known: np.ndarray, where: Where
    ) -> "Committee":
        """Measure the members on rows of a table that they do not know.

        Some are enough; the rows are in random order.
        """

        def medians(scores: np.ndarray) -> np.ndarray:
            result = []
            for row, mask in zip(scores, known[:, :MEASURED], strict=True):
                new = mask if mask.all() else ~mask
                weight = None if rows.weight is None else rows.weight[:MEASURED][new]
                median, high = quantiles(row[new], weight, 0.5, 0.9)
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
        self, x: np.ndarray, where: Where, known: np.ndarray | None = None
    ) -> np.ndarray:
        """Return the mean of the members' distances, in units of the usual one.

        Members that know a row are not asked, unless all do.
        """
        return self._mean(self.networks.distances(x, where), self.distance, known)

    def sizes(
        self, x: np.ndarray, where: Where, known: np.ndarray | None = None
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


@dataclass(frozen=True)
class Detection:
    """Everything that a fit leaves behind.

    Attributes
    ----------
    robust, standard : View
        The scalings.
    usual : Committee
        Networks of the usual rows, in the robust view.
    core : Memory or None
        Usual rows, in the robust view.
    table : Memory or None
        Rows of all kinds, in the standard view.
    every : Committee or None
        Networks of all rows, in the standard view.
    explainers : Denoisers
        Networks that learn what a column is expected to be, given the others.
    levels : dict of str to Level
        Scale of each distance.
    calibration : ndarray of shape (n,)
        How odd training rows are, by what does not know them.
    weight : ndarray of shape (n,) or None
        Their weights.
    """

    robust: View
    standard: View
    usual: Committee
    core: Memory | None
    table: Memory | None
    every: Committee | None
    explainers: Denoisers
    levels: dict[str, Level]
    calibration: np.ndarray
    weight: np.ndarray | None

    def terms(
        self,
        a: np.ndarray,
        s: np.ndarray,
        where: Where,
        known: Known | None = None,
    ) -> dict[str, np.ndarray]:
        """Return the distances of rows by name.

        Parameters
        ----------
        a, s : ndarray of shape (n, n_features)
            The rows in the robust and in the standard view.
        where : Where
            Device and precision of the networks.
        known : Known or None, default=None
            Of training rows, the networks that are not to be asked.
        """
        terms = {"energy": self.usual.distances(a, where, known and known.usual)}
        if self.core is not None:
            terms["core"] = self.core.distances(a, (CORE_NEIGHBOURS,))[0]
        if self.table is not None:
            terms["tenth"], terms["first"] = self.table.distances(s, NEIGHBOURS)
        if self.every is not None:
            seen = known and known.every
            terms["blurred"] = self.every.distances(s, where, seen)
            terms["residual"] = self.every.sizes(s, where, seen)
        return terms

    def combine(self, terms: dict[str, np.ndarray]) -> np.ndarray:
        """Return how odd rows are: 0 for an ordinary one, 1 for one in ten or so."""
        scaled = {name: self.levels[name](value) for name, value in terms.items()}
        far = [scaled.pop(name) for name in FAR if name in scaled]
        groups = [
            np.mean(group, axis=0) for group in (far, [*scaled.values()]) if group
        ]
        return np.max(groups, axis=0)

    def oddness(self, x: np.ndarray, where: Where) -> np.ndarray:
        """Return how odd rows are, in a bounded amount of memory."""
        result = np.empty(len(x))
        for at in self._slices(x):
            a, s = self.robust(x[at]), self.standard(x[at])
            result[at] = self.combine(self.terms(a, s, where))
        return result

    def explain(self, x: np.ndarray, where: Where) -> np.ndarray:
        """Return each column's share of the distance from the usual rows."""
        result, stored = np.empty(x.shape), None
        if self.table is not None:
            stored = self.robust(self.standard.undo(self.table.table))
        for at in self._slices(x):
            a = self.robust(x[at])
            apart = self.explainers.repairs(a, where)
            if self.table is not None and stored is not None:
                nearest = self.table.nearest(self.standard(x[at]), CANDIDATES)
                apart += unlike(a, stored, nearest)
            squares = np.square(apart)
            whole = squares.sum(axis=1, keepdims=True)
            shares = squares / np.where(whole > 0, whole, 1.0)
            result[at] = shares * self.usual.distances(a, where)[:, None]
        return result

    @staticmethod
    def _slices(x: np.ndarray) -> list[slice]:
        n, d = x.shape
        size = min(CHUNK_ROWS, max(512, CHUNK_VALUES // d))
        return [slice(start, start + size) for start in range(0, n, size)]

    def state(self) -> dict[str, Any]:
        """Return the model as nested dicts of arrays and numbers."""
        state: dict[str, Any] = {
            name: asdict(getattr(self, name))
            for name in ("robust", "standard", "usual", "explainers")
        }
        state["every"] = None if self.every is None else asdict(self.every)
        for name in ("core", "table"):
            memory: Memory | None = getattr(self, name)
            state[name] = memory and {"table": memory.table, "weight": memory.weight}
        state["levels"] = {name: asdict(level) for name, level in self.levels.items()}
        return state | {"calibration": self.calibration, "weight": self.weight}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> "Detection":
        """Return the model of a state."""

        def denoisers(part: dict[str, Any]) -> Denoisers:
            return Denoisers(Anchor(**part["anchor"]), part["weights"])

        def committee(part: dict[str, Any] | None) -> Committee | None:
            if part is None:
                return None
            return Committee(
                denoisers(part["networks"]), part["distance"], part["size"]
            )

        usual = committee(state["usual"])
        assert usual is not None
        core, table = (
            None if state[name] is None else Memory(**state[name])
            for name in ("core", "table")
        )
        return cls(
            View(**state["robust"]),
            View(**state["standard"]),
            usual,
            core,
            table,
            committee(state["every"]),
            denoisers(state["explainers"]),
            {name: Level(**level) for name, level in state["levels"].items()},
            state["calibration"],
            state["weight"],
        )
