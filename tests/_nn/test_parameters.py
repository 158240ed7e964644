import numpy as np
import pytest
import torch

from skae._nn.parameters import ParameterBuffer

SHAPES = {"a.weight": (2, 3), "a.bias": (1, 3), "b.weight": (3, 1), "b.bias": (1, 1)}


def parameters(n_models=None):
    return ParameterBuffer(
        SHAPES, n_models=n_models, dtype=torch.float32, device=torch.device("cpu")
    )


@pytest.mark.parametrize("n_models", [None, 1, 3])
def test_views_tile_the_buffer(n_models):
    params = parameters(n_models)
    assert params.flat.numel() == 13 * (n_models or 1)
    for view in params.views.values():
        view += 1
    torch.testing.assert_close(params.flat, torch.ones_like(params.flat))
    lead = () if n_models is None else (n_models,)
    for name, shape in SHAPES.items():
        assert params.views[name].shape == (*lead, *shape)


@pytest.mark.parametrize("n_models", [None, 3])
def test_groups_hold_their_views_and_no_others(n_models):
    params = parameters(n_models)
    params.groups["weight"].fill_(1)
    for name, view in params.views.items():
        assert bool((view == 1).all()) == name.endswith(".weight")
    assert params.groups["bias"].shape == (n_models or 1, 4)


def test_groups_have_a_row_for_each_model():
    params = parameters(3)
    params.groups["weight"][1] = 1
    params.groups["bias"][1] = 1
    for view in params.views.values():
        assert view[1].min() == 1
        assert view[[0, 2]].max() == 0


def test_load_gives_every_model_the_same_and_to_numpy_copies():
    given = {
        name: np.random.default_rng(0).random(shape) for name, shape in SHAPES.items()
    }
    stack = parameters(2)
    stack.load(given)
    for model in (0, 1):
        for name, array in stack.to_numpy(model).items():
            np.testing.assert_allclose(array, given[name], rtol=1e-6)
            array[:] = np.nan
    assert stack.flat.isfinite().all()
    assert stack.to_numpy()["a.weight"].shape == (2, 2, 3)


def test_zeros_like_has_the_same_layout_and_its_own_buffer():
    params = parameters(2)
    params.flat.fill_(1)
    other = params.zeros_like()
    assert other.flat.shape == params.flat.shape
    assert other.flat.max() == 0
    assert other.n_models == 2
