"""Parameters of a fit, and the sizes that the recipe chooses where they are open."""

from dataclasses import dataclass, field, replace

import torch

SMALL = 600  # distinct rows below which folds choose the number of steps
TINY = 300  # distinct rows below which a gain must be twice as certain
WIDE_ROWS, WIDE_FEATURES = 4000, 256  # from which a larger network pays
NESTED_RATE = 0.2


@dataclass(frozen=True)
class Settings:
    """Parameters of a fit; None means that the recipe chooses."""

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

    def resolve(self, n_rows: int, n_features: int) -> "Settings":
        """Fill in the recipe's choices for this many distinct rows and columns."""
        if n_rows < SMALL:
            hidden = (64, 32) if n_features >= 8 else (32, 16)
            rate, n_steps = 4e-3, 300
        elif n_rows < WIDE_ROWS or n_features < WIDE_FEATURES:
            hidden, rate, n_steps = (256, 128), 4e-3, 2000
        else:
            hidden, rate, n_steps = (512, 256), 3e-3, 3000
        growth = max(1.0, (n_rows / 50_000) ** 0.5)
        n_steps = self.n_steps or int(n_steps * growth)
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
    def nested(self) -> float:
        """Share of the rows that are cut in training."""
        return NESTED_RATE if isinstance(self.n_components, float) else 0.0
