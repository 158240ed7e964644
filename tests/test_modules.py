"""Halves that are torch modules: the same gradients, in the same flat buffer."""

import pytest
import torch
from by_autograd import exact_contraction
from torch import nn

from skae._nn.autoencoder import AutoencoderNetwork, Batch
from skae._nn.heads import LinearHead
from skae._nn.jacobian_penalty import JacobianPenalty
from skae._nn.losses import SquaredError
from skae._nn.modules.architecture import ModuleArchitecture
from skae._nn.parameters import ParameterBuffer
from skae._nn.runtime import global_seed

D, K, ROWS = 6, 2, 9
FLAT = nn.Flatten(0)
CPU = torch.device("cpu")


def dense(n_features, n_components):
    encoder = nn.Sequential(
        nn.Linear(n_features, 7), nn.Tanh(), nn.Linear(7, n_components)
    )
    decoder = nn.Sequential(
        nn.Linear(n_components, 5), nn.SiLU(), nn.Linear(5, n_features, bias=False)
    )
    return encoder, decoder


class Tied(nn.Module):
    """A decoder with the weight of its encoder."""

    def __init__(self, encoder, n_features):
        super().__init__()
        self.encoder, self.bias = encoder, nn.Parameter(torch.zeros(n_features))

    def forward(self, codes):
        return codes @ self.encoder.weight + self.bias


def tied(n_features, n_components):
    encoder = nn.Linear(n_features, n_components)
    return encoder, Tied(encoder, n_features)


def normalised(n_features, n_components):
    encoder, decoder = dense(n_features, n_components)
    return encoder.append(nn.BatchNorm1d(n_components)), decoder


def drawn(*shape, seed=0, low=-1.0):
    generator = torch.Generator().manual_seed(seed)
    draw = torch.rand(shape, generator=generator, dtype=torch.float64)
    return draw * (1 - low) + low


class Setting:
    """An autoencoder of modules, a batch, and the same loss through autograd."""

    def __init__(self, factory=dense, n_models=None, gains=True, contracted=False):
        self.n_models, self.gains, self.contracted = n_models, gains, contracted
        self.lead = () if n_models is None else (n_models,)
        self.sizes = ModuleArchitecture(D, K, factory, gains=gains)
        self.params = ParameterBuffer(
            self.sizes.shapes(), n_models=n_models, dtype=torch.float64, device=CPU
        )
        self.grads = self.params.zeros_like()
        self.sizes.initialise(self.params, torch.Generator().manual_seed(0), zero=False)
        if gains:
            for part in ("encoder", "decoder"):
                view = self.params.views[f"{part}.gain.bias"]
                view.copy_(drawn(*view.shape, low=0.3))
        self.skip = drawn(*self.lead, K, D)
        self.scale = drawn(*self.lead, 1, D, seed=1, low=0.5)
        self.clip = -drawn(*self.lead, 1, K, low=0.4), drawn(*self.lead, 1, K, low=0.4)
        self.batch = Batch(
            drawn(*self.lead, ROWS, D, seed=2),
            drawn(*self.lead, ROWS, K, seed=3),
            drawn(*self.lead, ROWS, D, seed=4),
        )

    def penalty(self):
        return JacobianPenalty(
            0.4,
            drawn(*self.lead, 1, K, seed=5),
            drawn(*self.lead, 1, D, seed=6),
            drawn(*self.lead, D, K, seed=7),
            torch.Generator().manual_seed(8),
        )

    def network(self):
        return AutoencoderNetwork(
            self.sizes.halves(self.params, self.grads, self.clip, ROWS),
            LinearHead(self.skip, self.scale),
            penalty=self.penalty() if self.contracted else None,
        )

    def signs(self):
        like = torch.empty(*self.lead, ROWS, K, dtype=torch.float64)
        return like.bernoulli_(generator=self.penalty().generator) * 2 - 1

    def one(self, m):
        """Return the loss and the gradients by name, through autograd, of a model."""

        def of(tensor):
            return tensor if self.n_models is None else tensor[m]

        encoder, decoder = (half.double() for half in self.sizes.build(0))
        arrays = {}
        for part, module in (("encoder", encoder), ("decoder", decoder)):
            for name, value in module.named_parameters():
                kept = f"{part}.{name}.{'weight' if value.ndim > 1 else 'bias'}"
                if kept in self.params.views:  # not where halves share it
                    arrays[kept] = value
                    value.data = of(self.params.views[kept]).clone()
        one = torch.ones(())
        for part in ("encoder", "decoder") if self.gains else ():
            name = f"{part}.gain.bias"
            arrays[name] = of(self.params.views[name]).clone().requires_grad_()
        inputs, scores, targets = (of(tensor) for tensor in self.batch[:3])
        inputs = inputs.clone().requires_grad_()
        outputs = arrays.get("encoder.gain.bias", one) * encoder.train()(inputs)
        codes = outputs + scores
        raw = decoder.train()(codes.clamp(*map(of, self.clip)))
        raw = arrays.get("decoder.gain.bias", one) * raw
        y = codes @ of(self.skip) + of(self.scale) * raw
        loss = (y - targets).square().sum()
        if self.contracted:
            penalty = self.penalty()
            v = of(self.signs()) * of(penalty.codes)
            (pulled,) = torch.autograd.grad(
                (outputs * v).sum(), inputs, create_graph=True
            )
            pulled = (pulled + v @ of(penalty.linear).mT) * of(penalty.inputs)
            loss = loss + penalty.weight * pulled.square().sum()
        loss.backward()
        return loss.detach(), {name: value.grad for name, value in arrays.items()}


