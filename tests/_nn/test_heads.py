import pytest
import torch

from skae._nn.heads import LinearHead, LogitHead

K, D = 3, 5


def draw(*shape):
    generator = torch.Generator().manual_seed(sum(shape))
    return torch.rand(shape, generator=generator, dtype=torch.float64)


def linear(lead, skip):
    scale = draw(*lead, 1, D) + 0.5
    return LinearHead(skip, scale), lambda base, raw: base + raw * scale


def logit(lead, skip):
    mean = draw(*lead, 1, D)

    def formula(base, raw):
        return torch.logit((mean + base).clamp(0.01, 0.99)) + raw

    return LogitHead(skip, mean), formula


@pytest.mark.parametrize("n_samples", [7, 4])
@pytest.mark.parametrize("lead", [(), (2,)], ids=["single", "stacked"])
@pytest.mark.parametrize("skipped", [True, False], ids=["skip", "no skip"])
@pytest.mark.parametrize("make", [linear, logit])
def test_heads_agree_with_autograd(make, skipped, lead, n_samples):
    skip = draw(*lead, K, D) - 0.5 if skipped else None
    head, formula = make(lead, skip)
    # A first batch of another size: buffers must not outlive it.
    head.forward(draw(*lead, 2, K), draw(*lead, 2, D))
    head.backward(draw(*lead, 2, D))

    codes = (draw(*lead, n_samples, K) - 0.5).requires_grad_()
    raw = draw(*lead, n_samples, D).requires_grad_()
    base = codes @ skip if skipped else 0 * codes.sum()
    expected = formula(base, raw)
    grad = draw(*lead, n_samples, D)
    expected.backward(grad)

    result = head.forward(codes.detach(), raw.detach().clone())
    grad_raw, grad_codes = head.backward(grad.clone())
    torch.testing.assert_close(result, expected.detach())
    torch.testing.assert_close(grad_raw, raw.grad)
    if skipped:
        torch.testing.assert_close(grad_codes, codes.grad)
    else:
        assert grad_codes is None


def test_logit_head_has_no_gradient_where_the_probability_is_clipped():
    head = LogitHead(torch.ones(1, 2), torch.tensor([[0.5, 2.0]]))
    head.forward(torch.zeros(1, 1), torch.zeros(1, 2))
    _, grad = head.backward(torch.tensor([[0.0, 1.0]]))
    assert grad.item() == 0
