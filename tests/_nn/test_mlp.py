import pytest
import torch
from dense_networks import DenseEncoder, uniform

from skae._nn.activations import ACTIVATIONS


@pytest.mark.parametrize(
    ("activation", "hidden_layer_sizes", "anchored", "skip"),
    [
        *((activation, (7, 5), True, True) for activation in ACTIVATIONS),
        ("tanh", (7, 6, 5), True, True),
        ("tanh", (7,), True, True),
        ("tanh", (), True, True),
        ("silu", (7, 5), False, True),
        ("silu", (7, 5), False, False),
        ("silu", (), False, False),
    ],
)
def test_encoder_vjp_is_the_transposed_jacobian_times_a_vector(
    activation, hidden_layer_sizes, anchored, skip
):
    dense = DenseEncoder(activation, hidden_layer_sizes, anchored, skip)
    v = uniform(dense.batch_size, dense.n_components)
    expected = torch.einsum("rki,rk->ri", dense.jacobians(), v)
    torch.testing.assert_close(dense.encoder.vjp(v), expected)
