"""PCA where nothing better is found, and what is better where it is."""

import math
from dataclasses import replace

import numpy as np
import pytest
from fitting_cases import config_of, normal, objective_of, split_of
from sklearn.base import clone
from sklearn.decomposition import PCA
from training_cases import PLAIN

from skae import AutoencoderTransformer
from skae._fitting.n_components import n_components_for_share
from skae._fitting.selection import NetworkSelection
from skae._nn.latents import GaussianLatent, PlainLatent
from skae._training.loop import History
from skae.metrics import reconstruction_error

NOT_ANCHORED = replace(PLAIN, anchored=False)
ORDERED = replace(PLAIN, latent=PlainLatent.ordered())


def never_stop(*_):
    return False


def selection_of(table, objective=PLAIN, n_splits=1, start=None, **parameters):
    config = config_of(objective, len(table), **parameters)
    splits = [split_of(table, config, len(table) - 200 - i) for i in range(n_splits)]
    return NetworkSelection(splits, config, start)


def parameters_of(selection):
    return selection.trainer.network.params.flat.clone()


def validation_losses(selection, n_codes=None):
    """Return mean losses of the network as it is, and of PCA."""
    validation = selection._validation
    weight = validation.weight
    return tuple(
        np.average(validation.losses(n_codes, correction=correction), weights=weight)
        for correction in (True, False)
    )


@pytest.fixture(scope="module")
def curved_run(curved):
    """A selection that has run, with its reports and its result; read only."""
    selection, reports = selection_of(curved(700)), []

    def report(*what):
        reports.append(what)
        return False

    return selection, reports, selection.run(report)


# -- the first step: training ----------------------------------------------------------


def test_selection_keeps_what_validation_samples_favour(curved_run):
    selection, _, result = curved_run
    assert result.accepted
    assert result.ratio < 0.8
    assert result.k == selection.k == 2
    assert result.history.best_step == result.best_step > 0
    assert result.explained_variance.shape == (2,)


def test_selection_measures_curves_in_units_of_pca(curved_run):
    _, _, result = curved_run
    history = result.history
    assert history.validation[0] == pytest.approx(1.0)
    assert result.pca_loss == 1.0
    assert 0.5 < history.training[1] < 1.5
    assert min(history.validation) == pytest.approx(result.ratio)


def test_selection_reports_each_measurement(curved_run):
    selection, reports, result = curved_run
    phases, steps, training, validation, models = zip(*reports, strict=True)
    assert set(phases) == {"train"}
    assert [0, *steps] == result.history.steps
    assert [*training] == result.history.training[1:]
    assert [*validation] == result.history.validation[1:]
    assert models[-1]().anchor is selection.trainer.to_model().anchor


def test_selection_reports_folds_as_cross_validation(curved):
    phases = set()
    selection = selection_of(curved(700), n_splits=2, n_steps=32)
    selection.run(lambda phase, *_: phases.add(phase))
    assert phases == {"cross-validate"}


def test_selection_is_ended_by_a_report(curved):
    selection = selection_of(curved(700))
    result = selection.run(lambda phase, step, *_: step >= 32)
    assert result.history.n_steps == 32


def test_selection_needs_no_training_where_pca_is_exact(low_rank):
    selection = selection_of(low_rank(700))
    before = parameters_of(selection)
    result = selection.run(lambda *_: pytest.fail("there is nothing to report"))
    assert not result.accepted
    assert result.history == History()
    assert (result.ratio, result.factor, result.best_step) == (1.0, 0.0, 0)
    np.testing.assert_allclose(result.explained_variance[-1], 1)
    assert (parameters_of(selection) == before).all()


def test_selection_survives_an_interrupt_before_the_first_step(curved):
    selection = selection_of(curved(700))
    selection.trainer.train = lambda *_, **__: History(interrupted=True)
    result = selection.run(never_stop)
    assert not result.accepted
    assert result.history.interrupted


# -- the second step: shrinking --------------------------------------------------------


def test_corrections_that_go_too_far_are_shrunk(curved):
    selection = selection_of(curved(700))
    selection.run(never_stop)
    network = selection.trainer.network
    network.scale_correction(parameters_of(selection), 3.0)
    too_far = parameters_of(selection)
    before = selection._validation.losses()
    after, factor = selection._shrink(before)
    assert factor < 1
    assert after.mean() < before.mean()
    np.testing.assert_array_equal(selection._validation.losses(), after)
    shrunk = parameters_of(selection)
    network.scale_correction(too_far, factor)
    np.testing.assert_array_equal(shrunk, parameters_of(selection))


def test_corrections_that_are_best_as_they_are_stay(curved_run):
    selection, _, _ = curved_run
    trained, before = parameters_of(selection), selection._validation.losses()
    after, factor = selection._shrink(before)
    assert factor == 1.0
    np.testing.assert_array_equal(after, before)
    np.testing.assert_array_equal(parameters_of(selection), trained)


