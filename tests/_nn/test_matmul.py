import pytest
import torch

from skae._nn import matmul

SIZES = [(1, 1, 1), (7, 5, 3), (128, 64, 256), (256, 300, 128)]


def strided(n_rows, n_columns, layout):
    """The same kind of matrix in each layout that layers hand over."""
    generator = torch.Generator().manual_seed(n_rows + n_columns)
    size = max(n_rows, n_columns), n_rows + n_columns
    wide = torch.randn(size, generator=generator)
    if layout == "padded":
        return wide[:n_rows, 1 : n_columns + 1]
    if layout == "padded, transposed":
        return wide[:n_columns, 1 : n_rows + 1].mT
    plain = wide.flatten()[: n_rows * n_columns]
    if layout == "contiguous":
        return plain.view(n_rows, n_columns)
    return plain.view(n_columns, n_rows).mT


LAYOUTS = ["contiguous", "transposed", "padded", "padded, transposed"]


def test_onednn_entry_point_is_still_in_torch():
    assert matmul._onednn_linear is not None, (
        "torch.ops.mkldnn._linear_pointwise is gone from this torch (or it was built "
        "without oneDNN). Nothing breaks: skae falls back to torch.mm, which is slower "
        "for large layers on CPUs that Intel did not make. Look for its successor."
    )


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("right", LAYOUTS)
@pytest.mark.parametrize("left", LAYOUTS)
def test_onednn_multiplies_as_torch_does(left, right, size):
    n_rows, inner, n_columns = size
    x, y = strided(n_rows, inner, left), strided(n_columns, inner, right)
    bias = torch.arange(n_columns, dtype=torch.float32)
    exact = x.double() @ y.double().mT
    close = {"rtol": 1e-5, "atol": 1e-5 * inner}
    torch.testing.assert_close(matmul.onednn(x, y), exact.float(), **close)
    torch.testing.assert_close(
        matmul.onednn(x, y, bias), (exact + bias).float(), **close
    )


@pytest.mark.parametrize("large", [0, 1 << 60], ids=["onednn", "torch"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_gram_agrees_in_every_layout(monkeypatch, layout, large):
    monkeypatch.setattr(matmul, "LARGE", large)
    x = strided(30, 8, layout)
    exact = (x.double().mT @ x.double()).float()
    torch.testing.assert_close(matmul.gram(x), exact, rtol=1e-5, atol=1e-5)


def test_gram_of_doubles_keeps_their_precision():
    x = strided(30, 8, "contiguous").double()
    torch.testing.assert_close(matmul.gram(x), x.mT @ x)


@pytest.mark.parametrize(
    ("tensor", "faster"),
    [
        (torch.empty(2, 2), True),
        (torch.empty(2, 2, dtype=torch.float64), False),
        (torch.empty(1, 2, 2), False),
        (torch.empty(2, 2, device="meta"), False),
    ],
    ids=["float32 matrix", "float64", "stacked", "elsewhere"],
)
def test_use_onednn_is_for_large_float32_matrices_on_the_cpu(tensor, faster):
    assert matmul.use_onednn(tensor, 1024, 1024, 1024) == faster
    assert not matmul.use_onednn(tensor, 2, 2, 2)


def test_gram_without_onednn_is_that_of_torch(monkeypatch):
    monkeypatch.setattr(matmul, "_onednn_linear", None)
    assert not matmul.use_onednn(torch.empty(2, 2), 1024, 1024, 1024)
    x = strided(2048, 64, "contiguous")
    torch.testing.assert_close(matmul.gram(x), x.mT @ x)
