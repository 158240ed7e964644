import math

import pytest
import torch
from by_autograd import code_layer

from skae._model.fitted import LATENTS
from skae._nn.latents.base import LatentContext, NestedDropout, PlainLatent
from skae._nn.latents.gaussian import GaussianLatent
from skae._nn.latents.sparse import SparseLatent

K, ROWS = 5, 12
LEADS = pytest.mark.parametrize("lead", [(), (2,)], ids=["single", "stacked"])
VARIANTS = {
    "plain": PlainLatent(),
    "nested": PlainLatent(nested=0.6),
    "kl": SparseLatent(0.1, "kl", 2.0),
    "l1": SparseLatent(0.1, "l1", 2.0),
    "topk": SparseLatent(0.4, "topk"),
    "gaussian": GaussianLatent(beta=0.5, warmup=0.4),
}


def outputs_of(kind, lead=(), scale=2.0):
    generator = torch.Generator().manual_seed(0)
    shape = (*lead, ROWS, kind.outputs(K))
    return scale * torch.randn(shape, generator=generator, dtype=torch.float64)


def context(log_variance=None, n_steps=10):
    return LatentContext(torch.Generator().manual_seed(1), n_steps, log_variance)


def assert_layer_agrees_with_autograd(kind, outputs, log_variance=None):
    layer = kind.layer(K, context(log_variance))
    outputs.requires_grad_()
    seen, penalty = code_layer(kind, outputs, context(log_variance), weight=2.0)
    grad = torch.linspace(-1, 1, seen.numel(), dtype=seen.dtype).view(seen.shape)
    (expected,) = torch.autograd.grad((seen * grad).sum() + penalty, outputs)
    codes = layer.forward(outputs.detach().clone())
    torch.testing.assert_close(layer.present(codes.clone()), seen.detach())
    if layer.penalty is not None:
        torch.testing.assert_close(layer.penalty, penalty.detach())
    result = layer.backward(grad.clone())
    torch.testing.assert_close(result, expected, rtol=1e-6, atol=1e-9)


# -- gradients -------------------------------------------------------------------------


@LEADS
@pytest.mark.parametrize("name", VARIANTS)
def test_gradients_agree_with_autograd(name, lead):
    kind = VARIANTS[name]
    assert_layer_agrees_with_autograd(kind, outputs_of(kind, lead))


@LEADS
def test_gradients_of_an_anchored_posterior_agree_with_autograd(lead):
    log_variance = torch.linspace(-3, 0, K, dtype=torch.float64).expand(*lead, 1, K)
    kind = GaussianLatent(beta=0.5)
    assert_layer_agrees_with_autograd(kind, outputs_of(kind, lead), log_variance)


def test_log_variances_that_are_clamped_have_no_gradient():
    kind = GaussianLatent()
    outputs = outputs_of(kind)
    outputs[:, K : K + 2] = torch.tensor([-8.5, 4.5])
    assert_layer_agrees_with_autograd(kind, outputs)
    layer = kind.layer(K, context())
    layer.forward(outputs.detach().clone())
    grad = layer.backward(torch.ones(ROWS, K, dtype=torch.float64))
    assert not grad[:, K : K + 2].any()
    assert grad[:, K + 2 :].all()


@pytest.mark.parametrize("name", ["plain", "kl", "topk"])
def test_the_slope_is_the_derivative_of_what_is_predicted(name):
    kind = VARIANTS[name]
    layer, outputs = kind.layer(K, LatentContext()), outputs_of(kind)
    step = 1e-6
    above, below = (layer.predict(outputs + s) for s in (step, -step))
    slope = layer.slope(layer.predict(outputs.clone()))
    torch.testing.assert_close(slope, (above - below) / (2 * step))


# -- what every kind of codes shares ---------------------------------------------------


@pytest.mark.parametrize("name", VARIANTS)
def test_prediction_is_deterministic_and_has_a_code_for_each_component(name):
    kind = VARIANTS[name]
    layer, outputs = kind.layer(K, LatentContext()), outputs_of(kind)
    first = layer.predict(outputs.clone()).clone()
    assert first.shape == (ROWS, K)
    torch.testing.assert_close(layer.predict(outputs.clone()), first, rtol=0, atol=0)


@pytest.mark.parametrize("name", VARIANTS)
def test_held_out_rows_are_judged_the_same_each_time(name):
    kind = VARIANTS[name]
    layer, outputs = kind.layer(K, context()), outputs_of(kind)
    codes, penalty = layer.judge(outputs.clone())
    again, same = layer.judge(outputs.clone())
    torch.testing.assert_close(again, codes, rtol=0, atol=0)
    assert (penalty is None) == (name in ("plain", "nested", "topk"))
    if penalty is not None:
        assert penalty.shape == (ROWS,)
        torch.testing.assert_close(same, penalty, rtol=0, atol=0)


@pytest.mark.parametrize("name", VARIANTS)
def test_a_kind_is_a_value(name):
    kind = VARIANTS[name]
    assert eval(repr(kind)) == kind
    assert type(kind) in LATENTS.values()
    with pytest.raises(AttributeError):
        kind.nested = 1.0


# -- nested codes ----------------------------------------------------------------------


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


def test_prediction_cuts_nothing():
    layer = PlainLatent(nested=0.5).layer(K, LatentContext())
    assert layer.forward(torch.ones(ROWS, K)).all()


# -- sparse codes ----------------------------------------------------------------------


@pytest.mark.parametrize("penalty", ["kl", "l1"])
def test_outputs_of_zero_are_as_active_as_asked(penalty):
    layer = SparseLatent(0.07, penalty).layer(K, LatentContext())
    codes = layer.predict(torch.zeros(ROWS, K))
    torch.testing.assert_close(codes, torch.full((ROWS, K), 0.07))


