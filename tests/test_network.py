import numpy as np
import pytest
import torch
from by_autograd import PHI, code_layer, contraction, decoder, encoder, leaves

from skae._nn import matmul as _products
from skae._nn.activations import ACTIVATIONS
from skae._nn.architecture import DenseArchitecture
from skae._nn.autoencoder import AutoencoderNetwork, Batch, clip_and_attenuate
from skae._nn.heads import LinearHead, LogitHead
from skae._nn.jacobian_penalty import JacobianPenalty
from skae._nn.latents.base import LatentContext, PlainLatent
from skae._nn.latents.gaussian import GaussianLatent
from skae._nn.latents.sparse import SparseLatent
from skae._nn.losses import LOSSES, GaussianNLL, Huber, SquaredError
from skae._nn.parameters import ParameterBuffer

D, K, ROWS = 9, 3, 11
CPU = torch.device("cpu")
PLAIN = PlainLatent()
LATENTS = {
    "nested": PlainLatent(nested=0.7),
    "kl": SparseLatent(0.2, "kl", 3.0),
    "l1": SparseLatent(0.2, "l1", 3.0),
    "topk": SparseLatent(0.6, "topk"),
    "gaussian": GaussianLatent(beta=2.0, warmup=0.4),
}


class Setting:
    """A network with random weights, a batch, and the same loss through autograd."""

    def __init__(
        self,
        hidden=(7, 5),
        activation="silu",
        loss="squared_error",
        n_models=None,
        shortcuts=True,
        dtype=torch.float64,
        sizes=(D, K, ROWS),
        kind=PLAIN,
        contracted=False,
    ):
        d, k, rows = sizes
        generator = torch.Generator().manual_seed(0)

        def draw(*shape, low=-1.0, high=1.0):
            lead = () if n_models is None else (n_models,)
            uniform = torch.rand(*lead, *shape, generator=generator, dtype=dtype)
            return uniform * (high - low) + low

        normal = loss == "normal"
        self.architecture = DenseArchitecture(
            d, k, hidden, activation, shortcuts, kind.outputs(k), normal
        )
        shapes = self.architecture.shapes()
        self.params = ParameterBuffer(
            shapes, n_models=n_models, dtype=dtype, device=CPU
        )
        self.grads = self.params.zeros_like()
        self.params.flat.uniform_(-0.6, 0.6, generator=generator)
        if normal:
            self.loss = self.likelihood()
        elif loss == "huber":
            self.loss = Huber(weight=0.7, delta=0.5)
        else:
            self.loss = LOSSES[loss](weight=0.7)
        self.logits = loss == "binary_cross_entropy"
        size = 0.1 if self.logits else 1.0
        self.skip = draw(k, d, low=-size, high=size) if shortcuts else None
        self.scale = draw(1, d, low=0.5, high=1.5)
        self.mean = draw(1, d, low=0.2, high=0.8)
        self.clip = None
        if shortcuts:
            self.clip = draw(1, k, low=-2.0, high=0.0), draw(1, k, low=0.0, high=2.0)
        scores = draw(rows, k, low=-2.0, high=2.0) if shortcuts else None
        self.batch = Batch(
            draw(rows, d, low=-2.0, high=2.0), scores, draw(rows, d, low=0.0)
        )
        self.kind, self.contracted = kind, contracted
        self.log_variance = draw(1, k) if shortcuts else None
        self.linear = draw(d, k) if shortcuts else None
        self.units = draw(1, k, low=0.5), draw(1, d, low=0.5)

    def context(self):
        generator = torch.Generator().manual_seed(1)
        return LatentContext(generator, n_steps=10, log_variance=self.log_variance)

    def likelihood(self):
        noise, grad = (p.views["noise.bias"] for p in (self.params, self.grads))
        return GaussianNLL(0.7, noise, grad)

    def penalty(self):
        generator = torch.Generator().manual_seed(2)
        return JacobianPenalty(0.4, *self.units, self.linear, generator)

    def move_to(self, device):
        flat, shapes = self.params.flat, self.architecture.shapes()
        self.params, self.grads = (
            ParameterBuffer(
                shapes, n_models=self.params.n_models, dtype=flat.dtype, device=device
            )
            for _ in range(2)
        )
        self.params.flat.copy_(flat)
        self.skip = None if self.skip is None else self.skip.to(device)
        self.scale, self.mean = self.scale.to(device), self.mean.to(device)
        if self.clip is not None:
            self.clip = tuple(bound.to(device) for bound in self.clip)
        self.batch = Batch(*(None if t is None else t.to(device) for t in self.batch))

    def network(self):
        head = (
            LogitHead(self.skip, self.mean)
            if self.logits
            else LinearHead(self.skip, self.scale)
        )
        *_, rows, _ = self.batch.inputs.shape
        return AutoencoderNetwork(
            self.architecture.halves(self.params, self.grads, self.clip, rows),
            head,
            self.kind.layer(self.architecture.n_components, self.context()),
            self.penalty() if self.contracted else None,
        )

    def autograd(self, weight=0.0):
        """Return the loss and the gradient of every parameter."""
        views, (inputs, scores, targets, _) = leaves(self.params), self.batch
        outputs = encoder(views, self.architecture, inputs)
        if scores is not None:
            further = outputs.shape[-1] - scores.shape[-1]
            outputs = outputs + torch.nn.functional.pad(scores, (0, further))
        codes, loss = code_layer(self.kind, outputs, self.context(), weight)
        seen = codes if self.clip is None else codes.clamp(*self.clip)
        raw = decoder(views, self.architecture, seen)
        base = 0.0 if self.skip is None else codes @ self.skip
        if self.logits:
            y = torch.logit((self.mean + base).clamp(0.01, 0.99)) + raw
        else:
            y = base + self.scale * raw
        if isinstance(self.loss, GaussianNLL):
            log_variance = 5 * views["noise.bias"]
            terms = (y - targets).square() / log_variance.exp() + log_variance
            loss = loss + 0.7 * 0.5 * terms.sum()
        else:
            loss = loss + self.loss.rows(y, targets).sum()
        if self.contracted:

            def encode(x):
                return encoder(views, self.architecture, x)

            loss = loss + contraction(self.penalty(), encode, inputs, codes)
        loss.backward()
        return loss.detach(), {name: view.grad for name, view in views.items()}


