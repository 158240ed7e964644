import pytest
import torch
from by_autograd import encoder, exact_contraction

from skae._nn.activations import ACTIVATIONS
from skae._nn.architecture import DenseArchitecture
from skae._nn.jacobian_penalty import JacobianPenalty
from skae._nn.parameters import ParameterBuffer

D, K, ROWS = 6, 3, 4
CPU = torch.device("cpu")


def uniform(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(shape, generator=generator, dtype=torch.float64) + 0.5


class Setting:
    """An encoder with random weights after a forward pass, and its Jacobian."""

    def __init__(self, activation="silu", hidden=(7, 5), linear=True, shortcuts=True):
        self.architecture = DenseArchitecture(
            D, K, hidden, activation, shortcuts=shortcuts
        )
        self.params = ParameterBuffer(
            self.architecture.shapes(), dtype=torch.float64, device=CPU
        )
        self.params.flat.uniform_(-1, 1, generator=torch.Generator().manual_seed(0))
        self.inputs = uniform(ROWS, D) - 1
        self.encoder, _ = self.architecture.halves(self.params, None, None, ROWS)
        self.encoder.forward(self.inputs)
        self.linear = uniform(D, K, seed=1) if linear else None
        self.like = torch.zeros(ROWS, K, dtype=torch.float64)

    def contraction(self, seed=0):
        generator = torch.Generator().manual_seed(seed)
        codes, inputs = uniform(1, K, seed=2), uniform(1, D, seed=3)
        return JacobianPenalty(0.3, codes, inputs, self.linear, generator)

    def jacobians(self):
        """Return the Jacobian of each row, (rows, codes, inputs)."""

        def encode(row):
            return encoder(self.params.views, self.architecture, row[None])[0]

        return torch.func.vmap(torch.func.jacrev(encode))(self.inputs)

    def expected(self):
        """Return the penalty of each row."""
        whole = self.jacobians()
        if self.linear is not None:
            whole = whole + self.linear.mT
        penalty = self.contraction()
        whole = whole * penalty.codes.mT * penalty.inputs
        return 0.3 * whole.square().sum((-2, -1))


SETTINGS = pytest.mark.parametrize(
    ("activation", "hidden", "linear", "shortcuts"),
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


@SETTINGS
def test_a_pull_is_the_transposed_jacobian_times_a_vector(
    activation, hidden, linear, shortcuts
):
    setting = Setting(activation, hidden, linear, shortcuts)
    v = uniform(ROWS, K)
    expected = torch.einsum("rki,rk->ri", setting.jacobians(), v)
    torch.testing.assert_close(setting.encoder.pull(v), expected)


@SETTINGS
def test_the_exact_penalty_is_that_of_the_jacobian(
    activation, hidden, linear, shortcuts
):
    setting = Setting(activation, hidden, linear, shortcuts)
    found = exact_contraction(setting.contraction(), setting.encoder, setting.like)
    torch.testing.assert_close(found, setting.expected())


def test_random_projections_estimate_the_penalty_without_bias():
    setting = Setting()
    penalty = setting.contraction()
    draws = torch.stack(
        [penalty.forward(setting.encoder, setting.like) for _ in range(2000)]
    )
    error = draws.std() / len(draws) ** 0.5
    assert abs(draws.mean() - setting.expected().sum()) < 3 * error
    assert error < 0.05 * draws.mean()


def test_one_code_is_measured_without_chance():
    setting = Setting()
    setting.architecture = DenseArchitecture(D, 1, (4,), "tanh")
    params = ParameterBuffer(
        setting.architecture.shapes(), dtype=torch.float64, device=CPU
    )
    params.flat.uniform_(-1, 1, generator=torch.Generator().manual_seed(0))
    found, _ = setting.architecture.halves(params, None, None, ROWS)
    found.forward(setting.inputs)
    penalty = JacobianPenalty(1.0, uniform(1, 1), uniform(1, D), None)
    like = setting.like[:, :1]
    exact = exact_contraction(penalty, found, like)
    torch.testing.assert_close(penalty.rows(found, like), exact)
    torch.testing.assert_close(penalty.forward(found, like), exact.sum())


def test_held_out_rows_have_the_same_signs_each_time():
    setting = Setting()
    first, again = (
        setting.contraction(seed).rows(setting.encoder, setting.like)
        for seed in range(2)
    )
    assert first.shape == (ROWS,)
    torch.testing.assert_close(first, again, rtol=0, atol=0)
