"""Reconstruction metrics for anything with ``transform`` and ``inverse_transform``.

The metrics ask the same question of every dimensionality reduction, whether it is an
autoencoder, `PCA`, `KernelPCA`, `NMF` or a `Pipeline` of them: how much of ``X`` comes
back from ``inverse_transform(transform(X))``? One `GridSearchCV` or `cross_val_score`
then compares them all.
"""

from ._reconstruction import reconstruction_error, reconstruction_r2
from ._scorers import (
    _ReconstructionScorer as _ReconstructionScorer,  # the name that pickles refer to
)
from ._scorers import neg_reconstruction_error_scorer, reconstruction_r2_scorer

__all__ = [
    "neg_reconstruction_error_scorer",
    "reconstruction_error",
    "reconstruction_r2",
    "reconstruction_r2_scorer",
]
