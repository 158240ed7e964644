import numpy as np
import pytest
import torch
import torch.nn.functional as F

from skae import _products
from skae._activations import ACTIVATIONS
from skae._heads import LinearHead, LogitHead
from skae._network import (
    Architecture,
    Autoencoder,
    Batch,
    NestedDropout,
    clip_with_trust,
)
from skae._parameters import Parameters
from skae.losses import LOSSES, Huber, SquaredError

D, K, ROWS = 9, 3, 11
CPU = torch.device("cpu")
PHI = {
    "elu": F.elu,
    "gelu": lambda x: F.gelu(x, approximate="tanh"),
    "identity": lambda x: x,
    "leaky_relu": lambda x: F.leaky_relu(x, 0.01),
    "logistic": torch.sigmoid,
    "relu": torch.relu,
    "silu": F.silu,
    "tanh": torch.tanh,
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
    ):
        d, k, rows = sizes
        generator = torch.Generator().manual_seed(0)

        def draw(*shape, low=-1.0, high=1.0):
            lead = () if n_models is None else (n_models,)
            uniform = torch.rand(*lead, *shape, generator=generator, dtype=dtype)
            return uniform * (high - low) + low

        self.architecture = Architecture(d, k, hidden, activation, shortcuts=shortcuts)
        shapes = self.architecture.shapes()
        self.params = Parameters(shapes, n_models=n_models, dtype=dtype, device=CPU)
        self.grads = self.params.zeros_like()
        self.params.flat.uniform_(-0.6, 0.6, generator=generator)
        self.loss = (
            Huber(weight=0.7, delta=0.5)
            if loss == "huber"
            else LOSSES[loss](weight=0.7)
        )
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

    def move_to(self, device):
        flat, shapes = self.params.flat, self.architecture.shapes()
        self.params, self.grads = (
            Parameters(
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
        rows = self.batch.inputs.shape[-2]
        return Autoencoder(
            self.architecture, self.params, head, self.clip, rows, self.grads
        )

    def autograd(self, mask=1.0):
        """Return the loss and the gradient of every parameter."""
        views = {n: v.clone().requires_grad_() for n, v in self.params.views.items()}
        phi, extra = PHI[self.architecture.activation], self.architecture.extra
        last = len(self.architecture.hidden)

        def dense(name, x):
            return x @ views[f"{name}.weight"] + views[f"{name}.bias"]

        x = self.batch.inputs
        for i in range(last + 1):
            x = dense(f"encoder.{i}", x)
            if i == 0 and extra:
                x, straight = x[..., :-extra], x[..., -extra:]
            x = phi(x) if i < last else x
        if extra:
            x = x + straight
        codes = x if self.batch.scores is None else x + self.batch.scores
        codes = codes * mask
        x = seen = codes if self.clip is None else codes.clamp(*self.clip)
        for i in range(last + 1):
            if i == last and extra:
                x = torch.cat([x, seen], -1)
            x = dense(f"decoder.{i}", x)
            x = phi(x) if i < last else x
        base = 0.0 if self.skip is None else codes @ self.skip
        if self.logits:
            y = torch.logit((self.mean + base).clamp(0.01, 0.99)) + x
        else:
            y = base + self.scale * x
        loss = self.loss.rows(y, self.batch.targets).sum()
        loss.backward()
        return loss.detach(), {name: view.grad for name, view in views.items()}


@pytest.mark.parametrize("shortcuts", [True, False], ids=["anchored", "plain"])
@pytest.mark.parametrize("hidden", [(7, 5), (6,), ()], ids=str)
@pytest.mark.parametrize("n_models", [None, 3], ids=["single", "stacked"])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradients_agree_with_autograd(activation, loss, n_models, hidden, shortcuts):
    setting = Setting(hidden, activation, loss, n_models, shortcuts)
    network = setting.network()
    expected_loss, expected = setting.autograd()
    for _ in range(2):  # buffers are used again
        value = network.step(setting.batch, setting.loss)
        torch.testing.assert_close(value, expected_loss, rtol=1e-9, atol=0)
        for name, grad in expected.items():
            torch.testing.assert_close(
                setting.grads.views[name], grad, rtol=1e-6, atol=1e-9, msg=name
            )


@pytest.mark.parametrize("n_models", [None, 3], ids=["single", "stacked"])
def test_codes_need_not_be_clipped(n_models):
    setting = Setting(n_models=n_models)
    setting.clip = None
    value = setting.network().step(setting.batch, setting.loss)
    expected_loss, expected = setting.autograd()
    torch.testing.assert_close(value, expected_loss)
    for name, grad in expected.items():
        torch.testing.assert_close(setting.grads.views[name], grad, msg=name)


@pytest.mark.parametrize("n_models", [None, 3], ids=["single", "stacked"])
def test_gradients_pass_through_nested_dropout(n_models):
    setting = Setting(n_models=n_models)
    code = NestedDropout(0.7, torch.Generator().manual_seed(1))
    value = setting.network().step(setting.batch, setting.loss, code)
    expected_loss, expected = setting.autograd(mask=code._mask)
    assert not code._mask.all()
    torch.testing.assert_close(value, expected_loss)
    for name, grad in expected.items():
        torch.testing.assert_close(setting.grads.views[name], grad, msg=name)


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
    architecture = Architecture(D, K, (7, 5))
    params = Parameters(architecture.shapes(), dtype=torch.float64, device=CPU)
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
    architecture = Architecture(200, 50, (300, 100), activation, shortcuts=False)
    params = Parameters(
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


@pytest.mark.parametrize("lead", [(), (2,)], ids=["single", "stacked"])
def test_nested_dropout_keeps_heads_of_every_length(lead):
    rate, n_codes = 0.4, 5
    code = NestedDropout(rate, torch.Generator().manual_seed(0))
    kept = code.forward(torch.ones(*lead, 20_000, n_codes))
    lengths = kept.sum(-1).flatten()
    heads = torch.arange(n_codes) < lengths[:, None]
    torch.testing.assert_close(kept.flatten(0, -2), heads.float())
    shares = torch.bincount(lengths.int(), minlength=n_codes + 1) / len(lengths)
    expected = torch.full((n_codes + 1,), rate / n_codes)
    expected[0] = 0
    expected[-1] += 1 - rate
    torch.testing.assert_close(shares, expected, rtol=0, atol=0.01)
    grad = code.backward(torch.ones_like(kept))
    torch.testing.assert_close(grad, kept)


def test_nested_dropout_never_drops_a_single_code():
    code = NestedDropout(1.0, torch.Generator().manual_seed(0))
    assert code.forward(torch.ones(1000, 1)).all()


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
        clipped, trust = clip_with_trust(x, bounds)
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