def test_corrections_of_few_samples_are_no_larger_than_is_certain(curved):
    selection = selection_of(curved(700))
    selection.run(never_stop)
    network, trained = selection.trainer.network, parameters_of(selection)
    validation, losses = selection._validation, {}
    used = validation.weight > 0
    for factor in (0.25, 0.5, 0.75, 1.0):
        network.scale_correction(trained, factor)
        losses[factor] = validation.losses()[used]
    weight = validation.weight[used]
    share = weight / weight.sum()

    def certainty(factor):
        """Return by how many standard errors the whole correction is better."""
        gain = losses[factor] - losses[1.0]
        mean = share @ gain
        return mean / np.sqrt(share @ (gain - mean) ** 2 * (share**2).sum())

    quarter, half, most = (certainty(factor) for factor in (0.25, 0.5, 0.75))
    assert quarter > half > most > 2
    for n_errors, expected in [
        (0.0, 1.0),
        (most - 0.01, 1.0),
        (most + 0.01, 0.75),
        (half + 0.01, 0.5),
        (quarter + 0.01, 0.25),
    ]:
        network.params.flat.copy_(trained)
        selection._config = replace(selection._config, n_shrinkage_errors=n_errors)
        after, factor = selection._shrink(validation.losses())
        assert factor == expected
        np.testing.assert_array_equal(validation.losses(), after)


def test_corrections_without_an_anchor_are_not_shrunk(curved):
    selection = selection_of(curved(700), NOT_ANCHORED)
    selection._shrink = lambda _: pytest.fail("there is no anchor to shrink to")
    assert selection.run(never_stop).factor == 1.0


# -- the third step: codes that explain a share ----------------------------------------


def test_selection_keeps_the_codes_that_explain_a_share(curved):
    selection = selection_of(curved(700, noise=0.02), ORDERED, n_components=0.9)
    result = selection.run(never_stop)
    assert result.accepted
    assert result.k < selection.k
    assert len(result.explained_variance) == result.k
    args = selection._validation, selection._splits, selection._config, selection.k
    assert result.k == n_components_for_share(*args)
    # Both losses are those of the codes that are kept.
    loss, pca = validation_losses(selection, result.k)
    assert result.ratio == pytest.approx(loss / pca)


# -- the fourth step: the network or PCA -----------------------------------------------


@pytest.mark.parametrize("n_splits", [1, 2])
def test_selection_keeps_pca_of_a_linear_table(linear, n_splits):
    table = linear(700)
    selection = selection_of(table, n_splits=n_splits, n_steps=60)
    result = selection.run(never_stop)
    assert not result.accepted
    assert (result.ratio, result.factor, result.best_step) == (1.0, 0.0, 0)
    assert result.history.n_steps > 0
    assert result.history.validation[0] == pytest.approx(result.pca_loss) == 1.0
    expected = np.cumsum(PCA(2).fit(table).explained_variance_ratio_)
    np.testing.assert_allclose(result.explained_variance, expected, atol=0.03)


def test_selection_demands_a_number_of_standard_errors(curved):
    selection = selection_of(curved(700))
    selection._config = replace(selection._config, n_standard_errors=1e6)
    result = selection.run(never_stop)
    assert not result.accepted
    assert result.ratio == 1.0
    assert min(result.history.validation) < 0.8


def test_selection_keeps_a_network_without_an_anchor_even_if_it_is_worse(linear):
    selection = selection_of(linear(700), NOT_ANCHORED, n_steps=20)
    result = selection.run(never_stop)
    assert result.accepted
    assert result.ratio > 1
    assert result.pca_loss == 1.0
    assert result.best_step == result.history.best_step


def test_selection_has_no_ratio_to_an_exact_pca(low_rank):
    result = selection_of(low_rank(700), NOT_ANCHORED, n_steps=20).run(never_stop)
    assert result.accepted
    assert math.isnan(result.ratio)
    assert math.isnan(result.pca_loss)


# -- warm starts -----------------------------------------------------------------------


def test_warm_start_is_kept_where_training_does_not_improve_it(curved_run, curved):
    before, _, first = curved_run
    start = before.trainer.to_model()
    selection = selection_of(curved(700), start=start, learning_rate=1e-12)
    result = selection.run(never_stop)
    assert result.accepted
    assert result.best_step == 0
    assert result.ratio == pytest.approx(first.ratio)
    for name, array in selection.trainer.to_model().weights.items():
        np.testing.assert_array_equal(array, start.weights[name])


def test_warm_start_is_the_network_to_beat(curved):
    first = selection_of(curved(700), n_steps=60)
    ratio = first.run(never_stop).ratio
    start = first.trainer.to_model()
    selection = selection_of(curved(700), start=start, n_components=0.5)
    assert selection.k == 2  # whatever is asked for
    result = selection.run(never_stop)
    assert result.accepted
    assert result.k == 2
    assert result.best_step > 0
    assert result.history.validation[0] == pytest.approx(ratio)
    assert result.ratio < ratio
    assert selection.trainer.to_model().anchor is start.anchor


# -- likelihoods -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def normal_run(curved):
    selection = selection_of(curved(900), normal())
    return selection, selection.run(never_stop)


