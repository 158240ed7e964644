"""The recipe of the outlier detector: what to train, to remember and to measure."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from ._calibration import Level
from ._contest import make_plan
from ._core import usual
from ._denoisers import Denoisers, Group, Where
from ._detection import Committee, Detection, Known, inside
from ._memory import Memory
from ._rows import Rows
from ._settings import Settings
from ._training import History
from ._views import View

MEMBERS, LEAVE = 6, 3  # networks, each of which leaves out one row in three
EXPLAINERS = 3
SIGMA = 0.2  # noise of the networks of the usual rows, in deviations
FINE = 0.1  # and of those of all rows
EXPLAINING, SWAPPED = 0.5, 0.2
STORED_VALUES = 1 << 21  # numbers in the rows that are remembered
RATE, STEPS, BATCH = 4e-3, 260, 32
Report = Callable[[str, int, float, float | None, Callable[[], Detection]], bool]


def detector_settings(n_steps: int | None, seed: int, device: torch.device) -> Settings:
    """Return the settings of the networks."""
    return Settings(
        linear=False,
        alpha=0.0,
        rate=RATE,
        batch_size=BATCH,
        n_steps=n_steps or STEPS,
        early_stopping=False,
        seed=seed,
        device=device,
    )


class DetectionRecipe:
    """A fit that is ready to run.

    Parameters
    ----------
    rows : Rows
        The rows, at least one.
    memory : int
        How many rows to remember at the most; 0 for none.
    contaminated : bool
        Whether odd rows among them are expected: then only those far from the usual
        ones are odd, for odd rows may be near each other.
    settings : Settings
        As :func:`detector_settings` returns them.

    Attributes
    ----------
    n_reports : int
        How often :meth:`fit` reports at the most.
    """

    def __init__(
        self, rows: Rows, memory: int, contaminated: bool, settings: Settings
    ) -> None:
        self._settings = settings
        self._weight = rows.weight
        self._everything = np.arange(len(rows))
        x = np.concatenate([chunk for _, chunk in rows.chunks()])
        self._robust = View.of(x, rows.weight, robust=True)
        self._standard = View.of(x, rows.weight, robust=False)
        self._a, self._s = self._robust.rows(rows), self._standard.rows(rows)
        seed, most = settings.seed, max(200, STORED_VALUES // rows.n_features)
        size = min(memory, most)
        self._usual = usual(self._a, seed)
        self._core = self._table = None
        if memory:
            self._core = Memory.of(self._a, self._usual, size, seed)
        if memory and not contaminated:
            self._table = Memory.of(self._s, self._everything, size, seed)
        self._nets_only = not memory and not contaminated
        self.n_reports = (1 + self._nets_only) * make_plan(settings).checks

    def fit(self, report: Report) -> tuple[Detection, list[History]]:
        """Fit.

        Parameters
        ----------
        report : callable
            Called now and then with the phase, the step, the training loss, None and a
            function that returns the model so far; a true answer ends the phase.
        """
        every_part = self._parts(self._everything)
        groups = [
            Group(self._parts(self._usual), SIGMA),
            Group(every_part[:EXPLAINERS], EXPLAINING, SWAPPED),
        ]
        (networks, explainers), first = Denoisers.train(
            self._a,
            groups,
            self._settings,
            lambda t, a, b, now: report(
                "usual rows", t, a, b, lambda: self._model(*now())
            ),
        )
        if not self._nets_only or first.interrupted:
            return self._model(networks, explainers), [first]
        (every,), second = Denoisers.train(
            self._s,
            [Group(every_part, FINE)],
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
        self, networks: Denoisers, explainers: Denoisers, every: Denoisers | None = None
    ) -> Detection:
        """Put a model together and measure how odd it finds the training rows."""
        n, where = len(self._everything), Where.exact(self._settings.device)
        known = Known(
            inside(self._parts(self._usual), n),
            None if every is None else inside(self._parts(self._everything), n),
        )
        second = None
        if every is not None and known.every is not None:
            second = Committee.of(every, self._s, known.every, where)
        model = Detection(
            robust=self._robust,
            standard=self._standard,
            usual=Committee.of(networks, self._a, known.usual, where),
            core=self._core,
            table=self._table,
            every=second,
            explainers=explainers,
            levels={},
            calibration=np.empty(0),
            weight=self._weight,
        )
        terms = model.terms(self._a.table, self._s.table, where, known)
        levels = {name: Level.of(x, self._weight) for name, x in terms.items()}
        model = replace(model, levels=levels)
        return replace(model, calibration=model.combine(terms))
