"""One network, or a stack of equal ones, that is being trained over its anchors."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext

import numpy as np
import torch
from torch import Tensor

from ._anchor import Anchor
from ._architecture import Architecture
from ._batches import Frame, batches
from ._codes import Context
from ._contraction import Contraction
from ._held import Held
from ._holdout import Errors
from ._likelihood import SPEED, NormalLikelihood
from ._model import Model, Units
from ._modules import Modules, global_seed
from ._network import Autoencoder
from ._parameters import Parameters
from ._pretraining import pretrain
from ._probabilistic import posterior_log_variance
from ._rows import Rows
from ._settings import Settings
from ._training import History, Plan, train
from .losses import LOSSES, Huber, Loss

HELD_BATCH = 128
KEPT_VALUES = 1 << 18  # numbers in held-out rows that are prepared once
LEAST_NOISE = 1e-4  # share of a feature's variance
HUBER_DELTA = 1.35  # in units of the anchor's residual, as in HuberRegressor
Report = Callable[[int, float, float | None], bool]


def make_loss(name: str, n_features: int) -> Loss:
    """Return the loss with the weight that makes the anchor's own about one."""
    if name == "huber":
        return Huber(weight=2 / n_features, delta=HUBER_DELTA)
    weight = 1 / n_features if name == "binary_cross_entropy" else 1.0
    name = "binary_cross_entropy" if name == "bernoulli" else name
    return LOSSES[name](weight=weight)


