"""The recipe: PCA where nothing better is found, and what is better where it is."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.decomposition import PCA

from skae import AutoencoderTransformer, _anchor
from skae._base import ACTIVATIONS, LOSSES
from skae.metrics import reconstruction_error, reconstruction_r2

SIZES = [200, 700]  # folded, and with rows held out


@pytest.fixture
def model(quick):
    return AutoencoderTransformer(2, **quick)


@pytest.fixture
def learner():
    """Small, but able to bend."""
    return AutoencoderTransformer(
        2, hidden_layer_sizes=(32,), max_iter=400, random_state=0
    )


def subspaces_agree(a, b, atol):
    """Say whether the columns of two tables span the same space."""
    a, b = (np.linalg.qr(table - table.mean(axis=0))[0] for table in (a, b))
    return np.allclose(a @ (a.T @ b), b, atol=atol)


# -- the gate --------------------------------------------------------------------------


@pytest.mark.parametrize("n_rows", SIZES)
@pytest.mark.parametrize("n_components", [1, 2, 4, None, 0.9])
def test_linear_tables_get_pca_itself(model, linear, n_rows, n_components):
    X, new = linear(n_rows), linear(200, seed=1)
    model.set_params(n_components=n_components, max_iter=60)
    fits = [clone(model).set_params(random_state=seed).fit(X) for seed in range(6)]
    # A gate of one standard error lets chance pass once in a while, at next to no cost.
    kept = [fit for fit in fits if fit.pca_ratio_ == 1.0]
    assert len(kept) >= 3
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


@pytest.mark.parametrize("n_rows", SIZES)
@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "huber"])
def test_curved_tables_get_something_better(learner, curved, n_rows, loss):
    X, new = curved(n_rows), curved(500, seed=1)
    learner.set_params(loss=loss).fit(X)
    pca = PCA(2).fit(X)
    assert learner.pca_ratio_ < 0.8
    ratio = reconstruction_error(learner, new) / reconstruction_error(pca, new)
    assert ratio < 0.8
    if loss == "squared_error":
        assert ratio == pytest.approx(learner.pca_ratio_, abs=0.2)


def test_scale_and_place_of_the_table_do_not_matter_to_the_gain(learner, curved):
    X = curved(700)
    ratio = learner.fit(X).pca_ratio_
    assert learner.fit(1000 * X + 500).pca_ratio_ == pytest.approx(ratio, abs=0.1)


def test_tables_of_low_rank_need_no_training(model):
    rng = np.random.default_rng(0)
    for n_rows in SIZES:
        X = rng.normal(size=(n_rows, 2)) @ rng.normal(size=(2, 5))
        model.fit(X)
        assert model.pca_ratio_ == 1.0
        assert model.n_iter_ == 1
        np.testing.assert_allclose(model.reconstruct(X), X, atol=1e-9)


def test_large_tables_are_trained_on_a_sampled_anchor(monkeypatch, learner, curved):
    monkeypatch.setattr(_anchor, "EXACT_PRODUCTS", 0)
    monkeypatch.setattr(_anchor, "SAMPLE_ROWS", 200)
    X, new = curved(700), curved(300, seed=1)
    learner.fit(X)
    pca = PCA(2).fit(X)
    assert reconstruction_error(learner, new) < 0.8 * reconstruction_error(pca, new)
    learner.set_params(learning_rate_init=1e-12).fit(X)  # PCA of all rows, in the end
    np.testing.assert_allclose(learner.transform(new), pca.transform(new), atol=1e-5)


# -- the number of codes ---------------------------------------------------------------


@pytest.mark.parametrize("n_rows", SIZES)
def test_none_takes_what_pca_needs_for_95_percent(model, curved, n_rows):
    X = curved(n_rows)
    expected = PCA(0.95, svd_solver="full").fit(X).n_components_
    model.set_params(n_components=None).fit(X)
    assert abs(model.n_components_ - expected) <= 1
    assert model.transform(X).shape[1] == model.n_components_


@pytest.mark.parametrize("n_rows", SIZES)
@pytest.mark.parametrize("share", [0.5, 0.8, 0.9])
def test_a_share_is_reached_on_new_rows(learner, curved, n_rows, share):
    X, new = curved(n_rows, noise=0.1), curved(500, seed=1, noise=0.1)
    learner.set_params(n_components=share).fit(X)
    assert reconstruction_r2(learner, new) >= share - 0.02
    fewest = PCA(share, svd_solver="full").fit(X).n_components_
    assert learner.n_components_ <= fewest + 1


def test_a_share_needs_fewer_codes_than_pca(learner, curved):
    X = curved(700, noise=0.02)
    learner.set_params(n_components=0.9, max_iter=800).fit(X)
    assert learner.n_components_ < PCA(0.9, svd_solver="full").fit(X).n_components_


@pytest.mark.parametrize("n_rows", SIZES)
@pytest.mark.parametrize("params", [{}, {"anchor": None}, {"early_stopping": False}])
def test_a_share_works_in_every_mode(model, curved, n_rows, params):
    X = curved(n_rows)
    model.set_params(n_components=0.8, **params).fit(X)
    assert 1 <= model.n_components_ <= 6
    assert len(model.explained_variance_ratio_) == model.n_components_


# -- what held-out rows say ------------------------------------------------------------


@pytest.mark.parametrize("n_rows", SIZES)
@pytest.mark.parametrize("n_components", [3, 0.9])
@pytest.mark.parametrize("table", ["curved", "linear"])
def test_explained_variance_adds_up_to_r2_on_new_rows(
    learner, request, table, n_components, n_rows
):
    make = request.getfixturevalue(table)
    X, new = make(n_rows), make(1000, seed=5)
    learner.set_params(n_components=n_components).fit(X)
    ratios = learner.explained_variance_ratio_
    assert ratios.shape == (learner.n_components_,)
    assert ratios.sum() == pytest.approx(reconstruction_r2(learner, new), abs=0.05)


def test_explained_variance_of_pca_is_pca_s(model, linear):
    X = linear(5000)
    model.fit(X)
    pca = PCA(2).fit(X)
    np.testing.assert_allclose(
        model.explained_variance_ratio_, pca.explained_variance_ratio_, atol=0.02
    )


@pytest.mark.parametrize("n_rows", SIZES)
def test_curves_start_at_pca_and_end_where_the_ratio_is(learner, curved, n_rows):
    learner.fit(curved(n_rows))
    assert learner.validation_curve_[0] == pytest.approx(1.0)
    assert min(learner.validation_curve_) == pytest.approx(learner.pca_ratio_, abs=0.05)
    assert len(learner.loss_curve_) == len(learner.validation_curve_) - 1
    assert learner.loss_curve_[-1] < learner.loss_curve_[0] < 1.2


def test_patience_ends_training(model, linear):
    model.set_params(max_iter=1000, n_iter_no_change=20).fit(linear(700))
    assert model.n_iter_ < 300


def test_iterations_are_those_that_ran(model, X_large, X):
    assert model.fit(X_large).n_iter_ == 20
    assert 20 < model.fit(X).n_iter_ <= 40  # the folds' and the last ones


# -- whitening -------------------------------------------------------------------------


@pytest.mark.parametrize("n_rows", SIZES)
@pytest.mark.parametrize("anchor", ["pca", None])
@pytest.mark.parametrize("weighted", [False, True])
def test_whitened_codes_have_unit_covariance(learner, curved, anchor, n_rows, weighted):
    X = curved(n_rows)
    weight = np.arange(n_rows) % 3 if weighted else np.ones(n_rows, dtype=int)
    learner.set_params(n_components=3, whiten=True, anchor=anchor)
    codes = learner.fit(X, sample_weight=weight).transform(X)
    np.testing.assert_allclose(codes.mean(0) if not weighted else 0, 0, atol=1e-6)
    covariance = np.cov(codes.T, fweights=weight)
    np.testing.assert_allclose(covariance, np.eye(3), atol=1e-6)


@pytest.mark.parametrize("n_rows", SIZES)
def test_whitening_does_not_change_the_reconstruction(learner, curved, n_rows):
    X = curved(n_rows)
    plain = learner.fit(X)
    white = clone(learner).set_params(whiten=True).fit(X)
    np.testing.assert_allclose(white.reconstruct(X), plain.reconstruct(X), atol=1e-6)


def test_whitening_keeps_the_span_of_the_first_codes(learner, curved):
    X = curved(700)
    learner.set_params(n_components=3)
    plain = learner.fit_transform(X)
    white = clone(learner).set_params(whiten=True).fit_transform(X)
    for m in (1, 2, 3):
        assert subspaces_agree(plain[:, :m], white[:, :m], atol=1e-6)


@pytest.mark.parametrize("n_rows", SIZES)
def test_whitened_pca_is_pca_s(model, linear, n_rows):
    X, new = linear(n_rows), linear(40, seed=1)
    model.set_params(whiten=True, learning_rate_init=1e-12).fit(X)
    pca = PCA(2, whiten=True).fit(X)
    assert model.pca_ratio_ == 1.0
    np.testing.assert_allclose(model.transform(new), pca.transform(new), atol=1e-5)


def test_whitening_a_constant_code_keeps_it_finite(model):
    X = np.random.default_rng(0).normal(size=(50, 1)) @ np.ones((1, 4))
    codes = model.set_params(whiten=True).fit_transform(X)
    assert codes[:, 0].std(ddof=1) == pytest.approx(1)
    np.testing.assert_allclose(codes[:, 1], 0, atol=1e-6)


# -- no anchor, no held-out rows -------------------------------------------------------


@pytest.mark.parametrize("n_rows", SIZES)
def test_without_an_anchor_it_is_an_ordinary_autoencoder(learner, curved, n_rows):
    X, new = curved(n_rows), curved(500, seed=1)
    learner.set_params(anchor=None, max_iter=1000).fit(X)
    assert not learner.components_.any()
    assert reconstruction_r2(learner, new) > 0.5
    assert 0 < learner.pca_ratio_ < 1


@pytest.mark.parametrize("n_rows", SIZES)
@pytest.mark.parametrize("n_components", [6, 10])
def test_without_an_anchor_codes_may_be_wider_than_the_table(
    learner, curved, n_rows, n_components
):
    X = curved(n_rows)
    learner.set_params(anchor=None, n_components=n_components).fit(X)
    assert learner.transform(X).shape == (n_rows, n_components)
    assert reconstruction_r2(learner, X) > 0.5


@pytest.mark.parametrize("n_rows", SIZES)
@pytest.mark.parametrize("anchor", ["pca", None])
def test_without_early_stopping_it_trains_to_the_end(learner, curved, anchor, n_rows):
    X = curved(n_rows)
    learner.set_params(early_stopping=False, anchor=anchor, max_iter=200).fit(X)
    assert learner.n_iter_ == 200
    assert np.isnan(learner.pca_ratio_)
    assert learner.validation_curve_ == []
    assert learner.loss_curve_[-1] < learner.loss_curve_[0]
    if anchor:
        assert reconstruction_error(learner, X) < reconstruction_error(PCA(2).fit(X), X)


def test_without_early_stopping_a_table_of_low_rank_is_still_pca(model):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 2)) @ rng.normal(size=(2, 5))
    model.set_params(early_stopping=False).fit(X)
    np.testing.assert_allclose(model.transform(X), PCA(2).fit_transform(X), atol=1e-5)


# -- losses and activations ------------------------------------------------------------


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_every_activation_fits(learner, X_large, activation):
    learner.set_params(activation=activation).fit(X_large)
    assert activation == "identity" or learner.pca_ratio_ < 0.95
    learner.set_params(anchor=None).fit(X_large)
    assert learner.loss_curve_[-1] < 0.9 * learner.loss_curve_[0]
    assert np.isfinite(learner.reconstruct(X_large)).all()


@pytest.mark.parametrize("n_rows", SIZES)
@pytest.mark.parametrize("anchor", ["pca", None])
@pytest.mark.parametrize("loss", sorted(LOSSES))
def test_every_loss_fits(model, curved, loss, anchor, n_rows):
    X = curved(n_rows)
    X = (X - X.min(axis=0)) / np.ptp(X, axis=0)
    model.set_params(loss=loss, anchor=anchor, max_iter=100).fit(X)
    assert model.loss_curve_[-1] < model.loss_curve_[0]
    assert np.isfinite(model.reconstruct(X)).all()


def test_a_robust_loss_cares_less_for_outliers(learner, curved):
    X, new = curved(700), curved(500, seed=1)
    X[::20] += 5 * np.random.default_rng(0).standard_cauchy(size=(35, 6)).clip(-9, 9)
    errors = {}
    for loss in ("squared_error", "absolute_error"):
        learner.set_params(loss=loss, anchor=None, early_stopping=False).fit(X)
        errors[loss] = np.median(-learner.score_samples(new))
    assert errors["absolute_error"] < errors["squared_error"]


@pytest.mark.parametrize("n_rows", SIZES)
def test_probabilities_are_reconstructed_as_probabilities(learner, n_rows):
    rng = np.random.default_rng(0)
    places = rng.random((n_rows, 1)) - np.linspace(0, 1, 8)
    X = np.exp(-20 * places**2) + 0.02 * rng.normal(size=(n_rows, 8))
    X = np.clip(X, 0, 1)
    learner.set_params(loss="binary_cross_entropy").fit(X)
    reconstruction = learner.reconstruct(X)
    assert learner.pca_ratio_ < 0.95
    assert reconstruction.min() >= 0
    assert reconstruction.max() <= 1
    assert reconstruction_r2(learner, X) > reconstruction_r2(PCA(2).fit(X), X)


# -- warm start ------------------------------------------------------------------------


@pytest.mark.parametrize("n_rows", SIZES)
def test_a_warm_start_goes_on(learner, curved, n_rows):
    X = curved(n_rows)
    learner.set_params(warm_start=True, max_iter=100).fit(X)
    first = learner.score(X)
    codes = learner.transform(X)
    learner.set_params(learning_rate_init=1e-12).fit(X)
    np.testing.assert_allclose(learner.transform(X), codes, atol=1e-5)
    learner.set_params(learning_rate_init="auto", max_iter=400).fit(X)
    assert learner.score(X) > first


@pytest.mark.parametrize("params", [{"anchor": None}, {"early_stopping": False}])
def test_a_warm_start_goes_on_in_every_mode(learner, X_large, params):
    learner.set_params(warm_start=True, max_iter=100, **params).fit(X_large)
    first = learner.score(X_large)
    learner.set_params(max_iter=400).fit(X_large)
    assert learner.score(X_large) > first


def test_a_warm_start_from_pca_starts_anew(learner, linear, curved):
    learner.set_params(warm_start=True).fit(linear(700))
    assert learner.pca_ratio_ == 1.0
    assert learner.fit(curved(700)).pca_ratio_ < 1


def test_a_warm_start_may_find_nothing_better(learner, X_large):
    learner.set_params(warm_start=True).fit(X_large)
    codes, ratios = learner.transform(X_large), learner.explained_variance_ratio_
    ratio = learner.pca_ratio_
    learner.set_params(max_iter=1, learning_rate_init=1e-12).fit(X_large)
    np.testing.assert_allclose(learner.transform(X_large), codes, atol=1e-5)
    np.testing.assert_allclose(learner.explained_variance_ratio_, ratios, atol=0.02)
    assert learner.pca_ratio_ == pytest.approx(ratio, abs=0.01)


CHANGES = {
    "n_components": 3,
    "hidden_layer_sizes": (9,),
    "activation": "relu",
    "anchor": None,
    "loss": "huber",
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_warm_start_needs_the_same_network(learner, curved, name):
    X = curved(300)
    learner.set_params(warm_start=True).fit(X)
    learner.set_params(**{name: CHANGES[name]})
    with pytest.raises(ValueError, match=r"warm_start=True goes on .* Set warm_start="):
        learner.fit(X)
    learner.set_params(warm_start=False).fit(X)


def test_a_warm_start_needs_the_same_features(learner, curved):
    X = curved(300)
    learner.set_params(warm_start=True).fit(X)
    with pytest.raises(ValueError, match="warm_start=True goes on"):
        learner.fit(X[:, :5])
    assert learner.transform(X).shape == (300, 2)


# -- weights ---------------------------------------------------------------------------

MODES = [{}, {"anchor": None}, {"whiten": True}, {"early_stopping": False}]


@pytest.mark.parametrize("params", MODES, ids=str)
def test_a_weight_is_a_number_of_copies(model, X, params):
    weight = np.arange(len(X)) % 3
    order = np.random.default_rng(0).permutation(weight.sum())
    model.set_params(**params)
    weighted = model.fit(X, sample_weight=weight).transform(X)
    copied = model.fit(X.repeat(weight, axis=0)[order]).transform(X)
    np.testing.assert_array_equal(weighted, copied)


def test_weights_count_in_large_tables(learner, curved, linear):
    X = np.concatenate([curved(700), 3 + linear(700)])
    weight = np.repeat([1.0, 0.0], 700)
    weighted = clone(learner).fit(X, sample_weight=weight)
    alone = clone(learner).fit(X[:700])
    assert weighted.score(X[:700]) == pytest.approx(alone.score(X[:700]), rel=0.2)
    both = clone(learner).fit(X)
    heavy = clone(learner).fit(X, sample_weight=1 + 20 * weight)
    assert heavy.score(X[:700]) > both.score(X[:700])


def test_equal_weights_are_none(learner, X_large):
    plain = clone(learner).fit(X_large).score(X_large)
    learner.fit(X_large, sample_weight=np.full(len(X_large), 2.5))
    assert learner.score(X_large) == pytest.approx(plain, rel=0.2)


def test_weights_of_pca_are_weights_of_rows(model, linear):
    X = linear(900)
    weight = np.arange(900) % 3 + 1
    model.set_params(learning_rate_init=1e-12).fit(X, sample_weight=weight)
    pca = PCA(2).fit(X.repeat(weight, axis=0))
    np.testing.assert_allclose(model.transform(X), pca.transform(X), atol=1e-5)


# -- the same model everywhere ---------------------------------------------------------


def codes_of(model, X):
    return clone(model).fit(X).transform(X)


@pytest.mark.parametrize("n_rows", SIZES)
@pytest.mark.parametrize("params", MODES, ids=str)
def test_a_random_state_gives_one_model(model, curved, params, n_rows):
    X = curved(n_rows)
    model.set_params(**params)
    first = codes_of(model, X)
    np.testing.assert_array_equal(codes_of(model, X), first)
    other = codes_of(model.set_params(random_state=1, max_iter=21), X)
    assert params.get("early_stopping", True) or not np.array_equal(other, first)


def test_one_model_in_a_loop_in_workers_and_in_threads(model, X, X_large):
    model.set_params(hidden_layer_sizes=(128, 64), max_iter=40)
    tables = [X, X_large] * 2
    expected = [codes_of(model, table) for table in tables]
    task = joblib.delayed(codes_of)
    workers = joblib.Parallel(n_jobs=2)(task(model, table) for table in tables)
    with ThreadPoolExecutor(4) as pool:
        start = threading.Barrier(4)

        def together(table):
            start.wait(10)
            return codes_of(model, table)

        threads = list(pool.map(together, tables))
    for once, worker, thread in zip(expected, workers, threads, strict=True):
        np.testing.assert_array_equal(worker, once)
        np.testing.assert_array_equal(thread, once)


def test_one_model_whatever_the_number_of_threads(model, X_large):
    model.set_params(hidden_layer_sizes=(128, 64), max_iter=40)
    before = torch.get_num_threads()
    fitted = []
    try:
        for n_threads in (1, 2, 3):
            torch.set_num_threads(n_threads)
            fitted.append(clone(model).fit(X_large)._state)
            assert torch.get_num_threads() == n_threads
    finally:
        torch.set_num_threads(before)
    np.testing.assert_equal(fitted[1], fitted[0])
    np.testing.assert_equal(fitted[2], fitted[0])


def test_a_random_state_instance_moves_on(model, X):
    model.set_params(random_state=np.random.RandomState(0), max_iter=40)
    model.set_params(early_stopping=False)
    first, second = (model.fit(X).transform(X) for _ in range(2))
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("random_state", [None, 0, "instance"])
def test_global_random_states_stay_as_they_are(model, X, X_large, random_state):
    if random_state == "instance":
        random_state = np.random.RandomState(0)
    model.set_params(random_state=random_state, n_components=0.9, whiten=True)
    numpy_state = np.random.get_state()  # noqa: NPY002 - it is what must not move
    torch_state = torch.get_rng_state()
    for table in (X, X_large):
        model.fit(table)
        model.inverse_transform(model.transform(table))
        model.score(table)
        clone(model).set_params(anchor=None).fit(table)
    np.testing.assert_equal(np.random.get_state(), numpy_state)  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert torch.initial_seed() == torch.initial_seed()


def test_gradients_are_as_before(model, X):
    model.fit(X).transform(X)
    assert torch.is_grad_enabled()
    assert not torch.is_inference_mode_enabled()


def test_nothing_heavy_is_imported_before_it_is_needed():
    code = """
