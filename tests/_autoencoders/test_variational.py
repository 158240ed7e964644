import numpy as np
import pytest
from sklearn.datasets import load_digits, load_iris, load_wine
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.preprocessing import StandardScaler

from skae import VAE

TRAINED = {"hidden_layer_sizes": (32,), "max_iter": 400, "random_state": 0}
AT_STEP_0 = {"max_iter": 1, "learning_rate_init": 1e-12, "random_state": 0}


@pytest.fixture(scope="module")
def table(curved):
    return curved(700)


@pytest.fixture(scope="module")
def new(curved):
    return curved(500, seed=1)


@pytest.fixture(scope="module")
def vae(table):
    model = VAE(2, **TRAINED).fit(table)
    assert model.pca_ratio_ < 1
    return model


@pytest.fixture(scope="module")
def bits():
    """Patterns of ones that two hidden numbers decide."""
    rng = np.random.default_rng(0)
    places = rng.random((800, 1)) - np.linspace(0, 1, 10)
    return (rng.random((800, 10)) < np.exp(-20 * places**2)).astype(float)


@pytest.fixture(scope="module")
def of_bits(bits):
    return VAE(2, likelihood="bernoulli", **TRAINED).fit(bits)


# -- at the first step it is probabilistic PCA -----------------------------------------


def wide():
    return np.random.default_rng(0).normal(size=(20, 30)) * np.linspace(1, 3, 30)


TABLES = {
    "iris": lambda: load_iris().data,
    "wine": lambda: StandardScaler().fit_transform(load_wine().data),
    "digits": lambda: load_digits().data[:700],
    "few samples": lambda: load_iris().data[::15],
    "very few samples": lambda: load_iris().data[::30],
    "more features than samples": wide,
    "large numbers": lambda: 1e6 + 1e3 * load_iris().data,
    "small numbers": lambda: 1e-6 * load_iris().data,
}


@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize("name", TABLES)
def test_score_samples_at_step_0_are_those_of_pca(name, k):
    X = TABLES[name]()
    model = VAE(k, **AT_STEP_0).fit(X)
    expected = PCA(k, svd_solver="full").fit(X).score_samples(X)
    np.testing.assert_allclose(model.score_samples(X), expected, rtol=1e-6, atol=1e-3)
    np.testing.assert_allclose(model.elbo(X, 3), expected, rtol=1e-6, atol=1e-3)
    assert model.score(X) == pytest.approx(expected.mean(), rel=1e-6, abs=1e-3)
    assert model.pca_ratio_ == 1.0


def test_score_samples_of_an_untrained_network_are_those_of_pca():
    X = load_iris().data
    model = VAE(2, early_stopping=False, **AT_STEP_0).fit(X)
    assert model._state["architecture"]["hidden_layer_sizes"]
    expected = PCA(2).fit(X).score_samples(X)
    np.testing.assert_allclose(model.score_samples(X), expected, atol=1e-3)
    np.testing.assert_allclose(model.elbo(X), expected, atol=1e-3)


def test_weight_counts_as_copies():
    X = load_iris().data
    weight = np.arange(len(X)) % 3
    model = VAE(2, **AT_STEP_0).fit(X, sample_weight=weight)
    expected = PCA(2).fit(X.repeat(weight, axis=0)).score_samples(X)
    np.testing.assert_allclose(model.score_samples(X), expected, atol=1e-3)


@pytest.mark.parametrize("k", [2, 5])
def test_codes_at_step_0_are_posterior_means_of_probabilistic_pca(k):
    X = load_digits().data[:700]
    model, pca = VAE(k, **AT_STEP_0).fit(X), PCA(k, svd_solver="full").fit(X)
    variances = pca.explained_variance_
    signal = variances - pca.noise_variance_
    expected = pca.transform(X) * np.sqrt(signal) / variances
    np.testing.assert_allclose(model.transform(X), expected, atol=1e-6)
    mean, std = model.posterior(X)
    np.testing.assert_allclose(mean, expected, atol=1e-6)
    expected = np.sqrt(pca.noise_variance_ / variances)
    np.testing.assert_allclose(std, np.tile(expected, (len(X), 1)), atol=1e-6)


