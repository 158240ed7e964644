"""Latent layers: what a latent code is, between encoder and decoder.

Only torch and the standard library may enter, nothing else of :mod:`skae._nn`.
``LATENTS`` is the registry.
"""

from collections.abc import Mapping
from typing import Any

from .base import Latent, LatentContext, LatentLayer, PlainLatent
from .gaussian import GaussianLatent
from .sparse import SparseLatent

__all__ = [
    "LATENTS",
    "GaussianLatent",
    "Latent",
    "LatentContext",
    "LatentLayer",
    "PlainLatent",
    "SparseLatent",
    "latent_from_name",
]

LATENTS: dict[str, type[Latent]] = {
    latent.name: latent for latent in (PlainLatent, SparseLatent, GaussianLatent)
}


def latent_from_name(name: str, values: Mapping[str, Any]) -> Latent:
    """Return the latent of a name, with the values of its fields.

    Raises
    ------
    ValueError
        If there is no such latent.
    """
    if name not in LATENTS:
        raise ValueError(f"There is no latent {name!r}; there are {sorted(LATENTS)}.")
    return LATENTS[name](**values)
