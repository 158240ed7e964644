"""Layerwise pretraining: a stack of denoising autoencoders before the whole network.

Each hidden layer is trained for a while to reconstruct what the layer before gives from
a masked copy of it. Its weights become those of the encoder, its decoder's those of the
mirrored layer.

References
----------
Bengio, Y., Lamblin, P., Popovici, D. and Larochelle, H. (2007). Greedy layer-wise
training of deep networks. NIPS.

Vincent, P., Larochelle, H., Lajoie, I., Bengio, Y. and Manzagol, P.-A. (2010). Stacked
denoising autoencoders. JMLR 11, 3371-3408.
"""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from skae._nn.activations import ACTIVATIONS, Activation
from skae._nn.architecture import DenseArchitecture
from skae._nn.autoencoder import AutoencoderNetwork, Batch
from skae._nn.heads import LinearHead
from skae._nn.latents.base import LatentLayer
from skae._nn.losses import SquaredError
from skae._nn.parameters import ParameterBuffer

from .loop import TrainingPlan, train

SHARE = 0.2  # of the steps of the whole network, for each layer
MASKED = 0.25  # share of the inputs that each layer must do without


class Activated(LatentLayer):
    """Codes that are activations, as those of a hidden layer are."""

    def __init__(self, phi: Activation) -> None:
        self._phi = phi

    def forward(self, outputs: Tensor) -> Tensor:
        """Return the activations."""
        self._outputs = outputs
        self._codes = torch.empty_like(outputs)
        self._phi.forward(outputs, self._codes)
        return self._codes

    def backward(self, grad: Tensor) -> Tensor:
        """Return the gradient with respect to the outputs."""
        self._phi.backward(grad, self._outputs, self._codes)
        return grad


def pretrain(
    architecture: DenseArchitecture,
    params: ParameterBuffer,
    batches: Callable[[], Iterator[Batch]],
    plan: TrainingPlan,
    rows: int,
    seed: int,
    generator: torch.Generator,
    *,
    last: bool,
) -> bool:
    """Train each hidden layer on its own.

    Parameters
    ----------
    architecture : DenseArchitecture
        Sizes of the whole network.
    params : ParameterBuffer
        Its parameters.
    batches : callable
        ``batches()`` returns an iterator of endless batches.
    plan : TrainingPlan
        The schedule of the whole network, of which each layer gets a share.
    rows : int
        Rows of a batch.
    seed : int
        Seed of the first weights.
    generator : torch.Generator
        Source of the masks.
    last : bool
        Whether the decoder's last layer is trained, too; not where it starts at zero.

    Returns
    -------
    bool
        Whether training was interrupted.
    """
    phi = ACTIVATIONS[architecture.activation]
    short = TrainingPlan(max(1, int(SHARE * plan.n_steps)), plan.peak, plan.decay)

    def below(x: Tensor, layer: int) -> Tensor:
        for i in range(layer):
            weight = params.views[f"encoder.{i}.weight"]
            bias = params.views[f"encoder.{i}.bias"]
            width = architecture.hidden[i]
            y = x @ weight[..., :width] + bias[..., :width]
            x = torch.empty_like(y)
            phi.forward(y, x)
        return x

    for layer, width in enumerate(architecture.hidden):
        sizes = DenseArchitecture(
            architecture.encoder[layer], width, (), architecture.activation
        )
        small = ParameterBuffer(
            sizes.shapes(),
            n_models=params.n_models,
            dtype=params.flat.dtype,
            device=params.flat.device,
        )
        first = torch.Generator().manual_seed(seed + layer)
        sizes.initialise(small, first, zero=False)
        grads = small.zeros_like()
        scale = params.flat.new_ones(1, sizes.n_features)
        network = AutoencoderNetwork(
            sizes.halves(small, grads, None, rows),
            LinearHead(None, scale),
            Activated(phi),
        )
        loss = SquaredError(weight=1 / sizes.n_features)

        def step(
            batch: Batch,
            layer: int = layer,
            network: AutoencoderNetwork = network,
            loss: SquaredError = loss,
        ) -> Tensor:
            x = below(batch.inputs, layer)
            kept = torch.empty_like(x).uniform_(generator=generator) >= MASKED
            return network.step(Batch(x * kept, None, x), loss)

        seen = train(small, grads, step, batches(), short, rows_per_step=rows)
        if seen.interrupted:
            return True
        mirror = len(architecture.hidden) - layer
        for kind in ("weight", "bias"):
            whole = params.views[f"encoder.{layer}.{kind}"]
            whole[..., :width].copy_(small.views[f"encoder.0.{kind}"])
            if layer or last:
                whole = params.views[f"decoder.{mirror}.{kind}"]
                part = small.views[f"decoder.0.{kind}"]
                whole[..., : part.shape[-2], :].copy_(part)
    return False
