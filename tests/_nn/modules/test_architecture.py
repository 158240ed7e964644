import pytest
import torch
from dense_networks import CPU
from module_factories import batch_normalized, dense
from torch import nn

from skae._nn.modules.architecture import ModuleArchitecture
from skae._nn.parameters import ParameterBuffer

D, K, N = 6, 2, 9
FLAT = nn.Flatten(0)


def architecture_of(factory=dense, **options):
    return ModuleArchitecture(D, K, factory, **options)


def filled(factory=dense, n_models=None, zero=True, seed=0, **options):
    made = architecture_of(factory, seed=seed, **options)
    params = ParameterBuffer(
        made.shapes(), n_models=n_models, dtype=torch.float64, device=CPU
    )
    made.initialize(params, torch.Generator().manual_seed(seed), zero=zero)
    return made, params


def test_shapes_let_weights_decay_but_nothing_of_one_dimension():
    shapes = architecture_of(batch_normalized).shapes()
    decaying = {name for name in shapes if name.endswith(".weight")}
    assert decaying == {
        "encoder.0.weight.weight",
        "encoder.2.weight.weight",
        "decoder.0.weight.weight",
        "decoder.2.weight.weight",
    }
    assert "encoder.3.running_mean.bias" in shapes
    assert not any("num_batches" in name for name in shapes)


def test_initialize_keeps_the_modules_own_values_and_zeroes_gains():
    made, params = filled(zero=True)
    assert (params.views["encoder.0.weight.weight"] != 0).all()
    corrections = made.zero_initialized(params)
    assert len(corrections) == 2
    assert not any(view.any() for view in corrections)
    _, params = filled(zero=False)
    assert (params.views["encoder.gain.bias"] == 1).all()
    made, params = filled(learns_variance=True)
    assert len(made.zero_initialized(params)) == 3


def test_architecture_without_an_anchor_has_no_gains():
    made, params = filled(gains=False)
    assert made.zero_initialized(params) == []


def test_initialize_follows_the_seed_and_differs_between_models():
    first, again, other = (filled(seed=seed)[1].flat for seed in (0, 0, 1))
    torch.testing.assert_close(first, again, rtol=0, atol=0)
    assert not torch.equal(first, other)
    _, stack = filled(n_models=2)
    weight = stack.views["encoder.0.weight.weight"]
    assert not torch.equal(weight[0], weight[1])


@pytest.mark.parametrize(
    ("factory", "name"),
    [
        (lambda d, k: nn.Linear(d, k), "Linear"),
        (lambda d, k: None, "NoneType"),
        (lambda d, k: (nn.Linear(d, k),), "tuple"),
        (lambda d, k: (nn.Linear(d, k), torch.tanh), "tuple"),
    ],
    ids=["one module", "nothing", "a tuple of one", "a function"],
)
def test_factory_must_return_two_modules(factory, name):
    with pytest.raises(TypeError, match=f"must return two .* it returned {name}"):
        architecture_of(factory).shapes()


@pytest.mark.parametrize(
    ("factory", "message"),
    [
        (
            lambda d, k: (nn.Linear(d, k + 1), nn.Linear(k, d)),
            r"encoder must turn samples of 6 values into 2; .* shape \(2, 3\)",
        ),
        (
            lambda d, k: (nn.Linear(d, k), nn.Linear(k, d - 1)),
            r"decoder must turn samples of 2 values into 6; .* shape \(2, 5\)",
        ),
        (
            lambda d, k: (
                nn.Linear(d, k),
                nn.Sequential(nn.Linear(k, d), FLAT),
            ),
            r"decoder must turn samples of 2 values into 6; .* shape \(12,\)",
        ),
    ],
)
def test_factory_must_return_modules_of_the_right_sizes(factory, message):
    with pytest.raises(ValueError, match=message):
        architecture_of(factory).shapes()


@pytest.mark.parametrize(
    "factory",
    [
        lambda d, k: (nn.Linear(d + 1, k), nn.Linear(k, d)),
        lambda d, k: (nn.Linear(d, k), nn.Linear(k + 1, d)),
        lambda d, k: (nn.LSTM(d, k), nn.Linear(k, d)),
    ],
    ids=["encoder", "decoder", "no tensor"],
)
def test_factory_error_names_the_module_that_cannot_read_samples(factory):
    with pytest.raises((ValueError, TypeError), match=r"network's (en|de)coder"):
        architecture_of(factory).shapes()


def test_build_converts_modules_to_the_precision_of_the_buffer():
    made = architecture_of(
        lambda d, k: tuple(module.double() for module in dense(d, k))
    )
    params = ParameterBuffer(made.shapes(), dtype=torch.float32, device=CPU)
    made.initialize(params, torch.Generator().manual_seed(0), zero=False)
    encoder, _ = made.build(params, None, None, N)
    assert encoder.forward(torch.zeros(N, D)).dtype == torch.float32


def test_make_modules_restores_the_global_random_state(global_states):
    before = global_states()
    filled()
    for now, then in zip(global_states()[1:], before[1:], strict=True):
        assert (now == then).all() if hasattr(now, "all") else now == then
