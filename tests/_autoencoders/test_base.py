import numpy as np
import pytest
from bad_tables import frame_of, put


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
