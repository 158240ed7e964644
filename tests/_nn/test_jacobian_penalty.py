import pytest
import torch
from by_autograd import exact_jacobian_penalty
from dense_networks import CPU, ENCODERS, DenseEncoder, uniform

from skae._nn.architecture import DenseArchitecture
from skae._nn.jacobian_penalty import JacobianPenalty
from skae._nn.parameters import ParameterBuffer


@pytest.mark.parametrize("settings", ENCODERS, ids=str)
def test_exact_penalty_is_the_squared_norm_of_the_jacobian(settings):
    dense = DenseEncoder(*settings)
    exact = exact_jacobian_penalty(dense.penalty(), dense.encoder, dense.like)
    torch.testing.assert_close(exact, dense.expected_penalty())


def test_forward_estimates_the_penalty_without_bias():
    dense = DenseEncoder()
    penalty = dense.penalty()
    draws = torch.stack(
        [penalty.forward(dense.encoder, dense.like) for _ in range(2000)]
    )
    error = draws.std() / len(draws) ** 0.5
    assert abs(draws.mean() - dense.expected_penalty().sum()) < 3 * error
    assert error < 0.05 * draws.mean()


def test_penalty_of_one_code_is_exact():
    dense = DenseEncoder()
    n_features, batch_size = dense.n_features, dense.batch_size
    architecture = DenseArchitecture(n_features, 1, (4,), "tanh")
    params = ParameterBuffer(architecture.shapes(), dtype=torch.float64, device=CPU)
    params.flat.uniform_(-1, 1, generator=torch.Generator().manual_seed(0))
    encoder, _ = architecture.build(params, None, None, batch_size)
    encoder.forward(dense.inputs)
    penalty = JacobianPenalty(1.0, uniform(1, 1), uniform(1, n_features), None)
    like = dense.like[:, :1]
    exact = exact_jacobian_penalty(penalty, encoder, like)
    torch.testing.assert_close(penalty.per_sample(encoder, like), exact)
    torch.testing.assert_close(penalty.forward(encoder, like), exact.sum())


def test_per_sample_has_the_same_signs_at_every_call():
    dense = DenseEncoder()
    first, again = (
        dense.penalty(seed).per_sample(dense.encoder, dense.like) for seed in range(2)
    )
    assert first.shape == (dense.batch_size,)
    torch.testing.assert_close(first, again, rtol=0, atol=0)
