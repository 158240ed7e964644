"""Parameters of a fit, and the values that "auto" stands for."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import torch

from skae._model.network import AnchoredNetwork
from skae._model.objective import Objective, OutputScale
from skae._nn.architecture import Architecture, DenseArchitecture
from skae._nn.modules.architecture import Factory, ModuleArchitecture
from skae._nn.runtime import Placement
from skae._pca.anchor import Anchor
from skae._training.loop import TrainingPlan
from skae.noise import Corruption

SMALL = 600  # distinct samples below which folds choose the number of steps
TINY = 300  # independent samples below which a gain must be twice as certain
TINIEST = 100  # below which it must be thrice as certain, a larger correction as well
WIDE_SAMPLES, WIDE_FEATURES = 4000, 256  # from which a larger network pays


@dataclass(frozen=True, kw_only=True)
class FixedParameters:
    """Parameters of a fit that mean the same whatever the data.

    Attributes
    ----------
    objective : Objective
        What is minimised.
    n_components : int, float or None
        Number of latent codes, a share of the variance, or None for PCA's number.
    activation : str
        Activation of the hidden layers.
    factory : callable or None
        Makes modules in place of dense layers.
    layerwise : bool
        Whether layers are first trained one after the other.
    corruption : Corruption or None
        Noise of the inputs.
    whiten : bool
        Whether codes are made uncorrelated.
    weight_decay : float
        Decoupled decay of the weights.
    tolerance : float
        Gain in the validation loss that counts, relative to PCA's.
    early_stopping : bool
        Whether samples are held out.
    validation_fraction : float
        Share of the samples to hold out.
    seed : int
        Seed of all random numbers.
    device : torch.device
        Where to train.
    """

    objective: Objective
    n_components: int | float | None = None
    activation: str = "silu"
    factory: Factory | None = None
    layerwise: bool = False
    corruption: Corruption | None = None
    whiten: bool = False
    weight_decay: float = 1e-2
    tolerance: float = 1e-4
    early_stopping: bool = True
    validation_fraction: float = 0.1
    seed: int = 0
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))


@dataclass(frozen=True, kw_only=True)
class FitParameters(FixedParameters):
    """Parameters of a fit, of which some may be open: None stands for "auto".

    Attributes
    ----------
    hidden_layer_sizes : tuple of int or None
        Widths of the encoder's hidden layers.
    learning_rate : float or None
        Peak of the schedule.
    batch_size : int or None
        Samples of a step.
    n_steps : int or None
        Number of steps.
    patience : int or None
        Steps without a gain after which training stops.
    steps_multiplier : float
        What an open number of steps is multiplied with.
    """

    hidden_layer_sizes: tuple[int, ...] | None = None
    learning_rate: float | None = None
    batch_size: int | None = None
    n_steps: int | None = None
    patience: int | None = None
    steps_multiplier: float = 1.0

    def resolve(
        self, n_samples: int, n_features: int, n_independent: int | None = None
    ) -> "FitConfig":
        """Choose what is open for this many distinct samples and features.

        ``n_independent`` says how many of them are independent, which decides how
        certain a gain must be; None means all.
        """
        if n_samples < SMALL:
            hidden = (64, 32) if n_features >= 8 else (32, 16)
            learning_rate, n_steps = 4e-3, 300
        elif n_samples < WIDE_SAMPLES or n_features < WIDE_FEATURES:
            hidden, learning_rate, n_steps = (256, 128), 4e-3, 2000
        else:
            hidden, learning_rate, n_steps = (512, 256), 3e-3, 3000
        n = n_independent or n_samples
        n_errors = 3.0 if n < TINIEST else 2.0 if n < TINY else 1.0
        growth = max(1.0, (n_samples / 50_000) ** 0.5)
        n_steps = self.n_steps or int(n_steps * growth * self.steps_multiplier)
        if self.hidden_layer_sizes is not None:
            hidden = self.hidden_layer_sizes
        given: dict[str, Any] = {
            field.name: getattr(self, field.name) for field in fields(FixedParameters)
        }
        return FitConfig(
            **given,
            hidden_layer_sizes=hidden,
            learning_rate=self.learning_rate or learning_rate,
            batch_size=self.batch_size or 128,
            n_steps=n_steps,
            patience=self.patience or max(80, int(0.3 * n_steps)),
            n_standard_errors=n_errors,
            n_shrinkage_errors=n_errors if n < TINIEST else 0.0,
        )


@dataclass(frozen=True, kw_only=True)
class FitConfig(FixedParameters):
    """Parameters of a fit, of which none is open.

    Attributes
    ----------
    hidden_layer_sizes, learning_rate, batch_size, n_steps, patience
        See :class:`FitParameters`.
    n_standard_errors : float
        By how many standard errors a network must be better than PCA.
    n_shrinkage_errors : float
        By how many a larger correction must be better than a smaller one.
    """

    hidden_layer_sizes: tuple[int, ...]
    learning_rate: float
    batch_size: int
    n_steps: int
    patience: int
    n_standard_errors: float
    n_shrinkage_errors: float

    @property
    def fixed_n_components(self) -> int | None:
        """The number of latent codes, if it was given as such."""
        return self.n_components if isinstance(self.n_components, int) else None

    def training_plan(
        self, tolerance: float = 0.0, stop: int | None = None
    ) -> TrainingPlan:
        """Return the schedule; with ``stop`` it is cut there and knows no patience."""
        latent = self.objective.latent
        warmup = 0 if self.objective.anchored else latent.warmup_steps(self.n_steps)
        return TrainingPlan(
            self.n_steps,
            self.learning_rate,
            self.weight_decay,
            patience=self.patience if stop is None else None,
            patience_start=warmup,
            tolerance=tolerance,
            stop=stop,
        )

    def architecture(self, n_features: int, k: int) -> Architecture:
        """Return encoder and decoder for this many features and latent codes."""
        n_outputs = self.objective.latent.n_outputs(k)
        anchored, noise = self.objective.anchored, self.objective.loss.learns_variance
        if self.factory is not None:
            return ModuleArchitecture(
                n_features, k, self.factory, anchored, n_outputs, noise, self.seed
            )
        hidden, activation = self.hidden_layer_sizes, self.activation
        return DenseArchitecture(
            n_features, k, hidden, activation, anchored, n_outputs, noise
        )

    def network(
        self, anchors: Sequence[Anchor], output_scale: OutputScale | None = None
    ) -> AnchoredNetwork:
        """Return untrained networks over these anchors."""
        k, d = anchors[0].components.shape
        loss = self.objective.loss
        network = AnchoredNetwork(
            anchors,
            self.architecture(d, k),
            self.objective,
            output_scale or OutputScale.from_anchors(loss, anchors),
            Placement(self.device),
            corruption=self.corruption,
            seed=self.seed,
        )
        network.initialize()
        return network