def test_losses_of_a_likelihood_are_nats_for_each_feature(curved, normal_run):
    selection, result = normal_run
    table = curved(900)
    density = PCA(2).fit(table[:700]).score(table[700:])
    assert result.pca_loss == pytest.approx(-density / 6, abs=0.05)
    assert result.history.validation[0] == pytest.approx(result.pca_loss)
    assert result.accepted
    # A ratio of perplexities.
    gain = result.pca_loss - min(result.history.validation)
    assert result.ratio == pytest.approx(math.exp(-gain), rel=1e-3)
    assert selection._ratio(1e9, 0.0) == math.exp(700)


def test_a_likelihood_is_never_much_worse_than_its_fallback(normal_run):
    selection, _ = normal_run
    terrible = np.full_like(selection._pca, 1e6)
    adjusted = selection._adjusted(terrible)
    np.testing.assert_allclose(adjusted, selection._pca + math.log(100))
    assert selection._adjusted(selection._pca) == pytest.approx(selection._pca)


def test_losses_of_other_objectives_have_no_fallback(curved_run):
    selection, _, _ = curved_run
    terrible = np.full_like(selection._pca, 1e6)
    assert selection._adjusted(terrible) is terrible


def test_a_bernoulli_likelihood_is_compared_with_independent_features():
    rng = np.random.default_rng(0)
    groups = rng.integers(2, size=(900, 1))
    table = (rng.random((900, 6)) < np.where(groups, 0.9, 0.1)).astype(float)
    objective = objective_of("bernoulli", latent=GaussianLatent(), anchored=False)
    result = selection_of(table, objective, n_components=1).run(never_stop)
    assert result.accepted
    assert result.pca_loss == pytest.approx(math.log(2), abs=0.02)
    assert result.ratio < 0.95


# -- estimators ------------------------------------------------------------------------


@pytest.mark.parametrize("n_components", [1, 2, 4, None, 0.9])
def test_linear_tables_get_pca_itself(model, linear, n_rows, n_components):
    X, new = linear(n_rows), linear(200, seed=1)
    model.set_params(n_components=n_components, max_iter=40)
    fits = [clone(model).set_params(random_state=seed).fit(X) for seed in range(4)]
    # A gate of one standard error lets chance pass once in a while, at next to no cost.
    kept = [fit for fit in fits if fit.pca_ratio_ == 1.0]
    assert len(kept) >= 2
    for fit in fits:
        pca = PCA(fit.n_components_).fit(X)
        assert reconstruction_error(fit, new) < 1.03 * reconstruction_error(pca, new)
    for fit in kept:
        pca, codes = PCA(fit.n_components_).fit(X), fit.transform(new)
        np.testing.assert_allclose(codes, pca.transform(new), atol=1e-5)
        np.testing.assert_allclose(
            fit.inverse_transform(codes), pca.inverse_transform(codes), atol=1e-5
        )
        np.testing.assert_allclose(fit.mean_, pca.mean_, atol=1e-12)
        np.testing.assert_allclose(fit.components_, pca.components_, atol=1e-5)


@pytest.mark.parametrize("n_samples", [20, 40, 80])
@pytest.mark.parametrize("degrees_of_freedom", [3, 10**9])
def test_few_samples_of_noise_get_nothing_worse(n_samples, degrees_of_freedom):
    for seed in range(3):
        rng = np.random.default_rng(seed)
        X, new = (rng.standard_t(degrees_of_freedom, (n, 5)) for n in (n_samples, 1000))
        fit = AutoencoderTransformer(2, random_state=seed).fit(X)
        pca = PCA(2).fit(X)
        ratio = reconstruction_error(fit, new) / reconstruction_error(pca, new)
        assert ratio < 1.05


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "huber"])
def test_curved_tables_get_something_better(fitted, curved, n_rows, loss):
    new = curved(500, seed=1)
    model = fitted(
        "curved", n_rows, **({} if loss == "squared_error" else {"loss": loss})
    )
    pca = PCA(2).fit(curved(n_rows))
    assert model.pca_ratio_ < 0.8
    ratio = reconstruction_error(model, new) / reconstruction_error(pca, new)
    assert ratio < 0.8
    if loss == "squared_error":
        assert ratio == pytest.approx(model.pca_ratio_, abs=0.2)


def test_scale_and_place_of_a_table_do_not_matter_to_the_gain(fitted, learner, curved):
    ratio = fitted("curved", 700).pca_ratio_
    learner.fit(1000 * curved(700) + 500)
    assert learner.pca_ratio_ == pytest.approx(ratio, abs=0.1)


def test_tables_of_low_rank_need_no_training(model, low_rank, n_rows):
    X = low_rank(n_rows)
    model.fit(X)
    assert model.pca_ratio_ == 1.0
    assert model.n_iter_ == 1
    np.testing.assert_allclose(model.reconstruct(X), X, atol=1e-9)


def test_linear_tables_keep_no_step(fitted, n_rows):
    model = fitted("linear", n_rows)
    assert model.pca_ratio_ == 1.0
    assert model.best_step_ == 0
