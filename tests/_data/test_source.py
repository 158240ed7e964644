import numpy as np
import pytest
from dataset_cases import ChunkedSource

from skae._data.dataset import BLOCK_ROWS, Dataset
from skae._data.source import ArraySource, Block, PairSource
from skae._fitting.config import FitParameters
from skae._fitting.fit import AnchoredFit
from skae._model.objective import Objective
from skae._model.state import to_state
from skae._nn.latents import GaussianLatent, PlainLatent, SparseLatent
from skae._nn.losses import loss_from_name
from skae._nn.runtime import single_thread
from skae.noise import Swap

INDICES = [
    slice(None),
    slice(3, 8),
    np.array([7, 0, 0, 11]),
    np.array([[1, 2, 3], [9, 9, 0]]),
    np.arange(8).reshape(2, 2, 2),
]


def test_block_without_weights_has_ones():
    block = Block(np.zeros((3, 2)))
    np.testing.assert_array_equal(block.sample_weight, np.ones(3))
    weight = np.array([1.0, 2.0, 0.5])
    assert Block(np.zeros((3, 2)), weight=weight).sample_weight is weight


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_array_source_reads_what_numpy_indexes(index):
    table = np.arange(36, dtype=np.int16).reshape(12, 3)
    source = ArraySource(table)
    assert (source.shape, source.dtype) == ((12, 3), np.int16)
    block = source.read(index)
    np.testing.assert_array_equal(block.values, table[index])
    assert block.values.dtype == np.int16
    assert block.observed is None
    assert block.weight is None


def test_block_without_inputs_is_what_a_network_sees():
    values, inputs = np.zeros((3, 2)), np.ones((3, 2))
    assert Block(values).network_inputs is values
    assert Block(values, inputs=inputs).network_inputs is inputs


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_pair_source_reads_both_tables(index):
    clean = np.arange(36, dtype=np.int16).reshape(12, 3)
    noisy = clean + np.float32(0.5)
    source = PairSource(clean, noisy)
    assert (source.shape, source.dtype) == ((12, 3), np.int16)
    block = source.read(index)
    np.testing.assert_array_equal(block.values, clean[index])
    np.testing.assert_array_equal(block.inputs, noisy[index])
    assert (block.values.dtype, block.inputs.dtype) == (np.int16, np.float32)


def test_array_source_copies_no_memory_map(tmp_path):
    np.save(tmp_path / "X.npy", np.arange(12.0).reshape(6, 2))
    table = np.load(tmp_path / "X.npy", mmap_mode="r")
    source = ArraySource(table)
    assert source.array is table
    assert np.shares_memory(source.read(slice(None)).values, table)


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_chunked_source_of_these_tests_reads_what_an_array_does(index):
    table = np.random.default_rng(0).normal(size=(12, 3))
    expected = ArraySource(table).read(index)
    np.testing.assert_array_equal(
        ChunkedSource(table, 5).read(index).values, expected.values
    )


# -- fits of a source that is no array -------------------------------------------------


def fit(source, weight=None, **params):
    objective = Objective(
        loss_from_name(params.pop("loss", "squared_error"), 6),
        params.pop("latent", PlainLatent()),
        params.pop("anchored", True),
        params.pop("jacobian_weight", 0.0),
    )
    params = {"n_components": 2, "n_steps": 30, **params}
    parameters = FitParameters(objective=objective, hidden_layer_sizes=(8,), **params)
    with single_thread():
        return AnchoredFit(Dataset(source, None, weight), parameters).run()


def assert_equal_states(state, expected):
    assert state.keys() == expected.keys()
    for key, value in expected.items():
        if isinstance(value, dict):
            assert_equal_states(state[key], value)
        else:
            np.testing.assert_equal(state[key], value)


FITS = {
    "nested": {"n_components": 0.9, "latent": PlainLatent.ordered()},
    "not anchored": {"anchored": False, "whiten": True},
    "all samples": {"early_stopping": False},
    "sparse": {"latent": SparseLatent(0.3, "kl")},
    "contractive": {"jacobian_weight": 0.1},
    "denoising": {"corruption": Swap(0.2)},
    "variational": {"loss": "normal", "latent": GaussianLatent()},
    "layer by layer": {"anchored": False, "layerwise": True},
}


@pytest.mark.parametrize("n_samples", [200, 700], ids=["folded", "held out"])
@pytest.mark.parametrize("name", FITS)
def test_fit_of_any_source_is_that_of_the_array_to_the_last_bit(
    curved, name, n_samples
):
    X = curved(n_samples).astype(np.float32)
    weight = np.random.default_rng(0).uniform(0.5, 2, n_samples)
    found, expected = (
        fit(source, weight, **FITS[name]) for source in (ChunkedSource(X, 97), X)
    )
    assert_equal_states(to_state(found.model), to_state(expected.model))
    found, expected = ({**vars(it), "model": None} for it in (found, expected))
    assert len(expected["validation"]) > 0 or name == "all samples"
    np.testing.assert_equal(found, expected)


def test_fit_that_keeps_a_network_is_the_same_for_any_source(curved):
    X = curved(700)
    source = ChunkedSource(X, 64)
    found, expected = (fit(data, n_steps=300) for data in (source, X))
    assert expected.ratio < 1
    assert_equal_states(to_state(found.model), to_state(expected.model))
    assert source.n_reads > 10
    assert source.largest_read <= BLOCK_ROWS
