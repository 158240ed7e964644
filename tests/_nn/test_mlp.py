import pytest
import torch
from dense_networks import ENCODERS, DenseEncoder, uniform


@pytest.mark.parametrize("settings", ENCODERS, ids=str)
def test_encoder_vjp_is_the_transposed_jacobian_times_a_vector(settings):
    dense = DenseEncoder(*settings)
    v = uniform(dense.batch_size, dense.n_components)
    expected = torch.einsum("rki,rk->ri", dense.jacobians(), v)
    torch.testing.assert_close(dense.encoder.vjp(v), expected)
