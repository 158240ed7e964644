"""The network over its anchors: one builder and one forward path.

Training, validation, inference and the outlier detector's ensembles hold an
:class:`AnchoredNetwork` each. It standardises samples, encodes them, adds PCA's scores,
decodes latent codes and adds PCA's reconstruction.
"""

# torch.from_numpy carries no type.
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from skae._nn.architecture import Architecture
from skae._nn.autoencoder import AutoencoderNetwork, Batch, ZeroDecoder, ZeroEncoder
from skae._nn.latents import LatentContext
from skae._nn.losses import GaussianNLL, Loss
from skae._nn.parameters import ParameterBuffer
from skae._nn.runtime import Placement
from skae._pca.anchor import Anchor
from skae._pca.probabilistic import posterior_log_variance
from skae.noise import Corruption

from .objective import Objective, OutputScale
from .parts import Stream, make_head, make_penalty, new_generator, noise_floor
from .preprocessing import Preprocessor, stack_arrays


class AnchoredNetwork:
    """An autoencoder that corrects PCA, or a stack of equal ones in lock-step.

    Parameters
    ----------
    anchors : sequence of Anchor
        One for each model.
    architecture : Architecture
        Encoder and decoder.
    objective : Objective
        What is minimised; with ``anchored`` PCA is a skip path.
    output_scale : OutputScale
        Scale of the predictions.
    placement : Placement
        Device and type of the arithmetic.
    stacked : bool or None, default=None
        Whether tensors have a leading model axis; None where there are several models.
    corruption : Corruption or None, default=None
        Noise of the inputs in training and validation.
    seed : int, default=0
        Seed of all random numbers.

    Attributes
    ----------
    params : ParameterBuffer
        The parameters, zero until they are initialized or loaded.
    preprocessor : Preprocessor
        From samples to batches.
    """

    def __init__(
        self,
        anchors: Sequence[Anchor],
        architecture: Architecture,
        objective: Objective,
        output_scale: OutputScale,
        placement: Placement,
        *,
        stacked: bool | None = None,
        corruption: Corruption | None = None,
        seed: int = 0,
    ) -> None:
        self.anchors, self.architecture = anchors, architecture
        self.objective, self.output_scale = objective, output_scale
        self.placement, self.seed = placement, seed
        self.stacked = len(anchors) > 1 if stacked is None else stacked
        self.preprocessor = Preprocessor.from_anchors(
            anchors,
            objective,
            output_scale.scale,
            placement,
            stacked=self.stacked,
            corruption=corruption,
        )
        self.params = ParameterBuffer(
            architecture.shapes(),
            n_models=len(anchors) if self.stacked else None,
            dtype=placement.dtype,
            device=placement.device,
        )
        self._head = make_head(anchors, objective, output_scale.scale, self.per_model)
        self._penalty = make_penalty(
            anchors, objective, self.preprocessor.projection, self.per_model
        )
        self._clip = None
        if objective.anchored:
            low, high = (
                self.per_model(a.code_range[i : i + 1] for a in anchors)
                for i in range(2)
            )
            self._clip = (low, high)
        self._noise_floor = noise_floor(anchors, output_scale.scale, self.per_model)
        self._evaluators: dict[tuple[int | None, bool], AutoencoderNetwork] = {}
        self._losses = {flag: self.make_loss(correction=flag) for flag in (True, False)}

    def initialize(self) -> None:
        """Draw the first weights; with an anchor the network then is PCA."""
        generator = torch.Generator().manual_seed(self.seed)
        self.architecture.initialize(
            self.params, generator, zero=self.objective.anchored
        )

    def generator(self, stream: int) -> torch.Generator:
        """Return a generator of one of the independent streams."""
        return new_generator(self.seed, stream, self.placement.device)

    def per_model(self, arrays: Iterable[np.ndarray]) -> Tensor:
        """Return an array for each model as a tensor, ``([models,] *shape)``."""
        return stack_arrays([*arrays], self.placement, stacked=self.stacked)

    def build(
        self,
        batch_size: int,
        grads: ParameterBuffer | None = None,
        n_steps: int = 1,
        *,
        correction: bool = True,
    ) -> AutoencoderNetwork:
        """Return encoder, latent layer, decoder, head and penalty for one batch size.

        Parameters
        ----------
        batch_size : int
            Number of samples of every batch.
        grads : ParameterBuffer or None, default=None
            Where gradients go; None to evaluate only.
        n_steps : int, default=1
            Length of training.
        correction : bool, default=True
            False leaves the skip path alone.
        """
        base = None
        if self.objective.anchored and self.objective.probabilistic:
            base = self.per_model(posterior_log_variance(a)[None] for a in self.anchors)
        generator = None if grads is None else self.generator(Stream.CODES)
        k = self.architecture.n_components
        latent = self.objective.latent
        if correction:
            encoder, decoder = self.architecture.build(
                self.params, grads, self._clip, batch_size
            )
        else:
            encoder = ZeroEncoder(latent.n_outputs(k))
            decoder = ZeroDecoder(self.architecture.n_features)
        layer = latent.layer(k, LatentContext(generator, n_steps, base))
        penalty = self._penalty
        if penalty is not None and grads is not None:
            penalty = replace(penalty, generator=self.generator(Stream.PENALTY))
        return AutoencoderNetwork(encoder, decoder, self._head, layer, penalty)

    def evaluator(
        self, batch_size: int, *, correction: bool = True
    ) -> AutoencoderNetwork:
        """Return what :meth:`build` makes for evaluation, built once a batch size.

        Modules take batches of any size and are built once for all.
        """
        any_size = self.architecture.uses_autograd
        key = (None if any_size else batch_size, correction)
        if key not in self._evaluators:
            self._evaluators[key] = self.build(batch_size, correction=correction)
        return self._evaluators[key]

    def make_loss(
        self, grads: ParameterBuffer | None = None, *, correction: bool = True
    ) -> Loss:
        """Return the loss, with its learned variances and where their gradients go."""
        loss = self.objective.loss
        if not isinstance(loss, GaussianNLL):
            return loss
        noise = self.params.views["noise.bias"]
        return loss.bound_to(
            log_variance=noise if correction else torch.zeros_like(noise),
            floor=self._noise_floor,
            grad=None if grads is None else grads.views["noise.bias"],
        )

    def preprocess(
        self,
        values: np.ndarray,
        inputs: np.ndarray | None = None,
        *,
        training: bool = False,
        generator: torch.Generator | None = None,
    ) -> Batch:
        """Return a batch of samples; see :meth:`Preprocessor.batch`."""
        return self.preprocessor.batch(
            values, inputs, training=training, generator=generator
        )

    def encoder_outputs(self, centred: Tensor) -> Tensor:
        """Return what the encoder gives for centred samples, in units of the network.

        These are the latent codes, or more for some kinds of them.
        """
        prepared = self.preprocessor
        inputs, scores, attenuation = prepared.encoder_inputs(
            centred * prepared.inverse_scale, attenuates=True
        )
        network = self.evaluator(inputs.shape[-2])
        return network.encoder_outputs(inputs, scores, attenuation)

    def encode(self, centred: Tensor) -> Tensor:
        """Return the latent codes of centred samples, in units of the network."""
        layer = self.evaluator(centred.shape[-2]).latent_layer
        return layer.predict(self.encoder_outputs(centred))

    def linearize(self, centred: Tensor) -> Callable[[Tensor], Tensor]:
        """Return the transposed Jacobian of the latent codes of centred samples.

        Returns
        -------
        callable
            From a vector for each sample, (n_samples, n_components), to its product
            with the Jacobian, (n_samples, n_features), in units of x.
        """
        prepared = self.preprocessor
        u = centred * prepared.inverse_scale
        inputs, scores, attenuation = prepared.encoder_inputs(
            u.clone(), attenuates=True
        )
        # The edge of the training range is inside, wherever rounding puts it.
        rounding = 4 * torch.finfo(u.dtype).eps * u.abs()
        inside = ((inputs - u).abs() <= rounding) * prepared.inverse_scale
        network = self.evaluator(u.shape[-2])
        outputs = network.encoder_outputs(inputs, scores, attenuation)
        layer, k = network.latent_layer, self.architecture.n_components
        slope = layer.derivative(layer.predict(outputs.clone()))
        wide = torch.zeros_like(outputs)

        def vjp(v: Tensor) -> Tensor:
            wide[..., :k] = slope * v
            pulled = wide if attenuation is None else wide * attenuation
            result = network.encoder.vjp(pulled) * inside
            if prepared.projection is not None:
                linear = (wide[..., :k] @ prepared.projection.mT) * (
                    inside if prepared.clips_scores else prepared.inverse_scale
                )
                result = result + linear
            return result

        return vjp

    def decode(self, codes: Tensor, attenuation: Tensor | None = None) -> Tensor:
        """Return predictions for latent codes, in units of the output scale."""
        return self.evaluator(codes.shape[-2]).decode(codes, attenuation)

    def per_sample_loss(
        self, batch: Batch, n_codes: int | None = None, *, correction: bool = True
    ) -> Tensor:
        """Return the loss of each sample, penalties included.

        With ``n_codes`` only the first latent codes are kept, the others are zero;
        without the correction the network is its skip path, PCA.
        """
        network = self.evaluator(batch.inputs.shape[-2], correction=correction)
        return network.per_sample_loss(batch, self._losses[correction], n_codes)

    def squared_errors(
        self, batch: Batch, n_codes: int, *, correction: bool = True
    ) -> Tensor:
        """Return the squared error of each sample from its first latent codes."""
        network = self.evaluator(batch.inputs.shape[-2], correction=correction)
        codes = network.encode(batch.inputs, batch.scores, batch.attenuation)
        codes[..., n_codes:] = 0
        prediction = network.decode(codes)
        if self.objective.loss.is_logit:
            prediction = torch.sigmoid(prediction)
        return (prediction - batch.targets).square_().sum(-1)

    def scale_correction(self, start: Tensor, factor: float) -> None:
        """Set what starts at zero to ``factor`` times its value in ``start``."""
        self.params.flat.copy_(start)
        for view in self.architecture.zero_initialized(self.params):
            view.mul_(factor)

    def weights(self) -> dict[str, np.ndarray]:
        """Return the parameters of the first model, noise not below its floor."""
        weights = self.params.to_numpy(0 if self.stacked else None)
        if "noise.bias" in weights:
            floor = self._noise_floor.cpu().numpy()
            floor = floor[0] if self.stacked else floor
            weights["noise.bias"] = np.maximum(weights["noise.bias"], floor)
        return weights
