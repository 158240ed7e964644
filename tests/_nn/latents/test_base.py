import pytest
import torch
from latent_cases import (
    LEADS,
    VARIANTS,
    K,
    N,
    assert_layer_agrees_with_autograd,
    context,
    outputs_of,
)

from skae._nn import latents
from skae._nn.latents import LatentContext, PlainLatent
from skae._nn.latents.base import NestedDropout


@LEADS
@pytest.mark.parametrize("name", VARIANTS)
def test_layer_gradients_agree_with_autograd(name, lead):
    latent = VARIANTS[name]
    assert_layer_agrees_with_autograd(latent, outputs_of(latent, lead))


@pytest.mark.parametrize("name", ["plain", "kl", "topk"])
def test_derivative_is_that_of_what_is_predicted(name):
    latent = VARIANTS[name]
    layer, outputs = latent.layer(K, LatentContext()), outputs_of(latent)
    step = 1e-6
    above, below = (layer.predict(outputs + s) for s in (step, -step))
    derivative = layer.derivative(layer.predict(outputs.clone()))
    torch.testing.assert_close(derivative, (above - below) / (2 * step))


@pytest.mark.parametrize("name", VARIANTS)
def test_predict_is_deterministic_and_gives_a_code_for_each_component(name):
    latent = VARIANTS[name]
    layer, outputs = latent.layer(K, LatentContext()), outputs_of(latent)
    first = layer.predict(outputs.clone()).clone()
    assert first.shape == (N, K)
    torch.testing.assert_close(layer.predict(outputs.clone()), first, rtol=0, atol=0)


@pytest.mark.parametrize("name", VARIANTS)
def test_evaluate_gives_the_same_at_every_call(name):
    latent = VARIANTS[name]
    layer, outputs = latent.layer(K, context()), outputs_of(latent)
    codes, penalty = layer.evaluate(outputs.clone())
    again, same = layer.evaluate(outputs.clone())
    torch.testing.assert_close(again, codes, rtol=0, atol=0)
    assert (penalty is None) == (name in ("plain", "nested", "topk"))
    if penalty is not None:
        assert penalty.shape == (N,)
        torch.testing.assert_close(same, penalty, rtol=0, atol=0)


@pytest.mark.parametrize("name", VARIANTS)
def test_latent_is_a_value(name):
    latent = VARIANTS[name]
    assert eval(repr(latent), vars(latents)) == latent
    assert type(latent) in latents.LATENTS.values()
    with pytest.raises(AttributeError):
        latent.nested = 1.0


@pytest.mark.parametrize("lead", [(), (2,)], ids=["single", "stacked"])
def test_nested_dropout_keeps_the_first_codes_in_every_number(lead):
    rate, n_codes = 0.4, 5
    layer = NestedDropout(rate, torch.Generator().manual_seed(0))
    kept = layer.forward(torch.ones(*lead, 20_000, n_codes))
    lengths = kept.sum(-1).flatten()
    is_kept = torch.arange(n_codes) < lengths[:, None]
    torch.testing.assert_close(kept.flatten(0, -2), is_kept.float())
    shares = torch.bincount(lengths.int(), minlength=n_codes + 1) / len(lengths)
    expected = torch.full((n_codes + 1,), rate / n_codes)
    expected[0] = 0
    expected[-1] += 1 - rate
    torch.testing.assert_close(shares, expected, rtol=0, atol=0.01)
    grad = layer.backward(torch.ones_like(kept))
    torch.testing.assert_close(grad, kept)


def test_nested_dropout_never_drops_a_single_code():
    layer = NestedDropout(1.0, torch.Generator().manual_seed(0))
    assert layer.forward(torch.ones(1000, 1)).all()


def test_plain_latent_drops_nothing_in_prediction():
    layer = PlainLatent(nested=0.5).layer(K, LatentContext())
    assert layer.forward(torch.ones(N, K)).all()
