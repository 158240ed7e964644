"""Networks over their anchors, and fitted models, with random weights."""

import numpy as np
import torch
from pca_cases import anchor_of, as_dataset, eigen_of

from skae._model.fitted import FittedModel, pca_model
from skae._model.inference import Codec
from skae._model.network import AnchoredNetwork
from skae._model.objective import Objective, OutputScale
from skae._nn.architecture import DenseArchitecture
from skae._nn.latents import GaussianLatent, PlainLatent, SparseLatent
from skae._nn.losses import loss_from_name
from skae._nn.runtime import Placement
from skae._pca.probabilistic import with_noise_variance

CPU = torch.device("cpu")
DOUBLE = Placement(CPU, torch.float64)
SINGLE = Placement(CPU, torch.float32)
N_FEATURES, K = 6, 3


def objective_of(loss="squared_error", latent=None, anchored=True, jacobian_weight=0.0):
    latent = PlainLatent() if latent is None else latent
    return Objective(
        loss_from_name(loss, N_FEATURES), latent, anchored, jacobian_weight
    )


OBJECTIVES = {
    "anchored": objective_of(),
    "not anchored": objective_of(anchored=False),
    "nested": objective_of(latent=PlainLatent.ordered()),
    "huber": objective_of("huber"),
    "probabilities": objective_of("binary_cross_entropy"),
    "sparse": objective_of(latent=SparseLatent(0.3, "kl")),
    "sparse, not anchored": objective_of(
        latent=SparseLatent(0.3, "l1"), anchored=False
    ),
    "topk": objective_of(latent=SparseLatent(0.6, "topk")),
    "contractive": objective_of(jacobian_weight=0.1),
    "contractive, not anchored": objective_of(anchored=False, jacobian_weight=0.1),
    "contractive, sparse": objective_of(
        latent=SparseLatent(0.3, "kl"), jacobian_weight=0.1
    ),
    "variational": objective_of("normal", GaussianLatent()),
    "variational, not anchored": objective_of("normal", GaussianLatent(), False),
    "bernoulli": objective_of("bernoulli", GaussianLatent(), False),
}


def table_of(n_samples=300, seed=0):
    """Return a curved table of features in [0, 1]."""
    rng = np.random.default_rng(seed)
    a, b = rng.uniform(-1, 1, (2, n_samples))
    table = np.column_stack([a, b, a**2, b**2, a * b, np.sin(3 * a)])
    table = (table + 1.2) / 2.4 + 0.02 * rng.normal(size=table.shape)
    return table.clip(0, 1)


def model_anchor(table, objective, k=K):
    """Return the anchor on which a network with this objective is built."""
    data = as_dataset(table)
    anchor = anchor_of(data, k, anchored=objective.anchored)
    if objective.probabilistic:
        eigen = eigen_of(data)
        return with_noise_variance(anchor, data, eigen, anchored=objective.anchored)
    return anchor


def network_of(
    objective,
    *tables,
    k=K,
    size=0.4,
    placement=DOUBLE,
    architecture=None,
    hidden_layer_sizes=(7, 5),
    output_scale=None,
    **options,
):
    """Return a network over these tables' anchors with random weights."""
    anchors = [model_anchor(table, objective, k) for table in tables]
    scale = output_scale or OutputScale.from_anchors(objective.loss, anchors)
    if architecture is None:
        architecture = DenseArchitecture(
            N_FEATURES,
            k,
            hidden_layer_sizes,
            skip=objective.anchored,
            n_outputs=objective.latent.n_outputs(k),
            learns_variance=objective.loss.learns_variance,
        )
    network = AnchoredNetwork(
        anchors, architecture, objective, scale, placement, **options
    )
    generator = torch.Generator().manual_seed(0)
    draw = torch.rand(
        network.params.flat.shape, generator=generator, dtype=torch.float64
    )
    network.params.flat.copy_((2 * draw - 1) * size)
    return network


def without_correction(network):
    """Set to zero what is zero before training."""
    for view in network.architecture.zero_initialized(network.params):
        view.zero_()
    return network


def model_of(objective, table, *, whiten=False, decoder_range=True, **options):
    """Return a fitted model with random weights."""
    network = network_of(objective, table, **options)
    anchor = network.anchors[0]
    model = FittedModel(
        anchor,
        network.output_scale,
        objective,
        network.architecture,
        network.weights(),
        fallback=anchor if objective.has_fallback else None,
    )
    codes = codec_of(model).encode(table)
    updates = {}
    if decoder_range and objective.anchored:
        z = codes if objective.probabilistic else codes / anchor.score_std
        updates["decoder_range"] = np.stack([z.min(0), z.max(0)])
    if whiten:
        lower = np.linalg.cholesky(np.cov(codes.T))
        updates["whitening"] = codes.mean(0), lower
    return FittedModel(**{**vars(model), **updates})


def pca_of(objective, table, k=K):
    return pca_model(as_dataset(table), k, objective, 0, share=0.9)


MODELS = {
    **{name: lambda X, o=o: model_of(o, X) for name, o in OBJECTIVES.items()},
    "whitened": lambda X: model_of(OBJECTIVES["anchored"], X, whiten=True),
    "no hidden layer": lambda X: model_of(
        OBJECTIVES["anchored"], X, hidden_layer_sizes=()
    ),
    "PCA": lambda X: pca_of(OBJECTIVES["anchored"], X),
    "PCA of probabilities": lambda X: pca_of(OBJECTIVES["probabilities"], X),
    "probabilistic PCA": lambda X: pca_of(OBJECTIVES["variational"], X),
}


def codec_of(model, dtype=np.float64, device=CPU, kind=Codec):
    """Return the codec of a model."""
    return kind(model, np.dtype(dtype), device)
