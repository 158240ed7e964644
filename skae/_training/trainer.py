"""One network, or a stack of equal ones, that is being trained over its anchors."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext

import numpy as np
import torch
from torch import Tensor

from skae._data.dataset import Dataset
from skae._fitting.config import FitConfig
from skae._model.fitted import FittedModel
from skae._model.network import Preprocessor
from skae._model.objective import LEAST_NOISE, OutputScale, make_loss
from skae._nn.architecture import DenseArchitecture
from skae._nn.autoencoder import AutoencoderNetwork
from skae._nn.jacobian_penalty import JacobianPenalty
from skae._nn.latents.base import LatentContext
from skae._nn.losses import LOG_VARIANCE_RATE, GaussianNLL, Loss
from skae._nn.modules.architecture import ModuleArchitecture
from skae._nn.parameters import ParameterBuffer
from skae._nn.runtime import global_seed
from skae._pca.anchor import Anchor
from skae._pca.explained_variance import SquaredErrors
from skae._pca.probabilistic import posterior_log_variance

from .batches import batches
from .evaluation import ValidationBatches
from .loop import History, TrainingPlan, train
from .pretraining import pretrain

HELD_BATCH = 128
KEPT_VALUES = 1 << 18  # numbers in held-out rows that are prepared once
Report = Callable[[int, float, float | None], bool]


class Trainer:
    """Networks over anchors, in lock-step.

    Parameters
    ----------
    anchors : sequence of Anchor
        One for each model; more than one makes a stack.
    architecture : DenseArchitecture or Modules
        Sizes of each network.
    units : OutputScale
        The loss and the unit of the targets.
    settings : FitConfig
        Resolved settings.
    """

    def __init__(
        self,
        anchors: Sequence[Anchor],
        architecture: DenseArchitecture | ModuleArchitecture,
        units: OutputScale,
        settings: FitConfig,
    ) -> None:
        self.anchors, self.architecture, self.units = anchors, architecture, units
        self.linear, self._settings = settings.linear, settings
        self._stacked, self._seed = len(anchors) > 1, settings.seed
        self._dtype, self._device = torch.float32, settings.device
        kind = {"stacked": self._stacked, "dtype": self._dtype, "device": self._device}
        self._frame = Preprocessor.of(
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
        self.params = ParameterBuffer(
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

    def _loss(self, grads: ParameterBuffer | None = None) -> Loss:
        if self.units.loss != "normal":
            return make_loss(self.units.loss, self.architecture.n_features)
        return GaussianNLL(
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
        least = [
            np.log(LEAST_NOISE * a.scale**2 / unit) / LOG_VARIANCE_RATE
            for a in self.anchors
        ]
        varies = [np.ptp(a.column_range, axis=0) > 0 for a in self.anchors]
        pairs = zip(least, varies, strict=True)
        return self._rows(np.where(v, np.minimum(x, 0.0), 0.0) for x, v in pairs)

    def _penalty(self) -> JacobianPenalty | None:
        settings, anchors = self._settings, self.anchors
        if not settings.contraction:
            return None
        # In units in which PCA costs one, or codes that are the standardised features.
        k, d = anchors[0].components.shape
        whole = 1.0 if self.linear else (anchors[0].left / d) ** 0.5
        return JacobianPenalty(
            2 * settings.contraction / k,
            self._rows(a.deviations for a in anchors),
            self._rows(whole / a.scale for a in anchors),
            self._frame.encoder,
            self._generator(2),
        )

    def _network(
        self, rows: int, grads: ParameterBuffer | None = None, n_steps: int = 1
    ) -> AutoencoderNetwork:
        base = None
        if self.linear and self._settings.probabilistic:
            base = self._rows(posterior_log_variance(a) for a in self.anchors)
        generator = None if grads is None else self._generator()
        return AutoencoderNetwork(
            self.architecture.halves(self.params, grads, self._clip, rows),
            self._head,
            self._settings.kind.layer(
                self.architecture.n_components, LatentContext(generator, n_steps, base)
            ),
            self._penalty(),
        )

    def hold(self, parts: Sequence[Dataset]) -> ValidationBatches:
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
        held = ValidationBatches(
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

    def measure(
        self, held: ValidationBatches, m: int | None = None
    ) -> Callable[[], np.ndarray]:
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
        parts: Sequence[Dataset],
        plan: TrainingPlan,
        *,
        batch_size: int,
        held: ValidationBatches | None = None,
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
        modules = isinstance(self.architecture, ModuleArchitecture)
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

    def _pretrain(
        self, parts: Sequence[Dataset], plan: TrainingPlan, batch_size: int
    ) -> bool:
        """Train layer by layer first, and say whether that was interrupted."""
        assert isinstance(self.architecture, DenseArchitecture)
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

    def errors(self, held: ValidationBatches, m: int) -> np.ndarray:
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

    def lengths(self, held: ValidationBatches) -> np.ndarray:
        """Return the squared length of each row's standardised features, flat."""
        squares = [b.inputs.square().sum(-1) for b in held.batches]
        return torch.cat(squares, -1).cpu().double().numpy().ravel()

    def spread(self, held: ValidationBatches) -> SquaredErrors:
        """Return the squared distance of each held-out row from the mean, flat."""
        mean = torch.zeros((), dtype=self._dtype, device=self._device)
        if self.units.logits:
            means = [torch.from_numpy(a.mean[None]) for a in self.anchors]
            mean = (torch.stack(means) if self._stacked else means[0]).to(mean)
        squares = [(b.targets - mean).square_().sum(-1) for b in held.batches]
        base = torch.cat(squares, -1).cpu().double().numpy().ravel()
        return SquaredErrors(base, held.weight.ravel())

    def _squares(self, prediction: Tensor, target: Tensor) -> Tensor:
        if self.units.logits:
            prediction = torch.sigmoid(prediction)
        return (prediction - target).square_().sum(-1)

    def model(self) -> FittedModel:
        """Return the (only) network and its anchor as arrays."""
        weights = self.params.arrays(0 if self._stacked else None)
        if "noise.bias" in weights:
            floor = self._noise_floor().cpu().numpy()
            floor = floor[0] if self._stacked else floor
            weights["noise.bias"] = np.maximum(weights["noise.bias"], floor)
        return FittedModel(
            self.anchors[0],
            self.units,
            self.linear,
            self.architecture,
            weights,
            code=self._settings.kind,
            bounded=self._settings.bounded,
        )