def assert_steps_as_autograd_does(setting, weight=0.0, repeats=1):
    network = setting.network()
    for _ in range(repeats):  # buffers are used again
        value = network.step(setting.batch, setting.loss)
    expected_loss, expected = setting.autograd(weight)
    torch.testing.assert_close(value, expected_loss, rtol=1e-9, atol=1e-9)
    for name, grad in expected.items():
        torch.testing.assert_close(
            setting.grads.views[name], grad, rtol=1e-6, atol=1e-9, msg=name
        )


@pytest.mark.parametrize("shortcuts", [True, False], ids=["anchored", "plain"])
@pytest.mark.parametrize("hidden", [(7, 5), (6,), ()], ids=str)
@pytest.mark.parametrize("n_models", [None, 3], ids=["single", "stacked"])
@pytest.mark.parametrize("loss", [*LOSSES, "normal"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradients_agree_with_autograd(activation, loss, n_models, hidden, shortcuts):
    assert_steps_as_autograd_does(
        Setting(hidden, activation, loss, n_models, shortcuts), repeats=2
    )


@pytest.mark.parametrize("n_models", [None, 3], ids=["single", "stacked"])
def test_codes_need_not_be_clipped(n_models):
    setting = Setting(n_models=n_models)
    setting.clip = None
    assert_steps_as_autograd_does(setting)


@pytest.mark.parametrize("shortcuts", [True, False], ids=["anchored", "plain"])
@pytest.mark.parametrize("hidden", [(7, 5), ()], ids=str)
@pytest.mark.parametrize("n_models", [None, 3], ids=["single", "stacked"])
@pytest.mark.parametrize("loss", [*LOSSES, "normal"])
@pytest.mark.parametrize("kind", LATENTS)
def test_gradients_pass_through_every_kind_of_codes(
    kind, loss, n_models, hidden, shortcuts
):
    kind = LATENTS[kind]
    setting = Setting(hidden, "tanh", loss, n_models, shortcuts, kind=kind)
    assert_steps_as_autograd_does(setting, weight=3.0)


@pytest.mark.parametrize("shortcuts", [True, False], ids=["anchored", "plain"])
@pytest.mark.parametrize("hidden", [(7, 6, 5), (7, 5), (6,), ()], ids=str)
@pytest.mark.parametrize("n_models", [None, 3], ids=["single", "stacked"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradients_of_a_contraction_agree_with_autograd(
    activation, n_models, hidden, shortcuts
):
    setting = Setting(hidden, activation, "huber", n_models, shortcuts, contracted=True)
    assert_steps_as_autograd_does(setting)


@pytest.mark.parametrize("kind", ["nested", "kl"])
def test_a_contraction_goes_with_other_penalties(kind):
    setting = Setting(kind=LATENTS[kind], contracted=True)
    assert_steps_as_autograd_does(setting, weight=3.0)


def test_a_contraction_leaves_nothing_behind_for_the_next_step():
    setting = Setting(contracted=True)
    network = setting.network()
    for _ in range(3):
        network.step(setting.batch, setting.loss)
    network._penalty = None
    network.step(setting.batch, setting.loss)
    setting.contracted = False
    _, expected = setting.autograd()
    for name, grad in expected.items():
        torch.testing.assert_close(setting.grads.views[name], grad, msg=name)


@pytest.mark.parametrize("kind", ["kl", "l1", "topk", "gaussian"])
@pytest.mark.parametrize("loss", ["squared_error", "normal"])
def test_a_step_s_loss_is_that_of_its_rows(kind, loss):
    # With the noise of held-out rows, and with weights that are not warming up.
    kind = LATENTS[kind]
    setting = Setting(loss=loss, kind=kind)
    rows = setting.network().rows(setting.batch, setting.loss)
    assert rows.shape == (ROWS,)
    context = LatentContext(torch.Generator().manual_seed(0), 10, setting.log_variance)
    setting.context = lambda: context
    value = setting.network().step(setting.batch, setting.loss)
    torch.testing.assert_close(rows.sum(), value)


@pytest.mark.parametrize("n_models", [None, 3], ids=["single", "stacked"])
def test_cut_codes_are_zero_for_the_decoder(n_models):
    setting = Setting(n_models=n_models)
    network, (inputs, scores, targets, _) = setting.network(), setting.batch
    codes = network.encode(inputs, scores).clone()
    codes[..., 2:] = 0
    expected = setting.loss.rows(network.decode(codes), targets)
    torch.testing.assert_close(network.rows(setting.batch, setting.loss, 2), expected)


@pytest.mark.parametrize("shortcuts", [True, False], ids=["anchored", "plain"])
@pytest.mark.parametrize("hidden", [(70, 50), ()], ids=str)
def test_large_layers_step_as_small_ones_do(monkeypatch, hidden, shortcuts):
    sizes = (60, 40, 30)
    exact = Setting(hidden, shortcuts=shortcuts, sizes=sizes)
    expected_loss, expected = exact.autograd()
    for large in (0, 1 << 60):
        monkeypatch.setattr(_products, "LARGE", large)
        setting = Setting(hidden, shortcuts=shortcuts, sizes=sizes, dtype=torch.float32)
        setting.params.flat.copy_(exact.params.flat)
        setting.skip = None if exact.skip is None else exact.skip.float()
        setting.scale = exact.scale.float()
        if exact.clip is not None:
            setting.clip = tuple(bound.float() for bound in exact.clip)
        setting.batch = Batch(*(None if t is None else t.float() for t in exact.batch))
        value = setting.network().step(setting.batch, setting.loss)
        torch.testing.assert_close(value, expected_loss.float())
        for name, grad in expected.items():
            size = float(grad.abs().max())
            torch.testing.assert_close(
                setting.grads.views[name], grad.float(), rtol=1e-4, atol=1e-5 * size
            )


@pytest.mark.parametrize("n_models", [None, 3], ids=["single", "stacked"])
@pytest.mark.parametrize("loss", LOSSES)
def test_every_device_steps_as_the_cpu_does(device, loss, n_models):
    setting = Setting(loss=loss, n_models=n_models, dtype=torch.float32)
    value = setting.network().step(setting.batch, setting.loss)
    expected = setting.grads.flat.clone()
    setting.move_to(torch.device(device))
    moved = setting.network().step(setting.batch, setting.loss)
    torch.testing.assert_close(moved.cpu(), value)
    torch.testing.assert_close(
        setting.grads.flat.cpu(),
        expected,
        rtol=1e-4,
        atol=1e-5 * float(expected.abs().max()),
    )


def test_a_stack_is_its_models_side_by_side():
    stack = Setting(n_models=3)
    stack.network().step(stack.batch, stack.loss)
    for m in range(3):
        one = Setting()
        one.params.load(stack.params.arrays(m))
        one.skip, one.scale = stack.skip[m], stack.scale[m]
        one.clip = tuple(bound[m] for bound in stack.clip)
        one.batch = Batch(*(tensor[m] for tensor in stack.batch[:3]))
        one.network().step(one.batch, one.loss)
        for name, grad in one.grads.views.items():
            torch.testing.assert_close(stack.grads.views[name][m], grad)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_second_derivatives_agree_with_autograd(activation):
    x = torch.linspace(-4, 4, 40, dtype=torch.float64, requires_grad=True)
    y = PHI[activation](x)
    (first,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    expected = torch.zeros_like(x)
    if first.requires_grad:
        (expected,) = torch.autograd.grad(first.sum(), x)
    second = ACTIVATIONS[activation].second(x.detach(), y.detach())
    second = torch.zeros_like(x) if second is None else second
    torch.testing.assert_close(second, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_forward_activations_agree_with_torch(activation):
    x = torch.linspace(-4, 4, 41, dtype=torch.float64)
    out = torch.empty_like(x)
    ACTIVATIONS[activation].forward(x, out)
    torch.testing.assert_close(out, PHI[activation](x))


def test_without_weights_in_its_last_layers_a_network_is_its_skip_path():
    setting = Setting()
    generator = torch.Generator().manual_seed(0)
    setting.architecture.initialise(setting.params, generator, zero=True)
    network = setting.network()
    codes = network.encode(setting.batch.inputs, setting.batch.scores)
    torch.testing.assert_close(codes, setting.batch.scores, rtol=0, atol=0)
    torch.testing.assert_close(
        network.decode(codes), setting.batch.scores @ setting.skip
    )


def test_what_starts_at_zero_is_all_that_changes_the_reconstruction():
    architecture = DenseArchitecture(D, K, (7, 5))
    params = ParameterBuffer(architecture.shapes(), dtype=torch.float64, device=CPU)
    generator = torch.Generator().manual_seed(0)
    architecture.initialise(params, generator, zero=False)
    before = params.flat.clone()
    for view in architecture.corrections(params):
        view.zero_()
    changed = {n for n, v in params.views.items() if not v.any()}
    assert {"encoder.2.weight", "decoder.2.weight"} <= changed
    assert not params.views["encoder.0.weight"][:, 7:].any()
    assert params.views["encoder.0.weight"][:, :7].all()
    torch.testing.assert_close(params.flat[before == 0], before[before == 0])


@pytest.mark.parametrize("activation", ["relu", "silu"])
def test_initial_weights_have_the_variance_of_their_gain(activation):
    architecture = DenseArchitecture(200, 50, (300, 100), activation, shortcuts=False)
    params = ParameterBuffer(
        architecture.shapes(), n_models=2, dtype=torch.float32, device=CPU
    )
    architecture.initialise(params, torch.Generator().manual_seed(0), zero=False)
    for name, view in params.views.items():
        if name.endswith("bias"):
            assert not view.any()
            continue
        gain = 1.0 if ".0." in name else ACTIVATIONS[activation].gain
        deviation = gain / np.sqrt(view.shape[-2])
        assert float(view.std()) == pytest.approx(deviation, rel=0.03)
        assert float(view.abs().max()) <= deviation * 3**0.5


def test_a_row_that_is_not_trusted_takes_the_skip_path():
    setting = Setting()
    network, (inputs, scores, *_) = setting.network(), setting.batch
    trust = torch.linspace(0, 1, ROWS, dtype=torch.float64)[:, None]
    whole = network.encode(inputs, scores).clone()
    codes = network.encode(inputs, scores, trust).clone()
    torch.testing.assert_close(codes, scores + trust * (whole - scores))
    whole = network.decode(codes).clone()
    base = codes @ setting.skip
    y = network.decode(codes, trust)
    torch.testing.assert_close(y, base + trust * (whole - base))


def test_trust_falls_with_the_square_of_the_distance_from_the_box():
    bounds = torch.tensor([[-1.0, -1.0]]), torch.tensor([[1.0, 2.0]])
    inside = torch.tensor([[0.0, 0.0], [1.0, 2.0], [-1.0, 0.0]])
    far = torch.tensor([[0.0, -10.0], [0.0, -20.0], [0.0, -1e4], [0.0, 1e19]])
    for x in (inside, far):
        clipped, trust = clip_and_attenuate(x, bounds)
        torch.testing.assert_close(clipped, torch.clamp(x, *bounds))
        assert trust.shape == (len(x), 1)
        if x is inside:
            assert (trust == 1).all()
        else:
            assert trust[0] < 1
            torch.testing.assert_close(trust[1], trust[0] / 4)
            assert (trust[2:] < 1e-6).all()


def test_prediction_needs_no_gradients():
    setting = Setting()
    expected = setting.network().encode(*setting.batch[:2]).clone()
    setting.grads = None
    torch.testing.assert_close(
        setting.network().encode(*setting.batch[:2]), expected, rtol=0, atol=0
    )


def test_the_loss_falls_along_the_gradient():
    setting = Setting(loss="squared_error")
    network = setting.network()
    before = network.step(setting.batch, SquaredError())
    setting.params.flat.add_(setting.grads.flat, alpha=-1e-4)
    assert network.step(setting.batch, SquaredError()) < before
