"""What a model file may contain: types that are trusted, states that are valid."""

from collections.abc import Iterator
from typing import Any

from sklearn.base import BaseEstimator

from skae import noise
from skae._autoencoders.base import BaseAutoencoder
from skae._outliers.detector import AutoencoderOutlierDetector

METRICS = ("_ReconstructionScorer", "reconstruction_error", "reconstruction_r2")
# What searches and scalers keep beside the estimators, and skops does not trust itself:
# values and options, no code of others.
OTHERS = (
    "numpy.dtype",
    "sklearn.metrics._scorer._MultimetricScorer",
    "sklearn.metrics._scorer._PassthroughScorer",
    "sklearn.metrics._scorer._Scorer",
    "sklearn.model_selection._split.KFold",
    "sklearn.model_selection._split.RepeatedKFold",
    "sklearn.model_selection._split.ShuffleSplit",
    "sklearn.model_selection._split.StratifiedKFold",
    "sklearn.model_selection._split.StratifiedShuffleSplit",
    "sklearn.model_selection._split.TimeSeriesSplit",
)


def _estimator_names() -> list[str]:
    """Return the names of skae's own estimators."""
    classes, names = [BaseAutoencoder], ["skae." + AutoencoderOutlierDetector.__name__]
    while classes:
        cls = classes.pop()
        classes += cls.__subclasses__()
        if cls.__module__ == "skae":
            names.append(f"skae.{cls.__name__}")
    return names


def trusted_types() -> list[str]:
    """Return the types that every file may have beside those that skops trusts."""
    noises = [f"skae.noise.{name}" for name in noise.__all__]
    metrics = [f"skae.metrics.{name}" for name in METRICS]
    return sorted({*_estimator_names(), *noises, *metrics, *OTHERS})


def estimators_in(value: Any) -> Iterator[BaseEstimator]:
    """Yield an estimator, and those in its attributes at any depth."""
    stack, seen = [value], {0}
    while stack:
        item = stack.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, dict):
            stack += item.values()
        elif isinstance(item, (list, tuple)):
            stack += item
        elif isinstance(item, BaseEstimator):
            yield item
            stack += [v for name, v in vars(item).items() if name != "_state"]


def check_estimators(loaded: Any) -> None:
    """Raise ValueError unless all fitted estimators of skae have valid states."""
    for estimator in estimators_in(loaded):
        attributes = vars(estimator)
        fitted = any(name.endswith("_") for name in attributes) or (
            "_state" in attributes
        )
        if fitted and isinstance(estimator, BaseAutoencoder):
            _check_autoencoder(attributes)
        elif fitted and isinstance(estimator, AutoencoderOutlierDetector):
            _check_detector(attributes)


def _check_autoencoder(attributes: dict[str, Any]) -> None:
    from skae._model.state import from_state
    from skae._model.validation import check_array, check_keys, invalid_state

    names = ["_state", "n_features_in_", "n_components_", "mean_", "components_"]
    check_keys("the estimator", attributes, names)
    check_keys("_state", attributes["_state"], [])
    k, d = from_state(attributes["_state"]).anchor.components.shape
    if attributes["n_features_in_"] != d or attributes["n_components_"] != k:
        raise invalid_state(f"n_features_in_ and n_components_ are not {d} and {k}")
    check_array("mean_", attributes["mean_"], (d,))
    check_array("components_", attributes["components_"], (k, d))
    if attributes.get("noise_variance_") is not None:  # of a VAE
        check_keys("the estimator", attributes, ["_calibration"])
        check_array("noise_variance_", attributes["noise_variance_"], (d,))
        check_array("_calibration", attributes["_calibration"], (4, d))


def _check_detector(attributes: dict[str, Any]) -> None:
    from skae._model.validation import check_keys, check_number, invalid_state
    from skae._outliers.fitted import FittedDetector, check_weighted

    check_keys("the estimator", attributes, ["_state", "n_features_in_", "offset_"])
    check_number("offset_", attributes["offset_"])
    state = attributes["_state"]
    check_keys("_state", state, [])
    if "estimator_" in attributes:
        check_keys("_state", state, ["calibration", "weight"])
        check_weighted("calibration", state["calibration"], state["weight"])
    elif (
        len(FittedDetector.from_state(state).plain.mean)
        != (attributes["n_features_in_"])
    ):
        raise invalid_state("n_features_in_ is not the number of features")
