"""How a fitted model encodes and decodes rows.

Rows pass through in chunks of one fixed, padded size: memory is bounded, and the rows
beside a row change its code by rounding at the most.
"""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from skae._nn.autoencoder import AutoencoderNetwork, clip_and_attenuate
from skae._nn.latents.base import LatentContext
from skae._nn.parameters import ParameterBuffer
from skae._pca.probabilistic import posterior_log_variance

from .fitted import FittedModel

CHUNK = 256


class Codec:
    """Encodes and decodes numpy rows with a model.

    Parameters
    ----------
    model : FittedModel
        What to compute.
    dtype : numpy dtype
        float32 or float64: the type of the arithmetic and of the results.
    device : torch.device
        Where.
    """

    def __init__(
        self, model: FittedModel, dtype: np.dtype, device: torch.device
    ) -> None:
        self._dtype = torch.float32 if dtype == np.float32 else torch.float64
        if device.type == "mps" and self._dtype == torch.float64:
            device = torch.device("cpu")  # Apple's GPUs know no float64
        self._model, self._device, self._numpy = model, device, dtype
        a = model.anchor
        self._mean = self._tensor(a.mean)
        self._components = self._tensor(a.components)
        self._deviations = self._tensor(a.deviations)
        self._gain = self._tensor(a.shrink / a.deviations)
        standard = model.code.standard
        self._units = torch.ones_like(self._gain) if standard else self._deviations
        self._whiten = self._unwhiten = None
        if model.whitening is not None:
            centre, lower = model.whitening
            self._centre = self._tensor(centre)
            self._unwhiten = self._tensor(lower.T)
            self._whiten = self._tensor(np.linalg.inv(lower).T)
        self._network = None
        if model.architecture is not None and model.weights is not None:
            params = ParameterBuffer(
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
            self._network = AutoencoderNetwork(
                model.architecture.halves(params, None, clip, CHUNK),
                head,
                model.code.layer(
                    model.n_components, LatentContext(None, 1, self._base())
                ),
            )
            self._params = params
            self._scale = self._tensor(a.scale)
            self._range = self._pair(a.input_range)
            self._box = None if model.box is None else self._pair(model.box)

    def _base(self) -> Tensor | None:
        """Return the log-variance of the anchor's posterior, if there is one."""
        if not (self._model.linear and self._model.code.standard):
            return None
        return self._tensor(posterior_log_variance(self._model.anchor)[None])

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

    def _outputs(self, x: Tensor) -> Tensor:
        """Return what the encoder gives for rows: the codes, or more for some kinds."""
        centred = x - self._mean
        scores = (centred @ self._components.mT) * self._gain
        if self._network is None:
            return scores
        inputs, trust = clip_and_attenuate(centred / self._scale, self._range)
        if not self._model.linear:
            return self._network.outputs(inputs, None)
        if self._model.bounded:
            scores = ((inputs * self._scale) @ self._components.mT) * self._gain
            return self._network.outputs(inputs, scores)
        return self._network.outputs(inputs, scores, trust)

    def _encode(self, x: Tensor) -> Tensor:
        if self._network is None and not self._model.code.standard:
            codes = (x - self._mean) @ self._components.mT
        elif self._network is None:
            codes = self._outputs(x)
        else:
            codes = self._network.layer.predict(self._outputs(x)) * self._units
        if self._whiten is not None:
            codes = (codes - self._centre) @ self._whiten
        return codes

    def _raw(self, z: Tensor) -> Tensor:
        """Return what the network predicts for codes in its own units."""
        assert self._network is not None
        trust = None if self._box is None else clip_and_attenuate(z, self._box)[1]
        return self._network.decode(z, trust)

    def _decode_standard(self, z: Tensor) -> Tensor:
        """Return the prediction for codes in the network's units, in units of x."""
        if self._network is None:
            x = (z * self._deviations) @ self._components + self._mean
            return x.clamp_(0, 1) if self._model.units.logits else x
        y = self._raw(z)
        if self._model.units.logits:
            return torch.sigmoid(y)
        return y * self._model.units.unit + self._mean

    def _decode(self, codes: Tensor) -> Tensor:
        if self._unwhiten is not None:
            codes = codes @ self._unwhiten + self._centre
        if self._network is None and not self._model.code.standard:
            x = codes @ self._components + self._mean
            return x.clamp_(0, 1) if self._model.units.logits else x
        return self._decode_standard(codes / self._units)

    def _jacobian(self, x: Tensor) -> Tensor:
        """Return the squared Frobenius norm of each row's Jacobian of the codes."""
        linear = self._components.mT * self._gain
        k = linear.shape[1]
        mix = torch.eye(k).to(linear) if self._whiten is None else self._whiten
        if self._network is None:
            units = self._units if self._model.code.standard else 1 / self._gain
            return ((linear * units) @ mix).square().sum().expand(len(x))
        u = (x - self._mean) / self._scale
        inputs, trust = clip_and_attenuate(u, self._range)
        inside = (inputs == u).to(x.dtype) / self._scale
        outputs = self._outputs(x)
        layer = self._network.layer
        slope = layer.slope(layer.predict(outputs.clone())) * self._units
        v, total = torch.zeros_like(outputs), x.new_zeros(len(x))
        for column in mix.mT:
            v[:, :k] = slope * column
            if self._model.bounded:
                change = self._network.encoder.pull(v) * inside
                change += (v[:, :k] @ linear.mT) * (inside > 0)
            elif self._model.linear:
                change = self._network.encoder.pull(v * trust) * inside
                change += v[:, :k] @ linear.mT
            else:
                change = self._network.encoder.pull(v) * inside
            total += change.square_().sum(-1)
        return total

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

    def jacobian(self, rows: np.ndarray) -> np.ndarray:
        """Return the squared Frobenius norm of the encoder's Jacobian, ``(n,)``."""
        result = np.empty(len(rows), self._numpy)
        for at, x in self._chunks(rows):
            result[at] = self._jacobian(x)[: at.stop - at.start].cpu().numpy()
        return result