def test_noise_variance_at_step_0_is_that_of_pca():
    X = load_digits().data[:700]
    noise = VAE(3, **AT_STEP_0).fit(X).noise_variance_
    assert noise.shape == (64,)
    np.testing.assert_allclose(noise, PCA(3).fit(X).noise_variance_)


def test_sample_at_step_0_has_the_covariance_of_pca():
    X = load_iris().data
    model, pca = VAE(2, **AT_STEP_0).fit(X), PCA(2).fit(X)
    drawn = model.sample(50_000, random_state=0, calibrated=False)
    np.testing.assert_allclose(drawn.mean(0), pca.mean_, atol=0.05)
    np.testing.assert_allclose(np.cov(drawn.T), pca.get_covariance(), atol=0.07)


@pytest.mark.parametrize("k", [5, 6])
def test_density_is_finite_where_pca_is_exact(curved, k):
    X = curved(200)
    model = VAE(k, **AT_STEP_0).fit(X if k == 6 else X @ np.diag([1, 1, 1, 1, 1, 0.0]))
    assert np.isfinite(model.score_samples(X)).all()
    assert np.isfinite(model.sample(10, random_state=0)).all()


@pytest.mark.parametrize("k", [1, 2, 4])
@pytest.mark.parametrize("rank", [1, 2])
def test_density_is_finite_for_low_rank(n_samples, rank, k):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_samples, rank)) @ rng.normal(size=(rank, 5))
    model = VAE(k, **AT_STEP_0).fit(X)
    assert np.isfinite(model.score_samples(X)).all()
    assert np.isfinite(model.posterior(X)).all()
    assert np.isfinite(model.sample(10, random_state=0)).all()
    assert np.isfinite(model.reconstruct(X)).all()


# -- what it learns --------------------------------------------------------------------


@pytest.mark.parametrize("params", [{}, {"anchor": None}, {"activation": "tanh"}])
def test_score_of_curved_tables_is_above_pca(table, new, params):
    model = VAE(2, **{**TRAINED, "max_iter": 800, **params}).fit(table)
    pca = PCA(2).fit(table)
    assert model.score(new) > pca.score(new) + 0.5
    assert 0 < model.pca_ratio_ < 1


def test_curves_are_minus_the_bound_for_each_feature(vae, table, new):
    assert vae.loss_curve_[-1] < vae.loss_curve_[0]
    bound = -PCA(2).fit(table).score(new) / 6
    assert vae.validation_curve_[0] == pytest.approx(bound, abs=0.1)
    bound = -vae.elbo(new).mean() / 6
    assert min(vae.validation_curve_) == pytest.approx(bound, abs=0.1)
    gain = min(vae.validation_curve_) - vae.validation_curve_[0]
    assert vae.pca_ratio_ == pytest.approx(np.exp(gain), abs=0.03)


def test_noise_variance_is_learned_for_each_feature(curved):
    rng = np.random.default_rng(1)
    noise_std = np.array([0.05, 0.05, 0.3, 0.3])
    X = (
        curved(1000, noise=0.0)[:, [0, 2, 0, 2]]
        + rng.normal(size=(1000, 4)) * noise_std
    )
    model = VAE(1, **{**TRAINED, "max_iter": 800}).fit(X)
    assert model.noise_variance_.shape == (4,)
    np.testing.assert_allclose(np.sqrt(model.noise_variance_), noise_std, rtol=0.5)


def test_larger_beta_reduces_the_divergence(table):
    divergences = []
    for beta in (0.2, 1.0, 5.0):
        model = VAE(2, beta=beta, early_stopping=False, **TRAINED).fit(table)
        mean, std = model.posterior(table)
        terms = mean**2 + std**2 - 1 - 2 * np.log(std)
        divergences.append(0.5 * terms.sum(1).mean())
    assert divergences[0] > divergences[1] > divergences[2]


