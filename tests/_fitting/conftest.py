from functools import cache

import numpy as np
import pytest

from skae import AutoencoderTransformer

DEFAULTS = {
    "n_components": 2,
    "hidden_layer_sizes": (32,),
    "loss": "squared_error",
    "anchor": "pca",
    "max_iter": 200,
    "random_state": 0,
}


@pytest.fixture(scope="session")
def fitted(curved, linear):
    """Fit a network that is small, but able to bend, once for all tests that read it.

    ``fitted(table, n_samples, **parameters)`` is fitted to samples of seed 0.
    """
    tables = {
        "curved": curved,
        "linear": linear,
        "noisy": lambda n: curved(n, noise=0.1),
    }

    @cache
    def fit(table, n_samples, parameters):
        return AutoencoderTransformer(**dict(parameters)).fit(tables[table](n_samples))

    def fit_once(table, n_samples, **parameters):
        return fit(table, n_samples, tuple(sorted({**DEFAULTS, **parameters}.items())))

    return fit_once


@pytest.fixture(scope="session")
def low_rank():
    """Samples that two components explain entirely."""

    def table(n_samples, n_features=6):
        rng = np.random.default_rng(0)
        return rng.normal(size=(n_samples, 2)) @ rng.normal(size=(2, n_features))

    return table
