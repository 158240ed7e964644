from dataclasses import fields, replace

import pytest
import torch
from fitting_cases import ANCHORED, config_of, normal, objective_of
from torch import nn
from training_cases import PLAIN, halves

from skae._fitting.config import SMALL, TINIEST, TINY, FitParameters, FixedParameters
from skae._fitting.split import TrainingSplit
from skae._model.objective import OutputScale
from skae._nn.architecture import DenseArchitecture
from skae._nn.latents import SparseLatent
from skae._nn.modules.architecture import ModuleArchitecture

SIZES = [(100, 3), (100, 300), (SMALL, 10), (5000, 10), (5000, 500), (10**6, 50)]


def resolved(n_samples, n_features, **parameters):
    return FitParameters(objective=PLAIN, **parameters).resolve(n_samples, n_features)


def linear_modules(n_features, n_components):
    return nn.Linear(n_features, n_components), nn.Linear(n_components, n_features)


# -- open values -----------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_resolve_chooses_what_is_open(size):
    config = resolved(*size)
    assert all(width > 0 for width in config.hidden_layer_sizes)
    assert config.batch_size > 0
    assert 0 < config.learning_rate < 0.1
    assert 0 < config.patience <= config.n_steps


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_resolve_keeps_what_is_given(size):
    given = {
        "hidden_layer_sizes": (),
        "learning_rate": 0.5,
        "n_steps": 7,
        "batch_size": 3,
        "patience": 2,
    }
    config = resolved(*size, **given, steps_multiplier=10.0)
    assert {name: getattr(config, name) for name in given} == given


def test_resolve_keeps_what_means_the_same_for_all_data():
    fixed = FixedParameters(
        objective=normal(), n_components=0.9, activation="tanh", layerwise=True,
        whiten=True, weight_decay=0.5, tolerance=0.1, early_stopping=False,
        validation_fraction=0.3, seed=7, device=torch.device("cpu"),
    )  # fmt: skip
    given = {f.name: getattr(fixed, f.name) for f in fields(fixed)}
    config = FitParameters(**given).resolve(700, 6)
    assert {name: getattr(config, name) for name in given} == given


def test_resolve_gives_large_data_larger_networks_and_longer_fits():
    few, many, wide, huge = (
        resolved(*size) for size in [(100, 10), (5000, 10), (5000, 500), (10**6, 10)]
    )
    assert few.hidden_layer_sizes < many.hidden_layer_sizes < wide.hidden_layer_sizes
    assert few.n_steps < many.n_steps < wide.n_steps
    assert many.n_steps < huge.n_steps


def test_resolve_multiplies_open_steps():
    one, three = (resolved(5000, 10, steps_multiplier=m) for m in (1.0, 3.0))
    assert three.n_steps == 3 * one.n_steps
    assert three.patience == 3 * one.patience


def test_resolve_demands_more_certainty_of_few_samples():
    found = [
        (config.n_standard_errors, config.n_shrinkage_errors)
        for config in (resolved(n, 5) for n in [TINIEST - 1, TINIEST, TINY - 1, TINY])
    ]
    assert found == [(3.0, 3.0), (2.0, 0.0), (2.0, 0.0), (1.0, 0.0)]


@pytest.mark.parametrize(("given", "fixed"), [(3, 3), (0.9, None), (None, None)])
def test_config_knows_a_fixed_number_of_codes(given, fixed):
    assert config_of(n_components=given).fixed_n_components == fixed


# -- plan ------------------------------------------------------------------------------


def test_training_plan_has_the_values_of_the_config():
    config = config_of(learning_rate=0.3, weight_decay=0.2, patience=50)
    plan = config.training_plan(tolerance=0.1)
    assert (plan.n_steps, plan.learning_rate, plan.weight_decay) == (400, 0.3, 0.2)
    assert (plan.patience, plan.tolerance, plan.stop) == (50, 0.1, None)
    assert plan.patience_start == 0


def test_training_plan_with_a_stop_has_no_patience():
    plan = config_of().training_plan(stop=7)
    assert plan.stop == plan.last_step == 7
    assert plan.n_steps == 400
    assert plan.patience is None


@pytest.mark.parametrize("anchored", [True, False])
def test_patience_waits_for_a_penalty_that_grows_without_an_anchor(anchored):
    config = config_of(normal(anchored=anchored))
    assert config.training_plan().patience_start == (0 if anchored else 120)


# -- networks --------------------------------------------------------------------------


@pytest.mark.parametrize("anchored", [True, False])
@pytest.mark.parametrize("latent", ["plain", "sparse", "normal"])
def test_architecture_fits_the_objective(latent, anchored):
    objective = {
        "plain": PLAIN,
        "sparse": objective_of(latent=SparseLatent()),
        "normal": normal(),
    }[latent]
    config = config_of(
        replace(objective, anchored=anchored), hidden_layer_sizes=(9,), activation="elu"
    )
    n_outputs = 6 if latent == "normal" else 3
    assert config.architecture(5, 3) == DenseArchitecture(
        5, 3, (9,), "elu", anchored, n_outputs, latent == "normal"
    )
    config = replace(config, factory=linear_modules, seed=4)
    assert config.architecture(5, 3) == ModuleArchitecture(
        5, 3, linear_modules, anchored, n_outputs, latent == "normal", 4
    )


@pytest.mark.parametrize("name", ANCHORED)
@pytest.mark.parametrize("dense", [True, False], ids=["dense", "modules"])
def test_network_starts_as_its_anchor(curved, name, dense):
    objective = ANCHORED[name]

    def factory(n_features, n_components):
        n_outputs = objective.latent.n_outputs(n_components)
        return nn.Linear(n_features, n_outputs), nn.Linear(n_components, n_features)

    config = config_of(objective, factory=None if dense else factory)
    parts = halves(curved(200))
    anchors = [TrainingSplit(part, part, config).anchor(2) for part in parts]
    network = config.network(anchors)
    views = network.architecture.zero_initialized(network.params)
    assert views
    assert not any(view.any() for view in views)
    assert network.params.flat.any()
    assert network.stacked
    assert network.output_scale == OutputScale.from_anchors(
        config.objective.loss, anchors
    )


def test_network_takes_another_output_scale(curved):
    config, (part, _) = config_of(), halves(curved(200))
    scale = OutputScale(PLAIN.loss, 7.0)
    anchors = [TrainingSplit(part, part, config).anchor(2)]
    assert config.network(anchors, scale).output_scale is scale


def test_network_depends_on_the_seed(curved):
    part, _ = halves(curved(200))
    first, again, other = (
        config.network([TrainingSplit(part, part, config).anchor(2)]).params.flat
        for config in (config_of(seed=seed) for seed in (0, 0, 1))
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