def test_pca_is_kept_where_it_models_best(linear, n_samples):
    X = linear(n_samples)
    fits = [
        VAE(2, hidden_layer_sizes=(8,), max_iter=60, random_state=seed).fit(X)
        for seed in range(4)
    ]
    kept = [fit for fit in fits if fit.pca_ratio_ == 1.0]
    assert len(kept) >= 2
    for fit in kept:
        np.testing.assert_allclose(
            fit.score_samples(X), PCA(2).fit(X).score_samples(X), atol=1e-3
        )


def test_posterior_has_about_the_moments_of_the_prior(vae, new):
    mean, std = vae.posterior(new)
    np.testing.assert_allclose((mean**2 + std**2).mean(0), 1, atol=0.5)
    np.testing.assert_allclose(mean.mean(0), 0, atol=0.2)


# -- scores ----------------------------------------------------------------------------


MODELS = pytest.mark.parametrize("name", ["vae", "of_bits"])


@pytest.fixture
def case(request, name, new, bits):
    return request.getfixturevalue(name), bits if name == "of_bits" else new


@MODELS
@pytest.mark.parametrize("n_draws", [1, 10, 100])
def test_elbo_is_below_the_likelihood(case, n_draws):
    model, X = case
    bound, likelihood = model.elbo(X, n_draws), model.score_samples(X, n_draws)
    assert bound.shape == likelihood.shape == (len(X),)
    assert (bound <= likelihood + 1e-9).all()
    assert (np.allclose(bound, likelihood)) == (n_draws == 1)


@MODELS
def test_scores_do_not_depend_on_the_call_or_the_other_samples(case):
    model, X = case
    for method in (model.score_samples, model.elbo):
        scores = method(X)
        np.testing.assert_array_equal(method(X), scores)
        np.testing.assert_allclose(method(X[::-1])[::-1], scores, rtol=1e-9)
        np.testing.assert_allclose(method(X[3:4]), scores[3:4], rtol=1e-9)
        np.testing.assert_allclose(method(X[:300]), scores[:300], rtol=1e-9)


@MODELS
def test_more_draws_give_closer_scores(case):
    model, X = case
    few, some, many = (model.score_samples(X, n) for n in (2, 100, 1000))
    assert np.mean((some - many) ** 2) < 0.3 * np.mean((few - many) ** 2)


@MODELS
def test_posterior_means_are_the_codes(case):
    model, X = case
    mean, std = model.posterior(X)
    np.testing.assert_allclose(mean, model.transform(X), rtol=1e-9, atol=1e-12)
    assert mean.shape == std.shape == (len(X), 2)
    assert (std > 0).all()


def test_likelihood_integrates_to_one(curved):
    X = curved(700)[:, [0, 2]]  # a parabola, on a grid around it
    model = VAE(1, **TRAINED).fit(X)
    assert model.pca_ratio_ < 1
    axes = np.linspace(-2.5, 2.5, 80), np.linspace(-2, 3, 80)
    grid = np.stack(np.meshgrid(*axes), -1).reshape(-1, 2)
    density = np.exp(model.score_samples(grid, 100))
    cell = (axes[0][1] - axes[0][0]) * (axes[1][1] - axes[1][0])
    assert density.sum() * cell == pytest.approx(1, abs=0.1)


def test_score_of_a_sample_far_outside_is_near_that_of_pca(vae, table, new):
    far = new.copy()
    far[0] = table.mean(0) + 1000 * table.std(0)
    pca = PCA(2).fit(table)
    least = pca.score_samples(far[:1]) + np.log(0.01)
    for method in (vae.score_samples, vae.elbo):
        # The fallback is fitted to all samples, as PCA is here.
        assert method(far[:1]) >= least - 1e-3 * np.abs(least)
        np.testing.assert_allclose(method(far)[1:], method(new)[1:], rtol=1e-9)


# -- samples ---------------------------------------------------------------------------