@pytest.mark.parametrize("contracted", [False, True], ids=["free", "contracted"])
@pytest.mark.parametrize("gains", [True, False], ids=["gains", "no gains"])
@pytest.mark.parametrize("n_models", [None, 3], ids=["single", "stacked"])
@pytest.mark.parametrize("factory", [dense, normalised])
def test_a_step_agrees_with_autograd(factory, n_models, gains, contracted):
    if factory is normalised:
        contracted = False  # the second pass of a batch norm sees the same batch
    setting = Setting(factory, n_models, gains, contracted)
    models = [setting.one(m) for m in range(n_models or 1)]
    for _ in range(2):  # gradients of the first step are not added to
        value = setting.network().step(setting.batch, SquaredError())
    torch.testing.assert_close(value, sum(loss for loss, _ in models))
    for m, (_, expected) in enumerate(models):
        for name, grad in expected.items():
            found = setting.grads.views[name]
            found = found if n_models is None else found[m]
            torch.testing.assert_close(found, grad, rtol=1e-6, atol=1e-9, msg=name)


def test_gradients_reach_the_buffer_wherever_a_weight_is_used():
    setting = Setting(tied)
    loss, expected = setting.one(0)
    torch.testing.assert_close(
        setting.network().step(setting.batch, SquaredError()), loss
    )
    shared = "encoder.weight.weight"
    torch.testing.assert_close(setting.grads.views[shared], expected[shared])
    assert not any("decoder.encoder" in name for name in setting.params.views)


@pytest.mark.parametrize("n_models", [None, 3], ids=["single", "stacked"])
def test_the_exact_contraction_is_that_of_the_jacobian(n_models):
    setting = Setting(n_models=n_models)
    penalty, network = setting.penalty(), setting.network()
    network.outputs(setting.batch.inputs, setting.batch.scores)
    found = exact_contraction(penalty, network.encoder, setting.batch.scores)
    for m in range(n_models or 1):

        def of(tensor, m=m):
            return tensor if n_models is None else tensor[m]

        encoder, _ = (half.double() for half in setting.sizes.build(0))
        for name, value in encoder.named_parameters():
            kind = "weight" if value.ndim > 1 else "bias"
            value.data = of(setting.params.views[f"encoder.{name}.{kind}"])
        whole = torch.func.vmap(torch.func.jacrev(encoder))(of(setting.batch.inputs))
        whole = whole * of(setting.params.views["encoder.gain.bias"])
        whole = (whole + of(penalty.linear).mT) * of(penalty.codes).mT
        expected = 0.4 * (whole * of(penalty.inputs)).square().sum((-2, -1))
        torch.testing.assert_close(of(found), expected.detach())


# -- the buffer ------------------------------------------------------------------------


def sizes(factory=dense, **options):
    return ModuleArchitecture(D, K, factory, **options)


def filled(factory=dense, n_models=None, zero=True, seed=0, **options):
    made = sizes(factory, seed=seed, **options)
    params = ParameterBuffer(
        made.shapes(), n_models=n_models, dtype=torch.float64, device=CPU
    )
    made.initialise(params, torch.Generator().manual_seed(seed), zero=zero)
    return made, params


def test_weights_decay_and_what_has_one_dimension_does_not():
    shapes = sizes(normalised).shapes()
    decaying = {name for name in shapes if name.endswith(".weight")}
    assert decaying == {
        "encoder.0.weight.weight",
        "encoder.2.weight.weight",
        "decoder.0.weight.weight",
        "decoder.2.weight.weight",
    }
    assert "encoder.3.running_mean.bias" in shapes
    assert not any("num_batches" in name for name in shapes)


