"""A fit of the outlier detector: what to train, to store and to measure."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from skae._data.dataset import Dataset
from skae._data.grouping import hash_samples, weight_of_groups
from skae._data.splitting import deduplicate, rescale_weights
from skae._nn.runtime import Placement, resolve_device, single_thread
from skae._sklearn.callbacks import (
    FitCallbacks,
    warn_of_dependent_rows,
    warn_of_training,
)
from skae._sklearn.validation import draw_seed
from skae._training.loop import History, TrainingPlan

from .calibration import (
    ScoreScale,
    calibrated_attributes,
    contamination_threshold,
)
from .denoisers import DenoiserEnsemble, DenoisingTask, train_denoisers
from .ensemble import CalibratedEnsemble, Membership, membership_masks
from .fitted import FittedDetector
from .inliers import select_inliers
from .neighbors import StoredNeighbors
from .scaling import ColumnScaling

N_NETWORKS, N_FOLDS = 6, 3  # each network leaves out one sample in three
N_IMPUTERS = 3
INLIER_NOISE = 0.2  # of the networks of the inliers, in deviations
FULL_NOISE = 0.1  # of those of all samples
IMPUTER_NOISE, SWAPPED = 0.5, 0.2
STORED_VALUES = 1 << 21  # numbers in the stored samples
LEARNING_RATE, N_STEPS = 4e-3, 260
N_STORED = 2000
MAX_VALUES, MIN_SAMPLES = 1 << 23, 1000  # of the samples that are used

Report = Callable[[str, int, float, float | None, Callable[[], FittedDetector]], bool]


class DetectorFit:
    """A fit that is ready to run.

    Parameters
    ----------
    data : Dataset
        The samples, at least one.
    n_stored : int
        How many samples to store at the most; 0 for none.
    contaminated : bool
        Whether outliers among them are expected: then only samples far from the inliers
        are outliers, for outliers may be near each other.
    n_steps : int or None
        Steps of each network; None for the default.
    seed : int
        Seed of all random numbers.
    device : torch.device
        Where to train.

    Attributes
    ----------
    n_reports : int
        How often :meth:`run` reports at the most.
    """

    def __init__(
        self,
        data: Dataset,
        *,
        n_stored: int,
        contaminated: bool,
        n_steps: int | None,
        seed: int,
        device: torch.device,
    ) -> None:
        self._seed, self._device = seed, device
        self._plan = TrainingPlan(n_steps or N_STEPS, LEARNING_RATE)
        self._weight, self._all = data.weight, np.arange(len(data))
        self._groups, self._mass = data.groups, weight_of_groups(data)
        x = np.concatenate([block.values for block in data.blocks(np.float64)])
        self._robust = ColumnScaling.fit(x, data.weight, robust=True)
        self._plain = ColumnScaling.fit(x, data.weight, robust=False)
        self._robust_data = self._robust.transform(data)
        self._plain_data = self._plain.transform(data)
        self._inliers = select_inliers(self._robust_data, seed)
        size = min(n_stored, max(200, STORED_VALUES // data.n_features))
        self._inlier_neighbors = self._neighbors = None
        if n_stored:
            self._inlier_neighbors = StoredNeighbors.store(
                self._robust_data, self._inliers, size, seed
            )
        if n_stored and not contaminated:
            self._neighbors = StoredNeighbors.store(
                self._plain_data, self._all, size, seed
            )
        self._networks_only = not n_stored and not contaminated
        self.n_reports = (1 + self._networks_only) * self._plan.n_evaluations

    def run(self, report: Report) -> tuple[FittedDetector, list[History]]:
        """Fit.

        Parameters
        ----------
        report : callable
            Called after each measurement with the phase, the step, the training loss,
            None and a function that returns the model so far; a true answer ends the
            phase.
        """
        parts = self._parts(self._all)
        tasks = [
            DenoisingTask(self._parts(self._inliers), INLIER_NOISE),
            DenoisingTask(parts[:N_IMPUTERS], IMPUTER_NOISE, SWAPPED),
        ]
        (networks, imputers), first = self._train(
            self._robust_data,
            tasks,
            lambda step, loss, validation, so_far: report(
                "inliers", step, loss, validation, lambda: self._model(*so_far())
            ),
        )
        if not self._networks_only or first.interrupted:
            return self._model(networks, imputers), [first]
        (full,), second = self._train(
            self._plain_data,
            [DenoisingTask(parts, FULL_NOISE)],
            lambda step, loss, validation, so_far: report(
                "all samples",
                step,
                loss,
                validation,
                lambda: self._model(networks, imputers, *so_far()),
            ),
        )
        return self._model(networks, imputers, full), [first, second]

    def _train(
        self, data: Dataset, tasks: list[DenoisingTask], report: Callable[..., bool]
    ) -> tuple[list[DenoiserEnsemble], History]:
        return train_denoisers(
            data,
            tasks,
            self._plan,
            seed=self._seed,
            device=self._device,
            report=report,
        )

    def _parts(self, positions: np.ndarray) -> list[np.ndarray]:
        """Return the positions of each network, which leaves one in three out.

        Of groups it leaves all samples out or none.
        """
        rng, unit = np.random.default_rng(self._seed), np.arange(len(positions))
        if self._groups is not None:
            unit = np.unique(self._groups[positions], return_inverse=True)[1]
        n_units = int(unit.max()) + 1
        label = (rng.permutation(n_units) % N_FOLDS)[unit]
        few = n_units < (N_FOLDS if self._groups is None else 2)
        return [positions[few | (label != i % N_FOLDS)] for i in range(N_NETWORKS)]

    def _model(
        self,
        networks: DenoiserEnsemble,
        imputers: DenoiserEnsemble,
        full: DenoiserEnsemble | None = None,
    ) -> FittedDetector:
        """Put a model together, and calibrate its scores on the training samples."""
        n, placement = len(self._all), Placement.exact(self._device)
        inlier_mask = membership_masks(self._parts(self._inliers), n)
        full_mask = full_ensemble = None
        if full is not None:
            full_mask = membership_masks(self._parts(self._all), n)
            full_ensemble = CalibratedEnsemble.calibrate(
                full, self._plain_data, full_mask, placement
            )
        model = FittedDetector(
            robust=self._robust,
            plain=self._plain,
            inlier_ensemble=CalibratedEnsemble.calibrate(
                networks, self._robust_data, inlier_mask, placement
            ),
            inlier_neighbors=self._inlier_neighbors,
            neighbors=self._neighbors,
            full_ensemble=full_ensemble,
            imputers=imputers,
            score_scales={},
            calibration=np.empty(0),
            weight=self._mass,
        )
        distances = model.distances(
            self._robust_data.to_array(),
            self._plain_data.to_array(),
            placement,
            Membership(inlier_mask, full_mask, self._groups),
        )
        scales = {
            name: ScoreScale.fit(values, self._weight)
            for name, values in distances.items()
        }
        model = replace(model, score_scales=scales)
        return replace(model, calibration=model.combine_distances(distances))


def _model_attributes(model: FittedDetector) -> dict[str, Any]:
    """Return the attributes without which a fitted detector cannot work."""
    attributes = calibrated_attributes(model.calibration, model.weight)
    return attributes | {"_state": model.to_state()}


def _distinct_samples(data: Dataset, max_samples: int, seed: int) -> Dataset:
    """Return at most so many samples; equal ones are one that weighs more.

    They are float64, so that the same numbers of another type are the same samples.
    Their order does not change if columns are multiplied by powers of two, as nothing
    else here does.
    """
    limit = min(max_samples, max(MIN_SAMPLES, MAX_VALUES // data.n_features))
    some = data.sample(limit, seed)
    values = some.to_array().astype(np.float64, copy=False)
    some = Dataset(values, weight=some.weight, groups=some.groups)
    _, exponent = np.frexp(np.abs(values).max(axis=0))
    alike = Dataset(np.ldexp(values, -exponent), groups=some.groups)
    return rescale_weights(deduplicate(some, hash_samples(alike, seed)), len(some))


def _contamination_offset(
    model: FittedDetector, data: Dataset, share: float, placement: Placement
) -> float:
    """Return the score below which a share of the training samples is."""
    scores = [-model.anomaly_scores(block.values, placement) for block in data.blocks()]
    return contamination_threshold(np.concatenate(scores), data.weight, share)


def fit_detector(
    detector: Any,
    data: Dataset,
    X: Any,
    y: Any,
    sample_weight: Any,
) -> dict[str, Any]:
    """Fit denoisers and stored samples; return the fitted attributes."""
    seed, device = draw_seed(detector.random_state), resolve_device(detector.device)
    if data.groups is None:
        warn_of_dependent_rows(data, "p-values of rows of new ones will be too small")
    contamination, n_stored = detector.contamination, int(detector.memory)
    if isinstance(detector.memory, bool | np.bool_):
        n_stored *= N_STORED
    with single_thread():
        fit = DetectorFit(
            _distinct_samples(data, int(detector.max_samples), seed),
            n_stored=n_stored,
            contaminated=contamination != "auto",
            n_steps=None if detector.max_iter == "auto" else int(detector.max_iter),
            seed=seed,
            device=device,
        )
        own: dict[str, Any] = {}
        callbacks = FitCallbacks(
            detector,
            lambda model: _model_attributes(model) | own,
            fit.n_reports,
            X,
            y,
            sample_weight,
        )
        model, histories = fit.run(callbacks.on_evaluation)
        if contamination != "auto":
            own["offset_"] = _contamination_offset(
                model, data, float(contamination), Placement.exact(device)
            )
        callbacks.on_fit_end(model)
    cure = "Look for extreme values in X."
    warn_of_training(histories, "the networks {} are kept", cure)
    return {
        **_model_attributes(model),
        **own,
        "loss_curve_": histories[0].training[1:],
        "n_iter_": sum(history.n_steps for history in histories),
        "device_": str(device),
    }
