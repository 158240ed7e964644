"""One network, or a stack of equal ones, that is being trained over its anchors."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import torch
from torch import Tensor

from ._anchor import Anchor
from ._batches import Frame, batches
from ._holdout import Errors
from ._model import Model, Units
from ._network import Architecture, Autoencoder, Batch, NestedDropout
from ._parameters import Parameters
from ._rows import Rows
from ._training import History, Plan, train
from .losses import LOSSES, Huber, Loss

HELD_BATCH = 128
KEPT_VALUES = 1 << 18  # numbers in held-out rows that are prepared once
HUBER_DELTA = 1.35  # in units of the anchor's residual, as in HuberRegressor
Report = Callable[[int, float, float | None], bool]


def make_loss(name: str, n_features: int) -> Loss:
    """Return the loss with the weight that makes the anchor's own about one."""
    if name == "huber":
        return Huber(weight=2 / n_features, delta=HUBER_DELTA)
    weight = 1 / n_features if name == "binary_cross_entropy" else 1.0
    return LOSSES[name](weight=weight)


class Held:
    """Held-out rows of every model, cut into batches of one size.

    Parameters
    ----------
    cuts : list of ndarray of shape ([models,] size)
        Positions in the table of the rows of each batch.
    make : callable
        ``make(cut)`` builds a batch. Those of small tables are kept, those of wide ones
        are built whenever they are read.
    weight : ndarray of shape (models, n_rows)
        Weights; zero for rows that only fill up.
    """

    def __init__(
        self,
        cuts: list[np.ndarray],
        make: Callable[[np.ndarray], Batch],
        weight: np.ndarray,
    ) -> None:
        self._cuts, self._make, self.weight = cuts, make, weight
        self.size = cuts[0].shape[-1]
        self._kept: list[Batch] | None = None

    def keep(self) -> "Held":
        """Build the batches now and keep them."""
        self._kept = [self._make(cut) for cut in self._cuts]
        return self

    @property
    def batches(self) -> Iterable[Batch]:
        """The batches, one after the other."""
        return self._kept or map(self._make, self._cuts)

    def head(self) -> "Held":
        """Return the first batches only, some 500 rows."""
        n = max(1, 512 // self.size)
        return Held(self._cuts[:n], self._make, self.weight[:, : n * self.size])


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
            ranges = ranges.swapaxes(0, 1) if self._stacked else ranges[0]
            low, high = torch.from_numpy(np.array(ranges)).to(self._dtype).to(device)
            self._clip = (low, high)
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
            lambda cut: frame.batch(table[cut], trusting=False),
            weight,
        )
        return held.keep() if weight.size * table.shape[1] <= KEPT_VALUES else held

    def measure(self, held: Held, m: int | None = None) -> Callable[[], np.ndarray]:
        """Return a function that gives the loss of each held-out row, flat.

        With m only the first m codes are kept, the others are zero.
        """
        network = self._network(held.size)

        def rows() -> np.ndarray:
            losses = []
            for b in held.batches:
                codes = network.encode(b.inputs, b.scores, b.trust)
                if m is not None:
                    codes[..., m:] = 0
                losses.append(self.loss.rows(network.decode(codes), b.targets))
            return torch.cat(losses, -1).cpu().double().numpy().ravel()

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
        return Model(
            self.anchors[0],
            self.units,
            self.linear,
            self.architecture,
            self.params.arrays(0 if self._stacked else None),
        )
