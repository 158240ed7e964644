import pytest
import torch

from skae._nn import matmul as _products

SIZES = [(1, 1, 1), (7, 5, 3), (128, 64, 256), (256, 300, 128)]


def strided(rows, columns, layout):
    """The same kind of matrix in each layout that layers hand over."""
    generator = torch.Generator().manual_seed(rows + columns)
    wide = torch.randn(max(rows, columns), rows + columns, generator=generator)
    if layout == "padded":
        return wide[:rows, 1 : columns + 1]
    if layout == "padded, transposed":
        return wide[:columns, 1 : rows + 1].mT
    plain = wide.flatten()[: rows * columns]
    return (
        plain.view(rows, columns)
        if layout == "contiguous"
        else plain.view(columns, rows).mT
    )


LAYOUTS = ["contiguous", "transposed", "padded", "padded, transposed"]


def test_torch_still_has_the_private_product():
    assert _products._linear is not None, (
        "torch.ops.mkldnn._linear_pointwise is gone from this torch (or it was built "
        "without oneDNN). Nothing breaks: skae falls back to torch.mm, which is slower "
        "for large layers on CPUs that Intel did not make. Look for its successor."
    )


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("right", LAYOUTS)
@pytest.mark.parametrize("left", LAYOUTS)
def test_onednn_multiplies_as_torch_does(left, right, size):
    rows, inner, columns = size
    x, y = strided(rows, inner, left), strided(columns, inner, right)
    bias = torch.arange(columns, dtype=torch.float32)
    exact = x.double() @ y.double().mT
    close = {"rtol": 1e-5, "atol": 1e-5 * inner}
    torch.testing.assert_close(_products.onednn(x, y), exact.float(), **close)
    torch.testing.assert_close(
        _products.onednn(x, y, bias), (exact + bias).float(), **close
    )


@pytest.mark.parametrize("large", [0, 1 << 60], ids=["onednn", "torch"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_gram_is_the_product_with_itself(monkeypatch, layout, large):
    monkeypatch.setattr(_products, "LARGE", large)
    x = strided(30, 8, layout)
    exact = (x.double().mT @ x.double()).float()
    torch.testing.assert_close(_products.gram(x), exact, rtol=1e-5, atol=1e-5)


def test_gram_of_doubles_keeps_their_precision():
    x = strided(30, 8, "contiguous").double()
    torch.testing.assert_close(_products.gram(x), x.mT @ x)


@pytest.mark.parametrize(
    ("tensor", "pays"),
    [
        (torch.empty(2, 2), True),
        (torch.empty(2, 2, dtype=torch.float64), False),
        (torch.empty(1, 2, 2), False),
        (torch.empty(2, 2, device="meta"), False),
    ],
    ids=["float32 matrix", "float64", "stacked", "elsewhere"],
)
def test_onednn_is_for_large_float32_matrices_on_the_cpu(tensor, pays):
    assert _products.onednn_pays(tensor, 1024, 1024, 1024) == pays
    assert not _products.onednn_pays(tensor, 2, 2, 2)


def test_without_the_private_product_torch_multiplies(monkeypatch):
    monkeypatch.setattr(_products, "_linear", None)
    assert not _products.onednn_pays(torch.empty(2, 2), 1024, 1024, 1024)
    x = strided(2048, 64, "contiguous")
    torch.testing.assert_close(_products.gram(x), x.mT @ x)
