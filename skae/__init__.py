"""Autoencoders that behave like scikit-learn estimators."""

from ._autoencoders.autoencoder import AutoencoderTransformer
from ._autoencoders.contractive import ContractiveAutoencoder
from ._autoencoders.convolutional import ConvolutionalAutoencoder
from ._autoencoders.denoising import DenoisingAutoencoder
from ._autoencoders.sparse import SparseAutoencoder
from ._autoencoders.variational import VAE
from ._outliers.detector import AutoencoderOutlierDetector

__all__ = [
    "VAE",
    "AutoencoderOutlierDetector",
    "AutoencoderTransformer",
    "ContractiveAutoencoder",
    "ConvolutionalAutoencoder",
    "DenoisingAutoencoder",
    "SparseAutoencoder",
]
__version__ = "0.1.0"
