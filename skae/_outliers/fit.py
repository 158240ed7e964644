"""The recipe of the outlier detector: what to train, to remember and to measure."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from skae._data.dataset import Dataset
from skae._fitting.config import FitConfig, make_plan
from skae._nn.runtime import Placement
from skae._training.loop import History

from .calibration import ScoreScale
from .denoisers import DenoiserEnsemble, DenoisingTask
from .ensemble import CalibratedEnsemble, TrainingMasks, membership_masks
from .fitted import FittedDetector
from .inliers import select_inliers
from .neighbors import StoredNeighbors
from .scaling import ColumnScaling

MEMBERS, LEAVE = 6, 3  # networks, each of which leaves out one row in three
EXPLAINERS = 3
SIGMA = 0.2  # noise of the networks of the usual rows, in deviations
FINE = 0.1  # and of those of all rows
EXPLAINING, SWAPPED = 0.5, 0.2
STORED_VALUES = 1 << 21  # numbers in the rows that are remembered
RATE, STEPS, BATCH = 4e-3, 260, 32
Report = Callable[[str, int, float, float | None, Callable[[], FittedDetector]], bool]


def detector_settings(
    n_steps: int | None, seed: int, device: torch.device
) -> FitConfig:
    """Return the settings of the networks."""
    return FitConfig(
        linear=False,
        alpha=0.0,
        rate=RATE,
        batch_size=BATCH,
        n_steps=n_steps or STEPS,
        early_stopping=False,
        seed=seed,
        device=device,
    )


class DetectorFit:
    """A fit that is ready to run.

    Parameters
    ----------
    rows : Dataset
        The rows, at least one.
    memory : int
        How many rows to remember at the most; 0 for none.
    contaminated : bool
        Whether odd rows among them are expected: then only those far from the usual
        ones are odd, for odd rows may be near each other.
    settings : FitConfig
        As :func:`detector_settings` returns them.

    Attributes
    ----------
    n_reports : int
        How often :meth:`fit` reports at the most.
    """

    def __init__(
        self, rows: Dataset, memory: int, contaminated: bool, settings: FitConfig
    ) -> None:
        self._settings = settings
        self._weight = rows.weight
        self._everything = np.arange(len(rows))
        x = np.concatenate([chunk for _, chunk in rows.chunks()])
        self._robust = ColumnScaling.of(x, rows.weight, robust=True)
        self._standard = ColumnScaling.of(x, rows.weight, robust=False)
        self._a, self._s = self._robust.rows(rows), self._standard.rows(rows)
        seed, most = settings.seed, max(200, STORED_VALUES // rows.n_features)
        size = min(memory, most)
        self._usual = select_inliers(self._a, seed)
        self._core = self._table = None
        if memory:
            self._core = StoredNeighbors.of(self._a, self._usual, size, seed)
        if memory and not contaminated:
            self._table = StoredNeighbors.of(self._s, self._everything, size, seed)
        self._nets_only = not memory and not contaminated
        self.n_reports = (1 + self._nets_only) * make_plan(settings).checks

    def fit(self, report: Report) -> tuple[FittedDetector, list[History]]:
        """Fit.

        Parameters
        ----------
        report : callable
            Called now and then with the phase, the step, the training loss, None and a
            function that returns the model so far; a true answer ends the phase.
        """
        every_part = self._parts(self._everything)
        groups = [
            DenoisingTask(self._parts(self._usual), SIGMA),
            DenoisingTask(every_part[:EXPLAINERS], EXPLAINING, SWAPPED),
        ]
        (networks, explainers), first = DenoiserEnsemble.train(
            self._a,
            groups,
            self._settings,
            lambda t, a, b, now: report(
                "usual rows", t, a, b, lambda: self._model(*now())
            ),
        )
        if not self._nets_only or first.interrupted:
            return self._model(networks, explainers), [first]
        (every,), second = DenoiserEnsemble.train(
            self._s,
            [DenoisingTask(every_part, FINE)],
            self._settings,
            lambda t, a, b, now: report(
                "all rows", t, a, b, lambda: self._model(networks, explainers, *now())
            ),
        )
        return self._model(networks, explainers, every), [first, second]

    def _parts(self, positions: np.ndarray) -> list[np.ndarray]:
        """Return the positions that each network sees; it leaves one in three out."""
        rng = np.random.default_rng(self._settings.seed)
        label = rng.permutation(len(positions)) % LEAVE
        few = len(positions) < LEAVE
        return [positions[few | (label != i % LEAVE)] for i in range(MEMBERS)]

    def _model(
        self,
        networks: DenoiserEnsemble,
        explainers: DenoiserEnsemble,
        every: DenoiserEnsemble | None = None,
    ) -> FittedDetector:
        """Put a model together and measure how odd it finds the training rows."""
        n, where = len(self._everything), Placement.exact(self._settings.device)
        known = TrainingMasks(
            membership_masks(self._parts(self._usual), n),
            None
            if every is None
            else membership_masks(self._parts(self._everything), n),
        )
        second = None
        if every is not None and known.every is not None:
            second = CalibratedEnsemble.of(every, self._s, known.every, where)
        model = FittedDetector(
            robust=self._robust,
            standard=self._standard,
            usual=CalibratedEnsemble.of(networks, self._a, known.usual, where),
            core=self._core,
            table=self._table,
            every=second,
            explainers=explainers,
            levels={},
            calibration=np.empty(0),
            weight=self._weight,
        )
        terms = model.terms(self._a.table, self._s.table, where, known)
        levels = {name: ScoreScale.of(x, self._weight) for name, x in terms.items()}
        model = replace(model, levels=levels)
        return replace(model, calibration=model.combine(terms))
