import copy
import pickle

import numpy as np
import pytest
from model_cases import MODELS, OBJECTIVES, codec_of, model_of, network_of, table_of
from module_factories import batch_normalized

from skae._model.fitted import FittedModel
from skae._model.state import FORMAT, check_format, from_plain, from_state, to_state
from skae._nn.losses import LOSSES
from skae._nn.modules.architecture import ModuleArchitecture
from skae._nn.modules.convolutional import Convolutions
from skae._pca.anchor import Anchor


@pytest.fixture(scope="module")
def table():
    return table_of()


@pytest.fixture
def state(table):
    return to_state(model_of(OBJECTIVES["anchored"], table))


def module_model_of(table, factory, gains=True):
    objective = OBJECTIVES["anchored" if gains else "not anchored"]
    architecture = ModuleArchitecture(6, 3, factory, gains, 3, seed=7)
    network = network_of(objective, table, architecture=architecture)
    network.params.flat.abs_()  # running variances are positive
    return FittedModel(
        network.anchors[0],
        network.output_scale,
        objective,
        architecture,
        network.weights(),
    )


MODULES = {
    "convolutional": Convolutions((1, 2, 3), (4, 5), "tanh"),
    "modules": batch_normalized,
}


def leaves(value):
    if isinstance(value, dict):
        assert all(type(key) is str for key in value)
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        return [leaf for part in value for leaf in leaves(part)]
    return [value]


# -- there and back --------------------------------------------------------------------


@pytest.mark.parametrize("name", MODELS)
def test_state_brings_the_model_back(name, table):
    model = MODELS[name](table)
    again = from_state(to_state(model))
    assert again.objective == model.objective
    assert again.output_scale == model.output_scale
    assert again.architecture == model.architecture
    one, two = codec_of(model), codec_of(again)
    codes = one.encode(table)
    np.testing.assert_array_equal(two.encode(table), codes)
    np.testing.assert_array_equal(two.decode(codes), one.decode(codes))
    np.testing.assert_array_equal(
        two.squared_jacobian(table), one.squared_jacobian(table)
    )
    np.testing.assert_equal(to_state(again), to_state(model))


@pytest.mark.parametrize("gains", [True, False])
@pytest.mark.parametrize("name", MODULES)
def test_state_brings_modules_back(name, table, gains):
    model = module_model_of(table, MODULES[name], gains)
    state = to_state(model)
    assert state["architecture"]["kind"] == name
    again = from_state(state)
    assert again.architecture == model.architecture
    np.testing.assert_array_equal(
        codec_of(again).reconstruct(table), codec_of(model).reconstruct(table)
    )


@pytest.mark.parametrize("name", MODELS)
def test_state_is_plain_values(name, table):
    state = to_state(MODELS[name](table))
    assert state["format"] == FORMAT == 1
    plain = (np.ndarray, np.generic, str, int, float, bool, type(None))
    assert all(isinstance(leaf, plain) for leaf in leaves(state))


def test_state_of_convolutions_is_plain_values(table):
    state = to_state(module_model_of(table, MODULES["convolutional"]))
    assert not any(isinstance(leaf, Convolutions) for leaf in leaves(state))


def test_state_survives_pickle(state, table):
    again = from_state(pickle.loads(pickle.dumps(state)))
    np.testing.assert_array_equal(
        codec_of(again).encode(table), codec_of(from_state(state)).encode(table)
    )


def test_from_state_takes_lists_for_tuples(state, table):
    listed = copy.deepcopy(state)
    listed["latent"] = list(listed["latent"])
    sizes = listed["architecture"]["hidden_layer_sizes"]
    listed["architecture"]["hidden_layer_sizes"] = list(sizes)
    assert from_state(listed).architecture == from_state(state).architecture


def test_from_state_does_not_change_the_state(state):
    before = copy.deepcopy(state)
    from_state(state)
    np.testing.assert_equal(state, before)


def test_from_plain_makes_an_equal_anchor(state):
    anchor = from_plain(Anchor, state["anchor"])
    for name, value in state["anchor"].items():
        assert getattr(anchor, name) is value


# -- what cannot be read ---------------------------------------------------------------


@pytest.mark.parametrize("found", [0, 2, "1", None])
def test_other_formats_are_refused_with_what_to_do(state, found):
    message = rf"has state format {found!r}; .* reads format 1\. Load it with the ver"
    with pytest.raises(ValueError, match=message):
        from_state({**state, "format": found})
    with pytest.raises(ValueError, match=message):
        check_format({"format": found})


def test_state_without_a_format_is_refused(state):
    del state["format"]
    with pytest.raises(ValueError, match="has state format None"):
        from_state(state)


def test_unknown_loss_is_named(state):
    with pytest.raises(ValueError, match=r"no loss 'poisson'; there are \['absolute_"):
        from_state({**state, "loss": "poisson"})
    assert "poisson" not in LOSSES


def test_unknown_latent_is_named(state):
    with pytest.raises(ValueError, match=r"no latent 'round'; there are \['gaussian'"):
        from_state({**state, "latent": ("round", {})})


@pytest.mark.parametrize("kind", ["attention", "", None])
def test_unknown_architecture_is_named(state, kind):
    architecture = {**state["architecture"], "kind": kind}
    with pytest.raises(ValueError, match=f"architecture of kind {kind!r}, which this"):
        from_state({**state, "architecture": architecture})
