import pytest
import torch

from skae._sklearn.devices import available_device


def test_available_device_warns_and_falls_back_to_the_cpu():
    assert available_device("cpu") == torch.device("cpu")
    with pytest.warns(UserWarning, match="'cuda:99' is not available here") as caught:
        assert available_device("cuda:99") == torch.device("cpu")
    assert caught[0].filename == __file__
