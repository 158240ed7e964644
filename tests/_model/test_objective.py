from dataclasses import replace

import numpy as np
import pytest
from model_cases import OBJECTIVES, network_of, objective_of, table_of
from pca_cases import anchor_of

from skae._model.objective import OutputScale
from skae._nn.latents import GaussianLatent, SparseLatent
from skae._nn.losses import loss_from_name

# -- Objective -------------------------------------------------------------------------


def test_objective_is_a_value():
    assert objective_of() == objective_of()
    assert len(set(OBJECTIVES.values())) == len(OBJECTIVES)


@pytest.mark.parametrize(
    "change",
    [
        {"loss": loss_from_name("huber", 6)},
        {"latent": SparseLatent(0.1)},
        {"anchored": False},
        {"jacobian_weight": 0.5},
    ],
    ids=lambda change: next(iter(change)),
)
def test_objectives_differ_in_each_of_their_values(change):
    assert replace(objective_of(), **change) != objective_of()


def test_objective_says_what_its_parts_imply():
    variational = objective_of("normal", GaussianLatent())
    assert variational.probabilistic
    assert variational.has_fallback
    assert not objective_of("normal", GaussianLatent(), anchored=False).has_fallback
    assert not objective_of("bernoulli", GaussianLatent(), anchored=False).has_fallback
    assert not objective_of().probabilistic


@pytest.mark.parametrize("anchored", [True, False])
@pytest.mark.parametrize("weight", [0.0, 0.1])
def test_scores_are_clipped_where_a_penalty_acts_on_an_anchor(anchored, weight):
    objective = objective_of(anchored=anchored, jacobian_weight=weight)
    assert objective.clips_scores == (anchored and weight > 0)


# -- OutputScale -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("loss", "low", "high"),
    [("squared_error", 0.9, 1.1), ("absolute_error", 0.9, 1.1), ("huber", 0.6, 1.1)],
)
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_loss_of_the_anchor_is_about_one_in_any_units(linear, loss, low, high, scale):
    X = scale * linear(400)
    network = network_of(objective_of(loss), X, k=2)
    network.initialize()
    losses = network.per_sample_loss(network.preprocess(X, training=True))
    assert low < losses.mean() < high


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "huber", "normal"])
def test_scale_of_a_residual_of_zero_is_one(loss):
    exact = replace(
        anchor_of(table_of(20), 2), residual_scale=np.zeros(6), noise_variance=0.0
    )
    assert OutputScale.from_anchors(loss_from_name(loss, 6), [exact]).scale == 1


@pytest.mark.parametrize("loss", ["binary_cross_entropy", "bernoulli"])
def test_logits_have_no_scale(loss):
    anchor = anchor_of(table_of(50), 2)
    assert OutputScale.from_anchors(loss_from_name(loss, 6), [anchor]).scale == 1


def test_scale_of_several_anchors_is_the_root_of_the_mean_square():
    loss = loss_from_name("squared_error", 6)
    anchors = [anchor_of(table_of(50, seed) * (1 + seed), 2) for seed in range(2)]
    one, two = (OutputScale.from_anchors(loss, [a]).scale for a in anchors)
    both = OutputScale.from_anchors(loss, anchors).scale
    assert both == pytest.approx(np.sqrt((one**2 + two**2) / 2))


def test_display_is_relative_to_a_reference():
    scale = OutputScale(loss_from_name("squared_error", 6), 3.0)
    assert scale.display(5.0, 6) == 5.0
    assert scale.display(5.0, 6, reference=2.0) == 2.5


def test_display_of_a_likelihood_is_in_nats_a_feature():
    normal = OutputScale(loss_from_name("normal", 6), 3.0)
    expected = 5 / 6 + 0.5 * np.log(2 * np.pi) + np.log(3.0)
    assert normal.display(5.0, 6, reference=9.0) == pytest.approx(expected)
    bernoulli = OutputScale(loss_from_name("bernoulli", 6), 1.0)
    assert bernoulli.display(6.0, 6) == 1.0
