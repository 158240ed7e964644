"""What a variant of the autoencoder takes where a parameter is "auto"."""

from dataclasses import dataclass


@dataclass(frozen=True)
class AutoDefaults:
    """Values for "auto"; None is what the plain autoencoder takes.

    Attributes
    ----------
    hidden_layer_sizes : tuple of int or None, default=None
        Widths of the encoder's hidden layers.
    learning_rate : float or None, default=None
        Peak of the learning rate.
    batch_size : int or None, default=None
        Samples of a step.
    patience : int or None, default=None
        Steps without a gain after which training stops.
    steps_multiplier : float, default=1.0
        What the number of steps is multiplied with.
    """

    hidden_layer_sizes: tuple[int, ...] | None = None
    learning_rate: float | None = None
    batch_size: int | None = None
    patience: int | None = None
    steps_multiplier: float = 1.0
