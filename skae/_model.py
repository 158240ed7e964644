"""A fitted autoencoder as plain arrays, and how it encodes and decodes.

Rows pass through in chunks of one fixed, padded size: memory is bounded, and the rows
beside a row change its code by rounding at the most.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ._anchor import SMALLEST, Anchor
from ._heads import LinearHead, LogitHead
from ._network import Architecture, Autoencoder, Head, clip_with_trust
from ._parameters import Parameters

CHUNK = 256


@dataclass(frozen=True)
class Units:
    """Units of the reconstruction: ``(x - mean) / unit``, or logits of x itself."""

    loss: str
    unit: float

    @property
    def logits(self) -> bool:
        """Whether the network predicts logits of features in [0, 1]."""
        return self.loss == "binary_cross_entropy"

    @classmethod
    def of(cls, loss: str, residuals: list[np.ndarray]) -> "Units":
        """Choose the unit in which the anchors' loss is about one.

        Parameters
        ----------
        loss : str
            Name of the loss.
        residuals : list of ndarray of shape (n_features,)
            Scale of what each anchor leaves.
        """
        squares = float(np.mean([np.square(r).sum() for r in residuals]))
        d = len(residuals[0])
        unit = {
            "squared_error": squares**0.5,
            "absolute_error": (squares * d) ** 0.5 * (2 / np.pi) ** 0.5,
            "huber": (squares / d) ** 0.5,
            "binary_cross_entropy": 1.0,
        }[loss]
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
    architecture : Architecture or None
        Sizes of the network; None where the model is its anchor.
    weights : dict of str to ndarray or None
        Its parameters.
    box : ndarray of shape (2, n_components) or None
        Range of the training rows' codes z; a correction is decoded in full inside.
    whitening : (ndarray, ndarray) or None
        Mean m and lower-triangular L of the codes' covariance ``L L'``; codes are
        returned as ``L^-1 (code - m)``.
    """

    anchor: Anchor
    units: Units
    linear: bool = True
    architecture: Architecture | None = None
    weights: dict[str, np.ndarray] | None = None
    box: np.ndarray | None = None
    whitening: tuple[np.ndarray, np.ndarray] | None = None

    @property
    def n_components(self) -> int:
        """Number of codes."""
        return len(self.anchor.components)

    def head(self, k: int) -> "Model":
        """Return the model with the first k codes only, the others held at zero."""
        a = self.anchor
        anchor = replace(
            a,
            components=a.components[:k],
            deviations=a.deviations[:k],
            code_range=a.code_range[:, :k],
        )
        if self.architecture is None or self.weights is None:
            return replace(self, anchor=anchor)
        architecture = replace(self.architecture, n_components=k)
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
        state: dict[str, Any] = {
            f"anchor.{f.name}": getattr(self.anchor, f.name)
            for f in fields(self.anchor)
        }
        state |= {"loss": self.units.loss, "unit": self.units.unit}
        state |= {"linear": self.linear, "whitening": self.whitening, "box": self.box}
        if self.architecture is not None and self.weights is not None:
            state["hidden"] = self.architecture.hidden
            state["activation"] = self.architecture.activation
            state |= {f"network.{k}": v for k, v in self.weights.items()}
        return state

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> "Model":
        """Return the model of a state."""
        anchor = Anchor(**{f.name: state[f"anchor.{f.name}"] for f in fields(Anchor)})
        units = Units(state["loss"], state["unit"])
        model = cls(
            anchor,
            units,
            state["linear"],
            box=state["box"],
            whitening=state["whitening"],
        )
        if "hidden" not in state:
            return model
        k, d = anchor.components.shape
        architecture = Architecture(
            d, k, tuple(state["hidden"]), state["activation"], shortcuts=model.linear
        )
        names = architecture.shapes()
        weights = {name: state[f"network.{name}"] for name in names}
        return replace(model, architecture=architecture, weights=weights)


