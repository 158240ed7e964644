import pytest
import torch
from dense_networks import DenseAutoencoder

from skae._nn import matmul
from skae._nn.activations import ACTIVATIONS
from skae._nn.autoencoder import (
    Batch,
    ZeroDecoder,
    ZeroEncoder,
    clip_and_attenuate,
)
from skae._nn.latents import (
    GaussianLatent,
    LatentContext,
    PlainLatent,
    SparseLatent,
)
from skae._nn.losses import LOSSES, SquaredError

ANCHORED = pytest.mark.parametrize("anchored", [True, False], ids=["anchored", "plain"])
N_MODELS = pytest.mark.parametrize("n_models", [None, 3], ids=["single", "stacked"])
LATENTS = {
    "nested": PlainLatent(nested=0.7),
    "kl": SparseLatent(0.2, "kl", 3.0),
    "l1": SparseLatent(0.2, "l1", 3.0),
    "topk": SparseLatent(0.6, "topk"),
    "gaussian": GaussianLatent(beta=2.0, warmup=0.4),
}


def assert_agrees_with_autograd(case, weight=0.0, repeats=1):
    network = case.network()
    for _ in range(repeats):  # buffers are used again
        value = network.loss_and_gradient(case.batch, case.loss)
    expected_loss, expected = case.autograd(weight)
    torch.testing.assert_close(value, expected_loss, rtol=1e-9, atol=1e-9)
    for name, grad in expected.items():
        torch.testing.assert_close(
            case.grads.views[name], grad, rtol=1e-6, atol=1e-9, msg=name
        )


# -- loss and gradient -----------------------------------------------------------------


@ANCHORED
@pytest.mark.parametrize("hidden_layer_sizes", [(7, 5), (6,), ()], ids=str)
@N_MODELS
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradients_agree_with_autograd(
    activation, loss, n_models, hidden_layer_sizes, anchored
):
    case = DenseAutoencoder(hidden_layer_sizes, activation, loss, n_models, anchored)
    assert_agrees_with_autograd(case, repeats=2)


@N_MODELS
def test_gradients_without_clipped_codes_agree_with_autograd(n_models):
    case = DenseAutoencoder(n_models=n_models)
    case.clip = None
    assert_agrees_with_autograd(case)


@ANCHORED
@pytest.mark.parametrize("hidden_layer_sizes", [(7, 5), ()], ids=str)
@N_MODELS
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("latent", LATENTS)
def test_gradients_through_every_latent_layer_agree_with_autograd(
    latent, loss, n_models, hidden_layer_sizes, anchored
):
    case = DenseAutoencoder(
        hidden_layer_sizes, "tanh", loss, n_models, anchored, latent=LATENTS[latent]
    )
    assert_agrees_with_autograd(case, weight=3.0)


@ANCHORED
@pytest.mark.parametrize("hidden_layer_sizes", [(7, 6, 5), (7, 5), (6,), ()], ids=str)
@N_MODELS
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradients_of_a_jacobian_penalty_agree_with_autograd(
    activation, n_models, hidden_layer_sizes, anchored
):
    case = DenseAutoencoder(
        hidden_layer_sizes, activation, "huber", n_models, anchored, penalized=True
    )
    assert_agrees_with_autograd(case)


@pytest.mark.parametrize("latent", ["nested", "kl"])
def test_gradients_of_several_penalties_agree_with_autograd(latent):
    case = DenseAutoencoder(latent=LATENTS[latent], penalized=True)
    assert_agrees_with_autograd(case, weight=3.0)


def test_gradients_do_not_depend_on_a_penalty_of_the_last_step():
    case = DenseAutoencoder(penalized=True)
    network = case.network()
    for _ in range(3):
        network.loss_and_gradient(case.batch, case.loss)
    network._penalty = None
    network.loss_and_gradient(case.batch, case.loss)
    case.penalized = False
    _, expected = case.autograd()
    for name, grad in expected.items():
        torch.testing.assert_close(case.grads.views[name], grad, msg=name)


