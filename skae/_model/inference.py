"""How a fitted model encodes and decodes samples.

Samples pass through in blocks of a few constant sizes (:mod:`skae._model.blocks`):
memory is bounded, and the samples beside a sample change its codes by rounding at the
most.
"""

# torch.from_numpy carries no type.
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false

import threading
from collections.abc import Callable, Hashable
from contextlib import AbstractContextManager
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor

from skae._nn.autoencoder import clip_and_attenuate
from skae._nn.latents.gaussian import GaussianPosterior
from skae._nn.runtime import Placement, single_thread

from .blocks import SIZES, padded_blocks
from .fitted import FittedModel
from .latent_map import LatentMap, PCAMap
from .network import AnchoredNetwork


class NetworkMap:
    """A network's encoder and decoder."""

    def __init__(self, model: FittedModel, network: AnchoredNetwork) -> None:
        self._mean = network.per_model([model.anchor.mean])
        score_std = network.per_model([model.anchor.score_std])
        # Codes with a prior are in its units, others in those of PCA's scores.
        has_prior = model.objective.probabilistic
        self._code_scale = torch.ones_like(score_std) if has_prior else score_std
        self._network, self._loss = network, model.objective.loss
        network.evaluator(SIZES[-1])  # now rather than at the first prediction
        self._scale, self._range = model.output_scale.scale, None
        if model.decoder_range is not None:
            low, high = (network.per_model([limit]) for limit in model.decoder_range)
            self._range = (low, high)

    def encode(self, x: Tensor) -> Tensor:
        """Return the latent codes of samples."""
        return self._network.encode(x - self._mean) * self._code_scale

    def predict(self, codes: Tensor) -> Tensor:
        """Return the network's predictions in its own units."""
        z, attenuation = codes / self._code_scale, None
        if self._range is not None:
            attenuation = clip_and_attenuate(z, self._range)[1]
        return self._network.decode(z, attenuation)

    def decode(self, codes: Tensor) -> Tensor:
        """Return the reconstruction of latent codes."""
        prediction = self.predict(codes)
        if self._loss.is_logit:
            return torch.sigmoid(prediction)
        return prediction * self._scale + self._mean

    def squared_jacobian(self, x: Tensor, mix: Tensor) -> Tensor:
        """Return the squared Frobenius norm of the Jacobian of ``codes @ mix``."""
        vjp, total = self._network.linearize(x - self._mean), x.new_zeros(len(x))
        for column in mix.mT:
            total += vjp(self._code_scale * column).square_().sum(-1)
        return total

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log-variance of each sample's codes."""
        outputs = self._network.encoder_outputs(x - self._mean)
        layer = self._network.evaluator(len(x)).latent_layer
        assert isinstance(layer, GaussianPosterior)
        return layer.split(outputs)


