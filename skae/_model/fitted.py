"""A fitted autoencoder as plain arrays, and PCA as one."""

from dataclasses import dataclass, replace

import numpy as np

from skae._data.dataset import Dataset
from skae._data.statistics import column_statistics
from skae._nn.architecture import Architecture, DenseArchitecture
from skae._nn.runtime import Placement
from skae._pca.anchor import Anchor, fit_anchor
from skae._pca.decomposition import eigendecompose
from skae._pca.probabilistic import to_probabilistic

from .network import AnchoredNetwork
from .objective import Objective, OutputScale


@dataclass(frozen=True)
class FittedModel:
    """Everything that a fit leaves behind.

    Attributes
    ----------
    anchor : Anchor
        PCA and the scales.
    output_scale : OutputScale
        Scale of the network's predictions.
    objective : Objective
        What was minimised.
    architecture : Architecture or None
        Encoder and decoder; None where the model is its anchor.
    weights : dict of str to ndarray or None
        Their parameters.
    decoder_range : ndarray of shape (2, n_components) or None
        Range of the training samples' codes z, outside of which the decoder's
        correction is attenuated.
    whitening : (ndarray, ndarray) or None
        Mean m and lower-triangular L of the codes' covariance ``L L'``; codes are
        returned as ``L^-1 (code - m)``.
    fallback : Anchor or None
        Probabilistic PCA of all samples, which a density is mixed with: samples that
        are unlike anything in training have its density.
    """

    anchor: Anchor
    output_scale: OutputScale
    objective: Objective
    architecture: Architecture | None = None
    weights: dict[str, np.ndarray] | None = None
    decoder_range: np.ndarray | None = None
    whitening: tuple[np.ndarray, np.ndarray] | None = None
    fallback: Anchor | None = None

    @property
    def n_components(self) -> int:
        """Number of latent codes."""
        return self.anchor.n_components

    def truncate(self, k: int) -> "FittedModel":
        """Return the model with the first k codes only, the others held at zero."""
        if k == self.n_components:
            return self
        anchor, old = self.anchor.truncate(k), self.architecture
        if self.weights is None or not isinstance(old, DenseArchitecture):
            return replace(self, anchor=anchor)
        architecture = replace(old, n_components=k, n_outputs=k)
        shapes = architecture.shapes()
        weights = {
            name: np.ascontiguousarray(array[: shapes[name][0], : shapes[name][1]])
            for name, array in self.weights.items()
        }
        limits = self.decoder_range
        return replace(
            self,
            anchor=anchor,
            architecture=architecture,
            weights=weights,
            decoder_range=None if limits is None else limits[:, :k],
        )

    def network(self, placement: Placement) -> AnchoredNetwork | None:
        """Return the network with its parameters; None where the model is PCA."""
        if self.architecture is None or self.weights is None:
            return None
        network = AnchoredNetwork(
            [self.anchor], self.architecture, self.objective, self.output_scale,
            placement,
        )  # fmt: skip
        network.params.load(self.weights)
        return network


def pca_model(
    data: Dataset, k: int | None, objective: Objective, seed: int, *, share: float
) -> FittedModel:
    """Return PCA of all samples as a model.

    Parameters
    ----------
    data : Dataset
        The samples.
    k : int or None
        Number of components; None takes as many as explain ``share`` of the variance.
    objective : Objective
        The objective that PCA stands in for.
    seed : int
        Seed of a randomized decomposition.
    share : float
        Share of the variance, in (0, 1).
    """
    statistics = column_statistics(data.blocks(np.float64))
    eigen = eigendecompose(data, statistics.mean, k, seed=seed)
    k = k or eigen.n_components_for(share)
    anchor = fit_anchor(data, statistics, eigen, k)
    if objective.probabilistic:
        anchor = to_probabilistic(anchor, data)
    scale = OutputScale.from_anchors(objective.loss, [anchor])
    return FittedModel(anchor, scale, objective)
