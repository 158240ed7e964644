import numpy as np
import pytest
from sklearn.datasets import load_digits

from skae import SparseAutoencoder
from skae.metrics import reconstruction_r2


@pytest.fixture(scope="module")
def digits():
    return load_digits().data / 16


@pytest.fixture
def model(quick):
    return SparseAutoencoder(12, **quick)


@pytest.mark.parametrize("sparsity", [0.05, 0.2])
@pytest.mark.parametrize("penalty", ["kl", "l1"])
def test_mean_activation_is_the_sparsity(digits, penalty, sparsity):
    X, new = digits[:1400], digits[1400:]
    model = SparseAutoencoder(
        60, sparsity=sparsity, penalty=penalty, max_iter=500, random_state=0
    ).fit(X)
    codes = model.transform(new)
    assert 0 <= codes.min() <= codes.max() <= 1
    assert codes.mean() == pytest.approx(sparsity, rel=0.25)
    assert model.mean_activation_.mean() == pytest.approx(sparsity, rel=0.2)
    assert reconstruction_r2(model, new) > 0.6


def test_kl_holds_each_code_at_the_sparsity(digits):
    shared = {"sparsity": 0.1, "max_iter": 500, "random_state": 0}
    each, together = (
        SparseAutoencoder(60, penalty=penalty, **shared).fit(digits).mean_activation_
        for penalty in ("kl", "l1")
    )
    assert each.std() < together.std()
    assert each.min() > 0.02


@pytest.mark.parametrize(
    ("n_components", "sparsity"), [(20, 0.1), (20, 0.5), (7, 0.3), (7, 0.01)]
)
def test_topk_keeps_that_many_codes_of_each_sample(digits, n_components, sparsity):
    model = SparseAutoencoder(
        n_components, sparsity=sparsity, penalty="topk", max_iter=100, random_state=0
    )
    codes = model.fit_transform(digits)
    kept = max(1, round(sparsity * n_components))
    np.testing.assert_array_equal(np.count_nonzero(codes, axis=1), kept)
    assert codes.min() == 0
    assert codes.max() <= 1


def test_topk_reconstructs_new_samples(digits):
    model = SparseAutoencoder(
        60, sparsity=0.1, penalty="topk", max_iter=500, random_state=0
    ).fit(digits[:1400])
    assert reconstruction_r2(model, digits[1400:]) > 0.6


def test_larger_sparsity_weight_makes_codes_sparser(digits):
    weak, strong = (
        SparseAutoencoder(
            30, penalty="l1", sparsity_weight=weight, max_iter=150, random_state=0
        )
        .fit(digits)
        .mean_activation_.mean()
        for weight in (0.0, 10.0)
    )
    assert strong < 0.7 * weak


@pytest.mark.parametrize("penalty", ["kl", "l1", "topk"])
@pytest.mark.parametrize("params", [{}, {"early_stopping": False}, {"loss": "huber"}])
def test_fit_works_in_every_mode(model, curved, n_samples, penalty, params):
    X = curved(n_samples)
    model.set_params(penalty=penalty, sparsity=0.3, **params)
    codes = model.fit_transform(X)
    assert codes.shape == (n_samples, 12)
    assert ((codes >= 0) & (codes <= 1)).all()
    np.testing.assert_allclose(model.inverse_transform(codes), model.reconstruct(X))
    assert model.loss_curve_[-1] <= model.loss_curve_[0]


def test_more_steps_reconstruct_well(curved, n_samples):
    X = curved(n_samples)
    model = SparseAutoencoder(30, sparsity=0.2, max_iter=400, random_state=0).fit(X)
    assert reconstruction_r2(model, X) > 0.5


def test_mean_activation_is_that_of_the_training_samples(model, curved, n_samples):
    X = curved(n_samples)
    codes = model.fit_transform(X)
    assert model.mean_activation_.shape == (12,)
    np.testing.assert_allclose(model.mean_activation_, codes.mean(0), rtol=1e-6)


def test_mean_activation_is_weighted_as_the_samples_are(model, curved, n_samples):
    X, weight = curved(n_samples), np.arange(n_samples) % 3.0
    codes = model.fit(X, sample_weight=weight).transform(X)
    expected = np.average(codes, axis=0, weights=weight)
    np.testing.assert_allclose(model.mean_activation_, expected, rtol=1e-6)


def test_n_components_none_is_a_code_for_each_feature(model, X):
    assert model.set_params(n_components=None).fit(X).n_components_ == 6


def test_hidden_layer_sizes_auto_is_none(model, X):
    model.set_params(hidden_layer_sizes="auto").fit(X)
    assert model._state["architecture"]["hidden_layer_sizes"] == ()
    model.set_params(hidden_layer_sizes=(5, 4)).fit(X)
    assert model._state["architecture"]["hidden_layer_sizes"] == (5, 4)


def test_sparse_autoencoder_has_no_anchor(model, X):
    assert not model.fit(X).components_.any()
    assert {"anchor", "whiten"}.isdisjoint(model.get_params())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sparsity", 0.0),
        ("sparsity", 1.0),
        ("penalty", "l2"),
        ("sparsity_weight", -1.0),
        ("sparsity_weight", "heavy"),
        ("n_components", 0.9),
        ("n_components", 0),
    ],
)
def test_parameters_are_checked_by_name(model, X, name, value):
    with pytest.raises(ValueError, match=f"'{name}' parameter"):
        model.set_params(**{name: value}).fit(X)
