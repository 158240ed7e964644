import itertools
import math
from dataclasses import replace

import by_autograd
import numpy as np
import pytest
import torch
from model_cases import (
    DOUBLE,
    N_FEATURES,
    OBJECTIVES,
    SINGLE,
    K,
    network_of,
    objective_of,
    table_of,
    without_correction,
)
from module_factories import dense

from skae._model.parts import Stream
from skae._nn.autoencoder import clip_and_attenuate
from skae._nn.latents import SparseLatent
from skae._nn.modules.architecture import ModuleArchitecture
from skae.noise import Gaussian

N = 40
ALL = pytest.mark.parametrize("objective", OBJECTIVES.values(), ids=OBJECTIVES)
ANCHORED = {name: o for name, o in OBJECTIVES.items() if o.anchored}


def modules_of(objective, gains=True):
    return ModuleArchitecture(
        N_FEATURES, K, dense, gains, n_outputs=objective.latent.n_outputs(K)
    )


@pytest.fixture(scope="module")
def table():
    return table_of()


@pytest.fixture(scope="module")
def spread():
    """Samples in the training range, on its edge, and far outside in some features."""
    X = table_of(N, seed=1)
    X[5, 0], X[6, 1:3], X[7], X[8] = 9.0, -9.0, 50.0, -50.0
    return X


def parameters(network):
    return {name: view.clone() for name, view in network.params.views.items()}


# -- first values ----------------------------------------------------------------------


@pytest.mark.parametrize("objective", ANCHORED.values(), ids=ANCHORED)
def test_anchored_network_is_pca_before_training(objective, table):
    network = network_of(objective, table)
    network.initialize()
    batch = network.preprocess(table)
    torch.testing.assert_close(
        network.per_sample_loss(batch),
        network.per_sample_loss(batch, correction=False),
        rtol=0,
        atol=0,
    )


def test_first_weights_depend_on_the_seed_alone(table):
    flat = []
    for seed in (0, 0, 1):
        network = network_of(objective_of(), table, seed=seed)
        network.initialize()
        flat.append(network.params.flat.clone())
    torch.testing.assert_close(flat[0], flat[1], rtol=0, atol=0)
    assert not torch.equal(flat[0], flat[2])


def test_first_weights_of_a_network_without_an_anchor_do_not_vanish(table):
    network = network_of(OBJECTIVES["not anchored"], table)
    network.initialize()
    assert network.encode(network.preprocessor.center(table)).std() > 0


# -- without the correction ------------------------------------------------------------


def assert_correction_is_what_starts_at_zero(network, X):
    batch = network.preprocess(X)
    found = network.per_sample_loss(batch, correction=False)
    errors = network.squared_errors(batch, 2, correction=False).clone()
    if network.objective.anchored:
        assert not torch.allclose(network.per_sample_loss(batch), found)
    without_correction(network)
    torch.testing.assert_close(network.per_sample_loss(batch), found)
    torch.testing.assert_close(network.squared_errors(batch, 2), errors)


@ALL
@pytest.mark.parametrize("n_models", [1, 2])
def test_without_correction_a_network_is_that_of_zeros(
    objective, table, spread, n_models
):
    tables = [table, table_of(100, seed=3)][:n_models]
    assert_correction_is_what_starts_at_zero(network_of(objective, *tables), spread)


def test_without_correction_modules_are_those_of_zeros(table, spread):
    architecture = modules_of(objective_of())
    network = network_of(objective_of(), table, architecture=architecture)
    assert_correction_is_what_starts_at_zero(network, spread)


@ALL
def test_without_correction_parameters_do_not_matter(objective, table, spread):
    network = network_of(objective, table)
    batch = network.preprocess(spread)
    before = network.per_sample_loss(batch, 2, correction=False)
    network.params.flat.mul_(3)
    after = network.per_sample_loss(batch, 2, correction=False)
    torch.testing.assert_close(after, before, rtol=0, atol=0)


def test_squared_errors_without_correction_are_pca_s(table):
    network = network_of(objective_of(), table)
    anchor, scale = network.anchors[0], network.output_scale.scale
    centred = table - anchor.mean
    for m in range(K + 1):
        v = anchor.components[:m]
        expected = ((centred - centred @ v.T @ v) ** 2).sum(1) / scale**2
        found = network.squared_errors(network.preprocess(table), m, correction=False)
        np.testing.assert_allclose(found, expected)


# -- one forward path ------------------------------------------------------------------


@ALL
def test_training_and_evaluation_encode_alike(objective, table, spread):
    network = network_of(objective, table)
    batch = network.preprocess(spread)
    trained = network.build(N, network.params.zeros_like(), n_steps=10)
    expected = trained.encode(*batch[:2], batch.attenuation).clone()
    torch.testing.assert_close(
        network.encode(network.preprocessor.center(spread)), expected, rtol=0, atol=0
    )