@pytest.mark.parametrize("calibrated", [True, False])
def test_sample_is_decided_by_its_seed(vae, calibrated):
    drawn = vae.sample(7, random_state=0, calibrated=calibrated)
    assert drawn.shape == (7, 6)
    again = vae.sample(7, random_state=0, calibrated=calibrated)
    np.testing.assert_array_equal(drawn, again)
    other = vae.sample(7, random_state=1, calibrated=calibrated)
    assert not np.array_equal(drawn, other)
    assert vae.sample().shape == (1, 6)


def test_sample_moves_a_random_state_on(vae):
    state = np.random.RandomState(0)
    assert not np.array_equal(vae.sample(3, state), vae.sample(3, state))


def test_calibrated_sample_has_the_moments_of_the_training_samples(vae, table):
    drawn = vae.sample(50_000, random_state=0)
    np.testing.assert_allclose(drawn.mean(0), table.mean(0), atol=0.02)
    np.testing.assert_allclose(drawn.std(0), table.std(0), rtol=0.03)


def test_sample_follows_a_curve_that_pca_cannot(vae, table):
    def bend(X):
        return np.corrcoef(X[:, 0] ** 2, X[:, 2])[0, 1]

    by_pca = VAE(2, **AT_STEP_0).fit(table).sample(2000, random_state=0)
    assert bend(vae.sample(2000, random_state=0)) > bend(by_pca) + 0.3


def test_sample_does_not_change_the_global_random_states(vae, global_states):
    before = global_states()
    vae.sample(3, random_state=0)
    vae.score_samples(np.zeros((2, 6)))
    np.testing.assert_equal(global_states(), before)


@pytest.mark.parametrize("method", ["score_samples", "elbo", "posterior"])
def test_methods_need_a_fit(X, method):
    with pytest.raises(NotFittedError):
        getattr(VAE(), method)(X)
    with pytest.raises(NotFittedError):
        VAE().sample()


# -- features in [0, 1] ----------------------------------------------------------------


def test_bernoulli_samples_are_bits(of_bits, bits):
    drawn = of_bits.sample(2000, random_state=0)
    assert set(np.unique(drawn)) == {0.0, 1.0}
    np.testing.assert_allclose(drawn.mean(0), bits.mean(0), atol=0.1)
    assert of_bits.noise_variance_ is None


def test_bernoulli_score_is_above_that_of_independent_bits(of_bits, bits):
    assert of_bits.pca_ratio_ < 1
    p = bits.mean(0).clip(0.01, 0.99)
    independent = bits @ np.log(p) + (1 - bits) @ np.log(1 - p)
    assert of_bits.score(bits) > independent.mean() + 0.5


def test_bernoulli_likelihoods_of_all_patterns_sum_to_one(bits):
    model = VAE(1, likelihood="bernoulli", **TRAINED).fit(bits[:, :5])
    patterns = (np.arange(32)[:, None] >> np.arange(5)) & 1
    total = np.exp(model.score_samples(patterns.astype(float), 500)).sum()
    assert total == pytest.approx(1, abs=0.1)


def test_bernoulli_reconstructions_are_probabilities(of_bits, bits):
    samples = of_bits.reconstruct(bits)
    assert 0 <= samples.min() <= samples.max() <= 1
    extreme = of_bits.inverse_transform(np.array([[50.0, -50.0]]))
    assert ((extreme >= 0) & (extreme <= 1)).all()


@pytest.mark.parametrize("value", [-0.1, 1.1])
def test_bernoulli_needs_features_in_the_unit_interval(bits, value):
    X = bits.copy()
    X[3, 4] = value
    with pytest.raises(ValueError, match=r"likelihood='bernoulli' .* in column 4"):
        VAE(2, likelihood="bernoulli").fit(X)


def test_bernoulli_takes_grey_values(n_samples):
    X = load_digits().data[:n_samples] / 16
    model = VAE(4, likelihood="bernoulli", **{**TRAINED, "max_iter": 60}).fit(X)
    assert np.isfinite(model.score_samples(X)).all()
    assert (model.score_samples(X) < 0).all()


# -- modes and parameters --------------------------------------------------------------


