import math

import pytest
import torch
from latent_cases import LEADS, K, N, outputs_of

from skae._nn.latents import LatentContext, SparseLatent


@pytest.mark.parametrize("penalty", ["kl", "l1"])
def test_outputs_of_zero_are_as_active_as_the_target(penalty):
    layer = SparseLatent(0.07, penalty).layer(K, LatentContext())
    codes = layer.predict(torch.zeros(N, K))
    torch.testing.assert_close(codes, torch.full((N, K), 0.07))


def test_decoder_input_is_standardized_as_if_codes_were_zero_or_one():
    layer = SparseLatent(0.2).layer(1, LatentContext())
    rare = torch.tensor([1.0] * 20 + [0.0] * 80)[:, None]
    x = layer.decoder_input(rare)
    assert float(x.mean()) == pytest.approx(0, abs=1e-6)
    assert float(x.std(correction=0)) == pytest.approx(1)


@LEADS
@pytest.mark.parametrize("n_active", [1, 2, 4])
def test_topk_keeps_the_largest_codes_of_each_sample(n_active, lead):
    latent = SparseLatent(n_active / K, "topk")
    outputs = outputs_of(latent, lead)
    codes = latent.layer(K, LatentContext()).predict(outputs.clone())
    assert (codes.count_nonzero(dim=-1) == n_active).all()
    kept = codes > 0
    torch.testing.assert_close(codes[kept], outputs.sigmoid()[kept])
    least = outputs.masked_fill(~kept, math.inf).amin(-1)
    assert (outputs.masked_fill(kept, -math.inf).amax(-1) <= least).all()


def test_topk_keeps_at_least_one_code():
    codes = (
        SparseLatent(0.001, "topk").layer(K, LatentContext()).predict(torch.randn(N, K))
    )
    assert (codes.count_nonzero(dim=-1) == 1).all()


def test_topk_codes_that_are_kept_are_never_zero():
    codes = (
        SparseLatent(0.4, "topk")
        .layer(K, LatentContext())
        .predict(torch.full((1, K), -1e4))
    )
    assert codes.count_nonzero() == 2


@pytest.mark.parametrize("penalty", ["kl", "l1"])
@pytest.mark.parametrize(("output", "grows"), [(2.0, True), (-2.0, False)])
def test_adaptive_weight_grows_while_codes_are_too_active(penalty, output, grows):
    layer = SparseLatent(0.1, penalty).layer(K, LatentContext())
    before = layer.weight
    for _ in range(20):
        layer.forward(torch.full((N, K), output))
    # Codes that are too quiet are as wrong as busy ones for "kl", but not for "l1".
    assert (layer.weight > before) == (grows or penalty == "kl")
    assert 0.2 < layer.weight / before < 5  # slowly


@pytest.mark.parametrize("penalty", ["kl", "l1"])
def test_adaptive_weight_does_not_grow_at_the_target(penalty):
    layer = SparseLatent(0.1, penalty).layer(K, LatentContext())
    before = layer.weight
    for _ in range(20):
        layer.forward(torch.zeros(N, K))
    assert layer.weight <= before * (1 + 1e-5)


def test_given_weight_is_constant():
    layer = SparseLatent(0.1, "kl", 2.0).layer(K, LatentContext())
    for _ in range(20):
        layer.forward(torch.full((N, K), 2.0))
    assert layer.weight == 2.0


@LEADS
@pytest.mark.parametrize("penalty", ["kl", "l1"])
def test_adaptive_penalty_evaluates_the_deviation_from_the_target(penalty, lead):
    layer = SparseLatent(0.1, penalty).layer(K, LatentContext())
    _, met = layer.evaluate(torch.zeros(*lead, N, K))
    codes, missed = layer.evaluate(torch.full((*lead, N, K), 1.0))
    assert codes.shape == (*lead, N, K)
    assert met.shape == missed.shape == (*lead, N)
    assert not met.any()
    assert (missed > 1).all()
