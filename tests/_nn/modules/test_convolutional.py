import numpy as np
import pytest
import torch

from skae._nn.modules.convolutional import ACTIVATION_MODULES, Convolutions


@pytest.mark.parametrize("channels", [(3,), (3, 4), (2, 3, 4, 5)], ids=str)
@pytest.mark.parametrize(
    "shape", [(1, 8, 8), (3, 5, 7), (1, 1, 6), (2, 1, 1), (1, 9, 2)], ids=str
)
def test_convolutions_encode_and_decode_images_of_any_size(shape, channels):
    n = int(np.prod(shape))
    encoder, decoder = Convolutions(shape, channels)(n, 2)
    codes = encoder(torch.randn(5, n))
    assert codes.shape == (5, 2)
    assert decoder(codes).shape == (5, n)


@pytest.mark.parametrize("activation", sorted(ACTIVATION_MODULES))
def test_convolutions_keep_the_scale_of_values(activation):
    torch.manual_seed(0)
    encoder, decoder = Convolutions((1, 16, 16), (16, 32), activation)(256, 8)
    codes = encoder(torch.randn(200, 256))
    assert 0.1 < codes.std() < 10
    assert 0.05 < decoder(torch.randn(200, 8)).std() < 10
