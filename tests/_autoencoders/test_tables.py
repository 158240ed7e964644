"""Tables of any type and any size, on any device."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.decomposition import PCA

from skae import AutoencoderTransformer
from skae.metrics import reconstruction_error

AS_STORED = {
    "float16": lambda table: table.astype(np.float16),
    "float32": lambda table: table.astype(np.float32),
    "longdouble": lambda table: table.astype(np.longdouble),
    "big-endian": lambda table: table.astype(">f8"),
    "uint8": lambda table: table.astype(np.uint8),
    "int16": lambda table: table.astype(">i2"),
    "int64": lambda table: table.astype(np.int64),
    "negative strides": lambda table: table[::-1, ::-1].copy()[::-1, ::-1],
    "Fortran order": np.asfortranarray,
    "every second": lambda table: np.repeat(table, 2, axis=0)[::2],
    "list": lambda table: table.tolist(),
}


@pytest.fixture(scope="module")
def integers():
    """A table of small integers, which every type holds exactly."""
    table = np.random.default_rng(0).integers(0, 200, size=(150, 4)).astype(float)
    table[:, 3] = (table[:, 0] ** 2 / 400).round()
    return table


@pytest.mark.parametrize("stored", AS_STORED)
def test_table_of_any_type_is_read_and_not_changed(model, integers, stored):
    X = AS_STORED[stored](integers)
    before = np.array(X)
    if stored != "list":
        X.setflags(write=False)
    codes = model.fit(X).transform(X)
    np.testing.assert_array_equal(X, before)
    assert codes.dtype == (np.float32 if stored == "float32" else np.float64)
    # The same values are the same samples: it is the same model, to the last bit.
    expected = clone(model).fit(integers).transform(integers)
    np.testing.assert_array_equal(model.transform(integers), expected)
    if stored != "float32":
        np.testing.assert_array_equal(codes, expected)
    assert model.score(X) == pytest.approx(
        -reconstruction_error(model, integers), rel=1e-4
    )
    pca = PCA(2).fit(integers)
    assert model.score(X) >= -1.02 * reconstruction_error(pca, integers)


@pytest.mark.parametrize("stored", ["float32", "int64", "Fortran order", "longdouble"])
def test_table_of_any_type_has_the_same_samples_held_out(model, stored):
    table = np.random.default_rng(0).integers(0, 50, (700, 4)).astype(float)
    expected = clone(model).fit(table)
    found = model.fit(AS_STORED[stored](table))
    assert found.validation_curve_ == expected.validation_curve_
    np.testing.assert_array_equal(found.transform(table), expected.transform(table))


def test_masked_array_that_masks_nothing_is_an_array(model, integers):
    masked = np.ma.array(integers, mask=False)
    codes = model.fit(masked).transform(masked)
    expected = clone(model).fit(integers).transform(integers)
    assert not isinstance(codes, np.ma.MaskedArray)
    np.testing.assert_array_equal(codes, expected)


@pytest.mark.parametrize("method", ["fit", "transform", "score"])
def test_masked_values_are_refused(model, integers, method):
    masked = np.ma.array(integers, mask=False)
    masked[3, 1] = masked[5, 2] = np.ma.masked
    message = (
        r"masked values in columns 1, 2\. Impute them first, for instance "
        r"X\.astype\(float\)\.filled\(np\.nan\)"
    )
    if method != "fit":
        model.fit(integers)
    with pytest.raises(ValueError, match=message):
        getattr(model, method)(masked)


def test_booleans_are_read_as_numbers(model):
    X = np.random.default_rng(0).random((100, 5)) < 0.5
    codes, numbers = model.fit(X).transform(X), X.astype(float)
    np.testing.assert_allclose(codes, model.fit(numbers).transform(numbers), atol=1e-9)


def test_memmap_gives_the_results_of_an_array(model, curved, tmp_path, n_samples):
    X = curved(n_samples)
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    np.testing.assert_array_equal(
        model.fit(mapped).transform(mapped), model.fit(X).transform(X)
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_results_have_the_precision_of_the_table(model, X, device, dtype):
    model.set_params(device=device).fit(X.astype(dtype))
    codes = model.transform(X.astype(dtype))
    assert codes.dtype == dtype
    assert model.inverse_transform(codes).dtype == dtype
    assert model.reconstruct(X.astype(dtype)).dtype == dtype
    assert model.score_samples(X.astype(dtype)).dtype == dtype
    assert model.device_.startswith(device)


def test_devices_agree(learner, curved, device, n_samples):
    X = curved(n_samples)
    here = clone(learner).fit(X)
    there = clone(learner).set_params(device=device).fit(X)
    assert there.score(X) == pytest.approx(here.score(X), rel=0.25)
    moved = there.set_params(device="cpu")  # a model goes where its device says
    np.testing.assert_allclose(
        moved.score(X), there.set_params(device=device).score(X), rtol=1e-3
    )


@pytest.mark.parametrize("method", ["transform", "reconstruct", "score_samples"])
def test_model_of_a_missing_device_predicts_on_the_cpu(model, X, method):
    expected = getattr(model.fit(X), method)(X)
    model.set_params(device="cuda:99")
    with pytest.warns(UserWarning, match="'cuda:99' is not available here; the CPU"):
        result = getattr(model, method)(X)
    np.testing.assert_array_equal(result, expected)


# -- small and constant tables, and any units ------------------------------------------


@pytest.mark.parametrize("value", [0.0, 7.0])
@pytest.mark.parametrize("n_samples", [20, 700])
def test_constant_table_is_its_mean(model, n_samples, value):
    X = np.full((n_samples, 4), value)
    model.fit(X)
    np.testing.assert_allclose(model.transform(X), 0, atol=1e-9)
    np.testing.assert_allclose(model.reconstruct(X), X)
    assert model.pca_ratio_ == 1.0


@pytest.mark.parametrize(
    ("offset", "spread"),
    [(4027893.7, 0.003), (1.7e12, 3.6e6), (0.0, 1e-31), (0.0, 1e25)],
    ids=["offset", "Unix time in ms", "tiny", "huge"],
)
@pytest.mark.parametrize("n_samples", [200, 700])
def test_offsets_and_units_do_not_hide_a_curve(
    curved, learner, n_samples, offset, spread
):
    X = curved(n_samples)
    ratio = clone(learner).fit(X).pca_ratio_
    assert ratio < 0.8
    assert learner.fit(offset + spread * X).pca_ratio_ == pytest.approx(ratio, abs=0.1)


def test_constants_are_constant_whatever_rounding_makes_of_their_mean(learner, curved):
    X = np.insert(curved(700), [0, 3], [1 / 3, 1e9 + 1 / 3], axis=1)
    learner.set_params(max_iter=20).fit(X)
    np.testing.assert_array_equal(learner._state["anchor"]["scale"][[0, 4]], 1.0)


@pytest.mark.parametrize("anchor", ["pca", None])
def test_constant_columns_stay_constant(model, curved, anchor):
    X = np.insert(curved(120), [0, 3], [5.0, 1e6], axis=1)
    model.set_params(anchor=anchor).fit(X)
    close = {"rtol": 1e-9 if anchor else 0.01}
    np.testing.assert_allclose(model.reconstruct(X)[:, [0, 4]], X[:, [0, 4]], **close)
    assert np.isfinite(model.transform(X)).all()


@pytest.mark.parametrize("n_samples", [2, 3, 9, 10])
@pytest.mark.parametrize("anchor", ["pca", None])
def test_few_samples_are_enough(model, X, anchor, n_samples):
    model.set_params(n_components=1, anchor=anchor).fit(X[:n_samples])
    assert np.isfinite(model.reconstruct(X)).all()


def test_single_feature_is_enough(model, X):
    model.set_params(n_components=1).fit(X[:, :1])
    np.testing.assert_allclose(model.reconstruct(X[:, :1]), X[:, :1], atol=1e-5)


@pytest.mark.parametrize("scale", [1e-25, 1e-12, 1e12, 1e25])
def test_tiny_and_huge_units_work(model, curved, scale):
    X = curved(120)
    model.set_params(max_iter=60)
    ratio = model.fit(X).pca_ratio_
    codes = model.transform(X)
    model.fit(scale * X)
    assert model.pca_ratio_ == pytest.approx(ratio, rel=0.05)
    np.testing.assert_allclose(model.transform(scale * X) / scale, codes, atol=0.1)


# -- few distinct samples --------------------------------------------------------------


def patterns(n_samples, seed):
    """One-hot codes of three variables that depend on each other."""
    rng = np.random.default_rng(seed)
    first = rng.integers(0, 5, n_samples)
    others = [(first + rng.integers(0, 2, n_samples)) % 5 for _ in range(2)]
    return np.hstack([np.eye(5)[levels] for levels in (first, *others)])


def test_few_patterns_with_many_copies_are_all_learned():
    train, new = patterns(2000, seed=1), patterns(1000, seed=2)
    model = AutoencoderTransformer(3, random_state=0).fit(train)
    ratio = reconstruction_error(model, new) / reconstruction_error(
        PCA(3).fit(train), new
    )
    assert ratio < 0.1
    assert model.pca_ratio_ == pytest.approx(ratio, abs=0.02)


def test_weights_count_as_copies_of_patterns(quick):
    distinct, count = np.unique(patterns(2000, seed=1), axis=0, return_counts=True)
    model = AutoencoderTransformer(3, **quick)
    expected = clone(model).fit(np.repeat(distinct, count, axis=0)).transform(distinct)
    found = model.fit(distinct, sample_weight=count).transform(distinct)
    np.testing.assert_array_equal(found, expected)
