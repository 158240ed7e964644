"""Autoencoders that behave like scikit-learn estimators."""

from ._autoencoder import AutoencoderTransformer
from ._contractive import ContractiveAutoencoder
from ._convolutional import ConvolutionalAutoencoder
from ._denoising import DenoisingAutoencoder
from ._outliers import AutoencoderOutlierDetector
from ._sparse import SparseAutoencoder
from ._variational import VAE

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
