import functools

import pytest
from estimator_cases import ESTIMATORS
from sklearn.base import clone
from sklearn.preprocessing import MinMaxScaler


@pytest.fixture(scope="session")
def X(curved):
    """Few samples, with features in [0, 1] because some likelihoods need it."""
    table = MinMaxScaler().fit_transform(curved(120))
    table.setflags(write=False)
    return table


@pytest.fixture(scope="session")
def fitted_model(X):
    """Fits an estimator of ESTIMATORS once; for tests that only read it."""
    return functools.cache(lambda name: clone(ESTIMATORS[name]).fit(X))
