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
from typing import Any

import numpy as np

from skae._nn.runtime import Placement
from skae._pca.anchor import Anchor

from .attribution import CANDIDATES, neighbor_differences
from .calibration import ScoreScale
from .denoisers import DenoiserEnsemble
from .ensemble import CalibratedEnsemble, TrainingMasks
from .neighbors import StoredNeighbors
from .scaling import ColumnScaling

FAR = ("energy", "core")
CORE_NEIGHBOURS, NEIGHBOURS = 5, (10, 1)
CHUNK_ROWS, CHUNK_VALUES = 4096, 1 << 18


@dataclass(frozen=True)
class FittedDetector:
    """Everything that a fit leaves behind.

    Attributes
    ----------
    robust, standard : ColumnScaling
        The scalings.
    usual : CalibratedEnsemble
        Networks of the usual rows, in the robust view.
    core : StoredNeighbors or None
        Usual rows, in the robust view.
    table : StoredNeighbors or None
        Rows of all kinds, in the standard view.
    every : CalibratedEnsemble or None
        Networks of all rows, in the standard view.
    explainers : DenoiserEnsemble
        Networks that learn what a column is expected to be, given the others.
    levels : dict of str to Level
        Scale of each distance.
    calibration : ndarray of shape (n,)
        How odd training rows are, by what does not know them.
    weight : ndarray of shape (n,) or None
        Their weights.
    """

    robust: ColumnScaling
    standard: ColumnScaling
    usual: CalibratedEnsemble
    core: StoredNeighbors | None
    table: StoredNeighbors | None
    every: CalibratedEnsemble | None
    explainers: DenoiserEnsemble
    levels: dict[str, ScoreScale]
    calibration: np.ndarray
    weight: np.ndarray | None

    def terms(
        self,
        a: np.ndarray,
        s: np.ndarray,
        where: Placement,
        known: TrainingMasks | None = None,
    ) -> dict[str, np.ndarray]:
        """Return the distances of rows by name.

        Parameters
        ----------
        a, s : ndarray of shape (n, n_features)
            The rows in the robust and in the standard view.
        where : Placement
            Device and precision of the networks.
        known : TrainingMasks or None, default=None
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

    def oddness(self, x: np.ndarray, where: Placement) -> np.ndarray:
        """Return how odd rows are, in a bounded amount of memory."""
        result = np.empty(len(x))
        for at in self._slices(x):
            a, s = self.robust(x[at]), self.standard(x[at])
            result[at] = self.combine(self.terms(a, s, where))
        return result

    def explain(self, x: np.ndarray, where: Placement) -> np.ndarray:
        """Return each column's share of the distance from the usual rows."""
        result, stored = np.empty(x.shape), None
        if self.table is not None:
            stored = self.robust(self.standard.undo(self.table.table))
        for at in self._slices(x):
            a = self.robust(x[at])
            apart = self.explainers.repairs(a, where)
            if self.table is not None and stored is not None:
                nearest = self.table.nearest(self.standard(x[at]), CANDIDATES)
                apart += neighbor_differences(a, stored, nearest)
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
            memory: StoredNeighbors | None = getattr(self, name)
            state[name] = memory and {"table": memory.table, "weight": memory.weight}
        state["levels"] = {name: asdict(level) for name, level in self.levels.items()}
        return state | {"calibration": self.calibration, "weight": self.weight}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> "FittedDetector":
        """Return the model of a state."""

        def denoisers(part: dict[str, Any]) -> DenoiserEnsemble:
            return DenoiserEnsemble(Anchor(**part["anchor"]), part["weights"])

        def committee(part: dict[str, Any] | None) -> CalibratedEnsemble | None:
            if part is None:
                return None
            return CalibratedEnsemble(
                denoisers(part["networks"]), part["distance"], part["size"]
            )

        usual = committee(state["usual"])
        assert usual is not None
        core, table = (
            None if state[name] is None else StoredNeighbors(**state[name])
            for name in ("core", "table")
        )
        return cls(
            ColumnScaling(**state["robust"]),
            ColumnScaling(**state["standard"]),
            usual,
            core,
            table,
            committee(state["every"]),
            denoisers(state["explainers"]),
            {name: ScoreScale(**level) for name, level in state["levels"].items()},
            state["calibration"],
            state["weight"],
        )
