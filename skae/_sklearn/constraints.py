"""Values that constructor parameters may have, in scikit-learn's terms."""

from numbers import Integral, Real
from typing import Any

from .compat import Interval, StrOptions

ACTIVATIONS = {
    "elu", "gelu", "identity", "leaky_relu", "logistic", "relu", "silu", "tanh",
}  # fmt: skip
LOSSES = {"absolute_error", "binary_cross_entropy", "huber", "squared_error"}
CONSTRAINTS: dict[str, Any] = {
    "n_components": [
        Interval(Integral, 1, None, closed="left"),
        Interval(Real, 0, 1, closed="neither"),
        None,
    ],
    "hidden_layer_sizes": [
        StrOptions({"auto"}),
        "array-like",
        Interval(Integral, 1, None, closed="left"),
    ],
    "activation": [StrOptions(ACTIVATIONS)],
    "network": [callable, None],
    "pretrain": [StrOptions({"layerwise"}), None],
    "anchor": [StrOptions({"pca"}), None],
    "loss": [StrOptions(LOSSES)],
    "whiten": ["boolean"],
    "alpha": [Interval(Real, 0, None, closed="left")],
    "learning_rate_init": [
        StrOptions({"auto"}),
        Interval(Real, 0, None, closed="neither"),
    ],
    "batch_size": [
        StrOptions({"auto"}),
        Interval(Integral, 1, None, closed="left"),
    ],
    "max_iter": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
    "early_stopping": ["boolean"],
    "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
    "n_iter_no_change": [
        StrOptions({"auto"}),
        Interval(Integral, 1, None, closed="left"),
    ],
    "tol": [Interval(Real, 0, None, closed="left")],
    "warm_start": ["boolean"],
    "random_state": ["random_state"],
    "verbose": ["verbose"],
    "device": "no_validation",
}


def parameter_constraints(*without: str, **own: Any) -> dict[str, Any]:
    """Return the common constraints less those that a variant lacks, and its own."""
    common = {key: value for key, value in CONSTRAINTS.items() if key not in without}
    return common | own