@pytest.mark.parametrize("likelihood", ["gaussian", "bernoulli"])
@pytest.mark.parametrize("params", [{}, {"anchor": None}, {"early_stopping": False}])
def test_fit_works_in_every_mode(bits, n_samples, likelihood, params, quick):
    X = bits[:n_samples]
    model = VAE(3, likelihood=likelihood, **{**quick, **params}).fit(X)
    assert np.isfinite(model.transform(X)).all()
    assert (model.elbo(X, 5) <= model.score_samples(X, 5) + 1e-9).all()
    assert model.sample(4, random_state=0).shape == (4, 10)


def test_random_state_gives_one_model(table, quick):
    first, again = (VAE(2, **quick).fit(table) for _ in range(2))
    np.testing.assert_array_equal(
        first.score_samples(table), again.score_samples(table)
    )


@pytest.mark.parametrize("params", [{}, {"anchor": None}])
def test_warm_start_continues_training(table, params):
    model = VAE(2, warm_start=True, **{**TRAINED, "max_iter": 200, **params})
    first = model.fit(table).score(table)
    assert model.set_params(max_iter=400).fit(table).score(table) > first - 0.05


@pytest.mark.parametrize(
    ("name", "value"),
    [("likelihood", "poisson"), ("beta", 0.0), ("beta", -1), ("n_components", 0.9)],
)
def test_parameters_are_checked_by_name(X, name, value):
    with pytest.raises(ValueError, match=f"'{name}' parameter"):
        VAE(**{name: value}).fit(X)


@pytest.mark.parametrize("n_draws", [0, 2.5])
def test_n_draws_and_n_samples_are_checked(vae, table, n_draws):
    for method in (vae.score_samples, vae.elbo):
        with pytest.raises((TypeError, ValueError), match="n_draws"):
            method(table, n_draws=n_draws)
    with pytest.raises(ValueError, match="n_samples"):
        vae.sample(0)


def test_constant_feature_does_not_affect_the_model():
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(size=(1000, 4)), np.full(1000, 3.0)])
    model = VAE(2, hidden_layer_sizes=(16,), max_iter=300, random_state=0).fit(X)
    assert model.pca_ratio_ > 0.9
    moved = X + np.array([0, 0, 0, 0, 1e-3])
    np.testing.assert_allclose(model.score_samples(moved), model.score_samples(X), 1e-2)


@pytest.mark.parametrize("k", [1, 3, 5])
def test_sample_has_no_variance_that_the_data_lack(k):
    rng = np.random.default_rng(0)
    X = 1e-2 * rng.normal(size=(800, 2)) @ rng.normal(size=(2, 6))
    model = VAE(k, hidden_layer_sizes=(16,), max_iter=60, random_state=0).fit(X)
    drawn = model.sample(900, random_state=0, calibrated=False)
    assert drawn.std(axis=0).max() < 1.5 * X.std(axis=0).max()


def test_bernoulli_models_fair_coins():
    rng = np.random.default_rng(0)
    X = (rng.random((800, 5)) < 0.5).astype(float)
    model = VAE(likelihood="bernoulli", max_iter=200, random_state=0).fit(X)
    assert model.score(X) == pytest.approx(5 * np.log(0.5), abs=0.2)
    assert model.pca_ratio_ == pytest.approx(1.0, abs=0.2)


def test_patience_waits_for_the_warm_up_of_the_divergence(table):
    params = {"hidden_layer_sizes": (8,), "max_iter": 400, "random_state": 0}
    model = VAE(2, anchor=None, n_iter_no_change=1, **params).fit(table)
    assert model.n_iter_ >= 0.3 * 400


def test_bernoulli_allows_rounding_beyond_one(table):
    X = (table - table.min(axis=0)) / np.ptp(table, axis=0)
    X = np.clip(X, 0, 1).astype(np.float32) * np.float32(1 + 2e-7)
    assert X.max() > 1
    VAE(2, likelihood="bernoulli", hidden_layer_sizes=(8,), max_iter=20).fit(X)
