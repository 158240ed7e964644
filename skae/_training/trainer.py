"""Trains a network over its anchors, or a stack of them in lock-step."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext

import numpy as np

from skae._data.dataset import Dataset
from skae._model.fitted import FittedModel
from skae._model.network import AnchoredNetwork
from skae._model.parts import Stream
from skae._nn.autoencoder import Batch
from skae._nn.runtime import global_seed

from .batches import random_batches
from .evaluation import ValidationBatches
from .loop import History, Report, TrainingPlan, train
from .optimizer import Optimizer
from .pretraining import LayerwisePretraining


class Trainer:
    """Trains a network.

    Parameters
    ----------
    network : AnchoredNetwork
        One network or a stack.
    layerwise : bool, default=False
        Whether layers are first trained one after the other.
    """

    def __init__(self, network: AnchoredNetwork, *, layerwise: bool = False) -> None:
        self.network, self._layerwise = network, layerwise

    def train(
        self,
        parts: Sequence[Dataset],
        plan: TrainingPlan,
        *,
        batch_size: int,
        validation: ValidationBatches | None = None,
        adjust: Callable[[np.ndarray], np.ndarray] = np.asarray,
        report: Report | None = None,
    ) -> History:
        """Train on samples, one dataset for each model, and keep the best parameters.

        Parameters
        ----------
        parts : sequence of Dataset
            The training samples of each model.
        plan : TrainingPlan
            Budget, learning rate and patience.
        batch_size : int
            Number of samples of a step.
        validation : ValidationBatches or None, default=None
            Samples that decide which parameters are the best.
        adjust : callable, default=numpy.asarray
            What is made of their losses before these are compared.
        report : callable or None, default=None
            See :func:`skae._training.loop.train`.
        """
        network = self.network
        if self._layerwise and self._pretrain(parts, plan, batch_size):
            return History(interrupted=True)
        rng = np.random.default_rng(network.seed)
        noise = None
        if network.preprocessor.corruption is not None:
            noise = network.generator(Stream.NOISE)
        grads = network.params.zeros_like()
        stepped = network.build(batch_size, grads, plan.n_steps)
        loss = network.make_loss(grads)
        optimizer = Optimizer(network.params, grads, plan.weight_decay)
        evaluate = None if validation is None else lambda: adjust(validation.losses())
        autograd = network.architecture.uses_autograd
        with global_seed(network.seed) if autograd else nullcontext():
            return train(
                optimizer,
                lambda batch: stepped.loss_and_gradient(batch, loss),
                random_batches(parts, network.preprocessor, batch_size, rng, noise),
                plan,
                evaluate=evaluate,
                weight=None if validation is None else validation.weight,
                samples_per_step=batch_size * len(parts),
                report=report,
            )

    def _pretrain(
        self, parts: Sequence[Dataset], plan: TrainingPlan, batch_size: int
    ) -> bool:
        """Train layer by layer first, and return whether that was interrupted."""
        network = self.network

        def batches() -> Iterator[Batch]:
            rng = np.random.default_rng(network.seed)
            return random_batches(parts, network.preprocessor, batch_size, rng)

        return LayerwisePretraining(network, batches, plan, batch_size).run()

    def to_model(self) -> FittedModel:
        """Return the (first) network and its anchor as arrays."""
        network = self.network
        return FittedModel(
            network.anchors[0],
            network.output_scale,
            network.objective,
            network.architecture,
            network.weights(),
        )
