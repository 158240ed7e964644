"""One network, or a stack of equal ones, that is being trained over its anchors."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ._anchor import Anchor
from ._batches import Frame, batches
from ._model import Model, Units
from ._network import Architecture, Autoencoder, Batch, NestedDropout
from ._parameters import Parameters
from ._rows import Rows
from ._training import History, Plan, train
from .losses import LOSSES, Huber, Loss

HUBER_DELTA = 1.35  # in units of the anchor's residual, as in HuberRegressor
Report = Callable[[int, float, float | None], bool]


def make_loss(name: str, n_features: int) -> Loss:
    """Return the loss with the weight that makes the anchor's own about one."""
    if name == "huber":
        return Huber(weight=2 / n_features, delta=HUBER_DELTA)
    weight = 1 / n_features if name == "binary_cross_entropy" else 1.0
    return LOSSES[name](weight=weight)


@dataclass(frozen=True)
class Held:
    """Held-out rows of every model, cut into batches of one size.

    ``weight`` (models, n_rows) is zero for rows that only fill up.
    """

    batches: list[Batch]
    weight: np.ndarray


class Trainee:
    """Networks over anchors, in lock-step.

    Parameters
    ----------
    anchors : sequence of Anchor
        One for each model; more than one makes a stack.
    architecture : Architecture
        Sizes of each network.
    units : Units
        The loss and the unit of the targets.
    linear : bool
        Whether the anchors are skip paths.
    seed : int
        Seed of the initial weights and of everything drawn in training.
    device : torch.device
        Where to train.
    """

    def __init__(
        self,
        anchors: Sequence[Anchor],
        architecture: Architecture,
        *,
        units: Units,
        linear: bool,
        seed: int,
        device: torch.device,
    ) -> None:
        self.anchors, self.architecture, self.linear = anchors, architecture, linear
        self._stacked, self._seed = len(anchors) > 1, seed
        self._dtype, self._device = torch.float32, device
        self.units = units
        self.loss = make_loss(units.loss, architecture.n_features)
        kind = {"stacked": self._stacked, "dtype": self._dtype, "device": device}
        self._frame = Frame.of(
            anchors,
            unit=units.unit,
            centred=not units.logits,
            linear=linear,
            **kind,
        )
        self._head = units.head(list(anchors), linear=linear, **kind)
        self._clip = None
        if linear:
            ranges = np.stack([a.code_range for a in anchors])[:, :, None]
            low, high = ranges.swapaxes(0, 1) if self._stacked else ranges[0]
            self._clip = tuple(
                torch.from_numpy(np.array(r)).to(device, self._dtype)
                for r in (low, high)
            )
        self.params = Parameters(
            architecture.shapes(),
            n_models=len(anchors) if self._stacked else None,
            dtype=self._dtype,
            device=device,
        )
        generator = torch.Generator().manual_seed(seed)
        architecture.initialise(self.params, generator, zero=linear)

    def _network(self, rows: int, grads: Parameters | None = None) -> Autoencoder:
        return Autoencoder(
            self.architecture, self.params, self._head, self._clip, rows, grads
        )

    def hold(self, parts: Sequence[Rows]) -> Held:
        """Prepare held-out rows, one set for each model."""
        longest = max(len(part) for part in parts)
        size = min(longest, 512)
        length = -(-longest // size) * size
        index = np.empty((len(parts), length), dtype=np.intp)
        weight = np.zeros((len(parts), length))
        for m, part in enumerate(parts):
            at = np.arange(len(part.table)) if part.index is None else part.index
            index[m] = np.resize(at, length)
            weight[m, : len(part)] = part.weights()
        cut = [index[:, i : i + size] for i in range(0, length, size)]
        table = parts[0].table
        made = [
            self._frame.batch(table[c if self._stacked else c[0]], trusting=False)
            for c in cut
        ]
        return Held(made, weight)

    def measure(self, held: Held) -> Callable[[], np.ndarray]:
        """Return a function that gives the loss of each held-out row, flat."""
        network = self._network(held.batches[0].inputs.shape[-2])

        def rows() -> np.ndarray:
            losses = []
            for b in held.batches:
                codes = network.encode(b.inputs, b.scores, b.trust)
                losses.append(self.loss.rows(network.decode(codes), b.targets))
            return torch.cat(losses, -1).double().cpu().numpy().ravel()

        return rows

    def run(
        self,
        parts: Sequence[Rows],
        plan: Plan,
        *,
        batch_size: int,
        nested: float = 0.0,
        held: Held | None = None,
        report: Report | None = None,
    ) -> History:
        """Train on rows, one set for each model, and keep the best parameters."""
        rng = np.random.default_rng(self._seed)
        grads = self.params.zeros_like()
        network = self._network(batch_size, grads)
        code = None
        if nested:
            generator = torch.Generator(self._device).manual_seed(self._seed)
            code = NestedDropout(nested, generator)
        return train(
            self.params,
            grads,
            lambda batch: network.step(batch, self.loss, code),
            batches(parts, self._frame, batch_size, rng),
            plan,
            measure=None if held is None else self.measure(held),
            weight=None if held is None else held.weight.ravel(),
            rows_per_step=batch_size * len(parts),
            report=report,
        )

    def scale_correction(self, start: torch.Tensor, factor: float) -> None:
        """Set what starts at zero to ``factor`` times its value in ``start``."""
        self.params.flat.copy_(start)
        for view in self.architecture.corrections(self.params):
            view.mul_(factor)

    def explained(self, held: Held, lengths: Sequence[int]) -> np.ndarray:
        """Return the share of the held-out variance that the first m codes explain.

        Parameters
        ----------
        held : Held
            Held-out rows.
        lengths : sequence of int
            The numbers m of codes; the others are zero.

        Returns
        -------
        ndarray of shape (len(lengths),)
            ``1 - sum |x - x_hat|^2 / sum |x - mean|^2``.
        """
        network = self._network(held.batches[0].inputs.shape[-2])
        size = held.batches[0].inputs.shape[-2]
        left, total = np.zeros(len(lengths)), 0.0
        for i, b in enumerate(held.batches):
            weight = torch.from_numpy(held.weight[:, i * size : (i + 1) * size])
            codes = network.encode(b.inputs, b.scores, b.trust).clone()
            centre = torch.zeros(())
            if self.units.logits:
                centre = self._head._mean
            base = (b.targets - centre).square_().sum(-1).double().cpu()
            total += float((base * weight).sum())
            for j, m in enumerate(lengths):
                cut = codes.clone()
                cut[..., m:] = 0
                y = network.decode(cut)
                if self.units.logits:
                    y = torch.sigmoid(y)
                error = (y - b.targets).square_().sum(-1).double().cpu()
                left[j] += float((error * weight).sum())
        return 1 - left / total if total > 0 else np.ones(len(lengths))

    def model(self) -> Model:
        """Return the (only) network and its anchor as arrays."""
        return Model(
            self.anchors[0],
            self.units,
            self.linear,
            self.architecture,
            self.params.arrays(0 if self._stacked else None),
        )
