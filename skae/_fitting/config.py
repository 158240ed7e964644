"""Parameters of a fit, and the sizes that the recipe chooses where they are open."""

from dataclasses import dataclass, field, replace

import torch

from skae._nn.latents.base import Latent, PlainLatent
from skae._nn.modules.architecture import Factory
from skae._training.loop import TrainingPlan
from skae.noise import Corruption

SMALL = 600  # distinct rows below which folds choose the number of steps
TINY = 300  # distinct rows below which a gain must be twice as certain
WIDE_ROWS, WIDE_FEATURES = 4000, 256  # from which a larger network pays
NESTED_RATE = 0.2


@dataclass(frozen=True)
class FitConfig:
    """Parameters of a fit; None means that the recipe chooses.

    What a variant of the family adds is at the end: ``code``, the kind of its codes;
    ``corruption``, the noise of its inputs; ``effort``, what "auto" numbers of steps
    are multiplied with; ``contraction``, the weight of the penalty
    on the encoder's Jacobian; ``factory``, which makes its modules; ``layerwise``,
    whether layers are trained one after the other first.
    """

    n_components: int | float | None = None
    hidden: tuple[int, ...] | None = None
    activation: str = "silu"
    linear: bool = True
    loss: str = "squared_error"
    whiten: bool = False
    alpha: float = 1e-2
    rate: float | None = None
    batch_size: int | None = None
    n_steps: int | None = None
    early_stopping: bool = True
    validation_fraction: float = 0.1
    patience: int | None = None
    tolerance: float = 1e-4
    seed: int = 0
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    tiny: bool = False
    code: Latent | None = None
    corruption: Corruption | None = None
    effort: float = 1.0
    contraction: float = 0.0
    factory: Factory | None = None
    layerwise: bool = False

    def resolve(self, n_rows: int, n_features: int) -> "FitConfig":
        """Fill in the recipe's choices for this many distinct rows and columns."""
        if n_rows < SMALL:
            hidden = (64, 32) if n_features >= 8 else (32, 16)
            rate, n_steps = 4e-3, 300
        elif n_rows < WIDE_ROWS or n_features < WIDE_FEATURES:
            hidden, rate, n_steps = (256, 128), 4e-3, 2000
        else:
            hidden, rate, n_steps = (512, 256), 3e-3, 3000
        growth = max(1.0, (n_rows / 50_000) ** 0.5)
        n_steps = self.n_steps or int(n_steps * growth * self.effort)
        return replace(
            self,
            tiny=n_rows < TINY,
            hidden=hidden if self.hidden is None else self.hidden,
            rate=self.rate or rate,
            batch_size=self.batch_size or 128,
            n_steps=n_steps,
            patience=self.patience or max(80, int(0.3 * n_steps)),
        )

    @property
    def kind(self) -> Latent:
        """The kind of the codes: nested ones where their number is to be found."""
        if self.code is not None:
            return self.code
        return PlainLatent(NESTED_RATE if isinstance(self.n_components, float) else 0.0)

    @property
    def bounded(self) -> bool:
        """Whether codes follow rows no farther than the training range.

        Where the networks undo PCA's slope, its scores may not go on alone.
        """
        return self.linear and self.contraction > 0

    @property
    def probabilistic(self) -> bool:
        """Whether the anchor is probabilistic PCA."""
        return self.kind.standard


def make_plan(
    settings: FitConfig, tolerance: float = 0.0, stop: int | None = None
) -> TrainingPlan:
    """Return the schedule; with ``stop`` it is cut there and knows no patience."""
    assert settings.n_steps is not None
    assert settings.rate is not None
    return TrainingPlan(
        n_steps=settings.n_steps,
        peak=settings.rate,
        decay=settings.alpha,
        patience=settings.patience if stop is None else None,
        tolerance=tolerance,
        stop=stop,
        grace=0 if settings.linear else settings.kind.grace(settings.n_steps),
    )
