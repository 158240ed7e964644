"""Objectives, configurations and splits that tests of the fitting share."""

from dataclasses import replace

import numpy as np
from training_cases import PLAIN

from skae._data.dataset import Dataset
from skae._fitting.config import FitParameters
from skae._fitting.split import TrainingSplit
from skae._nn.latents import GaussianLatent, SparseLatent
from skae._nn.losses import loss_from_name

ELEMENTWISE = [
    "absolute_error",
    "binary_cross_entropy",
    "huber",
    "squared_error",
]


def objective_of(loss="squared_error", n_features=6, **values):
    return replace(PLAIN, loss=loss_from_name(loss, n_features), **values)


def normal(n_features=6, **values):
    """Return the objective of a variational autoencoder."""
    return objective_of("normal", n_features, latent=GaussianLatent(), **values)


# Every kind of objective that has an anchor, of six features.
ANCHORED = {
    **{name: objective_of(name) for name in ELEMENTWISE},
    "sparse": objective_of(latent=SparseLatent()),
    "contractive": objective_of(jacobian_weight=0.1),
    "normal": normal(),
}


def config_of(objective=PLAIN, n_samples=700, n_features=6, **parameters):
    parameters = {
        "n_components": 2,
        "hidden_layer_sizes": (32,),
        "n_steps": 400,
        **parameters,
    }
    return FitParameters(objective=objective, **parameters).resolve(
        n_samples, n_features
    )


def split_of(table, config, n_train=None):
    """Return the first samples for training, and the others held out.

    The weights of the latter, 1, 2, ..., tell which is which.
    """
    n, n_train = len(table), n_train or len(table) * 5 // 7
    weight = np.arange(1.0, n - n_train + 1)
    return TrainingSplit(
        Dataset(table, np.arange(n_train)),
        Dataset(table, np.arange(n_train, n), weight),
        config,
    )
