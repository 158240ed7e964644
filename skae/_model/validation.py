"""Checks that the parts of a saved state fit each other.

A state may come from a file that was damaged, or made by hand. All that a prediction
needs is compared before it is computed or takes memory: every declared size must be
that of an array that is there.
"""

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, fields
from typing import Any

import numpy as np

from skae._nn.activations import ACTIVATIONS
from skae._pca.anchor import Anchor

MODEL_KEYS = (
    "anchor", "fallback", "loss", "latent", "anchored", "jacobian_weight",
    "output_scale", "architecture", "weights", "decoder_range", "whitening",
)  # fmt: skip
REQUIRED = {f.name for f in fields(Anchor) if f.default is MISSING}
CURE = "The file is damaged or was not written by skae: fit the model again."


def invalid_state(problem: str) -> ValueError:
    """Return the error that a state raises."""
    return ValueError(f"The state of this model is invalid: {problem}. {CURE}")


def _is_sequence(value: Any) -> bool:
    return isinstance(value, (tuple, list))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.number, np.bool_))


def _is_array(value: Any) -> bool:
    return isinstance(value, np.ndarray)


def check_keys(name: str, state: Any, keys: Iterable[str]) -> None:
    """Raise ValueError unless a state is a dictionary that has these keys."""
    if not isinstance(state, Mapping):
        raise invalid_state(f"{name} is no dictionary but {type(state).__name__}")
    missing = [key for key in keys if key not in state]
    if missing:
        raise invalid_state(f"{name} has no {', '.join(map(repr, missing))}")


def check_array(name: str, array: Any, shape: tuple[int | None, ...] | None) -> None:
    """Raise ValueError unless an array of numbers has a shape; None is any length."""
    if not _is_array(array) or array.dtype.kind not in "fiub":
        raise invalid_state(f"{name} is no array of numbers")
    if shape is None:
        return
    pairs = zip(array.shape, shape, strict=False)
    if array.ndim != len(shape) or any(n is not None and m != n for m, n in pairs):
        expected = str(shape).replace("None", "any")
        raise invalid_state(f"{name} has shape {array.shape} instead of {expected}")


def check_number(name: str, value: Any, *, positive: bool = False) -> None:
    """Raise ValueError unless a value is a finite number."""
    if not _is_number(value) or not np.isfinite(value) or (positive and value <= 0):
        kind = "positive finite" if positive else "finite"
        raise invalid_state(f"{name} is {value!r:.50}, not a {kind} number")


def check_sizes(name: str, sizes: Any) -> None:
    """Raise ValueError unless sizes are a sequence of positive integers."""
    integers = _is_sequence(sizes) and all(
        isinstance(size, (int, np.integer)) and size >= 1 for size in sizes
    )
    if not integers:
        raise invalid_state(f"{name} is {sizes!r:.50}, not positive integers")


def check_anchor(name: str, state: Any, n_features: int | None = None) -> None:
    """Raise ValueError unless the arrays of an anchor fit each other.

    Parameters
    ----------
    name : str
        What the anchor is called in the message.
    state : dict
        Its fields.
    n_features : int or None, default=None
        Number of features; None for that of its components.
    """
    check_keys(name, state, REQUIRED)
    unknown = sorted({*map(str, state)} - {f.name for f in fields(Anchor)})
    if unknown:
        raise invalid_state(f"{name} has unknown {', '.join(map(repr, unknown))}")
    check_array(f"{name} components", state["components"], (None, n_features))
    k, d = state["components"].shape
    if not k or not d:
        raise invalid_state(f"{name} components have shape {(k, d)}")
    shapes = {
        **dict.fromkeys(("mean", "scale", "residual_scale"), (d,)),
        **dict.fromkeys(("score_std", "variances", "shrinkage"), (k,)),
        **dict.fromkeys(("input_range", "column_range"), (2, d)),
        "code_range": (2, k),
    }
    for key, shape in shapes.items():
        check_array(f"{name} {key}", state[key], shape)
    for key in ("residual_variance", "noise_variance", "is_exact"):
        check_number(f"{name} {key}", state.get(key, 0.0))


