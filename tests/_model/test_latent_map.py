import numpy as np
import pytest
import torch
from model_cases import DOUBLE, OBJECTIVES, pca_of, table_of
from sklearn.decomposition import PCA

from skae._model.latent_map import PCAMap

K = 2


@pytest.fixture(scope="module")
def table():
    return table_of(100)


@pytest.fixture(scope="module")
def pca(table):
    return PCA(K).fit(table)


def map_of(table, name):
    return PCAMap(pca_of(OBJECTIVES[name], table, K), DOUBLE)


def test_pca_map_is_pca(table, pca):
    it, x = map_of(table, "anchored"), torch.from_numpy(table)
    codes = it.encode(x)
    np.testing.assert_allclose(codes, pca.transform(table), atol=1e-9)
    expected = pca.inverse_transform(pca.transform(table))
    np.testing.assert_allclose(it.decode(codes), expected, atol=1e-9)
    torch.testing.assert_close(it.predict(codes), it.decode(codes))


def test_pca_map_of_a_prior_has_posterior_means_as_codes(table, pca):
    it, x = map_of(table, "variational"), torch.from_numpy(table)
    variances, noise = pca.explained_variance_, pca.noise_variance_
    signal = variances - noise
    expected = pca.transform(table) * np.sqrt(signal) / variances
    mean, log_variance = it.posterior(x)
    np.testing.assert_allclose(mean, expected, atol=1e-9)
    torch.testing.assert_close(it.encode(x), mean)
    np.testing.assert_allclose(
        log_variance, np.tile(np.log(noise / variances), (len(table), 1))
    )
    decoded = it.decode(mean).numpy() - pca.mean_
    np.testing.assert_allclose(
        decoded, (expected * np.sqrt(signal)) @ pca.components_, atol=1e-9
    )


def test_pca_map_of_probabilities_stays_between_zero_and_one(table):
    it = map_of(table, "probabilities")
    x = it.decode(torch.tensor([[50.0, -50.0]]).double())
    assert ((x >= 0) & (x <= 1)).all()


@pytest.mark.parametrize("name", ["anchored", "variational"])
def test_squared_jacobian_is_that_of_the_mixed_codes(table, name):
    it, x = map_of(table, name), torch.from_numpy(table[:7].copy())
    mix = torch.tensor([[1.0, 0.5], [0.0, 2.0]]).double()
    expected = torch.zeros(7).double()
    for code in (it.encode(x.requires_grad_()) @ mix).unbind(-1):
        (grad,) = torch.autograd.grad(code.sum(), x, retain_graph=True)
        expected += grad.square().sum(-1)
    torch.testing.assert_close(it.squared_jacobian(x.detach(), mix), expected)