def test_modules_start_with_their_own_values_and_gains_at_zero():
    made, params = filled(zero=True)
    assert (params.views["encoder.0.weight.weight"] != 0).all()
    corrections = made.corrections(params)
    assert len(corrections) == 2
    assert not any(view.any() for view in corrections)
    _, params = filled(zero=False)
    assert (params.views["encoder.gain.bias"] == 1).all()
    assert len(sizes(noise=True).corrections(filled(noise=True)[1])) == 3


def test_without_an_anchor_there_are_no_gains():
    made, params = filled(gains=False)
    assert made.corrections(params) == []


def test_the_seed_decides_where_modules_start_and_each_model_starts_elsewhere():
    first, again, other = (filled(seed=seed)[1].flat for seed in (0, 0, 1))
    torch.testing.assert_close(first, again, rtol=0, atol=0)
    assert not torch.equal(first, other)
    _, stack = filled(n_models=2)
    weight = stack.views["encoder.0.weight.weight"]
    assert not torch.equal(weight[0], weight[1])


def test_what_a_module_keeps_of_its_batches_is_in_the_buffer():
    setting = Setting(normalised)
    mean = setting.params.views["encoder.3.running_mean.bias"]
    before = mean.clone()
    setting.network().step(setting.batch, SquaredError())
    assert (mean != before).all()
    assert not setting.grads.views["encoder.3.running_mean.bias"].any()


def test_prediction_changes_nothing_and_needs_no_gradients():
    setting = Setting(normalised)
    setting.grads, before = None, setting.params.flat.clone()
    network, (inputs, scores, *_) = setting.network(), setting.batch
    codes = network.encode(inputs, scores)
    alone = network.encode(inputs[:1], scores[:1])
    torch.testing.assert_close(alone, codes[:1])
    torch.testing.assert_close(setting.params.flat, before, rtol=0, atol=0)
    assert not network.decode(codes).requires_grad


# -- what a factory may return ---------------------------------------------------------


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
def test_a_factory_returns_two_modules(factory, name):
    with pytest.raises(TypeError, match=f"must return two .* it returned {name}"):
        sizes(factory).shapes()


@pytest.mark.parametrize(
    ("factory", "message"),
    [
        (
            lambda d, k: (nn.Linear(d, k + 1), nn.Linear(k, d)),
            r"encoder must turn rows of 6 into rows of 2; .* shape \(2, 3\)",
        ),
        (
            lambda d, k: (nn.Linear(d, k), nn.Linear(k, d - 1)),
            r"decoder must turn rows of 2 into rows of 6; .* shape \(2, 5\)",
        ),
        (
            lambda d, k: (
                nn.Linear(d, k),
                nn.Sequential(nn.Linear(k, d), FLAT),
            ),
            r"decoder must turn rows of 2 into rows of 6; .* shape \(12,\)",
        ),
    ],
)
def test_modules_have_the_sizes_that_are_asked_for(factory, message):
    with pytest.raises(ValueError, match=message):
        sizes(factory).shapes()


@pytest.mark.parametrize(
    "factory",
    [
        lambda d, k: (nn.Linear(d + 1, k), nn.Linear(k, d)),
        lambda d, k: (nn.Linear(d, k), nn.Linear(k + 1, d)),
        lambda d, k: (nn.LSTM(d, k), nn.Linear(k, d)),
    ],
    ids=["encoder", "decoder", "no tensor"],
)
def test_modules_that_cannot_read_their_rows_are_named(factory):
    with pytest.raises((ValueError, TypeError), match=r"network's (en|de)coder"):
        sizes(factory).shapes()


def test_a_module_may_compute_in_any_precision():
    made = sizes(lambda d, k: tuple(half.double() for half in dense(d, k)))
    params = ParameterBuffer(made.shapes(), dtype=torch.float32, device=CPU)
    made.initialise(params, torch.Generator().manual_seed(0), zero=False)
    encoder, _ = made.halves(params, None, None, ROWS)
    assert encoder.forward(torch.zeros(ROWS, D)).dtype == torch.float32


def test_the_global_random_state_is_restored(global_states):
    before = global_states()
    with global_seed(1):
        first = torch.rand(3)
    with global_seed(1):
        torch.testing.assert_close(torch.rand(3), first)
    filled()
    for now, then in zip(global_states()[1:], before[1:], strict=True):
        assert (now == then).all() if hasattr(now, "all") else now == then
