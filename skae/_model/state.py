"""Fitted models as nested dictionaries of arrays, numbers, strings and tuples.

That is what an estimator keeps of a fit, and what pickle, joblib and skops save. The
dictionary has a format number; what a newer format or an unknown name asks for is
refused with a clear error.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from typing import Any, TypeVar

from skae._nn.architecture import Architecture, DenseArchitecture
from skae._nn.latents import Latent, latent_from_name
from skae._nn.losses import loss_from_name
from skae._nn.modules.architecture import ModuleArchitecture
from skae._nn.modules.convolutional import Convolutions
from skae._nn.parameters import Shapes
from skae._pca.anchor import Anchor

from .fitted import FittedModel
from .objective import Objective, OutputScale
from .validation import check_keys, check_model, check_weights, invalid_state

FORMAT = 1
T = TypeVar("T")
State = dict[str, Any]


def to_plain(value: Any) -> Any:
    """Return a dataclass as a dictionary of its fields, None as None."""
    return (
        None
        if value is None
        else {f.name: getattr(value, f.name) for f in fields(value)}
    )


def from_plain(cls: Callable[..., T], state: Mapping[str, Any]) -> T:
    """Return the object of a class that a dictionary describes."""
    return cls(**state)


def check_format(state: Mapping[str, Any]) -> None:
    """Raise ValueError if a state was not written in a format that is known here."""
    found = state.get("format")
    if found != FORMAT:
        raise ValueError(
            f"This model has state format {found!r}; this version of skae reads format "
            f"{FORMAT}. Load it with the version that saved it, or fit it again."
        )


def _architecture_to_state(architecture: Architecture) -> State:
    if isinstance(architecture, DenseArchitecture):
        return {
            "kind": "dense",
            "hidden_layer_sizes": architecture.hidden_layer_sizes,
            "activation": architecture.activation,
        }
    assert isinstance(architecture, ModuleArchitecture)
    factory, seed = architecture.factory, architecture.seed
    if isinstance(factory, Convolutions):
        return {"kind": "convolutional", "factory": asdict(factory), "seed": seed}
    return {"kind": "modules", "factory": factory, "seed": seed}


def _architecture_from_state(
    state: State, anchor: Anchor, objective: Objective, weights: Mapping[str, Any]
) -> Architecture:
    k, d = anchor.components.shape
    shared: State = {
        "n_features": d,
        "n_components": k,
        "n_outputs": objective.latent.n_outputs(k),
        "learns_variance": "noise.bias" in weights,
    }
    if state["kind"] == "dense":
        return DenseArchitecture(
            hidden_layer_sizes=tuple(state["hidden_layer_sizes"]),
            activation=state["activation"],
            skip=objective.anchored,
            **shared,
        )
    if state["kind"] not in ("convolutional", "modules"):
        raise ValueError(
            f"This model has an architecture of kind {state['kind']!r}, which this "
            "version of skae does not know."
        )
    factory = state["factory"]
    if state["kind"] == "convolutional":
        factory = Convolutions(**factory)
    gains = "encoder.gain.bias" in weights
    return ModuleArchitecture(
        factory=factory, gains=gains, seed=state["seed"], **shared
    )


def _latent_from_state(name: str, values: State) -> Latent:
    latent = latent_from_name(name, {})
    check_keys("latent", values, to_plain(latent))
    for key, value in values.items():
        if not isinstance(value, (int, float, str, type(None))):
            raise invalid_state(f"latent {key!r} is {value!r:.50}")
    try:
        return latent_from_name(name, values)
    except TypeError as error:
        raise invalid_state(f"latent {name!r}: {error}") from error


def _declared_shapes(architecture: Architecture) -> Shapes | None:
    """Return the shapes of the weights, without memory for them.

    A user's own modules take what they take: theirs are compared when they are made.
    """
    if isinstance(architecture, DenseArchitecture):
        return architecture.shapes()
    assert isinstance(architecture, ModuleArchitecture)
    if not isinstance(architecture.factory, Convolutions):
        return None
    try:
        return architecture.shapes_without_memory()
    except RuntimeError as error:
        raise invalid_state(f"these convolutions are impossible: {error}") from error


def to_state(model: FittedModel) -> State:
    """Return a fitted model as nested dictionaries."""
    objective, architecture = model.objective, model.architecture
    return {
        "format": FORMAT,
        "anchor": to_plain(model.anchor),
        "fallback": to_plain(model.fallback),
        "loss": objective.loss.name,
        "latent": (objective.latent.name, to_plain(objective.latent)),
        "anchored": objective.anchored,
        "jacobian_weight": objective.jacobian_weight,
        "output_scale": model.output_scale.scale,
        "architecture": architecture and _architecture_to_state(architecture),
        "weights": model.weights,
        "decoder_range": model.decoder_range,
        "whitening": model.whitening,
    }


def from_state(state: Mapping[str, Any]) -> FittedModel:
    """Return the fitted model of a state.

    Raises
    ------
    ValueError
        If the format, a loss, a kind of latent codes or of architecture is unknown, a
        part is missing, or arrays do not fit each other.
    """
    check_format(state)
    check_model(state)
    anchor = from_plain(Anchor, state["anchor"])
    fallback = state["fallback"]
    loss = loss_from_name(state["loss"], len(anchor.mean))
    objective = Objective(
        loss,
        _latent_from_state(*state["latent"]),
        state["anchored"],
        state["jacobian_weight"],
    )
    weights, architecture = state["weights"], None
    if weights is not None:
        architecture = _architecture_from_state(
            state["architecture"], anchor, objective, weights
        )
        shapes = _declared_shapes(architecture)
        check_weights(weights, shapes or dict.fromkeys(weights))
    return FittedModel(
        anchor,
        OutputScale(loss, state["output_scale"]),
        objective,
        architecture,
        weights,
        decoder_range=state["decoder_range"],
        whitening=state["whitening"],
        fallback=fallback and from_plain(Anchor, fallback),
    )
