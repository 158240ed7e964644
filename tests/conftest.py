import os

# Both before NumPy, SciPy and PyTorch are loaded: without the first one estimator check
# is skipped; without the second threads wait for each other, on tables this small.
os.environ["SCIPY_ARRAY_API"] = "1"
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import hypothesis
import numpy as np
import pytest
import torch

from skae import AutoencoderTransformer

hypothesis.settings.register_profile(
    "skae", deadline=None, max_examples=25, derandomize=True
)
hypothesis.settings.load_profile("skae")


def _devices():
    """Every kind of device that this machine has."""
    found = ["cpu"]
    if torch.cuda.is_available():
        found.append("cuda")
    if torch.backends.mps.is_available():
        found.append("mps")
    return found


@pytest.fixture(params=_devices())
def device(request):
    return request.param


def _curved(n_rows, seed=0, noise=0.05):
    rng = np.random.default_rng(seed)
    a, b = rng.uniform(-1, 1, (2, n_rows))
    table = np.column_stack([a, b, a**2, b**2, a * b, np.sin(3 * a)])
    return table + noise * rng.normal(size=table.shape)


def _linear(n_rows, seed=0, noise=0.3):
    rng = np.random.default_rng(seed)
    plane = np.random.default_rng(42).normal(size=(2, 6))
    table = rng.normal(size=(n_rows, 2)) @ plane
    return table + noise * rng.normal(size=table.shape)


@pytest.fixture(scope="session")
def curved():
    """Six columns on a curved sheet; two codes suffice, but not linear ones."""
    return _curved


@pytest.fixture(scope="session")
def linear():
    """Six columns on a plane with Gaussian noise, which PCA models best."""
    return _linear


@pytest.fixture(scope="session")
def X(curved):
    """Few enough rows to be folded, and protected from being changed."""
    table = curved(120)
    table.setflags(write=False)
    return table


@pytest.fixture(scope="session")
def X_large(curved):
    """Enough rows to hold some out."""
    table = curved(700)
    table.setflags(write=False)
    return table


@pytest.fixture(params=[200, 700], ids=["folded", "held out"])
def n_rows(request):
    """Few enough rows to be folded, and enough to hold some out."""
    return request.param


@pytest.fixture(params=[200, 700], ids=["folded", "held out"])
def n_samples(request):
    """Few enough samples for folds, and enough to hold some out."""
    return request.param


@pytest.fixture(scope="session")
def quick():
    """Parameters of fits whose quality does not matter."""
    return {"hidden_layer_sizes": (8,), "max_iter": 20, "random_state": 0}


@pytest.fixture
def global_states():
    """Copies NumPy's and PyTorch's global random states."""

    def copy():
        numpy_state = np.random.get_state()  # noqa: NPY002 - it is what must not move
        return numpy_state, torch.get_rng_state().numpy().copy(), torch.initial_seed()

    return copy


@pytest.fixture
def model(quick):
    """Two codes from a network that hardly learns."""
    return AutoencoderTransformer(2, **quick)


@pytest.fixture
def learner():
    """Two codes from a network that is small, but able to bend."""
    return AutoencoderTransformer(
        2, hidden_layer_sizes=(32,), max_iter=400, random_state=0
    )


@pytest.fixture
def no_windows():
    """Draw nowhere, and leave no figure open."""
    import matplotlib.pyplot as plt

    plt.switch_backend("agg")
    yield
    plt.close("all")