class Trainee:
    """Networks over anchors, in lock-step.

    Parameters
    ----------
    anchors : sequence of Anchor
        One for each model; more than one makes a stack.
    architecture : Architecture or Modules
        Sizes of each network.
    units : Units
        The loss and the unit of the targets.
    settings : Settings
        Resolved settings.
    """

    def __init__(
        self,
        anchors: Sequence[Anchor],
        architecture: Architecture | Modules,
        units: Units,
        settings: Settings,
    ) -> None:
        self.anchors, self.architecture, self.units = anchors, architecture, units
        self.linear, self._settings = settings.linear, settings
        self._stacked, self._seed = len(anchors) > 1, settings.seed
        self._dtype, self._device = torch.float32, settings.device
        kind = {"stacked": self._stacked, "dtype": self._dtype, "device": self._device}
        self._frame = Frame.of(
            anchors,
            unit=units.unit,
            centred=not units.logits,
            linear=self.linear,
            corruption=settings.corruption,
            bounded=settings.bounded,
            **kind,
        )
        self._head = units.head(list(anchors), linear=self.linear, **kind)
        self._clip = None
        if self.linear:
            low, high = (self._rows(a.code_range[i] for a in anchors) for i in range(2))
            self._clip = (low, high)
        self.params = Parameters(
            architecture.shapes(),
            n_models=len(anchors) if self._stacked else None,
            dtype=self._dtype,
            device=self._device,
        )
        generator = torch.Generator().manual_seed(self._seed)
        architecture.initialise(self.params, generator, zero=self.linear)

    def _rows(self, arrays: Iterable[np.ndarray]) -> Tensor:
        """Return a row for each model, ``([models,] 1, columns)``."""
        stack = np.stack(list(arrays))[:, None]
        array = stack if self._stacked else stack[0]
        return torch.from_numpy(array).to(self._dtype).to(self._device)

    def _generator(self, stream: int = 0) -> torch.Generator:
        """Return a generator; streams are independent of each other."""
        seed = self._seed + (stream << 32)
        return torch.Generator(self._device).manual_seed(seed)

    def _loss(self, grads: Parameters | None = None) -> Loss:
        if self.units.loss != "normal":
            return make_loss(self.units.loss, self.architecture.n_features)
        return NormalLikelihood(
            noise=self.params.views["noise.bias"],
            floor=self._noise_floor(),
            grad=None if grads is None else grads.views["noise.bias"],
        )

    def _noise_floor(self) -> Tensor:
        """Return the least noise of each feature, as the network keeps it.

        It is a small share of the feature's variance, and never above the anchor's; a
        constant feature keeps the anchor's.
        """
        unit = self.units.unit**2
        least = [np.log(LEAST_NOISE * a.scale**2 / unit) / SPEED for a in self.anchors]
        varies = [np.ptp(a.column_range, axis=0) > 0 for a in self.anchors]
        pairs = zip(least, varies, strict=True)
        return self._rows(np.where(v, np.minimum(x, 0.0), 0.0) for x, v in pairs)

    def _penalty(self) -> Contraction | None:
        settings, anchors = self._settings, self.anchors
        if not settings.contraction:
            return None
        # In units in which PCA costs one, or codes that are the standardised features.
        k, d = anchors[0].components.shape
        whole = 1.0 if self.linear else (anchors[0].left / d) ** 0.5
        return Contraction(
            2 * settings.contraction / k,
            self._rows(a.deviations for a in anchors),
            self._rows(whole / a.scale for a in anchors),
            self._frame.encoder,
            self._generator(2),
        )

    def _network(
        self, rows: int, grads: Parameters | None = None, n_steps: int = 1
    ) -> Autoencoder:
        base = None
        if self.linear and self._settings.probabilistic:
            base = self._rows(posterior_log_variance(a) for a in self.anchors)
        generator = None if grads is None else self._generator()
        return Autoencoder(
            self.architecture.halves(self.params, grads, self._clip, rows),
            self._head,
            self._settings.kind.layer(
                self.architecture.n_components, Context(generator, n_steps, base)
            ),
            self._penalty(),
        )

    def hold(self, parts: Sequence[Rows]) -> Held:
        """Prepare held-out rows, one set for each model."""
        longest = max(len(part) for part in parts)
        size = min(longest, HELD_BATCH)
        length = -(-longest // size) * size
        index = np.empty((len(parts), length), dtype=np.intp)
        weight = np.zeros((len(parts), length))
        for m, part in enumerate(parts):
            at = np.arange(len(part.table)) if part.index is None else part.index
            # In random order, so that the first batches are a sample of the rows.
            order = np.random.default_rng(self._seed).permutation(len(part))
            index[m] = np.resize(at[order], length)
            weight[m, : len(part)] = part.weights()[order]
        cuts = [index[:, i : i + size] for i in range(0, length, size)]
        table, frame = parts[0].table, self._frame
        held = Held(
            cuts if self._stacked else [cut[0] for cut in cuts],
            # The same noise for the same rows, at each measurement.
            lambda cut: frame.batch(
                table[cut],
                trusting=False,
                generator=self._generator(4 + int(cut.flat[0])),
            ),
            weight,
        )
        return held.keep() if weight.size * table.shape[1] <= KEPT_VALUES else held

    def measure(self, held: Held, m: int | None = None) -> Callable[[], np.ndarray]:
        """Return a function that gives the loss of each held-out row, flat.

        With m only the first m codes are kept, the others are zero.
        """
        network, loss = self._network(held.size), self._loss()

        def rows() -> np.ndarray:
            losses = [network.rows(batch, loss, m) for batch in held.batches]
            return torch.cat(losses, -1).cpu().double().numpy().ravel()

        return rows

    def run(
        self,
        parts: Sequence[Rows],
        plan: Plan,
        *,
        batch_size: int,
        held: Held | None = None,
        judged: Callable[[np.ndarray], np.ndarray] = np.asarray,
        report: Report | None = None,
    ) -> History:
        """Train on rows, one set for each model, and keep the best parameters.

        The best are so on held-out rows, by what ``judged`` makes of their losses.
        """
        if self._settings.layerwise and self._pretrain(parts, plan, batch_size):
            return History(interrupted=True)
        rng = np.random.default_rng(self._seed)
        noise = None if self._frame.corruption is None else self._generator(1)
        grads = self.params.zeros_like()
        network = self._network(batch_size, grads, plan.n_steps)
        loss = self._loss(grads)
        raw = None if held is None else self.measure(held)
        measure = None if raw is None else (lambda: judged(raw()))
        modules = isinstance(self.architecture, Modules)
        with global_seed(self._seed) if modules else nullcontext():
            return train(
                self.params,
                grads,
                lambda batch: network.step(batch, loss),
                batches(parts, self._frame, batch_size, rng, noise),
                plan,
                measure=measure,
                weight=None if held is None else held.weight.ravel(),
                rows_per_step=batch_size * len(parts),
                report=report,
            )

    def _pretrain(self, parts: Sequence[Rows], plan: Plan, batch_size: int) -> bool:
        """Train layer by layer first, and say whether that was interrupted."""
        assert isinstance(self.architecture, Architecture)
        return pretrain(
            self.architecture,
            self.params,
            lambda: batches(
                parts, self._frame, batch_size, np.random.default_rng(self._seed)
            ),
            plan,
            batch_size,
            self._seed,
            self._generator(3),
            last=not self.linear,
        )

    def scale_correction(self, start: Tensor, factor: float) -> None:
        """Set what starts at zero to ``factor`` times its value in ``start``."""
        self.params.flat.copy_(start)
        for view in self.architecture.corrections(self.params):
            view.mul_(factor)

    def errors(self, held: Held, m: int) -> np.ndarray:
        """Return the squared error of each held-out row from its first m codes, flat.

        The others are zero. The unit is that of the targets.
        """
        network = self._network(held.size)
        errors: list[Tensor] = []
        for b in held.batches:
            codes = network.encode(b.inputs, b.scores, b.trust)
            codes[..., m:] = 0
            errors.append(self._squares(network.decode(codes), b.targets))
        return torch.cat(errors, -1).cpu().double().numpy().ravel()

    def lengths(self, held: Held) -> np.ndarray:
        """Return the squared length of each row's standardised features, flat."""
        squares = [b.inputs.square().sum(-1) for b in held.batches]
        return torch.cat(squares, -1).cpu().double().numpy().ravel()

    def spread(self, held: Held) -> Errors:
        """Return the squared distance of each held-out row from the mean, flat."""
        mean = torch.zeros((), dtype=self._dtype, device=self._device)
        if self.units.logits:
            means = [torch.from_numpy(a.mean[None]) for a in self.anchors]
            mean = (torch.stack(means) if self._stacked else means[0]).to(mean)
        squares = [(b.targets - mean).square_().sum(-1) for b in held.batches]
        base = torch.cat(squares, -1).cpu().double().numpy().ravel()
        return Errors(base, held.weight.ravel())

    def _squares(self, prediction: Tensor, target: Tensor) -> Tensor:
        if self.units.logits:
            prediction = torch.sigmoid(prediction)
        return (prediction - target).square_().sum(-1)

    def model(self) -> Model:
        """Return the (only) network and its anchor as arrays."""
        weights = self.params.arrays(0 if self._stacked else None)
        if "noise.bias" in weights:
            floor = self._noise_floor().cpu().numpy()
            floor = floor[0] if self._stacked else floor
            weights["noise.bias"] = np.maximum(weights["noise.bias"], floor)
        return Model(
            self.anchors[0],
            self.units,
            self.linear,
            self.architecture,
            weights,
            code=self._settings.kind,
            bounded=self._settings.bounded,
        )