@ALL
def test_training_and_evaluation_batches_differ_in_the_attenuation_alone(
    objective, table, spread
):
    network = network_of(objective, table)
    training, evaluation = (
        network.preprocess(spread, training=flag) for flag in (True, False)
    )
    torch.testing.assert_close(training[:3], evaluation[:3], rtol=0, atol=0)
    assert training.attenuation is None
    outside = network.preprocess(table).attenuation
    assert outside is None or (outside == 1).all()


DETERMINISTIC = {
    **{name: OBJECTIVES[name] for name in ("anchored", "not anchored", "huber")},
    **{name: OBJECTIVES[name] for name in ("probabilities", "topk")},
    "normal": objective_of("normal"),
    "sparse": objective_of(latent=SparseLatent(0.3, "kl", 2.0)),
}


@pytest.mark.parametrize("n_models", [1, 2])
@pytest.mark.parametrize("objective", DETERMINISTIC.values(), ids=DETERMINISTIC)
def test_loss_of_a_training_step_is_that_of_evaluation(objective, table, n_models):
    network = network_of(objective, *[table, table_of(100, seed=3)][:n_models])
    grads = network.params.zeros_like()
    batch = network.preprocess(table_of(N, seed=1), training=True)
    step = network.build(N, grads)
    value = step.loss_and_gradient(batch, network.make_loss(grads))
    torch.testing.assert_close(value, network.per_sample_loss(batch).sum())
    before, size = value.clone(), 1e-6
    network.params.flat.add_(grads.flat, alpha=-size)
    change = network.per_sample_loss(batch).sum() - before
    torch.testing.assert_close(
        change, -size * grads.flat.square().sum(), rtol=1e-2, atol=0
    )


@ALL
def test_decoding_the_codes_gives_the_prediction_that_is_scored(
    objective, table, spread
):
    network = network_of(objective, table)
    batch = network.preprocess(spread)
    codes = network.encode(network.preprocessor.center(spread)).clone()
    prediction = network.decode(codes)
    if objective.loss.is_logit:
        prediction = prediction.sigmoid()
    torch.testing.assert_close(
        (prediction - batch.targets).square().sum(-1), network.squared_errors(batch, K)
    )


def test_loss_of_the_first_codes_holds_the_others_at_zero(table):
    network = network_of(objective_of(), table)
    batch = network.preprocess(table[:N])
    codes = network.encode(network.preprocessor.center(table[:N])).clone()
    codes[:, 2:] = 0
    expected = network.objective.loss.per_sample(network.decode(codes), batch.targets)
    torch.testing.assert_close(network.per_sample_loss(batch, 2), expected)


def test_evaluator_is_built_once_for_each_batch_size(table):
    network = network_of(objective_of(), table)
    built = {
        (size, flag): network.evaluator(size, correction=flag)
        for size, flag in itertools.product((3, 4), (True, False))
    }
    assert len(set(map(id, built.values()))) == 4
    for (size, flag), evaluator in built.items():
        assert network.evaluator(size, correction=flag) is evaluator


def test_evaluator_follows_the_parameters(table):
    network = network_of(objective_of(), table)
    batch = network.preprocess(table)
    before = network.per_sample_loss(batch)
    without_correction(network)
    after = network.per_sample_loss(batch)
    assert not torch.allclose(before, after)
    torch.testing.assert_close(after, network.per_sample_loss(batch, correction=False))


# -- stacks ----------------------------------------------------------------------------


@ALL
def test_each_model_of_a_stack_is_that_network_alone(objective, table, spread):
    tables = [table, table_of(100, seed=3)]
    both = network_of(objective, *tables)
    # A stack draws for all models at once.
    draws = objective.probabilistic or objective.jacobian_weight > 0
    batch = both.preprocess(spread)
    losses, codes = (
        both.per_sample_loss(batch),
        both.encode(both.preprocessor.center(spread)),
    )
    for m, part in enumerate(tables):
        alone = network_of(objective, part, output_scale=both.output_scale)
        for name, view in alone.params.views.items():
            view.copy_(both.params.views[name][m])
        if not draws:
            single = alone.per_sample_loss(alone.preprocess(spread))
            torch.testing.assert_close(losses[m], single)
        torch.testing.assert_close(
            codes[m], alone.encode(alone.preprocessor.center(spread))
        )


