import functools

import pytest
from detectors import DETECTORS, ENSEMBLES
from sklearn.base import clone

from skae._nn.runtime import gradient_mode
from skae._training import batches


@pytest.fixture
def no_gradients():
    with gradient_mode(autograd=False):
        yield


@pytest.fixture(scope="module")
def small_blocks():
    """Read few samples at a time: blocks are filled, at a small table's cost.

    A fit reads 4,096 samples ahead, however few steps it has.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batches, "BLOCK_ROWS", 512)
        yield


@pytest.fixture(params=[*ENSEMBLES, "autoencoder"])
def detector(request):
    return clone(DETECTORS[request.param])


@pytest.fixture(params=ENSEMBLES)
def ensemble(request):
    """A detector that is an ensemble of its own, not of an estimator."""
    return clone(DETECTORS[request.param])


@pytest.fixture
def default():
    return clone(DETECTORS["default"])


@pytest.fixture(scope="module")
def fitted_to_X(X):
    """Return a detector of this name fitted to X, which is not to be changed."""
    return functools.cache(lambda name: clone(DETECTORS[name]).fit(X))


@pytest.fixture(params=DETECTORS)
def fitted(request, fitted_to_X):
    """A fitted detector that is not to be changed."""
    return fitted_to_X(request.param)
