"""Every public estimator in its modes, for tests of what holds for all of them."""

from dataclasses import dataclass

import numpy as np
from torch import nn

import skae
from skae import (
    VAE,
    AutoencoderOutlierDetector,
    AutoencoderTransformer,
    ContractiveAutoencoder,
    ConvolutionalAutoencoder,
    DenoisingAutoencoder,
    SparseAutoencoder,
)
from skae.noise import Swap

SHORT = {"max_iter": 20}
SMALL = {"hidden_layer_sizes": (8,), **SHORT}
TWO = {"n_components": 2, "random_state": 0}


@dataclass(frozen=True)
class OwnNetwork:
    """A network of one's own, with a repr that makes it again."""

    width: int = 8
    outputs: int = 1

    def __call__(self, n_features, n_components):
        outputs = self.outputs * n_components
        return (
            nn.Sequential(
                nn.Linear(n_features, self.width),
                nn.Tanh(),
                nn.Linear(self.width, outputs),
            ),
            nn.Sequential(
                nn.Linear(n_components, self.width),
                nn.Tanh(),
                nn.Linear(self.width, n_features),
            ),
        )


@dataclass(frozen=True)
class OwnNoise:
    """A noise of one's own."""

    by: float = 0.1

    def __call__(self, X, rng):
        return X + rng.choice([-self.by, self.by], size=X.shape)


AUTOENCODERS = {
    "anchored": AutoencoderTransformer(**TWO, **SMALL),
    "whitened": AutoencoderTransformer(**TWO, **SMALL, whiten=True),
    "not anchored": AutoencoderTransformer(**TWO, **SMALL, anchor=None),
    "probabilities": AutoencoderTransformer(
        **TWO, **SMALL, loss="binary_cross_entropy", activation="relu"
    ),
    "no hidden layers": AutoencoderTransformer(
        **TWO, hidden_layer_sizes=(), max_iter=20
    ),
    "PCA": AutoencoderTransformer(**TWO, max_iter=1, learning_rate_init=1e-12),
    "own network": AutoencoderTransformer(**TWO, **SHORT, network=OwnNetwork()),
    "pretrained": AutoencoderTransformer(**TWO, **SMALL, pretrain="layerwise"),
    "denoising": DenoisingAutoencoder(**TWO, **SMALL),
    "swapped": DenoisingAutoencoder(**TWO, **SMALL, noise=Swap(0.1), whiten=True),
    "own noise": DenoisingAutoencoder(**TWO, **SMALL, noise=OwnNoise()),
    "sparse": SparseAutoencoder(**TWO, **SMALL, sparsity=0.3),
    "sparse, l1": SparseAutoencoder(**TWO, **SMALL, penalty="l1"),
    "sparse, topk": SparseAutoencoder(**TWO, **SMALL, penalty="topk"),
    "contractive": ContractiveAutoencoder(**TWO, **SMALL),
    "contractive, own network": ContractiveAutoencoder(
        **TWO, **SHORT, network=OwnNetwork(), anchor=None
    ),
    "VAE": VAE(**TWO, **SMALL),
    "VAE, probabilistic PCA": VAE(**TWO, max_iter=1, learning_rate_init=1e-12),
    "VAE, not anchored": VAE(**TWO, **SMALL, anchor=None),
    "VAE, bernoulli": VAE(**TWO, **SMALL, likelihood="bernoulli"),
    "VAE, own network": VAE(**TWO, **SHORT, network=OwnNetwork(outputs=2)),
    "convolutional": ConvolutionalAutoencoder((2, 3), channels=(4,), **TWO, **SHORT),
}
DETECTORS = {
    "detector": AutoencoderOutlierDetector(**SHORT, random_state=0),
    "detector, networks only": AutoencoderOutlierDetector(
        **SHORT, random_state=0, memory=False
    ),
    "detector, contaminated": AutoencoderOutlierDetector(
        **SHORT, random_state=0, contamination=0.1
    ),
    "detector, of an estimator": AutoencoderOutlierDetector(
        AutoencoderTransformer(**TWO, **SMALL), n_splits=2, random_state=0
    ),
}
ESTIMATORS = AUTOENCODERS | DETECTORS
# Names of the public classes.
PUBLIC = {name for name in skae.__all__ if isinstance(getattr(skae, name), type)}
# One of each class, where its modes make no difference.
CLASSES = {
    "AutoencoderTransformer": AUTOENCODERS["anchored"],
    "DenoisingAutoencoder": AUTOENCODERS["denoising"],
    "SparseAutoencoder": AUTOENCODERS["sparse"],
    "ContractiveAutoencoder": AUTOENCODERS["contractive"],
    "ConvolutionalAutoencoder": AUTOENCODERS["convolutional"],
    "VAE": AUTOENCODERS["VAE"],
    "AutoencoderOutlierDetector": DETECTORS["detector"],
}

_ENCODING = ["transform", "reconstruct", "score_samples", "jacobian_norm"]
_DETECTING = ["score_samples", "decision_function", "predict", "p_values", "explain"]


def is_detector(model):
    return isinstance(model, AutoencoderOutlierDetector)


def methods_of(model):
    """The methods that take a table and return an array."""
    return _DETECTING if is_detector(model) else _ENCODING


def assert_same_params(model, other):
    params, others = (
        {name: value for name, value in one.get_params().items() if name != "estimator"}
        for one in (model, other)
    )
    assert others == params
    assert repr(other) == repr(model)


def assert_same_model(model, other, X):
    for method in methods_of(model):
        expected = getattr(model, method)(X)
        np.testing.assert_array_equal(getattr(other, method)(X), expected)
    assert_same_params(model, other)


class Interrupt:
    """A callback that stands for a user's Ctrl-C after some reports."""

    def __init__(self, after, error=KeyboardInterrupt):
        self.remaining, self.error = after, error

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context):
        self.remaining -= 1
        if self.remaining == 0:
            raise self.error
