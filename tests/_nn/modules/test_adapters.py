"""Encoders and decoders that are torch modules: the same gradients in the buffer."""

import pytest
import torch
from by_autograd import exact_jacobian_penalty
from dense_networks import CPU
from module_factories import batch_normalized, dense
from torch import nn

from skae._nn.autoencoder import AutoencoderNetwork, Batch
from skae._nn.heads import LinearHead
from skae._nn.jacobian_penalty import JacobianPenalty
from skae._nn.losses import SquaredError
from skae._nn.modules.architecture import ModuleArchitecture
from skae._nn.parameters import ParameterBuffer

D, K, N = 6, 2, 9


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


def drawn(*shape, seed=0, low=-1.0):
    generator = torch.Generator().manual_seed(seed)
    draw = torch.rand(shape, generator=generator, dtype=torch.float64)
    return draw * (1 - low) + low


class ModuleAutoencoder:
    """An autoencoder of modules, a batch, and the same loss through autograd."""

    def __init__(self, factory=dense, n_models=None, gains=True, penalized=False):
        self.n_models, self.gains, self.penalized = n_models, gains, penalized
        self.lead = () if n_models is None else (n_models,)
        self.architecture = ModuleArchitecture(D, K, factory, gains=gains)
        self.params = ParameterBuffer(
            self.architecture.shapes(),
            n_models=n_models,
            dtype=torch.float64,
            device=CPU,
        )
        self.grads = self.params.zeros_like()
        self.architecture.initialize(
            self.params, torch.Generator().manual_seed(0), zero=False
        )
        if gains:
            for part in ("encoder", "decoder"):
                view = self.params.views[f"{part}.gain.bias"]
                view.copy_(drawn(*view.shape, low=0.3))
        self.skip = drawn(*self.lead, K, D)
        self.scale = drawn(*self.lead, 1, D, seed=1, low=0.5)
        self.clip = -drawn(*self.lead, 1, K, low=0.4), drawn(*self.lead, 1, K, low=0.4)
        self.batch = Batch(
            drawn(*self.lead, N, D, seed=2),
            drawn(*self.lead, N, K, seed=3),
            drawn(*self.lead, N, D, seed=4),
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
            *self.architecture.build(self.params, self.grads, self.clip, N),
            LinearHead(self.skip, self.scale),
            penalty=self.penalty() if self.penalized else None,
        )

    def signs(self):
        like = torch.empty(*self.lead, N, K, dtype=torch.float64)
        return like.bernoulli_(generator=self.penalty().generator) * 2 - 1

    def one(self, m):
        """Return the loss and the gradients by name, through autograd, of a model."""

        def of(tensor):
            return tensor if self.n_models is None else tensor[m]

        encoder, decoder = (
            module.double() for module in self.architecture.make_modules(0)
        )
        arrays = {}
        for part, module in (("encoder", encoder), ("decoder", decoder)):
            for name, value in module.named_parameters():
                kept = f"{part}.{name}.{'weight' if value.ndim > 1 else 'bias'}"
                if kept in self.params.views:  # not where modules share it
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
        if self.penalized:
            penalty = self.penalty()
            v = of(self.signs()) * of(penalty.code_scale)
            (product,) = torch.autograd.grad(
                (outputs * v).sum(), inputs, create_graph=True
            )
            product = (product + v @ of(penalty.skip).mT) * of(penalty.input_scale)
            loss = loss + penalty.weight * product.square().sum()
        loss.backward()
        return loss.detach(), {name: value.grad for name, value in arrays.items()}


@pytest.mark.parametrize("penalized", [False, True], ids=["free", "penalized"])
@pytest.mark.parametrize("gains", [True, False], ids=["gains", "no gains"])
@pytest.mark.parametrize("n_models", [None, 3], ids=["single", "stacked"])
@pytest.mark.parametrize("factory", [dense, batch_normalized])
def test_gradients_agree_with_autograd(factory, n_models, gains, penalized):
    if factory is batch_normalized:
        penalized = False  # the second pass of a batch norm sees the same batch
    case = ModuleAutoencoder(factory, n_models, gains, penalized)
    models = [case.one(m) for m in range(n_models or 1)]
    for _ in range(2):  # gradients of the first step are not added to
        value = case.network().loss_and_gradient(case.batch, SquaredError())
    torch.testing.assert_close(value, sum(loss for loss, _ in models))
    for m, (_, expected) in enumerate(models):
        for name, grad in expected.items():
            found = case.grads.views[name]
            found = found if n_models is None else found[m]
            torch.testing.assert_close(found, grad, rtol=1e-6, atol=1e-9, msg=name)


def test_gradients_of_tied_weights_agree_with_autograd():
    case = ModuleAutoencoder(tied)
    loss, expected = case.one(0)
    torch.testing.assert_close(
        case.network().loss_and_gradient(case.batch, SquaredError()), loss
    )
    shared = "encoder.weight.weight"
    torch.testing.assert_close(case.grads.views[shared], expected[shared])
    assert not any("decoder.encoder" in name for name in case.params.views)


@pytest.mark.parametrize("n_models", [None, 3], ids=["single", "stacked"])
def test_encoder_vjp_gives_the_squared_norm_of_the_jacobian(n_models):
    case = ModuleAutoencoder(n_models=n_models)
    penalty, network = case.penalty(), case.network()
    network.encoder_outputs(case.batch.inputs, case.batch.scores)
    found = exact_jacobian_penalty(penalty, network.encoder, case.batch.scores)
    for m in range(n_models or 1):

        def of(tensor, m=m):
            return tensor if n_models is None else tensor[m]

        encoder, _ = (module.double() for module in case.architecture.make_modules(0))
        for name, value in encoder.named_parameters():
            kind = "weight" if value.ndim > 1 else "bias"
            value.data = of(case.params.views[f"encoder.{name}.{kind}"])
        jacobians = torch.func.vmap(torch.func.jacrev(encoder))(of(case.batch.inputs))
        jacobians = jacobians * of(case.params.views["encoder.gain.bias"])
        jacobians = (jacobians + of(penalty.skip).mT) * of(penalty.code_scale).mT
        expected = 0.4 * (jacobians * of(penalty.input_scale)).square().sum((-2, -1))
        torch.testing.assert_close(of(found), expected.detach())


def test_running_statistics_are_in_the_buffer():
    case = ModuleAutoencoder(batch_normalized)
    mean = case.params.views["encoder.3.running_mean.bias"]
    before = mean.clone()
    case.network().loss_and_gradient(case.batch, SquaredError())
    assert (mean != before).all()
    assert not case.grads.views["encoder.3.running_mean.bias"].any()


def test_prediction_changes_nothing_and_needs_no_gradients():
    case = ModuleAutoencoder(batch_normalized)
    case.grads, before = None, case.params.flat.clone()
    network, (inputs, scores, *_) = case.network(), case.batch
    codes = network.encode(inputs, scores)
    alone = network.encode(inputs[:1], scores[:1])
    torch.testing.assert_close(alone, codes[:1])
    torch.testing.assert_close(case.params.flat, before, rtol=0, atol=0)
    assert not network.decode(codes).requires_grad
