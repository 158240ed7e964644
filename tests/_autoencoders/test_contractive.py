import numpy as np
import pytest
from sklearn.datasets import load_digits

from skae import AutoencoderTransformer, ContractiveAutoencoder

TRAINED = {"hidden_layer_sizes": (16, 8), "max_iter": 150, "random_state": 0}


@pytest.mark.parametrize("anchor", ["pca", None])
def test_contraction_shrinks_the_norm(curved, n_samples, anchor):
    X, new = curved(n_samples), curved(500, seed=1)
    params = {**TRAINED, "max_iter": 300, "early_stopping": False}
    norms = [
        ContractiveAutoencoder(2, contraction=contraction, anchor=anchor, **params)
        .fit(X)
        .jacobian_norm(new)
        .mean()
        for contraction in (0.0, 0.1, 3.0)
    ]
    assert norms[2] < norms[1] < norms[0]
    assert norms[2] < 0.5 * norms[0]


def test_without_contraction_the_model_is_the_plain_autoencoder(curved, n_samples):
    X = curved(n_samples)
    plain = AutoencoderTransformer(2, **TRAINED).fit(X)
    free = ContractiveAutoencoder(2, contraction=0.0, **TRAINED).fit(X)
    np.testing.assert_array_equal(free.transform(X), plain.transform(X))


def test_gain_over_pca_includes_the_contraction(curved, n_samples):
    X = curved(n_samples)
    model = ContractiveAutoencoder(2, **TRAINED).fit(X)
    assert model.validation_curve_[0] == pytest.approx(1.0)
    assert 0 < model.pca_ratio_ < 1


@pytest.mark.parametrize("scale", [1e-4, 1e4])
def test_units_do_not_matter(curved, scale):
    X = curved(700)
    one, other = (
        ContractiveAutoencoder(2, contraction=1.0, **TRAINED).fit(table)
        for table in (X, scale * X)
    )
    assert other.pca_ratio_ == pytest.approx(one.pca_ratio_, abs=0.1)
    np.testing.assert_allclose(
        other.jacobian_norm(scale * X).mean(), one.jacobian_norm(X).mean(), rtol=0.3
    )


@pytest.mark.parametrize(
    "params",
    [{"loss": "absolute_error"}, {"n_components": 0.8}, {"activation": "relu"}],
)
def test_fit_works_in_every_mode(curved, n_samples, params, quick):
    X = curved(n_samples)
    model = ContractiveAutoencoder(**{"n_components": 2, **quick, **params})
    assert np.isfinite(model.fit_transform(X)).all()
    assert (model.jacobian_norm(X) > 0).all()


@pytest.mark.parametrize("contraction", [-0.1, "much", None])
def test_contraction_is_checked(X, contraction):
    with pytest.raises(ValueError, match="'contraction' parameter"):
        ContractiveAutoencoder(2, contraction=contraction).fit(X)


def test_codes_stay_beyond_the_training_range():
    X = load_digits().data / 16
    params = {"hidden_layer_sizes": (64,), "max_iter": 300, "random_state": 0}
    model = ContractiveAutoencoder(4, contraction=1.0, **params).fit(X)
    codes = model.transform(X)
    noisy = X + 0.05 * np.random.default_rng(0).normal(size=X.shape)
    moved = ((model.transform(noisy) - codes) ** 2).sum(axis=1).mean()
    assert moved < 0.05 * codes.var(axis=0).sum()
    outside = np.where(X == X.min(axis=0), X - 1, X)
    np.testing.assert_allclose(model.transform(outside), codes, atol=1e-8)