def check_weights(
    weights: Any,
    shapes: Mapping[str, tuple[int, ...] | None],
    *,
    name: str = "weights",
    n_models: int | None = None,
) -> None:
    """Raise ValueError unless weights are those of an architecture.

    Parameters
    ----------
    weights : dict of str to ndarray
        The weights.
    shapes : mapping of str to tuple of int or None
        Shape of each of them; None is any shape.
    name : str, default="weights"
        What they are called in the message.
    n_models : int or None, default=None
        Length of a leading model axis; with None there is none.
    """
    check_keys(name, weights, shapes)
    if len(weights) != len(shapes):
        unknown = sorted({*map(str, weights)} - {*shapes})
        raise invalid_state(f"{name} has unknown {', '.join(map(repr, unknown))}")
    lead = () if n_models is None else (n_models,)
    for key, shape in shapes.items():
        full = None if shape is None else (*lead, *shape)
        check_array(f"{name} {key}", weights[key], full)


def check_architecture(state: Any, n_features: int, n_weights: int) -> None:
    """Raise ValueError unless the fields of an architecture are possible.

    Whether the weights are its own is for :func:`check_weights`.
    """
    check_keys("architecture", state, ["kind"])
    if state["kind"] == "dense":
        check_keys("architecture", state, ["hidden_layer_sizes", "activation"])
        sizes = state["hidden_layer_sizes"]
        check_sizes("hidden_layer_sizes", sizes)
        _check_depth(len(sizes), n_weights)
        _check_activation(state["activation"])
    if state["kind"] in ("convolutional", "modules"):
        check_keys("architecture", state, ["factory", "seed"])
        if not isinstance(state["seed"], (int, np.integer)):
            raise invalid_state(f"the seed is {state['seed']!r:.50}, not an integer")
    if state["kind"] == "modules" and not callable(state["factory"]):
        raise invalid_state("the network's factory is not callable")
    if state["kind"] == "convolutional":
        factory = state["factory"]
        check_keys("factory", factory, ["shape", "channels", "activation"])
        for key in ("shape", "channels"):
            check_sizes(key, factory[key])
        _check_depth(len(factory["channels"]), n_weights)
        _check_activation(factory["activation"])
        shape = tuple(factory["shape"])
        pixels = shape[0] * shape[1] * shape[2] if len(shape) == 3 else 0
        if pixels != n_features:
            raise invalid_state(f"images of shape {shape} have not {n_features} values")


def _check_depth(n_layers: int, n_weights: int) -> None:
    if 4 * n_layers > n_weights:  # weights and biases in encoder and decoder
        raise invalid_state(f"{n_layers} layers have {n_weights} arrays of weights")


def _check_activation(name: Any) -> None:
    if not isinstance(name, str) or name not in ACTIVATIONS:
        raise invalid_state(
            f"there is no activation {name!r:.50}; there are {sorted(ACTIVATIONS)}"
        )


def check_model(state: Any) -> None:
    """Raise ValueError unless the arrays of a model's state fit each other.

    The weights are compared with the architecture when that is made.
    """
    check_keys("it", state, MODEL_KEYS)
    check_anchor("anchor", state["anchor"])
    k, d = state["anchor"]["components"].shape
    if state["fallback"] is not None:
        check_anchor("fallback", state["fallback"], d)
    latent = state["latent"]
    if not _is_sequence(latent) or len(latent) != 2:
        raise invalid_state("latent is no pair of a name and a dictionary")
    check_keys("latent", latent[1], [])
    for name in (state["loss"], latent[0]):
        if not isinstance(name, str):
            raise invalid_state(f"loss and latent have names, not {name!r:.50}")
    check_number("output_scale", state["output_scale"], positive=True)
    check_number("jacobian_weight", state["jacobian_weight"])
    check_number("anchored", state["anchored"])
    weights = state["weights"]
    if weights is not None:
        check_keys("weights", weights, [])
        check_architecture(state["architecture"], d, len(weights))
        if state["decoder_range"] is not None:
            check_array("decoder_range", state["decoder_range"], (2, k))
    whitening = state["whitening"]
    if whitening is not None:
        if not _is_sequence(whitening) or len(whitening) != 2:
            raise invalid_state("whitening is no pair of arrays")
        check_array("whitening mean", whitening[0], (k,))
        check_array("whitening matrix", whitening[1], (k, k))
