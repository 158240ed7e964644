"""Layerwise pretraining: a stack of denoising autoencoders before the full network.

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

from skae._model.network import AnchoredNetwork
from skae._model.parts import Stream
from skae._nn.activations import ACTIVATIONS, Activation
from skae._nn.architecture import DenseArchitecture
from skae._nn.autoencoder import AutoencoderNetwork, Batch
from skae._nn.heads import LinearHead
from skae._nn.latents import LatentLayer
from skae._nn.losses import SquaredError
from skae._nn.parameters import ParameterBuffer

from .loop import TrainingPlan, train
from .optimizer import Optimizer

SHARE_OF_STEPS = 0.2  # of the steps of the full network, for each layer
MASKED = 0.25  # share of the inputs that each layer must do without


class ActivatedLatent(LatentLayer):
    """Latent codes that are activations, as those of a hidden layer are."""

    def __init__(self, activation: Activation) -> None:
        self._activation = activation

    def forward(self, outputs: Tensor) -> Tensor:
        """Return the activations."""
        self._outputs = outputs
        self._codes = torch.empty_like(outputs)
        self._activation.forward(outputs, out=self._codes)
        return self._codes

    def backward(self, grad: Tensor) -> Tensor:
        """Return the gradient with respect to the outputs."""
        self._activation.backward(grad, self._outputs, self._codes)
        return grad


class LayerwisePretraining:
    """Trains each hidden layer of a dense network on its own.

    Parameters
    ----------
    network : AnchoredNetwork
        The network, or the stack, whose hidden layers get their weights.
    batches : callable
        ``batches()`` returns an iterator of endless batches.
    plan : TrainingPlan
        The schedule of the full network, of which each layer gets a share.
    batch_size : int
        Number of samples of a batch.
    """

    def __init__(
        self,
        network: AnchoredNetwork,
        batches: Callable[[], Iterator[Batch]],
        plan: TrainingPlan,
        batch_size: int,
    ) -> None:
        assert isinstance(network.architecture, DenseArchitecture)
        self._network, self._architecture = network, network.architecture
        self._params, self._batches = network.params, batches
        self._batch_size = batch_size
        n_steps = max(1, int(SHARE_OF_STEPS * plan.n_steps))
        self._plan = TrainingPlan(n_steps, plan.learning_rate, plan.weight_decay)
        self._activation = ACTIVATIONS[self._architecture.activation]
        self._masks = network.generator(Stream.PRETRAINING)

    def run(self) -> bool:
        """Train layer after layer, and return whether that was interrupted."""
        for layer in range(len(self._architecture.hidden_layer_sizes)):
            params, interrupted = self._train_layer(layer)
            if interrupted:
                return True
            self._copy(layer, params)
        return False

    def _inputs(self, x: Tensor, layer: int) -> Tensor:
        """Return what a hidden layer reads: the activations of the one before."""
        for i in range(layer):
            weight = self._params.views[f"encoder.{i}.weight"]
            bias = self._params.views[f"encoder.{i}.bias"]
            width = self._architecture.hidden_layer_sizes[i]
            y = x @ weight[..., :width] + bias[..., :width]
            x = torch.empty_like(y)
            self._activation.forward(y, out=x)
        return x

    def _train_layer(self, layer: int) -> tuple[ParameterBuffer, bool]:
        """Train a layer and its decoder; return their parameters, and interruption."""
        full = self._architecture
        shallow = DenseArchitecture(
            full.encoder_widths[layer],
            full.hidden_layer_sizes[layer],
            (),
            full.activation,
        )
        flat = self._params.flat
        params = ParameterBuffer(
            shallow.shapes(),
            n_models=self._params.n_models,
            dtype=flat.dtype,
            device=flat.device,
        )
        generator = torch.Generator().manual_seed(self._network.seed + layer)
        shallow.initialize(params, generator, zero=False)
        grads = params.zeros_like()
        network = AutoencoderNetwork(
            *shallow.build(params, grads, None, self._batch_size),
            LinearHead(None, flat.new_ones(1, shallow.n_features)),
            ActivatedLatent(self._activation),
        )
        loss = SquaredError(weight=1 / shallow.n_features)

        def step(batch: Batch) -> Tensor:
            x = self._inputs(batch.inputs, layer)
            kept = torch.empty_like(x).uniform_(generator=self._masks) >= MASKED
            return network.loss_and_gradient(Batch(x * kept, None, x), loss)

        optimizer = Optimizer(params, grads, self._plan.weight_decay)
        seen = train(
            optimizer,
            step,
            self._batches(),
            self._plan,
            samples_per_step=self._batch_size,
        )
        return params, seen.interrupted

    def _copy(self, layer: int, trained: ParameterBuffer) -> None:
        """Copy a layer into the encoder, its decoder into the mirrored layer.

        The decoder's last layer stays as it is where it starts at zero.
        """
        width = self._architecture.hidden_layer_sizes[layer]
        mirrored = len(self._architecture.hidden_layer_sizes) - layer
        for kind in ("weight", "bias"):
            target = self._params.views[f"encoder.{layer}.{kind}"]
            target[..., :width].copy_(trained.views[f"encoder.0.{kind}"])
            if layer or not self._network.objective.anchored:
                target = self._params.views[f"decoder.{mirrored}.{kind}"]
                part = trained.views[f"decoder.0.{kind}"]
                target[..., : part.shape[-2], :].copy_(part)
