import numpy as np
import pytest
import torch
from model_cases import (
    DOUBLE,
    MODELS,
    OBJECTIVES,
    codec_of,
    model_of,
    network_of,
    objective_of,
    pca_of,
    table_of,
)
from module_factories import dense
from pca_cases import as_dataset
from sklearn.decomposition import PCA

from skae._model.fitted import FittedModel, pca_model
from skae._nn.latents import GaussianLatent
from skae._nn.modules.architecture import ModuleArchitecture


@pytest.fixture(scope="module")
def table():
    return table_of()


# -- truncate --------------------------------------------------------------------------

NESTED = ["anchored", "nested", "not anchored", "probabilities", "no hidden layer"]


@pytest.mark.parametrize("k", [1, 2])
@pytest.mark.parametrize("name", [*NESTED, "PCA", "PCA of probabilities"])
def test_truncated_model_is_the_model_with_its_other_codes_at_zero(name, table, k):
    model = MODELS[name](table)
    codes = codec_of(model).encode(table)
    cut = codec_of(model.truncate(k))
    assert model.truncate(k).n_components == k
    np.testing.assert_allclose(cut.encode(table), codes[:, :k], rtol=1e-9, atol=1e-12)
    held = codes.copy()
    held[:, k:] = 0
    np.testing.assert_allclose(
        cut.decode(codes[:, :k]), codec_of(model).decode(held), rtol=1e-9, atol=1e-9
    )


def test_truncated_model_holds_only_the_weights_that_it_needs(table):
    model = model_of(objective_of(), table)
    cut = model.truncate(2)
    shapes = cut.architecture.shapes()
    assert {name: array.shape for name, array in cut.weights.items()} == shapes
    assert all(array.flags.c_contiguous for array in cut.weights.values())
    assert cut.decoder_range.shape == (2, 2)
    assert model.n_components == 3  # it is not changed


def test_truncate_to_all_codes_is_the_model_itself(table):
    model = model_of(objective_of(), table)
    assert model.truncate(3) is model


# -- network ---------------------------------------------------------------------------


def test_network_has_the_parameters_of_the_model(table):
    network = network_of(objective_of(), table)
    model = model_of(objective_of(), table)
    rebuilt = model.network(DOUBLE)
    torch.testing.assert_close(rebuilt.params.flat, network.params.flat)
    centred = network.preprocessor.center(table)
    torch.testing.assert_close(rebuilt.encode(centred), network.encode(centred))


def test_network_of_modules_has_the_parameters_of_the_model(table):
    architecture = ModuleArchitecture(6, 3, dense)
    network = network_of(objective_of(), table, architecture=architecture)
    model = FittedModel(
        network.anchors[0],
        network.output_scale,
        objective_of(),
        architecture,
        network.weights(),
    )
    centred = network.preprocessor.center(table)
    with torch.no_grad():
        torch.testing.assert_close(
            model.network(DOUBLE).encode(centred), network.encode(centred)
        )


def test_pca_has_no_network(table):
    assert pca_of(objective_of(), table).network(DOUBLE) is None


# -- pca_model -------------------------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True])
def test_pca_model_is_pca(table, weighted):
    weight = np.arange(len(table)) % 3 + 1 if weighted else np.ones(len(table), int)
    data = as_dataset(table, weight.astype(float))
    model = codec_of(pca_model(data, 2, objective_of(), 0, share=0.9))
    pca = PCA(2).fit(table.repeat(weight, axis=0))
    np.testing.assert_allclose(model.encode(table), pca.transform(table), atol=1e-9)
    expected = pca.inverse_transform(pca.transform(table))
    np.testing.assert_allclose(model.reconstruct(table), expected, atol=1e-9)


@pytest.mark.parametrize("share", [0.5, 0.9, 0.99])
def test_pca_model_takes_as_many_components_as_explain_a_share(table, share):
    model = pca_model(as_dataset(table), None, objective_of(), 0, share=share)
    assert model.n_components == PCA(share, svd_solver="full").fit(table).n_components_


def test_pca_model_of_a_prior_is_probabilistic_pca(table):
    objective = objective_of("normal", GaussianLatent())
    model = pca_of(objective, table, 2)
    pca = PCA(2).fit(table)
    assert model.anchor.noise_variance == pytest.approx(pca.noise_variance_)
    assert model.output_scale.scale == pytest.approx(np.sqrt(pca.noise_variance_))
    assert pca_of(OBJECTIVES["anchored"], table).anchor.noise_variance == 0