class Codec:
    """Encodes and decodes numpy rows with a model.

    Parameters
    ----------
    model : Model
        What to compute.
    dtype : numpy dtype
        float32 or float64: the type of the arithmetic and of the results.
    device : torch.device
        Where.
    """

    def __init__(self, model: Model, dtype: np.dtype, device: torch.device) -> None:
        self._dtype = torch.float32 if dtype == np.float32 else torch.float64
        if device.type == "mps" and self._dtype == torch.float64:
            device = torch.device("cpu")  # Apple's GPUs know no float64
        self._model, self._device, self._numpy = model, device, dtype
        a = model.anchor
        self._mean = self._tensor(a.mean)
        self._components = self._tensor(a.components)
        self._deviations = self._tensor(a.deviations)
        self._whiten = self._unwhiten = None
        if model.whitening is not None:
            centre, lower = model.whitening
            self._centre = self._tensor(centre)
            self._unwhiten = self._tensor(lower.T)
            self._whiten = self._tensor(np.linalg.inv(lower).T)
        self._network = None
        if model.architecture is not None and model.weights is not None:
            params = Parameters(
                model.architecture.shapes(), dtype=self._dtype, device=device
            )
            params.load(model.weights)
            head = model.units.head(
                [a],
                linear=model.linear,
                stacked=False,
                dtype=self._dtype,
                device=device,
            )
            low, high = self._tensor(a.code_range)
            clip = (low[None], high[None]) if model.linear else None
            self._network = Autoencoder(
                model.architecture, params, head, clip, rows=CHUNK
            )
            self._scale = self._tensor(a.scale)
            self._range = self._pair(a.input_range)
            self._box = None if model.box is None else self._pair(model.box)

    def _tensor(self, array: np.ndarray) -> Tensor:
        return torch.from_numpy(np.array(array)).to(self._dtype).to(self._device)

    def _pair(self, array: np.ndarray) -> tuple[Tensor, Tensor]:
        low, high = self._tensor(array)
        return low, high

    def _chunks(self, rows: np.ndarray) -> Iterator[tuple[slice, Tensor]]:
        """Yield padded chunks; the slice says which rows are real."""
        for start in range(0, len(rows), CHUNK):
            at = slice(start, min(start + CHUNK, len(rows)))
            chunk = np.zeros((CHUNK, rows.shape[1]), self._numpy)
            chunk[: at.stop - start] = rows[at]
            yield at, torch.from_numpy(chunk).to(self._device)

    def _encode(self, x: Tensor) -> Tensor:
        centred = x - self._mean
        codes = centred @ self._components.mT
        if self._network is not None:
            inputs, trust = clip_with_trust(centred / self._scale, self._range)
            if self._model.linear:
                codes = self._network.encode(inputs, codes / self._deviations, trust)
            else:
                codes = self._network.encode(inputs, None)
            codes = codes * self._deviations
        if self._whiten is not None:
            codes = (codes - self._centre) @ self._whiten
        return codes

    def _decode(self, codes: Tensor) -> Tensor:
        if self._unwhiten is not None:
            codes = codes @ self._unwhiten + self._centre
        if self._network is None:
            x = codes @ self._components + self._mean
            return x.clamp_(0, 1) if self._model.units.logits else x
        z = codes / self._deviations
        trust = None if self._box is None else clip_with_trust(z, self._box)[1]
        y = self._network.decode(z, trust)
        if self._model.units.logits:
            return torch.sigmoid(y)
        return y * self._model.units.unit + self._mean

    def encode(self, rows: np.ndarray) -> np.ndarray:
        """Return the codes of rows, shape ``(n, n_components)``."""
        result = np.empty((len(rows), self._model.n_components), self._numpy)
        for at, x in self._chunks(rows):
            result[at] = self._encode(x)[: at.stop - at.start].cpu().numpy()
        return result

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """Return the rows of codes, shape ``(n, n_features)``."""
        result = np.empty((len(codes), len(self._model.anchor.mean)), self._numpy)
        for at, z in self._chunks(codes):
            result[at] = self._decode(z)[: at.stop - at.start].cpu().numpy()
        return result

    def reconstruct(self, rows: np.ndarray) -> np.ndarray:
        """Return the round trip of rows, shape ``(n, n_features)``."""
        result = np.empty(rows.shape, self._numpy)
        for at, x in self._chunks(rows):
            y = self._decode(self._encode(x))
            result[at] = y[: at.stop - at.start].cpu().numpy()
        return result

    def squared_error(self, rows: np.ndarray) -> np.ndarray:
        """Return the mean squared error of each row, shape ``(n,)``."""
        result = np.empty(len(rows), self._numpy)
        for at, x in self._chunks(rows):
            error = (self._decode(self._encode(x)) - x).square_().mean(-1)
            result[at] = error[: at.stop - at.start].cpu().numpy()
        return result
