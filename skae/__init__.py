"""Autoencoders that behave like scikit-learn estimators."""

import importlib
from types import ModuleType
from typing import TYPE_CHECKING

from ._autoencoders.autoencoder import AutoencoderTransformer
from ._autoencoders.contractive import ContractiveAutoencoder
from ._autoencoders.convolutional import ConvolutionalAutoencoder
from ._autoencoders.denoising import DenoisingAutoencoder
from ._autoencoders.sparse import SparseAutoencoder
from ._autoencoders.variational import VAE
from ._outliers.detector import AutoencoderOutlierDetector
from ._persistence.files import load, save
from ._sklearn.pipelines import call_method

if TYPE_CHECKING:
    from . import metrics as metrics
    from . import noise as noise
    from . import plotting as plotting

__all__ = [
    "VAE",
    "AutoencoderOutlierDetector",
    "AutoencoderTransformer",
    "ContractiveAutoencoder",
    "ConvolutionalAutoencoder",
    "DenoisingAutoencoder",
    "SparseAutoencoder",
    "call_method",
    "load",
    "save",
]
__version__ = "0.1.0"

_SUBMODULES = ["metrics", "noise", "plotting"]


def __dir__() -> list[str]:
    return [*__all__, *_SUBMODULES, "__version__"]


def __getattr__(name: str) -> ModuleType:
    if name in _SUBMODULES:  # loaded when they are first used
        return importlib.import_module(f"skae.{name}")
    raise AttributeError(f"module 'skae' has no attribute {name!r}")