def test_stack_of_one_model_has_an_axis_for_it(table):
    network = network_of(objective_of(), table, stacked=True)
    flat = network_of(objective_of(), table)
    flat.params.load(
        {name: view[0].numpy() for name, view in parameters(network).items()}
    )
    losses = network.per_sample_loss(network.preprocess(table))
    assert losses.shape == (1, len(table))
    torch.testing.assert_close(losses[0], flat.per_sample_loss(flat.preprocess(table)))


# -- linearize -------------------------------------------------------------------------


def predicted_codes(latent, outputs):
    """Return the codes of a latent layer for an encoder's outputs, without buffers."""
    if not isinstance(latent, SparseLatent):
        return outputs[..., :K]
    rho = latent.sparsity
    if latent.penalty != "topk":
        return torch.sigmoid(outputs + math.log(rho / (1 - rho)))
    least = outputs.topk(round(rho * K), dim=-1).values.amin(-1, keepdim=True)
    return torch.sigmoid(outputs) * (outputs >= least)


def encode_by_autograd(network, centred, *, clips=True):
    """Encode with operations that autograd follows; attenuation is a constant."""
    prepared, objective = network.preprocessor, network.objective
    u, scores, attenuation = centred * prepared.inverse_scale, None, 1.0
    inputs = u.clamp(*prepared.input_range) if clips else u
    if objective.clips_scores:
        scores = inputs @ prepared.projection
    elif objective.anchored:
        scores = u @ prepared.projection
        attenuation = clip_and_attenuate(u.detach(), prepared.input_range)[1]
    views = network.params.views
    outputs = by_autograd.encoder(views, network.architecture, inputs) * attenuation
    if scores is not None:
        n_more = outputs.shape[-1] - scores.shape[-1]
        outputs = outputs + torch.nn.functional.pad(scores, (0, n_more))
    return predicted_codes(objective.latent, outputs)


def assert_linearize_is_autograd_s(network, centred, rtol=1e-7, *, clips=True):
    x = centred.clone().requires_grad_()
    codes = encode_by_autograd(network, x, clips=clips)
    torch.testing.assert_close(
        network.encode(centred), codes.detach(), rtol=max(rtol, 1e-5), atol=1e-5
    )
    vjp = network.linearize(centred)
    generator = torch.Generator().manual_seed(0)
    vectors = [*torch.eye(K), torch.randn(len(centred), K, generator=generator)]
    for vector in vectors:
        v = vector.to(centred).expand(len(centred), K)
        (expected,) = torch.autograd.grad((codes * v).sum(), x, retain_graph=True)
        scale = float(expected.abs().max())
        torch.testing.assert_close(vjp(v), expected, rtol=rtol, atol=rtol * scale)


@ALL
@pytest.mark.parametrize("hidden_layer_sizes", [(7, 5), (4,), ()], ids=str)
def test_linearize_agrees_with_autograd(objective, table, spread, hidden_layer_sizes):
    network = network_of(objective, table, hidden_layer_sizes=hidden_layer_sizes)
    centred = network.preprocessor.center(spread)
    clipped, _, _ = network.preprocessor.encoder_inputs(
        centred * network.preprocessor.inverse_scale, attenuates=True
    )
    assert (clipped == network.preprocessor.input_range[1]).any()  # some are outside
    assert_linearize_is_autograd_s(network, centred)


def on_the_edge(table):
    """Return the samples that have the least or the largest value of a feature."""
    return table[np.unique([table.argmin(0), table.argmax(0)])]


@ALL
@pytest.mark.parametrize("placement", [SINGLE, DOUBLE], ids=["float32", "float64"])
def test_edge_of_the_training_range_counts_as_inside(objective, placement):
    rng, n_rounded = np.random.default_rng(0), 0
    for _ in range(4):
        X = table_of(60, seed=2) * rng.uniform(0.3, 30, 6) + rng.uniform(-9, 9, 6)
        network = network_of(objective, X, placement=placement)
        prepared = network.preprocessor
        centred = prepared.center(on_the_edge(X).astype(np.float64))
        u = centred * prepared.inverse_scale
        n_rounded += int((u.clamp(*prepared.input_range) != u).sum())
        rtol = 1e-7 if placement is DOUBLE else 1e-4
        assert_linearize_is_autograd_s(network, centred, rtol, clips=False)
    if placement is SINGLE:
        assert n_rounded > 0  # by rounding alone some are outside


@pytest.mark.parametrize("placement", [SINGLE, DOUBLE], ids=["float32", "float64"])
def test_beyond_the_edge_a_feature_does_not_change_the_correction(table, placement):
    network = network_of(OBJECTIVES["not anchored"], table, placement=placement)
    X = on_the_edge(table)
    outside = X == table.max(0)
    X = np.where(outside, X + 1e-3, X)
    product = network.linearize(network.preprocessor.center(X))(
        torch.ones(len(X), K, dtype=placement.dtype)
    )
    assert outside.any()
    assert not product.numpy()[outside].any()
    assert product.numpy()[~outside].all()