import sys, warnings
import numpy as np
import skae
model = skae.AutoencoderTransformer(1, max_iter=2, hidden_layer_sizes=(2,))
repr(model), model.get_params()
assert "torch" not in sys.modules
model.fit(np.random.default_rng(0).normal(size=(20, 3)))
heavy = {"torch._dynamo", "matplotlib"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


# -- tables of any kind ----------------------------------------------------------------

AS_STORED = {
    "float16": lambda table: table.astype(np.float16),
    "float32": lambda table: table.astype(np.float32),
    "longdouble": lambda table: table.astype(np.longdouble),
    "big-endian": lambda table: table.astype(">f8"),
    "uint8": lambda table: table.astype(np.uint8),
    "int16": lambda table: table.astype(">i2"),
    "int64": lambda table: table.astype(np.int64),
    "negative strides": lambda table: table[::-1, ::-1].copy()[::-1, ::-1],
    "Fortran order": np.asfortranarray,
    "every second": lambda table: np.repeat(table, 2, axis=0)[::2],
    "list": lambda table: table.tolist(),
}


@pytest.fixture(scope="module")
def whole():
    """A table of small whole numbers, which every type holds exactly."""
    table = np.random.default_rng(0).integers(0, 200, size=(150, 4)).astype(float)
    table[:, 3] = (table[:, 0] ** 2 / 400).round()
    return table


@pytest.mark.parametrize("stored", AS_STORED)
def test_any_kind_of_table_is_read_and_left_alone(model, whole, stored):
    X = AS_STORED[stored](whole)
    before = np.array(X)
    if stored != "list":
        X.setflags(write=False)
    codes = model.fit(X).transform(X)
    np.testing.assert_array_equal(X, before)
    expected = codes_of(model, whole)
    assert codes.dtype == (np.float32 if stored == "float32" else np.float64)
    if stored in ("negative strides", "Fortran order", "every second", "list"):
        np.testing.assert_array_equal(codes, expected)
    assert model.score(X) == pytest.approx(
        -reconstruction_error(model, whole), rel=1e-4
    )
    pca = PCA(2).fit(whole)
    assert model.score(X) >= -1.02 * reconstruction_error(pca, whole)


def test_booleans_are_numbers(model):
    X = np.random.default_rng(0).random((100, 5)) < 0.5
    codes, numbers = model.fit(X).transform(X), X.astype(float)
    np.testing.assert_allclose(codes, model.fit(numbers).transform(numbers), atol=1e-9)


@pytest.mark.parametrize("n_rows", SIZES)
def test_a_memmap_is_as_good_as_an_array(model, curved, tmp_path, n_rows):
    X = curved(n_rows)
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    np.testing.assert_array_equal(
        model.fit(mapped).transform(mapped), model.fit(X).transform(X)
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_results_have_the_precision_of_the_table(model, X, device, dtype):
    model.set_params(device=device).fit(X.astype(dtype))
    codes = model.transform(X.astype(dtype))
    assert codes.dtype == dtype
    assert model.inverse_transform(codes).dtype == dtype
    assert model.reconstruct(X.astype(dtype)).dtype == dtype
    assert model.score_samples(X.astype(dtype)).dtype == dtype
    assert model.device_.startswith(device)


@pytest.mark.parametrize("n_rows", SIZES)
def test_devices_agree(learner, curved, device, n_rows):
    X = curved(n_rows)
    here = clone(learner).fit(X)
    there = clone(learner).set_params(device=device).fit(X)
    assert there.score(X) == pytest.approx(here.score(X), rel=0.25)
    moved = there.set_params(device="cpu")  # a model goes where its device says
    np.testing.assert_allclose(
        moved.score(X), there.set_params(device=device).score(X), rtol=1e-3
    )
