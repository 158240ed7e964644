"""What tests of training and fitting share: parameters, anchors, networks."""

import numpy as np
import torch

from skae._data.dataset import Dataset
from skae._data.statistics import column_statistics
from skae._model.network import AnchoredNetwork
from skae._model.objective import Objective, OutputScale
from skae._nn.architecture import DenseArchitecture
from skae._nn.latents import PlainLatent
from skae._nn.losses import SquaredError
from skae._nn.parameters import ParameterBuffer
from skae._nn.runtime import Placement
from skae._pca.anchor import fit_anchor
from skae._pca.decomposition import eigendecompose
from skae._pca.probabilistic import with_noise_variance

CPU = torch.device("cpu")
SHAPES = {"a.weight": (4, 3), "a.bias": (1, 3)}
PLAIN = Objective(SquaredError(), PlainLatent())


def parameter_buffer(n_models=None, fill=0.0, device=CPU):
    params = ParameterBuffer(
        SHAPES, n_models=n_models, dtype=torch.float32, device=torch.device(device)
    )
    params.flat.fill_(fill)
    return params


def anchor_of(data, k=2, objective=PLAIN):
    anchored = objective.anchored
    statistics = column_statistics(data.blocks(np.float64))
    eigen = eigendecompose(data, statistics.mean, k, seed=0)
    anchor = fit_anchor(data, statistics, eigen, k, anchored=anchored)
    if objective.probabilistic:
        return with_noise_variance(anchor, data, eigen, anchored=anchored)
    return anchor


def network_of(
    *parts,
    objective=PLAIN,
    k=2,
    hidden_layer_sizes=(5,),
    dtype=torch.float64,
    **options,
):
    """Return untrained networks, one for each part, whose correction is zero."""
    anchors = [anchor_of(part, k, objective) for part in parts]
    network = AnchoredNetwork(
        anchors,
        DenseArchitecture(
            parts[0].n_features,
            k,
            hidden_layer_sizes,
            skip=objective.anchored,
            n_outputs=objective.latent.n_outputs(k),
            learns_variance=objective.loss.learns_variance,
        ),
        objective,
        OutputScale.from_anchors(objective.loss, anchors),
        Placement(CPU, dtype),
        **options,
    )
    network.initialize()
    return network


def randomized(network, size=0.3):
    """Return the network with random parameters, so that it is not its anchor."""
    generator = torch.Generator().manual_seed(0)
    network.params.flat.uniform_(-size, size, generator=generator)
    return network


def halves(table):
    """Return two datasets, the first and the second half of a table."""
    data, n = Dataset(table), len(table)
    return data.subset(np.arange(n // 2)), data.subset(np.arange(n // 2, n))


def in_order(values, weight):
    """Return values of samples of weights 1, 2, ... in the order of their weights."""
    used = weight > 0
    order = np.argsort(weight[used])
    np.testing.assert_array_equal(weight[used][order], np.arange(1, used.sum() + 1))
    return values[used][order]