def test_linearize_of_modules_agrees_with_differences(table):
    objective = objective_of()
    network = network_of(objective, table, architecture=modules_of(objective))
    centred = network.preprocessor.center(table[:N] * 0.9 + 0.05)
    vjp, v = network.linearize(centred), torch.ones(N, K).double()
    with torch.no_grad():
        found = vjp(v).clone()
        for j, step in enumerate(1e-6 * torch.eye(N_FEATURES).double()):
            change = network.encode(centred + step).clone()
            change -= network.encode(centred - step)
            torch.testing.assert_close(
                found[:, j], change.sum(-1) / 2e-6, rtol=1e-5, atol=1e-6
            )


# -- parameters ------------------------------------------------------------------------


def test_scale_correction_scales_what_starts_at_zero(table):
    network = network_of(objective_of(), table)
    start = network.params.flat.clone()
    before = parameters(network)
    network.params.flat.normal_()
    network.scale_correction(start, 0.25)
    zero = network.architecture.zero_initialized(network.params)
    n_scaled = sum(view.numel() for view in zero)
    ratio = network.params.flat / start
    assert (ratio == 0.25).sum() == n_scaled
    assert (ratio == 1.0).sum() >= sum(v.numel() for v in before.values()) - n_scaled
    network.scale_correction(start, 0.0)
    batch = network.preprocess(table)
    torch.testing.assert_close(
        network.per_sample_loss(batch), network.per_sample_loss(batch, correction=False)
    )


@pytest.mark.parametrize("n_models", [1, 2])
def test_weights_are_the_first_model_s_with_noise_above_its_floor(table, n_models):
    objective = OBJECTIVES["variational"]
    network = network_of(objective, *[table, table_of(100, seed=3)][:n_models])
    network.params.views["noise.bias"].fill_(-100.0)
    weights = network.weights()
    for name, view in network.params.views.items():
        first = view[0] if n_models > 1 else view
        if name != "noise.bias":
            np.testing.assert_array_equal(weights[name], first)
    assert (weights["noise.bias"] > -10).all()
    loss = network.per_sample_loss(network.preprocess(table))
    again = network_of(objective, table, output_scale=network.output_scale)
    again.params.load(weights)
    kept = again.per_sample_loss(again.preprocess(table))
    if n_models == 1:
        torch.testing.assert_close(kept, loss)  # the floor changes no loss


def test_learned_variances_start_at_zero_without_correction(table):
    network = network_of(OBJECTIVES["variational"], table)
    network.params.views["noise.bias"].fill_(0.3)
    assert (network.make_loss(correction=True).log_variance == 0.3).all()
    assert not network.make_loss(correction=False).log_variance.any()
    grads = network.params.zeros_like()
    assert network.make_loss(grads).grad is grads.views["noise.bias"]


# -- noise and seeds -------------------------------------------------------------------


def test_preprocess_adds_noise_from_a_generator(table):
    network = network_of(objective_of(), table, corruption=Gaussian(0.1), seed=3)
    clean = network_of(objective_of(), table).preprocess(table, training=True)
    noisy, again = (
        network.preprocess(
            table, training=True, generator=network.generator(Stream.NOISE)
        )
        for _ in range(2)
    )
    torch.testing.assert_close(noisy[:3], again[:3], rtol=0, atol=0)
    torch.testing.assert_close(noisy.targets, clean.targets)
    assert not torch.allclose(noisy.inputs, clean.inputs)


def test_training_draws_codes_from_the_seed(table):
    objective = OBJECTIVES["variational"]
    batch = network_of(objective, table).preprocess(table[:N], training=True)
    losses = []
    for seed in (0, 0, 1):
        network = network_of(objective, table, seed=seed)
        grads = network.params.zeros_like()
        step = network.build(N, grads)
        losses.append(float(step.loss_and_gradient(batch, network.make_loss(grads))))
    assert losses[0] == losses[1] != losses[2]


def test_penalty_of_training_draws_signs_and_that_of_evaluation_does_not(table):
    objective = replace(objective_of(), jacobian_weight=5.0)
    network = network_of(objective, table)
    batch = network.preprocess(table[:N], training=True)
    first, again = (network.per_sample_loss(batch) for _ in range(2))
    torch.testing.assert_close(first, again, rtol=0, atol=0)
    grads = network.params.zeros_like()
    step, loss = network.build(N, grads), network.make_loss(grads)
    values = [float(step.loss_and_gradient(batch, loss)) for _ in range(3)]
    assert len(set(values)) == 3
    assert np.mean(values) == pytest.approx(float(first.sum()), rel=0.3)
