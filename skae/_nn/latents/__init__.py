"""Latent layers: what a latent code is, between encoder and decoder.

Only torch and the standard library may enter, nothing else of :mod:`skae._nn`. What a
file of this package defines is found by its name in the registry ``LATENTS``.
"""

import importlib
import pkgutil
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

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
LATENTS: dict[str, type[Latent]] = {cls.name: cls for cls in Latent.__subclasses__()}


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