@ANCHORED
@pytest.mark.parametrize("hidden_layer_sizes", [(70, 50), ()], ids=str)
def test_gradients_by_onednn_agree_with_those_by_torch(
    monkeypatch, hidden_layer_sizes, anchored
):
    sizes = (60, 40, 30)
    exact = DenseAutoencoder(hidden_layer_sizes, anchored=anchored, sizes=sizes)
    expected_loss, expected = exact.autograd()
    for large in (0, 1 << 60):
        monkeypatch.setattr(matmul, "LARGE", large)
        case = DenseAutoencoder(
            hidden_layer_sizes, anchored=anchored, sizes=sizes, dtype=torch.float32
        )
        case.params.flat.copy_(exact.params.flat)
        case.skip = None if exact.skip is None else exact.skip.float()
        case.scale = exact.scale.float()
        if exact.clip is not None:
            case.clip = tuple(bound.float() for bound in exact.clip)
        case.batch = Batch(*(None if t is None else t.float() for t in exact.batch))
        value = case.network().loss_and_gradient(case.batch, case.loss)
        torch.testing.assert_close(value, expected_loss.float())
        for name, grad in expected.items():
            size = float(grad.abs().max())
            torch.testing.assert_close(
                case.grads.views[name], grad.float(), rtol=1e-4, atol=1e-5 * size
            )


@N_MODELS
@pytest.mark.parametrize("loss", LOSSES)
def test_gradients_on_every_device_agree_with_those_on_the_cpu(device, loss, n_models):
    case = DenseAutoencoder(loss=loss, n_models=n_models, dtype=torch.float32)
    value = case.network().loss_and_gradient(case.batch, case.loss)
    expected = case.grads.flat.clone()
    case.move_to(torch.device(device))
    moved = case.network().loss_and_gradient(case.batch, case.loss)
    torch.testing.assert_close(moved.cpu(), value)
    torch.testing.assert_close(
        case.grads.flat.cpu(),
        expected,
        rtol=1e-4,
        atol=1e-5 * float(expected.abs().max()),
    )


def test_gradients_of_a_stack_are_those_of_its_models():
    stack = DenseAutoencoder(n_models=3)
    stack.network().loss_and_gradient(stack.batch, stack.loss)
    for m in range(3):
        one = DenseAutoencoder()
        one.params.load(stack.params.to_numpy(m))
        one.skip, one.scale = stack.skip[m], stack.scale[m]
        one.clip = tuple(bound[m] for bound in stack.clip)
        one.batch = Batch(*(tensor[m] for tensor in stack.batch[:3]))
        one.network().loss_and_gradient(one.batch, one.loss)
        for name, grad in one.grads.views.items():
            torch.testing.assert_close(stack.grads.views[name][m], grad)


def test_loss_falls_along_the_gradient():
    case = DenseAutoencoder(loss="squared_error")
    network = case.network()
    before = network.loss_and_gradient(case.batch, SquaredError())
    case.params.flat.add_(case.grads.flat, alpha=-1e-4)
    assert network.loss_and_gradient(case.batch, SquaredError()) < before


# -- loss per sample -------------------------------------------------------------------


@pytest.mark.parametrize("latent", ["kl", "l1", "topk", "gaussian"])
@pytest.mark.parametrize("loss", ["squared_error", "normal"])
def test_per_sample_loss_sums_to_the_loss_of_a_step(latent, loss):
    # With the noise of validation data, and with weights after their warm-up.
    case = DenseAutoencoder(loss=loss, latent=LATENTS[latent])
    losses = case.network().per_sample_loss(case.batch, case.loss)
    assert losses.shape == (len(case.batch.inputs),)
    generator = torch.Generator().manual_seed(0)
    context = LatentContext(generator, 10, case.initial_log_variance)
    case.context = lambda: context
    value = case.network().loss_and_gradient(case.batch, case.loss)
    torch.testing.assert_close(losses.sum(), value)


@N_MODELS
def test_per_sample_loss_of_the_first_codes_is_that_with_the_others_zero(n_models):
    case = DenseAutoencoder(n_models=n_models)
    network, (inputs, scores, targets, _) = case.network(), case.batch
    codes = network.encode(inputs, scores).clone()
    codes[..., 2:] = 0
    expected = case.loss.per_sample(network.decode(codes), targets)
    losses = network.per_sample_loss(case.batch, case.loss, 2)
    torch.testing.assert_close(losses, expected)


# -- the skip path ---------------------------------------------------------------------


