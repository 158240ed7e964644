"""What is measured on the training rows once a network is trained."""

from dataclasses import replace

import numpy as np
import torch

from skae._data.dataset import Dataset
from skae._model.fitted import FittedModel
from skae._model.inference import Codec
from skae._pca.anchor import NEGLIGIBLE


def with_decoder_range(
    model: FittedModel, rows: Dataset, device: torch.device
) -> FittedModel:
    """Return the model with the range of the codes of these rows, and of PCA's, noted.

    The range is widened by a tenth, since a sample of the training rows is enough.
    """
    if model.weights is None or not model.linear:
        return model
    codec = Codec(replace(model, box=None), np.dtype(np.float32), device)
    low, high = model.anchor.code_range.copy()
    for _, part in rows.parts():
        z = codec.encode(part) / model.anchor.deviations
        np.minimum(low, z.min(axis=0), out=low)
        np.maximum(high, z.max(axis=0), out=high)
    return replace(model, box=1.1 * np.stack([low, high]))


def with_whitening(
    model: FittedModel, rows: Dataset, device: torch.device
) -> FittedModel:
    """Return the model with uncorrelated codes of unit variance on these rows.

    The codes' covariance is factored as ``L L'`` with L lower-triangular, so the first
    m whitened codes span what the first m codes do. Variances divide by n - 1, as PCA's
    do.
    """
    codec, k = Codec(model, np.dtype(np.float64), device), model.n_components
    total, mean, scatter = 0.0, np.zeros(k), np.zeros((k, k))
    for at, chunk in rows.chunks():
        weight = rows.weights()[at]
        codes = codec.encode(chunk)
        mass = weight.sum()
        centre = np.einsum("i,ij->j", weight, codes) / mass
        shift = centre - mean
        root = torch.from_numpy((codes - centre) * np.sqrt(weight)[:, None])
        scatter += (root.mT @ root).numpy()
        scatter += np.outer(shift, shift) * (total * mass / (total + mass))
        total += mass
        mean += shift * (mass / total)
    # Whole weights count rows, of which PCA takes one off; others have no unit.
    counts = rows.weight is None or bool((rows.weight % 1 == 0).all())
    covariance = scatter / (max(total - 1, 1) if counts else total)
    variances = np.diagonal(covariance)
    # A constant code stays as it is; one that others determine keeps a tiny variance.
    dead = variances <= NEGLIGIBLE * variances.max(initial=0.0)
    covariance[dead] = covariance[:, dead] = 0.0
    covariance[dead, dead] = 1.0
    ridge = 1e-10 * np.diagonal(covariance)
    lower = np.linalg.cholesky(covariance + np.diag(ridge))
    return replace(model, whitening=(mean, lower))
