import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from bad_tables import frame_of, put
from estimator_cases import OwnNetwork

# -- what is fitted, and what predictions build ----------------------------------------


def test_predictions_are_those_of_the_last_fit(model, X):
    first = model.fit(X).transform(X)
    second = model.set_params(random_state=1).fit(X[::2]).transform(X)
    assert not np.allclose(first, second)
    again = model.set_params(random_state=0).fit(X).transform(X)
    np.testing.assert_array_equal(again, first)


def test_predictions_build_the_network_once(model, X):
    calls = []

    def network(*sizes):
        calls.append(sizes)
        return OwnNetwork()(*sizes)

    model.set_params(network=network, early_stopping=False).fit(X)
    model.transform(X.astype(np.float32))
    n_calls = len(calls)
    for _ in range(3):
        model.inverse_transform(model.transform(X))
        model.score(X.astype(np.float32))
    assert len(calls) == n_calls


def test_predictions_leave_nothing_in_a_pickle(model, X):
    before = pickle.dumps(model.fit(X))
    model.score(X)
    assert pickle.dumps(model) == before


def test_threads_share_an_estimator(model, X):
    model.set_params(early_stopping=False).fit(X)
    parts = [X[i : i + 40] for i in range(80)]
    expected = [model.reconstruct(part) for part in parts]
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(model.reconstruct, parts))
    for result, alone in zip(results, expected, strict=True):
        np.testing.assert_array_equal(result, alone)


# -- what is refused -------------------------------------------------------------------


def test_loss_of_probabilities_needs_probabilities_to_fit(model, X):
    model.set_params(loss="binary_cross_entropy")
    unit = np.clip(np.abs(X), 0, 1)
    message = r"features in \[0, 1\], which is not so in column {}\. Scale them"
    for value in (-0.1, 1.1):
        with pytest.raises(ValueError, match=message.format(5)):
            model.fit(put(unit, value, 5))
    with pytest.raises(ValueError, match=message.format(5)):
        model.fit(put(np.zeros((20, 6), dtype=int), 2, 5))
    model.fit(unit)
    assert np.isfinite(model.transform(put(unit, 7.0, 5))).all()


def test_inverse_transform_needs_codes_of_the_model_s_width(model, X):
    message = (
        "X has 3 codes, but AutoencoderTransformer was fitted with n_components_=2"
    )
    with pytest.raises(ValueError, match=message):
        model.fit(X).inverse_transform(np.ones((4, 3)))
    with pytest.raises(ValueError, match="NaN"):
        model.inverse_transform(np.full((4, 2), np.nan))


def test_samples_too_far_for_single_precision_name_their_column(model, X):
    model.fit(frame_of(X).astype(np.float32))
    far = frame_of(put(X, 1e25, 2)).astype(np.float32)
    message = (
        "too far from the training samples for single precision in column 'c'. Pass"
    )
    with pytest.raises(ValueError, match=message):
        model.score_samples(far)
    assert np.isfinite(model.score_samples(far.astype(np.float64))).all()
