import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from skae import ConvolutionalAutoencoder
from skae._nn.modules.convolutional import Convolutions
from skae._sklearn.constraints import ACTIVATIONS
from skae.metrics import reconstruction_error


@pytest.fixture(scope="module")
def digits():
    return load_digits().data / 16


@pytest.fixture
def model():
    return ConvolutionalAutoencoder(
        channels=(4, 8), n_components=4, max_iter=10, random_state=0
    )


# -- the modules -----------------------------------------------------------------------


@pytest.mark.parametrize("channels", [(3,), (3, 4), (2, 3, 4, 5)], ids=str)
@pytest.mark.parametrize(
    "shape", [(1, 8, 8), (3, 5, 7), (1, 1, 6), (2, 1, 1), (1, 9, 2)], ids=str
)
def test_images_of_any_size_go_in_and_come_out(shape, channels):
    n = int(np.prod(shape))
    encoder, decoder = Convolutions(shape, channels)(n, 2)
    codes = encoder(torch.randn(5, n))
    assert codes.shape == (5, 2)
    assert decoder(codes).shape == (5, n)


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_values_keep_their_size_on_their_way(activation):
    torch.manual_seed(0)
    encoder, decoder = Convolutions((1, 16, 16), (16, 32), activation)(256, 8)
    codes = encoder(torch.randn(200, 256))
    assert 0.1 < codes.std() < 10
    assert 0.05 < decoder(torch.randn(200, 8)).std() < 10


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
def test_every_mode_fits_and_is_the_same_again(model, digits, n_images, params):
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
def test_the_shape_of_images_is_found_or_given(model, digits, asked, columns, found):
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
def test_wrong_shapes_are_named(model, digits, params, message):
    with pytest.raises(ValueError, match=message):
        model.set_params(**params).fit(digits)
    assert not hasattr(model, "n_features_in_")
