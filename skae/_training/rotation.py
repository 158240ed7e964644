"""The weights of a network of coordinates in a subspace as one of the features.

Both reconstruct the samples of the subspace alike. What a new sample is apart from the
subspace, the encoder does not see and the decoder does not reconstruct.
"""

from collections.abc import Sequence

import numpy as np

from skae._pca.anchor import Anchor
from skae._pca.subspace import Subspace

Weights = dict[str, np.ndarray]


def weights_of_features(
    weights: Weights,
    space: Subspace,
    inner: Anchor,
    outer: Anchor,
) -> Weights:
    """Return the weights with which a network reads and reconstructs features.

    Parameters
    ----------
    weights : dict of str to ndarray
        Those of a network of the coordinates.
    space : Subspace
        The subspace.
    inner, outer : Anchor
        Scales of the coordinates, and of the features.
    """
    basis, result = space.basis, dict(weights)
    shift = space.coordinates(outer.mean) - inner.mean
    mean = space.origin + basis @ inner.mean - outer.mean
    read = weights["encoder.0.weight"] / inner.scale[:, None]
    result["encoder.0.weight"] = outer.scale[:, None] * (basis @ read)
    result["encoder.0.bias"] = weights["encoder.0.bias"] + shift @ read
    n_layers = sum(name.startswith("decoder.") for name in weights) // 2
    last = f"decoder.{n_layers - 1}"
    for name, start in ((f"{last}.weight", 0.0), (f"{last}.bias", mean)):
        written = (weights[name] * inner.residual_scale) @ basis.T
        result[name] = (written + start) / outer.residual_scale
    return {name: array.astype(np.float32) for name, array in result.items()}


def stack_of_features(
    weights: Weights,
    spaces: Sequence[Subspace],
    inner: Sequence[Anchor],
    outer: Sequence[Anchor],
) -> Weights:
    """Return the same of a stack of networks, each with a subspace of its own."""
    each = [
        weights_of_features({name: array[m] for name, array in weights.items()}, *parts)
        for m, parts in enumerate(zip(spaces, inner, outer, strict=True))
    ]
    return {name: np.stack([own[name] for own in each]) for name in weights}
