"""A fitted autoencoder as plain arrays, and the units of what it predicts."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from math import log, pi
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from ._anchor import SMALLEST, Anchor
from ._architecture import Architecture
from ._codes import Kind, Plain
from ._convolutions import Convolutions
from ._heads import LinearHead, LogitHead
from ._modules import Modules
from ._network import Head
from ._posterior import Gaussian
from ._sparse_codes import Sparse

KINDS: dict[str, type[Kind]] = {"plain": Plain, "sparse": Sparse, "gaussian": Gaussian}
BACKGROUND = 0.01  # share of the rows that a density leaves to PCA


PLAIN = Plain()


@dataclass(frozen=True)
class Units:
    """Units of the reconstruction: ``(x - mean) / unit``, or logits of x itself."""

    loss: str
    unit: float

    @property
    def logits(self) -> bool:
        """Whether the network predicts logits of features in [0, 1]."""
        return self.loss in ("binary_cross_entropy", "bernoulli")

    @property
    def nats(self) -> bool:
        """Whether the loss is minus the logarithm of a likelihood."""
        return self.loss in ("normal", "bernoulli")

    @property
    def constant(self) -> float:
        """What the loss leaves out of the negative log-likelihood of a feature."""
        return 0.5 * log(2 * pi) + log(self.unit) if self.loss == "normal" else 0.0

    def shown(self, loss: float, n_features: int, scale: float = 1.0) -> float:
        """Return a loss in units of a scale, of a likelihood in nats a column."""
        if self.nats:
            return loss / n_features + self.constant
        return loss / scale

    @classmethod
    def of(cls, loss: str, anchors: Sequence[Anchor]) -> "Units":
        """Choose the unit in which the anchors' loss, or their noise, is about one.

        Parameters
        ----------
        loss : str
            Name of the loss.
        anchors : sequence of Anchor
            What the networks are anchored at.
        """
        squares = float(np.mean([np.square(a.residual).sum() for a in anchors]))
        d = len(anchors[0].residual)
        unit = {
            "squared_error": squares**0.5,
            "absolute_error": (squares * d) ** 0.5 * (2 / np.pi) ** 0.5,
            "huber": (squares / d) ** 0.5,
            "normal": float(np.mean([a.noise for a in anchors])) ** 0.5,
        }.get(loss, 1.0)
        return cls(loss, float(unit) if unit > SMALLEST else 1.0)

    def head(
        self,
        anchors: list[Anchor],
        *,
        linear: bool,
        stacked: bool,
        dtype: torch.dtype,
        device: torch.device,
    ) -> Head:
        """Return the skip path from codes to reconstruction."""

        def tensor(arrays: list[np.ndarray]) -> Tensor:
            array = np.stack(arrays) if stacked else arrays[0]
            return torch.from_numpy(np.array(array)).to(dtype).to(device)

        skip = None
        if linear:
            maps = [a.deviations[:, None] * a.components / self.unit for a in anchors]
            skip = tensor(maps)
        if self.logits:
            return LogitHead(skip, tensor([a.mean[None] for a in anchors]))
        return LinearHead(skip, tensor([a.residual[None] / self.unit for a in anchors]))


@dataclass(frozen=True)
class Model:
    """Everything that a fit leaves behind.

    Attributes
    ----------
    anchor : Anchor
        PCA and the scales.
    units : Units
        What the network's output means.
    linear : bool
        Whether the anchor is a skip path of the network.
    architecture : Architecture, Modules or None
        Sizes of the network; None where the model is its anchor.
    weights : dict of str to ndarray or None
        Its parameters.
    box : ndarray of shape (2, n_components) or None
        Range of the training rows' codes z; a correction is decoded in full inside.
    whitening : (ndarray, ndarray) or None
        Mean m and lower-triangular L of the codes' covariance ``L L'``; codes are
        returned as ``L^-1 (code - m)``.
    code : Kind
        The kind of the codes.
    bounded : bool
        Whether PCA's scores are those of clipped rows, too, where there is a network.
    background : Anchor or None
        Probabilistic PCA of all rows, with which a density explains a small share of
        the rows: those that the network has never seen the like of.
    """

    anchor: Anchor
    units: Units
    linear: bool = True
    architecture: Architecture | Modules | None = None
    weights: dict[str, np.ndarray] | None = None
    box: np.ndarray | None = None
    whitening: tuple[np.ndarray, np.ndarray] | None = None
    code: Kind = PLAIN
    bounded: bool = False
    background: Anchor | None = None

    @property
    def n_components(self) -> int:
        """Number of codes."""
        return len(self.anchor.components)

    def head(self, k: int) -> "Model":
        """Return the model with the first k codes only, the others held at zero."""
        if k == self.n_components:
            return self
        a = self.anchor
        anchor = replace(
            a,
            components=a.components[:k],
            deviations=a.deviations[:k],
            variances=a.variances[:k],
            code_range=a.code_range[:, :k],
            shrink=a.shrink[:k],
        )
        if self.weights is None or not isinstance(self.architecture, Architecture):
            return replace(self, anchor=anchor)
        architecture = replace(self.architecture, n_components=k, outputs=k)
        shapes = architecture.shapes()
        weights = {
            name: np.ascontiguousarray(array[: shapes[name][0], : shapes[name][1]])
            for name, array in self.weights.items()
        }
        return replace(
            self,
            anchor=anchor,
            architecture=architecture,
            weights=weights,
            box=None if self.box is None else self.box[:, :k],
        )

    def state(self) -> dict[str, Any]:
        """Return the model as a dict of arrays, numbers, strings and tuples."""
        state: dict[str, Any] = {}
        for name in ("anchor", "background"):
            anchor = getattr(self, name)
            if anchor is not None:
                values = {f.name: getattr(anchor, f.name) for f in fields(anchor)}
                state |= {f"{name}.{key}": value for key, value in values.items()}
        state |= {"loss": self.units.loss, "unit": self.units.unit}
        state |= {"linear": self.linear, "whitening": self.whitening, "box": self.box}
        state["bounded"] = self.bounded
        kind = next(name for name, kind in KINDS.items() if type(self.code) is kind)
        state["code"] = (kind, asdict(cast(Any, self.code)))
        sizes = self.architecture
        if sizes is None or self.weights is None:
            return state
        if isinstance(sizes, Modules):
            ours = isinstance(sizes.factory, Convolutions)
            factory = asdict(cast(Any, sizes.factory)) if ours else sizes.factory
            state |= {"factory": factory, "seed": sizes.seed}
        else:
            state |= {"hidden": sizes.hidden, "activation": sizes.activation}
        return state | {f"network.{k}": v for k, v in self.weights.items()}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> "Model":
        """Return the model of a state."""
        anchor, background = (
            Anchor(**{f.name: state[f"{part}.{f.name}"] for f in fields(Anchor)})
            if f"{part}.mean" in state
            else None
            for part in ("anchor", "background")
        )
        assert anchor is not None
        units = Units(state["loss"], state["unit"])
        kind, values = state["code"]
        model = cls(
            anchor,
            units,
            state["linear"],
            box=state["box"],
            whitening=state["whitening"],
            code=KINDS[kind](**values),
            bounded=state["bounded"],
            background=background,
        )
        weights = {
            name.removeprefix("network."): value
            for name, value in state.items()
            if name.startswith("network.")
        }
        if not weights:
            return model
        k, d = anchor.components.shape
        sizes: dict[str, Any] = {
            "outputs": model.code.outputs(k),
            "noise": "noise.bias" in weights,
        }
        if "factory" in state:
            gains, factory = "encoder.gain.bias" in weights, state["factory"]
            if isinstance(factory, dict):
                factory = Convolutions(**factory)
            sizes["seed"] = state["seed"]
            architecture = Modules(d, k, factory, gains=gains, **sizes)
        else:
            hidden, activation = tuple(state["hidden"]), state["activation"]
            sizes["shortcuts"] = model.linear
            architecture = Architecture(d, k, hidden, activation, **sizes)
        return replace(model, architecture=architecture, weights=weights)
