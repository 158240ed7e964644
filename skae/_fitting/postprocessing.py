"""What is measured on the training samples once a network is trained."""

# torch.linalg and torch.from_numpy carry no types.
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false

from dataclasses import replace

import numpy as np
import torch

from skae._data.dataset import Dataset
from skae._data.statistics import RunningMean
from skae._model.blocks import SIZES
from skae._model.fitted import FittedModel
from skae._model.inference import Codec
from skae._pca.anchor import NEGLIGIBLE


def _chunk_size(data: Dataset) -> int:
    """Return how many samples are read at least: of wide tables blocks of a codec.

    Else they were so few that each pass over the weights would serve hardly any.
    """
    return SIZES[-1] if len(data) < data.n_features else 1


def with_decoder_range(
    model: FittedModel, data: Dataset, device: torch.device
) -> FittedModel:
    """Return the model with the range of its codes, and of PCA's, on these samples.

    The range is widened by a tenth, since a sample of the training data is enough.
    """
    if model.weights is None or not model.objective.anchored:
        return model
    codec = Codec(replace(model, decoder_range=None), np.dtype(np.float32), device)
    low, high = model.anchor.code_range.copy()
    for block in data.blocks(at_least=_chunk_size(data)):
        z = codec.encode(block.network_inputs) / model.anchor.score_std
        np.minimum(low, z.min(axis=0), out=low)
        np.maximum(high, z.max(axis=0), out=high)
    return replace(model, decoder_range=1.1 * np.stack([low, high]))


def with_whitening(
    model: FittedModel, data: Dataset, device: torch.device
) -> FittedModel:
    """Return the model with uncorrelated codes of unit variance on these samples.

    The codes' covariance is factored as ``L L'`` with L lower-triangular, so the first
    m whitened codes span what the first m codes do. Variances divide by n - 1, as PCA's
    do.
    """
    codec, k = Codec(model, np.dtype(np.float64), device), model.n_components
    running, scatter = RunningMean(k), np.zeros((k, k))
    for block in data.blocks(np.float64, _chunk_size(data)):
        weight = block.sample_weight
        codes = codec.encode(block.network_inputs)
        centre, shift, factor = running.update(codes, weight)
        root = torch.from_numpy((codes - centre) * np.sqrt(weight)[:, None])
        scatter += (root.mT @ root).numpy()
        scatter += np.outer(shift, shift) * factor
    # Weights that are counts add up to n, of which PCA takes one off.
    mass = running.mass
    covariance = scatter / (max(mass - 1, 1) if data.weights_are_counts else mass)
    variances = np.diagonal(covariance)
    # A constant code stays as it is; one that others determine keeps a tiny variance.
    dead = variances <= NEGLIGIBLE * variances.max(initial=0.0)
    covariance[dead] = covariance[:, dead] = 0.0
    covariance[dead, dead] = 1.0
    ridge = 1e-10 * np.diagonal(covariance)
    lower = np.linalg.cholesky(covariance + np.diag(ridge))
    return replace(model, whitening=(running.mean, lower))
