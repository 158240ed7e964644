from types import SimpleNamespace

import numpy as np
import pytest
import torch

from skae import AutoencoderTransformer
from skae._model.fitted import FittedModel
from skae._model.inference import CHUNK, Codec
from skae._model.objective import OutputScale

VARIANTS = {
    "anchored": {},
    "nested": {"n_components": 0.9},
    "not anchored": {"anchor": None},
    "probabilities": {"loss": "binary_cross_entropy"},
    "PCA": {"learning_rate_init": 1e-12},
}


@pytest.fixture(scope="module")
def rows(curved):
    table = curved(CHUNK + 44)
    low, high = table.min(axis=0), table.max(axis=0)
    return np.clip((table - low) / (high - low), 0, 1)


@pytest.fixture(scope="module", params=VARIANTS)
def model(request, rows):
    params = {"n_components": 3, **VARIANTS[request.param]}
    estimator = AutoencoderTransformer(
        hidden_layer_sizes=(8,), max_iter=300, random_state=0, **params
    )
    model = FittedModel.from_state(estimator.fit(rows)._state)
    assert (model.architecture is None) == (request.param == "PCA")
    assert model.n_components >= 2
    return model


def codec(model, dtype=np.float64):
    return Codec(model, np.dtype(dtype), torch.device("cpu"))


@pytest.mark.parametrize("k", [1, 2])
def test_a_head_is_the_model_with_its_other_codes_at_zero(model, rows, k):
    codes = codec(model).encode(rows)
    head = codec(model.head(k))
    np.testing.assert_allclose(head.encode(rows), codes[:, :k], rtol=1e-9, atol=1e-12)
    cut = codes.copy()
    cut[:, k:] = 0
    np.testing.assert_allclose(
        head.decode(codes[:, :k]), codec(model).decode(cut), rtol=1e-9, atol=1e-9
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_row_s_result_does_not_depend_on_the_rows_beside_it(model, rows, dtype):
    rows, it = rows.astype(dtype), codec(model, dtype)
    codes, errors = it.encode(rows), it.squared_error(rows)
    assert codes.dtype == errors.dtype == dtype
    np.testing.assert_array_equal(it.encode(rows[:1]), codes[:1])
    np.testing.assert_array_equal(it.squared_error(rows[:7]), errors[:7])
    np.testing.assert_array_equal(it.decode(codes[:5]), it.decode(codes)[:5])
    order = np.random.default_rng(0).permutation(len(rows))
    close = {"rtol": 1e-4, "atol": 1e-6} if dtype == np.float32 else {"rtol": 1e-9}
    np.testing.assert_allclose(it.encode(rows[order]), codes[order], **close)
    np.testing.assert_allclose(it.squared_error(rows[order]), errors[order], **close)


def test_a_round_trip_is_encoding_and_decoding(model, rows):
    it = codec(model)
    round_trip = it.reconstruct(rows)
    np.testing.assert_array_equal(it.decode(it.encode(rows)), round_trip)
    np.testing.assert_allclose(
        it.squared_error(rows), np.mean((round_trip - rows) ** 2, axis=1)
    )


def test_single_precision_is_enough(model, rows):
    single, double = codec(model, np.float32), codec(model)
    np.testing.assert_allclose(single.encode(rows), double.encode(rows), atol=1e-4)
    np.testing.assert_allclose(
        single.reconstruct(rows), double.reconstruct(rows), atol=1e-4
    )


def test_a_state_brings_the_model_back(model, rows):
    again = FittedModel.from_state(model.state())
    np.testing.assert_array_equal(
        codec(again).reconstruct(rows), codec(model).reconstruct(rows)
    )


def test_rows_far_out_are_reconstructed_about_as_by_the_anchor(curved):
    X = curved(300)
    estimator = AutoencoderTransformer(
        2, hidden_layer_sizes=(8,), max_iter=150, random_state=0
    ).fit(X)
    assert estimator.pca_ratio_ < 1
    anchor = FittedModel(
        FittedModel.from_state(estimator._state).anchor, OutputScale("squared_error", 1)
    )
    far = 1e4 * np.random.default_rng(0).normal(size=(50, 6))
    errors = codec(anchor).squared_error(far)
    np.testing.assert_allclose(-estimator.score_samples(far), errors, rtol=0.01)


@pytest.mark.parametrize(
    ("loss", "low", "high"),
    [("squared_error", 0.9, 1.1), ("absolute_error", 0.9, 1.1), ("huber", 0.6, 1.1)],
)
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_the_anchor_s_own_loss_is_about_one_in_any_units(
    linear, loss, low, high, scale
):
    estimator = AutoencoderTransformer(
        2,
        loss=loss,
        hidden_layer_sizes=(8,),
        max_iter=20,
        learning_rate_init=1e-12,
        early_stopping=False,
        random_state=0,
    ).fit(scale * linear(400))
    assert low < estimator.loss_curve_[0] < high


@pytest.mark.parametrize("loss", ["squared_error", "huber", "normal"])
def test_a_residual_of_zero_has_a_unit(loss):
    exact = SimpleNamespace(residual=np.zeros(3), noise=0.0)
    assert OutputScale.of(loss, [exact]).unit == 1


def test_apple_s_gpus_leave_float64_to_the_cpu(model, rows):
    there = Codec(model, np.dtype(np.float64), torch.device("mps"))
    np.testing.assert_array_equal(there.encode(rows), codec(model).encode(rows))