class Codec:
    """Encodes and decodes NumPy arrays with a model.

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
        self, model: FittedModel, dtype: np.dtype[Any], device: torch.device
    ) -> None:
        torch_dtype = torch.float32 if dtype == np.float32 else torch.float64
        if device.type == "mps" and torch_dtype == torch.float64:
            device = torch.device("cpu")  # Apple's GPUs know no float64
        self._model, self._placement = model, Placement(device, torch_dtype)
        self._dtype = np.dtype(dtype)
        self._n_components, self._n_features = model.anchor.components.shape
        # Modules were tried with two samples: one alone may be another case for them.
        self._sizes = SIZES[1:] if uses_autograd(model) else SIZES
        with inference_mode(model):
            self._map = self._make_map()
            self._whiten = self._unwhiten = None
            if model.whitening is not None:
                centre, lower = model.whitening
                self._centre = self._tensor(centre)
                self._unwhiten = self._tensor(lower.T)
                self._whiten = self._tensor(np.linalg.inv(lower).T)

    def _make_map(self) -> LatentMap:
        network = self._model.network(self._placement)
        if network is None:
            return PCAMap(self._model, self._placement)
        return NetworkMap(self._model, network)

    def _tensor(self, array: np.ndarray) -> Tensor:
        tensor = torch.from_numpy(np.array(array))
        return tensor.to(self._placement.dtype).to(self._placement.device)

    def apply(
        self,
        function: Callable[[Tensor], Tensor],
        values: np.ndarray,
        shape: tuple[int, ...] = (),
    ) -> np.ndarray:
        """Return what a function gives for all samples, ``(n_samples, *shape)``."""
        result = np.empty((len(values), *shape), self._dtype)
        with inference_mode(self._model):
            for at, x in padded_blocks(values, self._placement, self._sizes):
                result[at] = function(x)[: at.stop - at.start].cpu().numpy()
        return result

    def _encode(self, x: Tensor) -> Tensor:
        codes = self._map.encode(x)
        if self._whiten is not None:
            codes = (codes - self._centre) @ self._whiten
        return codes

    def _decode(self, codes: Tensor) -> Tensor:
        if self._unwhiten is not None:
            codes = codes @ self._unwhiten + self._centre
        return self._map.decode(codes)

    def _reconstruct(self, x: Tensor) -> Tensor:
        return self._decode(self._encode(x))

    def _squared_error(self, x: Tensor) -> Tensor:
        return (self._reconstruct(x) - x).square_().mean(-1)

    def _squared_jacobian(self, x: Tensor) -> Tensor:
        mix = self._whiten
        if mix is None:
            mix = torch.eye(self._n_components, dtype=x.dtype, device=x.device)
        return self._map.squared_jacobian(x, mix)

    def encode(self, values: np.ndarray) -> np.ndarray:
        """Return latent codes, shape ``(n_samples, n_components)``."""
        return self.apply(self._encode, values, (self._n_components,))

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """Return reconstructions of codes, shape ``(n_samples, n_features)``."""
        return self.apply(self._decode, codes, (self._n_features,))

    def reconstruct(self, values: np.ndarray) -> np.ndarray:
        """Return reconstructions of samples, shape ``(n_samples, n_features)``."""
        return self.apply(self._reconstruct, values, (self._n_features,))

    def squared_error(self, values: np.ndarray) -> np.ndarray:
        """Return the mean squared error of each sample, shape ``(n_samples,)``."""
        return self.apply(self._squared_error, values)

    def squared_jacobian(self, values: np.ndarray) -> np.ndarray:
        """Return the squared Frobenius norm of the encoder's Jacobian, ``(n,)``."""
        return self.apply(self._squared_jacobian, values)


def uses_autograd(model: FittedModel) -> bool:
    """Return whether a model's network is one of torch modules."""
    return model.architecture is not None and model.architecture.uses_autograd


def inference_mode(model: FittedModel) -> AbstractContextManager[None]:
    """Return the context in which a model predicts: on one thread.

    A block is so little work that two threads take longer beside other processes.
    """
    return single_thread(autograd=uses_autograd(model))


class _Cache(threading.local):
    """What each thread has built, as long as its owner lives and keeps its state."""

    def __init__(self) -> None:
        self.entries: WeakKeyDictionary[Any, tuple[Any, dict[Hashable, Any]]]
        self.entries = WeakKeyDictionary()


_cache = _Cache()


def build_once(owner: Any, state: Any, key: Hashable, build: Callable[[], Any]) -> Any:
    """Return what ``build`` makes, once for each owner, state, key and thread.

    Networks have buffers that a call overwrites, so no two threads share one. Another
    state, as after a second fit, starts anew; nothing is written to the owner, so
    nothing of this is copied, pickled or saved.
    """
    kept, built = _cache.entries.get(owner, (None, {}))
    if kept is not state:
        built = {}
        _cache.entries[owner] = (state, built)
    if key not in built:
        built[key] = build()
    return built[key]