def test_the_decoder_sees_codes_as_if_standardised():
    layer = SparseLatent(0.2).layer(1, LatentContext())
    rare = torch.tensor([1.0] * 20 + [0.0] * 80)[:, None]
    seen = layer.present(rare)
    assert float(seen.mean()) == pytest.approx(0, abs=1e-6)
    assert float(seen.std(correction=0)) == pytest.approx(1)


@LEADS
@pytest.mark.parametrize("n_active", [1, 2, 4])
def test_topk_keeps_the_largest_codes_of_each_row(n_active, lead):
    kind = SparseLatent(n_active / K, "topk")
    outputs = outputs_of(kind, lead)
    codes = kind.layer(K, LatentContext()).predict(outputs.clone())
    assert (codes.count_nonzero(dim=-1) == n_active).all()
    kept = codes > 0
    torch.testing.assert_close(codes[kept], outputs.sigmoid()[kept])
    least = outputs.masked_fill(~kept, math.inf).amin(-1)
    assert (outputs.masked_fill(kept, -math.inf).amax(-1) <= least).all()


def test_topk_keeps_one_code_at_the_least():
    codes = (
        SparseLatent(0.001, "topk")
        .layer(K, LatentContext())
        .predict(torch.randn(ROWS, K))
    )
    assert (codes.count_nonzero(dim=-1) == 1).all()


def test_codes_that_are_kept_are_not_zero_however_low():
    codes = (
        SparseLatent(0.4, "topk")
        .layer(K, LatentContext())
        .predict(torch.full((1, K), -1e4))
    )
    assert codes.count_nonzero() == 2


@pytest.mark.parametrize("penalty", ["kl", "l1"])
@pytest.mark.parametrize(("output", "grows"), [(2.0, True), (-2.0, False)])
def test_an_adaptive_weight_grows_while_codes_are_too_active(penalty, output, grows):
    layer = SparseLatent(0.1, penalty).layer(K, LatentContext())
    before = layer.weight
    for _ in range(20):
        layer.forward(torch.full((ROWS, K), output))
    # Codes that are too quiet are as wrong as busy ones for "kl", but not for "l1".
    assert (layer.weight > before) == (grows or penalty == "kl")
    assert 0.2 < layer.weight / before < 5  # slowly


@pytest.mark.parametrize("penalty", ["kl", "l1"])
def test_an_adaptive_weight_shrinks_or_rests_where_it_is_met(penalty):
    layer = SparseLatent(0.1, penalty).layer(K, LatentContext())
    before = layer.weight
    for _ in range(20):
        layer.forward(torch.zeros(ROWS, K))
    assert layer.weight <= before * (1 + 1e-5)


def test_a_weight_that_is_given_stays():
    layer = SparseLatent(0.1, "kl", 2.0).layer(K, LatentContext())
    for _ in range(20):
        layer.forward(torch.full((ROWS, K), 2.0))
    assert layer.weight == 2.0


@LEADS
@pytest.mark.parametrize("penalty", ["kl", "l1"])
def test_an_adaptive_penalty_asks_held_out_rows_whether_it_is_met(penalty, lead):
    layer = SparseLatent(0.1, penalty).layer(K, LatentContext())
    _, met = layer.judge(torch.zeros(*lead, ROWS, K))
    codes, missed = layer.judge(torch.full((*lead, ROWS, K), 1.0))
    assert codes.shape == (*lead, ROWS, K)
    assert met.shape == missed.shape == (*lead, ROWS)
    assert not met.any()
    assert (missed > 1).all()


# -- normal posteriors -----------------------------------------------------------------


def test_the_divergence_is_zero_at_the_prior_and_else_positive():
    layer = GaussianLatent().layer(K, context())
    prior = torch.zeros(1, 2 * K)
    _, divergence = layer.judge(prior)
    assert divergence == 0
    for j in range(2 * K):
        _, divergence = layer.judge(prior + torch.eye(2 * K)[j])
        assert divergence > 0


def test_draws_have_the_moments_of_the_posterior():
    layer = GaussianLatent().layer(2, context())
    outputs = torch.tensor([1.0, -2.0, math.log(4), math.log(0.25)]).expand(40_000, 4)
    draws = layer.forward(outputs.clone())
    expected = torch.tensor([1.0, -2.0]), torch.tensor([2.0, 0.5])
    torch.testing.assert_close(draws.mean(0), expected[0], rtol=0, atol=0.03)
    torch.testing.assert_close(draws.std(0), expected[1], rtol=0.02, atol=0)


def penalties(layer, n_steps):
    outputs = torch.ones(3, 2 * K)
    for _ in range(n_steps):
        layer.forward(outputs.clone())
        yield float(layer.penalty)


def test_the_weight_of_the_divergence_grows_over_a_share_of_the_steps():
    layer = GaussianLatent(beta=2.0, warmup=0.5).layer(K, context(n_steps=8))
    seen = list(penalties(layer, 8))
    _, whole = layer.judge(torch.ones(3, 2 * K))
    shares = [0.25, 0.5, 0.75, 1, 1, 1, 1, 1]
    assert seen == pytest.approx([float(whole.sum()) * share for share in shares])


def test_an_anchored_posterior_needs_no_such_time():
    layer = GaussianLatent(warmup=0.5).layer(K, context(torch.zeros(1, K), n_steps=8))
    first, second = penalties(layer, 2)
    assert first == second > 0


def test_an_anchored_posterior_starts_at_the_anchor_s_variance():
    log_variance = torch.linspace(-3, 0, K)[None]
    layer = GaussianLatent().layer(K, context(log_variance))
    mean, found = layer.split(torch.zeros(ROWS, 2 * K))
    assert not mean.any()
    torch.testing.assert_close(found, log_variance.expand(ROWS, K))
