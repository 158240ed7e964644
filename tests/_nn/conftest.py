import pytest
import torch


@pytest.fixture
def three_threads():
    """A setting that is not the default, put back afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)