def test_network_without_correction_is_its_skip_path():
    case = DenseAutoencoder()
    generator = torch.Generator().manual_seed(0)
    case.architecture.initialize(case.params, generator, zero=True)
    network = case.network()
    codes = network.encode(case.batch.inputs, case.batch.scores)
    torch.testing.assert_close(codes, case.batch.scores, rtol=0, atol=0)
    torch.testing.assert_close(network.decode(codes), case.batch.scores @ case.skip)


@N_MODELS
@pytest.mark.parametrize("attenuated", [False, True], ids=["full", "attenuated"])
@pytest.mark.parametrize("n_codes", [None, 2])
@pytest.mark.parametrize("loss", ["squared_error", "bernoulli", "normal"])
@pytest.mark.parametrize(
    ("latent", "penalized"),
    [(PlainLatent(), False), (PlainLatent(), True), (GaussianLatent(), False)],
    ids=["plain", "plain, penalized", "gaussian"],
)
def test_zero_networks_are_those_whose_zero_initialized_parameters_are_zero(
    latent, loss, n_codes, attenuated, penalized, n_models
):
    case = DenseAutoencoder(
        loss=loss, latent=latent, penalized=penalized, n_models=n_models
    )
    for view in case.architecture.zero_initialized(case.params):
        view.zero_()
    if attenuated:
        attenuation = torch.linspace(0.1, 1, 11, dtype=torch.float64)[:, None]
        case.batch = case.batch._replace(attenuation=attenuation)
    expected = case.network().per_sample_loss(case.batch, case.loss, n_codes)
    zeros = ZeroEncoder(latent.n_outputs(3)), ZeroDecoder(9)
    losses = case.network(zeros).per_sample_loss(case.batch, case.loss, n_codes)
    assert losses.dtype == expected.dtype
    assert torch.equal(losses, expected)


@pytest.mark.parametrize("penalized", [False, True], ids=["free", "penalized"])
def test_zero_networks_take_steps_without_parameters(penalized):
    case = DenseAutoencoder(penalized=penalized)
    for view in case.architecture.zero_initialized(case.params):
        view.zero_()
    expected = case.network().loss_and_gradient(case.batch, case.loss)
    network = case.network((ZeroEncoder(3), ZeroDecoder(9)))
    assert torch.equal(network.loss_and_gradient(case.batch, case.loss), expected)


# -- prediction ------------------------------------------------------------------------


def test_attenuation_of_zero_leaves_the_skip_path():
    case = DenseAutoencoder()
    network, (inputs, scores, *_) = case.network(), case.batch
    attenuation = torch.linspace(0, 1, len(inputs), dtype=torch.float64)[:, None]
    full = network.encode(inputs, scores).clone()
    codes = network.encode(inputs, scores, attenuation).clone()
    torch.testing.assert_close(codes, scores + attenuation * (full - scores))
    full = network.decode(codes).clone()
    base = codes @ case.skip
    y = network.decode(codes, attenuation)
    torch.testing.assert_close(y, base + attenuation * (full - base))


def test_attenuation_falls_with_the_square_of_the_distance_from_the_box():
    bounds = torch.tensor([[-1.0, -1.0]]), torch.tensor([[1.0, 2.0]])
    inside = torch.tensor([[0.0, 0.0], [1.0, 2.0], [-1.0, 0.0]])
    far = torch.tensor([[0.0, -10.0], [0.0, -20.0], [0.0, -1e4], [0.0, 1e19]])
    for x in (inside, far):
        clipped, attenuation = clip_and_attenuate(x, bounds)
        torch.testing.assert_close(clipped, torch.clamp(x, *bounds))
        assert attenuation.shape == (len(x), 1)
        if x is inside:
            assert (attenuation == 1).all()
        else:
            assert attenuation[0] < 1
            torch.testing.assert_close(attenuation[1], attenuation[0] / 4)
            assert (attenuation[2:] < 1e-6).all()


def test_prediction_needs_no_gradients():
    case = DenseAutoencoder()
    expected = case.network().encode(*case.batch[:2]).clone()
    case.grads = None
    torch.testing.assert_close(
        case.network().encode(*case.batch[:2]), expected, rtol=0, atol=0
    )
