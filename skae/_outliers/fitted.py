"""How anomalous samples are: far from the inliers, or in a gap between all samples.

Two scalings of the features, networks and stored samples give distances of a sample:

- far: from the inliers, by the energy of denoisers trained on them and to the fifth
  nearest of them, in the robust scaling;
- near: to the tenth and the first nearest of all samples, in the plain scaling; without
  stored samples the energy and the residual of denoisers trained on all samples.

Each is put on one scale by how it is for training samples that it was not fitted to. A
sample's score is the mean of the far distances or of the near ones, whichever is
larger.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np

from skae._model.state import FORMAT, check_format, from_plain, to_plain
from skae._model.validation import (
    check_anchor,
    check_array,
    check_keys,
    check_number,
    check_weights,
    invalid_state,
)
from skae._nn.runtime import Placement
from skae._pca.anchor import Anchor

from .attribution import (
    N_CANDIDATES,
    contributions,
    imputation_residuals,
    neighbor_differences,
)
from .calibration import ScoreScale
from .denoisers import DenoiserEnsemble, denoising_architecture
from .ensemble import CalibratedEnsemble, Membership
from .neighbors import StoredNeighbors
from .scaling import ColumnScaling

FAR = ("energy", "core")
INLIER_NEIGHBOR, NEIGHBORS = 5, (10, 1)
BLOCK_SAMPLES, BLOCK_VALUES = 4096, 1 << 18


@dataclass(frozen=True)
class FittedDetector:
    """Everything that a fit leaves behind.

    Attributes
    ----------
    robust, plain : ColumnScaling
        The scalings.
    inlier_ensemble : CalibratedEnsemble
        Networks of the inliers, in the robust scaling.
    inlier_neighbors : StoredNeighbors or None
        Inliers, in the robust scaling.
    neighbors : StoredNeighbors or None
        Samples of all kinds, in the plain scaling.
    full_ensemble : CalibratedEnsemble or None
        Networks of all samples, in the plain scaling.
    imputers : DenoiserEnsemble
        Networks that learn what a feature is expected to be, given the others.
    score_scales : dict of str to ScoreScale
        Scale of each distance.
    calibration : ndarray of shape (n,)
        Scores of training samples by what was not fitted to them.
    weight : ndarray of shape (n,) or None
        Their weights.
    """

    robust: ColumnScaling
    plain: ColumnScaling
    inlier_ensemble: CalibratedEnsemble
    inlier_neighbors: StoredNeighbors | None
    neighbors: StoredNeighbors | None
    full_ensemble: CalibratedEnsemble | None
    imputers: DenoiserEnsemble
    score_scales: dict[str, ScoreScale]
    calibration: np.ndarray
    weight: np.ndarray | None

    def distances(
        self,
        robust: np.ndarray,
        plain: np.ndarray,
        placement: Placement,
        own: Membership | None = None,
    ) -> dict[str, np.ndarray]:
        """Return all distances of samples.

        Parameters
        ----------
        robust, plain : ndarray of shape (n_samples, n_features)
            The samples in the two scalings.
        placement : Placement
            Device and precision of the networks.
        own : Membership or None, default=None
            For training samples: which networks were trained on them, and their groups.
        """
        trained, full, groups = own or (None, None, None)
        result = {"energy": self.inlier_ensemble.distances(robust, placement, trained)}
        inliers = self.inlier_neighbors
        if inliers is not None:
            (result["core"],) = inliers.distances(robust, (INLIER_NEIGHBOR,), groups)
        if self.neighbors is not None:
            nearest = self.neighbors.distances(plain, NEIGHBORS, groups)
            result["tenth"], result["first"] = nearest
        if self.full_ensemble is not None:
            ensemble = self.full_ensemble
            result["blurred"] = ensemble.distances(plain, placement, full)
            result["residual"] = ensemble.residual_magnitudes(plain, placement, full)
        return result

    def combine_distances(self, distances: dict[str, np.ndarray]) -> np.ndarray:
        """Return scores: 0 for a usual sample, 1 for one in ten or so."""
        scaled = {
            name: self.score_scales[name](value) for name, value in distances.items()
        }
        far = [scaled.pop(name) for name in FAR if name in scaled]
        groups = [
            np.mean(group, axis=0) for group in (far, [*scaled.values()]) if group
        ]
        return np.max(groups, axis=0)

    def anomaly_scores(self, x: np.ndarray, placement: Placement) -> np.ndarray:
        """Return scores of samples, block after block."""
        result = np.empty(len(x))
        for at in self._slices(x):
            robust, plain = self.robust(x[at]), self.plain(x[at])
            distances = self.distances(robust, plain, placement)
            result[at] = self.combine_distances(distances)
        return result

    def explain(self, x: np.ndarray, placement: Placement) -> np.ndarray:
        """Return each feature's share of the distance from the inliers."""
        result = np.empty(x.shape)
        for at in self._slices(x):
            robust = self.robust(x[at])
            apart = imputation_residuals(self.imputers, robust, placement)
            if self.neighbors is not None:
                nearest = self.neighbors.nearest(self.plain(x[at]), N_CANDIDATES)
                apart += neighbor_differences(robust, self._robust_stored, nearest)
            distances = self.inlier_ensemble.distances(robust, placement)
            result[at] = contributions(apart, distances)
        return result

    @cached_property
    def _robust_stored(self) -> np.ndarray:
        """The stored samples of all kinds in the robust scaling."""
        assert self.neighbors is not None
        return self.robust(self.plain.inverse(self.neighbors.samples))

    @staticmethod
    def _slices(x: np.ndarray) -> Iterator[slice]:
        n, d = x.shape
        size = min(BLOCK_SAMPLES, max(512, BLOCK_VALUES // d))
        return (slice(start, start + size) for start in range(0, n, size))

    def to_state(self) -> dict[str, Any]:
        """Return the model as nested dictionaries of arrays and numbers."""
        scales = {name: to_plain(scale) for name, scale in self.score_scales.items()}
        return {
            "format": FORMAT,
            "robust": to_plain(self.robust),
            "plain": to_plain(self.plain),
            "inlier_ensemble": _ensemble_to_state(self.inlier_ensemble),
            "inlier_neighbors": _neighbors_to_state(self.inlier_neighbors),
            "neighbors": _neighbors_to_state(self.neighbors),
            "full_ensemble": _ensemble_to_state(self.full_ensemble),
            "imputers": _denoisers_to_state(self.imputers),
            "score_scales": scales,
            "calibration": self.calibration,
            "weight": self.weight,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "FittedDetector":
        """Return the model of a state.

        Raises
        ------
        ValueError
            If the format is unknown, a part is missing, or arrays do not fit.
        """
        check_format(state)
        _check(state)
        inlier_ensemble = _ensemble_from_state(state["inlier_ensemble"])
        assert inlier_ensemble is not None
        scales = state["score_scales"].items()
        return cls(
            ColumnScaling(**state["robust"]),
            ColumnScaling(**state["plain"]),
            inlier_ensemble,
            _neighbors_from_state(state["inlier_neighbors"]),
            _neighbors_from_state(state["neighbors"]),
            _ensemble_from_state(state["full_ensemble"]),
            _denoisers_from_state(state["imputers"]),
            {name: ScoreScale(**scale) for name, scale in scales},
            state["calibration"],
            state["weight"],
        )


State = dict[str, Any]


def _check(state: Any) -> None:
    """Raise ValueError unless the arrays of a state fit each other."""
    check_keys("it", state, [f.name for f in fields(FittedDetector)])
    check_keys("robust", state["robust"], ["mean"])
    check_array("robust mean", state["robust"]["mean"], (None,))
    d, scales = len(state["robust"]["mean"]), ["energy"]
    for name in ("robust", "plain"):
        check_keys(name, state[name], [f.name for f in fields(ColumnScaling)])
        for key in ("mean", "scale", "centre", "spread"):
            check_array(f"{name} {key}", state[name][key], (d,))
    _check_denoisers("imputers", state["imputers"], d)
    for name in ("inlier_ensemble", "full_ensemble"):
        if state[name] is None and name == "full_ensemble":
            continue
        check_keys(name, state[name], ["networks", "distance", "magnitude"])
        n = _check_denoisers(name, state[name]["networks"], d)
        for key in ("distance", "magnitude"):
            check_array(f"{name} {key}", state[name][key], (n,))
    stored = {"inlier_neighbors": ["core"], "neighbors": ["tenth", "first"]}
    for name, own in stored.items():
        if state[name] is not None:
            check_keys(name, state[name], ["samples", "weight"])
            check_weighted(name, state[name]["samples"], state[name]["weight"], (d,))
            scales += own
    scales += ["blurred", "residual"] if state["full_ensemble"] is not None else []
    check_keys("score_scales", state["score_scales"], scales)
    for name, scale in state["score_scales"].items():
        for key in ("median", "spread"):
            check_keys(f"score_scales {name}", scale, [key])
            check_number(f"{key} of {name}", scale[key], positive=key == "spread")
    check_weighted("calibration", state["calibration"], state["weight"])


def check_weighted(
    name: str, values: Any, weight: Any, lead: tuple[int, ...] = ()
) -> None:
    """Raise ValueError unless there are values, and as many weights if any."""
    check_array(name, values, (None, *lead))
    if not len(values):
        raise invalid_state(f"{name} has no samples")
    if weight is not None:
        check_array(f"weight of {name}", weight, (len(values),))


def _check_denoisers(name: str, state: Any, d: int) -> int:
    """Raise ValueError unless networks fit d features; return how many there are."""
    check_keys(name, state, ["anchor", "weights"])
    check_anchor(f"{name} anchor", state["anchor"], d)
    weights, k = state["weights"], len(state["anchor"]["components"])
    shapes = denoising_architecture(d, k).shapes()
    check_keys(name, weights, shapes)
    n = len(np.atleast_1d(next(iter(weights.values()))))
    if not n:
        raise invalid_state(f"{name} has no networks")
    check_weights(weights, shapes, name=name, n_models=n)
    return n


def _denoisers_to_state(networks: DenoiserEnsemble) -> State:
    return {"anchor": to_plain(networks.anchor), "weights": networks.weights}


def _denoisers_from_state(state: State) -> DenoiserEnsemble:
    return DenoiserEnsemble(from_plain(Anchor, state["anchor"]), state["weights"])


def _ensemble_to_state(ensemble: CalibratedEnsemble | None) -> State | None:
    if ensemble is None:
        return None
    state = to_plain(ensemble)
    return state | {"networks": _denoisers_to_state(ensemble.networks)}


def _ensemble_from_state(state: State | None) -> CalibratedEnsemble | None:
    if state is None:
        return None
    networks = _denoisers_from_state(state["networks"])
    return CalibratedEnsemble(networks, state["distance"], state["magnitude"])


def _neighbors_to_state(neighbors: StoredNeighbors | None) -> State | None:
    if neighbors is None:
        return None
    return {"samples": neighbors.samples, "weight": neighbors.weight}


def _neighbors_from_state(state: State | None) -> StoredNeighbors | None:
    return None if state is None else StoredNeighbors(**state)
