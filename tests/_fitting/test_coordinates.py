"""Networks of wide tables are trained in the subspace of the training samples."""

import tracemalloc

import numpy as np
import pytest
from fitting_cases import config_of, normal, objective_of
from sklearn.decomposition import PCA
from training_cases import PLAIN

from skae import AutoencoderTransformer, noise
from skae._data.dataset import Dataset
from skae._data.source import PairSource
from skae._fitting.config import FitParameters
from skae._fitting.coordinates import Coordinates, choose_coordinates
from skae._fitting.fit import AnchoredFit
from skae._fitting.hold_out import hold_out
from skae._nn.latents import SparseLatent
from skae._pca.explained_variance import pca_squared_errors

N, D = 60, 600


@pytest.fixture(scope="module")
def table():
    """Samples near a curved surface of two dimensions, with units of their own."""
    rng = np.random.default_rng(0)
    z = rng.uniform(-2, 2, size=(2 * N, 2))
    curved = np.tanh(z @ rng.normal(size=(2, 20)) * 1.5 + rng.normal(size=20))
    x = curved @ rng.normal(size=(20, D)) + 0.3 * rng.normal(size=(2 * N, D))
    return x * rng.uniform(0.5, 2, size=D) + 10


def folds_of(table, weight=None):
    data = Dataset(table, weight=weight)
    return hold_out(data, FitParameters(objective=PLAIN), None, folds=True)


def coordinates_of(table, weight=None, **parameters):
    held = folds_of(table, weight)
    return held, choose_coordinates(held.data, held.pairs, config_of(**parameters))


# -- which tables ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "parameters",
    [
        {"objective": objective_of("absolute_error")},
        {"objective": objective_of(jacobian_weight=0.1)},
        {"objective": normal(D)},
        {"corruption": noise.Masking(0.1)},
        {"factory": lambda n_features, k: None},
    ],
)
def test_features_are_kept_where_a_rotation_would_change_the_fit(table, parameters):
    held, coordinates = coordinates_of(table[:N], **parameters)
    assert coordinates.pairs == held.pairs
    assert type(coordinates) is Coordinates


@pytest.mark.parametrize("shape", [(300, 599), (60, 499), (600, 500)])
def test_features_are_kept_of_tables_that_are_not_wide(shape):
    x = np.random.default_rng(0).normal(size=shape)
    data = Dataset(x)
    pairs = [(data, data)]
    assert choose_coordinates(data, pairs, config_of()).pairs == pairs


def test_features_are_kept_of_pairs_and_of_other_validation_samples(table):
    data, other = Dataset(table[:N]), Dataset(table[N:])
    paired = Dataset(PairSource(table[:N], table[:N]))
    for pair in ((data, other), (paired, paired)):
        assert choose_coordinates(pair[0], [pair], config_of()).pairs == [pair]


# -- samples ---------------------------------------------------------------------------


@pytest.mark.parametrize("weighted", [True, False])
def test_coordinates_keep_the_errors_of_pca(table, weighted):
    weight = np.arange(N) % 3 + 1.0 if weighted else None
    held, coordinates = coordinates_of(table[:N], weight)
    splits = coordinates.splits(config_of(n_components=3))
    assert len(splits) == 5
    for (train, validation), split in zip(held.pairs, splits, strict=True):
        assert split.train.n_features <= len(train)
        anchor = split.anchor(3)
        x, new = train.to_array(), validation.to_array()
        root = np.sqrt(train.sample_weight)[:, None]
        mean = np.average(x, axis=0, weights=train.sample_weight)
        v = np.linalg.svd((x - mean) * root, full_matrices=False)[2][:3]
        centred = new - mean
        base, errors = pca_squared_errors(split.validation, anchor)
        np.testing.assert_allclose(base.base, np.square(centred).sum(axis=1))
        left = np.square(centred - centred @ v.T @ v).sum(axis=1)
        np.testing.assert_allclose(errors[-1], left)
        np.testing.assert_array_equal(split.train.sample_weight, train.sample_weight)
        np.testing.assert_array_equal(base.weight, validation.sample_weight)


def test_coordinates_of_training_samples_are_in_the_subspace(table):
    _, coordinates = coordinates_of(table[:N])
    for train, validation in coordinates.pairs:
        assert not train.to_array()[:, -1].any()
        assert (validation.to_array()[:, -1] > 0).all()


def test_first_components_are_those_of_pca(table):
    held, coordinates = coordinates_of(table[:N])
    split = coordinates.splits(config_of(n_components=3))[0]
    pca = PCA(3, svd_solver="full").fit(held.pairs[0][0].to_array())
    found = split.eigen.components[:3] @ coordinates._space.basis.T
    np.testing.assert_allclose(found, pca.components_, atol=1e-8)


# -- fits ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"objective": objective_of(latent=SparseLatent())},
        {"objective": objective_of(anchored=False)},
        {"n_components": 0.8},
        {"early_stopping": False},
        {"hidden_layer_sizes": ()},
        {"layerwise": True},
    ],
)
def test_fit_of_a_wide_table_is_one_of_its_features(table, parameters):
    given = {"objective": PLAIN, "n_components": 2, "n_steps": 64, **parameters}
    models = []
    result = AnchoredFit(Dataset(table[:N]), FitParameters(**given)).run(
        lambda *at: models.append(at[-1]()) or False
    )
    for model in (result.model, models[-1]):
        assert model.anchor.components.shape[1] == D
        assert len(model.anchor.mean) == D
        if model.weights is not None:
            assert model.architecture.n_features == D
            assert len(model.weights["encoder.0.weight"]) == D


def test_network_of_a_wide_table_is_better_than_pca(table):
    x, new = table[:N], table[N:]
    model = AutoencoderTransformer(2, max_iter=150, random_state=0).fit(x)
    pca = PCA(2).fit(x)
    np.testing.assert_allclose(model.components_, pca.components_, atol=1e-8)
    linear = pca.inverse_transform(pca.transform(new))
    errors = [np.square(new - y).sum() for y in (model.reconstruct(new), linear)]
    assert errors[0] < 0.9 * errors[1]
    assert model.pca_ratio_ == pytest.approx(errors[0] / errors[1], abs=0.15)


@pytest.mark.parametrize("rank", [0, 1])
def test_fit_of_a_wide_table_of_equal_or_proportional_rows(rank):
    x = 3.3 + rank * np.arange(30.0)[:, None] * np.linspace(1, 2, D)
    model = AutoencoderTransformer(2, max_iter=20, random_state=0).fit(x)
    np.testing.assert_allclose(model.reconstruct(x), x, rtol=1e-6)


def test_fit_of_a_wide_table_holds_no_matrix_of_its_features():
    x = np.random.default_rng(0).normal(size=(20, 5000))
    model = AutoencoderTransformer(2, max_iter=16, random_state=0)
    tracemalloc.start()
    model.fit(x)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 30 * x.nbytes  # the matrix would be 250 times as large
