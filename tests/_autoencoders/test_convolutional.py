import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from skae import ConvolutionalAutoencoder
from skae.metrics import reconstruction_error


@pytest.fixture(scope="module")
def digits():
    return load_digits().data / 16


@pytest.fixture
def model():
    return ConvolutionalAutoencoder(
        channels=(4, 8), n_components=4, max_iter=10, random_state=0
    )


# -- the estimator ---------------------------------------------------------------------


def test_images_are_reconstructed_better_than_by_pca(digits):
    X, new = digits[:1400], digits[1400:]
    model = ConvolutionalAutoencoder(
        (8, 8), channels=(8, 16), n_components=4, max_iter=250, random_state=0
    ).fit(X)
    assert model.pca_ratio_ < 0.95
    error = reconstruction_error(PCA(4).fit(X), new)
    assert reconstruction_error(model, new) < 0.95 * error


@pytest.mark.parametrize("params", [{}, {"anchor": None}, {"early_stopping": False}])
@pytest.mark.parametrize("n_images", [200, 700], ids=["folded", "held out"])
def test_fit_gives_one_model_in_every_mode(model, digits, n_images, params):
    X = digits[:n_images]
    codes = model.set_params(**params).fit_transform(X)
    assert codes.shape == (n_images, 4)
    assert model.reconstruct(X).shape == X.shape
    np.testing.assert_array_equal(clone(model).fit_transform(X), codes)


@pytest.mark.parametrize(
    ("asked", "columns", "found"),
    [
        (None, 64, (1, 8, 8)),
        (None, 60, (1, 1, 60)),
        (None, 49, (1, 1, 49)),
        ((8, 8), 64, (1, 8, 8)),
        ([4, 16], 64, (1, 4, 16)),
        (np.array([4, 4, 4]), 64, (4, 4, 4)),
        ((1, 6), 6, (1, 1, 6)),
    ],
)
def test_image_shape_is_found_or_given(model, digits, asked, columns, found):
    model.set_params(image_shape=asked, n_components=2, max_iter=1)
    assert model.fit(digits[:50, :columns]).image_shape_ == found


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"image_shape": (8, 9)}, r"image_shape=\(8, 9\) must be .* of 64 pixels"),
        ({"image_shape": (64,)}, "image_shape=.* must be .* of 64 pixels"),
        ({"image_shape": (1, 1, 8, 8)}, "image_shape=.* must be .* of 64 pixels"),
        ({"image_shape": (-8, -8)}, "image_shape must be positive"),
        ({"image_shape": (8.0, 8.0)}, "image_shape must be a tuple of integers"),
        ({"channels": ()}, "channels must be a tuple of integers"),
        ({"channels": (4, 0)}, "channels must be positive"),
        ({"channels": 8}, "'channels' parameter"),
        ({"n_components": 0.5}, "'n_components' parameter"),
    ],
)
def test_image_shape_and_channels_are_checked(model, digits, params, message):
    with pytest.raises(ValueError, match=message):
        model.set_params(**params).fit(digits)
    assert not hasattr(model, "n_features_in_")


def test_image_shape_with_channels_last_is_refused():
    X = np.random.default_rng(0).random((12, 8 * 8 * 3))
    model = ConvolutionalAutoencoder((8, 8, 3), n_components=2, max_iter=2)
    message = (
        r"image_shape=\(8, 8, 3\) reads as 8 channels of 8 x 3 .* pass image_shape="
    )
    with pytest.raises(ValueError, match=message):
        model.fit(X)
    assert model.set_params(image_shape=(3, 8, 8)).fit(X).image_shape_ == (3, 8, 8)
