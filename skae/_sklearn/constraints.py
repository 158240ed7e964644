"""Values that constructor parameters may have, in scikit-learn's terms."""

from numbers import Integral, Real
from typing import Any

from .compat import HasMethods, Interval, StrOptions

ACTIVATIONS = {
    "elu", "gelu", "identity", "leaky_relu", "logistic", "relu", "silu", "tanh",
}  # fmt: skip
LOSSES = {"absolute_error", "binary_cross_entropy", "huber", "squared_error"}
AUTOMATIC = StrOptions({"auto"})
AT_LEAST_ONE = Interval(Integral, 1, None, closed="left")
NOT_NEGATIVE = Interval(Real, 0, None, closed="left")
POSITIVE = Interval(Real, 0, None, closed="neither")
SHARE = Interval(Real, 0, 1, closed="neither")

CONSTRAINTS: dict[str, Any] = {
    "n_components": [AT_LEAST_ONE, SHARE, None],
    "hidden_layer_sizes": [AUTOMATIC, "array-like", AT_LEAST_ONE],
    "activation": [StrOptions(ACTIVATIONS)],
    "network": [callable, None],
    "pretrain": [StrOptions({"layerwise"}), None],
    "anchor": [StrOptions({"pca"}), None],
    "loss": [StrOptions(LOSSES)],
    "whiten": ["boolean"],
    "alpha": [NOT_NEGATIVE],
    "learning_rate_init": [AUTOMATIC, POSITIVE],
    "batch_size": [AUTOMATIC, AT_LEAST_ONE],
    "max_iter": [AUTOMATIC, AT_LEAST_ONE],
    "early_stopping": ["boolean"],
    "validation_fraction": [SHARE, HasMethods(["split"])],
    "n_iter_no_change": [AUTOMATIC, AT_LEAST_ONE],
    "tol": [NOT_NEGATIVE],
    "warm_start": ["boolean"],
    "random_state": ["random_state"],
    "verbose": ["verbose"],
    "device": "no_validation",
}


def parameter_constraints(*without: str, **own: Any) -> dict[str, Any]:
    """Return the common constraints less those that a variant lacks, and its own."""
    common = {key: value for key, value in CONSTRAINTS.items() if key not in without}
    return common | own


def set_parameters(estimator: Any, given: dict[str, Any]) -> None:
    """Set the parameters of a variant, whose constructor passes its ``locals()``."""
    vars(estimator).update({name: given[name] for name in given if name != "self"})
