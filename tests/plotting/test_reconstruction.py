"""Samples and their reconstructions."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import polars as pl
import pytest
from drawn import (
    assert_same_drawing,
    picture,
    pixels,
    profile,
    texts,
)
from matplotlib.colors import to_rgba
from sklearn.decomposition import PCA
from sklearn.feature_selection import VarianceThreshold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skae import ConvolutionalAutoencoder
from skae.metrics import _chunks, reconstruction_error
from skae.plotting import (
    FeatureDisplay,
    ManifoldDisplay,
    ReconstructionDisplay,
)

SHAPE = (8, 8)


@pytest.fixture(scope="module")
def pca(digits):
    return PCA(4).fit(digits)


def there_and_back(model, X):
    return model.inverse_transform(model.transform(X))


def mean_squared(X, Z):
    return np.mean((np.asarray(X) - np.asarray(Z)) ** 2)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((2, 4), r"image_shape=\(2, 4\) has 8 pixels, but the samples have 6 features"),
        ((3, 1, 1), "has 3 pixels, but the samples have 6"),
        ((2, 3, 1), "has 2 channels; images with one .* or three"),
        ((6,), r"image_shape=\(6,\) must be \(height, width\) or \(channels, "),
        (6, "must be"),
        ((-2, -3), "must be"),
        ((0, 6), "must be"),
        ((2.0, 3.0), "must be"),
        ("ab", "must be"),
        ((1, 1, 2, 3), "must be"),
    ],
)
@pytest.mark.parametrize(
    "draw",
    [
        lambda X, shape: ReconstructionDisplay.from_predictions(
            X, X, image_shape=shape
        ),
        lambda X, shape: ReconstructionDisplay.from_estimator(
            PCA(2).fit(X), X, image_shape=shape
        ),
        lambda X, shape: ManifoldDisplay.from_estimator(
            PCA(2).fit(X), X, image_shape=shape
        ),
    ],
    ids=["predictions", "reconstruction", "manifold"],
)
def test_shapes_that_do_not_fit(draw, shape, message, X):
    with pytest.raises(ValueError, match=message):
        draw(X, shape)
    assert plt.get_fignums() == []


def test_a_convolutional_autoencoder_brings_its_image_shape(convolutional, digits):
    model = make_pipeline("passthrough", convolutional)
    display = ReconstructionDisplay.from_estimator([PCA(2).fit(digits), model], digits)
    np.testing.assert_array_equal(
        picture(display.image_, 0, 5, *SHAPE), digits[5].reshape(SHAPE)
    )
    np.testing.assert_allclose(
        picture(display.image_, 2, 5, *SHAPE),
        convolutional.reconstruct(digits[5:6]).reshape(SHAPE),
        rtol=1e-5, atol=1e-5,
    )  # fmt: skip
    manifold = ManifoldDisplay.from_estimator(convolutional, digits, n_grid=2)
    assert pixels(manifold.image_).shape == (17, 17)
    other = ReconstructionDisplay.from_estimator(
        convolutional, digits, image_shape=(4, 16)
    )
    assert other.image_shape == (4, 16)


# -- reconstructions -------------------------------------------------------------------


def test_images_of_samples_and_their_reconstructions(pca, digits):
    more = make_pipeline(StandardScaler(), PCA(9)).fit(digits)
    display = ReconstructionDisplay.from_estimator(
        {"four": pca, "nine": more}, digits, rows=5, image_shape=SHAPE
    )
    assert pixels(display.image_).shape == (3 * 8 + 2, 5 * 8 + 4)
    for r, table in enumerate(
        [digits, there_and_back(pca, digits), there_and_back(more, digits)]
    ):
        for c in range(5):
            np.testing.assert_allclose(
                picture(display.image_, r, c, *SHAPE), table[c].reshape(SHAPE)
            )
    errors = [mean_squared(digits, there_and_back(m, digits)) for m in (pca, more)]
    assert display.errors == pytest.approx({"four": errors[0], "nine": errors[1]})
    assert texts(display.ax_.get_yticklabels()) == [
        "original",
        f"four\nMSE {errors[0]:.3g}",
        f"nine\nMSE {errors[1]:.3g}",
    ]
    assert display.ax_.get_yticks().tolist() == [3.5, 12.5, 21.5]
    assert texts(display.ax_.get_xticklabels()) == []
    assert display.image_.get_clim() == (0.0, digits[:5].max())
    assert display.lines_ == []
    assert np.isnan(pixels(display.image_)[8]).all()


def test_what_was_corrupted_is_reconstructed_and_compared_with_the_original(
    pca, digits
):
    noisy = digits + np.random.default_rng(0).normal(size=digits.shape)
    display = ReconstructionDisplay.from_estimator(
        pca, digits, corrupted=noisy, rows=3, image_shape=SHAPE
    )
    made = there_and_back(pca, noisy)
    for r, table in enumerate([digits, noisy, made]):
        np.testing.assert_allclose(
            picture(display.image_, r, 2, *SHAPE), table[2].reshape(SHAPE)
        )
    error = mean_squared(digits, made)
    assert display.errors["PCA"] == pytest.approx(error)
    assert texts(display.ax_.get_yticklabels()) == [
        "original",
        "corrupted",
        f"PCA\nMSE {error:.3g}",
    ]
    assert display.image_.get_clim() == (digits[:3].min(), digits[:3].max())
    np.testing.assert_array_equal(display.corrupted, noisy[:3])


@pytest.mark.parametrize(
    ("rows", "places"),
    [(2, [0, 1]), ([7, 3, 7], [7, 3, 7]), ([-1], [299]), (999, slice(None))],
)
def test_which_samples_are_drawn(pca, digits, rows, places):
    display = ReconstructionDisplay.from_estimator(pca, digits, rows=rows)
    expected = digits[places]
    np.testing.assert_array_equal(display.X, expected)
    np.testing.assert_allclose(
        display.reconstructions["PCA"], there_and_back(pca, expected)
    )
    assert display.errors["PCA"] == pytest.approx(reconstruction_error(pca, digits))


@pytest.mark.parametrize("container", [np.asarray, pd.DataFrame, pl.DataFrame, list])
def test_all_samples_count_in_the_error_in_chunks_of_any_size(
    monkeypatch, digits, container
):
    table, noisy = container(digits), container(digits + 1.0)
    pca, plain = PCA(4).fit(table), PCA(4).fit(digits)
    monkeypatch.setattr(_chunks, "CHUNK_SAMPLES", 7)
    display = ReconstructionDisplay.from_estimator(pca, table, corrupted=noisy, rows=1)
    assert display.errors["PCA"] == pytest.approx(
        mean_squared(digits, there_and_back(plain, digits + 1.0))
    )


def test_names_that_repeat_are_numbered(digits):
    models = [PCA(2).fit(digits), make_pipeline(PCA(8)).fit(digits)]
    display = ReconstructionDisplay.from_estimator(models, digits)
    expected = [mean_squared(digits, there_and_back(m, digits)) for m in models]
    assert list(display.errors) == ["PCA", "PCA 2"]
    assert list(display.errors.values()) == pytest.approx(expected)


def test_profiles_lie_over_those_of_the_originals(X):
    pca = PCA(2).fit(X)
    table = X * [1, 10, 1e-3, 1, 1e4, 1] + [0, 0, 5, -7, 0, 0]
    pca = make_pipeline(StandardScaler(), PCA(2)).fit(table)
    display = ReconstructionDisplay.from_estimator(pca, table, rows=4)
    scaler = StandardScaler().fit(table)
    X, made = (scaler.transform(Z) for Z in (table[:4], there_and_back(pca, table)[:4]))
    low, high = min(X.min(), made.min()), max(X.max(), made.max())
    behind, front = display.lines_[:2], display.lines_[2:]
    assert len(front) == 2
    middles = display.ax_.get_yticks()
    for lines, tables in [(behind, [X, X]), (front, [X, made])]:
        for middle, line, table in zip(middles, lines, tables, strict=True):
            for c in range(4):
                height = middle + 0.5 - profile(line, c, 6)[1]
                drawn = height * (high - low) + low
                np.testing.assert_allclose(drawn, table[c], atol=1e-9)
    assert {line.get_color() for line in behind} == {"0.8"}
    assert {line.get_color() for line in front} == {"tab:blue"}
    assert min(f.get_zorder() for f in front) >= max(b.get_zorder() for b in behind)
    assert display.image_ is None
    assert display.ax_.lines[:] == display.lines_


@pytest.mark.parametrize("shape", [(3, 2, 4), (1, 4, 6)])
def test_images_with_channels(shape, X):
    rng = np.random.default_rng(0)
    table, made = rng.uniform(size=(2, 3, 24))
    made[2] += 9
    display = ReconstructionDisplay.from_predictions(table, made, image_shape=shape)
    low, high = table.min(), table.max()
    found = display.image_.get_array()
    if shape[0] == 1:
        np.testing.assert_array_equal(
            picture(display.image_, 1, 1, 4, 6), made[1].reshape(4, 6)
        )
        return
    assert found.shape == (2 * 2 + 1, 3 * 4 + 2, 4)
    for r, values in enumerate([table, made]):
        for c in range(3):
            cell = picture(display.image_, r, c, 2, 4)
            share = np.clip((values[c].reshape(shape) - low) / (high - low), 0, 1)
            for channel in range(3):
                np.testing.assert_allclose(cell[..., channel], share[channel])
            np.testing.assert_array_equal(cell[..., 3], 1)
    assert not found[2].any()  # nothing is between the rows
    assert not found[:, 4].any()


@pytest.mark.parametrize("shape", [None, (2, 3)])
def test_predictions_draw_what_estimators_do(shape, X):
    pca, noisy = PCA(2).fit(X), X + 0.1
    display = ReconstructionDisplay.from_predictions(
        X.tolist(), {"PCA": there_and_back(pca, noisy)}, corrupted=pd.DataFrame(noisy),
        rows=[3, 1], image_shape=shape,
    )  # fmt: skip
    expected = ReconstructionDisplay.from_estimator(
        pca, X, corrupted=noisy, rows=[3, 1], image_shape=shape
    )
    assert_same_drawing(display.ax_, expected.ax_)
    assert display.errors == pytest.approx(expected.errors)


def test_predictions_need_no_name(X):
    display = ReconstructionDisplay.from_predictions(X, X + 2)
    assert display.errors == pytest.approx({"reconstruction": 4.0})
    assert texts(display.ax_.get_yticklabels())[1] == "reconstruction\nMSE 4"


@pytest.mark.parametrize(
    ("made", "options", "message"),
    [
        (
            np.zeros((120, 5)),
            {},
            r"reconstruction has shape \(120, 5\), X has \(120",
        ),
        (np.zeros((9, 6)), {}, r"reconstruction has shape \(9, 6\), X has \(120"),
        ({"a": np.zeros((120, 1))}, {}, r"a has shape \(120, 1\)"),
        ({"corrupted": np.zeros((120, 1))}, {}, r"corrupted has shape \(120, 1\)"),
        (np.full((120, 6), np.nan), {}, "NaN"),
        (np.zeros((120, 6)), {"corrupted": np.zeros((120, 5))}, "corrupted has shape"),
        (np.zeros((120, 6)), {"rows": [120]}, "has indices beyond the 120"),
        (np.zeros((120, 6)), {"rows": 0}, "rows=0 must be at least 1"),
    ],
)
def test_predictions_that_do_not_fit(made, options, message, X):
    with pytest.raises(ValueError, match=message):
        ReconstructionDisplay.from_predictions(X, made, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"corrupted": np.zeros((120, 5))}, r"corrupted has shape \(120, 5\), X has"),
        ({"corrupted": np.zeros((9, 6))}, r"corrupted has shape \(9, 6\), X has \(120"),
        ({"rows": [120]}, "has indices beyond the 120"),
        ({"rows": 1.5}, "rows must be an int, or indices as ints; got 1.5"),
    ],
)
def test_options_that_do_not_fit(options, message, X):
    with pytest.raises(ValueError, match=message):
        ReconstructionDisplay.from_estimator(PCA(2).fit(X), X, **options)


def test_options_reach_the_reconstructions(X):
    pca = PCA(2).fit(X)
    given = {"cmap": "viridis", "vmax": 7.0, "interpolation": "bilinear"}
    image = ReconstructionDisplay.from_estimator(
        pca, X, image_shape=(2, 3), im_kw=given
    ).image_
    assert image.get_cmap().name == "viridis"
    assert image.get_clim()[1] == 7.0
    assert image.get_interpolation() == "bilinear"
    display = ReconstructionDisplay.from_estimator(pca, X, line_kw={"color": "red"})
    assert [line.get_color() for line in display.lines_] == ["0.8"] * 2 + ["red"] * 2
    display.plot(line_kw={"linestyle": ":"})
    assert display.lines_[-1].get_linestyle() == ":"
    display = ReconstructionDisplay.from_predictions(
        X, X, image_shape=(2, 3), im_kw={"alpha": 0.5}
    )
    assert display.image_.get_alpha() == 0.5
    assert display.plot(im_kw={"cmap": "Reds"}).image_.get_cmap().name == "Reds"
    display = ReconstructionDisplay.from_predictions(X, X, line_kw={"color": "green"})
    assert to_rgba(display.lines_[-1].get_color()) == to_rgba("green")


def test_a_table_of_one_column_is_drawn_with_dots():
    table = np.arange(8.0)[:, None]
    display = ReconstructionDisplay.from_predictions(table, table + 1)
    assert {line.get_marker() for line in display.lines_} == {"."}


@pytest.mark.parametrize(
    ("image_shape", "model_shape"), [(None, (1, 1, 6)), ((2, 1, 3), (2, 1, 3))]
)
def test_samples_of_a_convolutional_autoencoder_that_are_no_images(
    image_shape, model_shape, X
):
    """A model's own shape is used where it makes images; a given one is used always."""
    model = ConvolutionalAutoencoder(
        image_shape, n_components=2, max_iter=1, random_state=0
    ).fit(X)
    assert model.image_shape_ == model_shape
    for cls in (ReconstructionDisplay, ManifoldDisplay, FeatureDisplay):
        display = cls.from_estimator(model, X)
        assert display.image_ is None
        assert display.ax_.lines
    for shape in [(2, 1, 3), (1, 5)]:
        with pytest.raises(ValueError, match="image_shape="):
            ReconstructionDisplay.from_estimator(model, X, image_shape=shape)


def test_a_shape_is_not_used_for_other_samples(X):
    wide = np.column_stack([X, np.ones(len(X))])
    model = make_pipeline(
        VarianceThreshold(),
        ConvolutionalAutoencoder((2, 3), n_components=2, max_iter=1, random_state=0),
    ).fit(wide)
    assert ReconstructionDisplay.from_estimator(model, wide).image_ is None


@pytest.mark.parametrize("shape", [(1, 64), (64, 1), (2, 32)])
def test_narrow_images_have_room_for_their_labels(shape):
    table = np.random.default_rng(0).uniform(size=(3, 64))
    display = ReconstructionDisplay.from_predictions(
        table, {"one": table, "two": table}, rows=3, image_shape=shape
    )
    display.figure_.canvas.draw()
    labels = [label.get_window_extent() for label in display.ax_.get_yticklabels()]
    assert not any(a.overlaps(b) for i, a in enumerate(labels) for b in labels[i + 1 :])


def test_a_single_sample_is_drawn_as_it_is():
    table = np.array([[1.0, 5.0, 2.0]])
    display = ReconstructionDisplay.from_predictions(table, table + 0.5)
    y = profile(display.lines_[2], 0, 3)[1]
    np.testing.assert_allclose((y[0] - y[1]) / (y[2] - y[1]), 4 / 3)


@pytest.mark.parametrize("shape", [(8, 8), (20, 50), (8, 17), (2, 32)])
@pytest.mark.parametrize("size", [None, (6, 6), (4, 8)])
def test_images_keep_their_ratio_on_any_axes(shape, size):
    table = np.random.default_rng(0).uniform(size=(3, shape[0] * shape[1]))
    ax = None if size is None else plt.subplots(figsize=size)[1]
    display = ReconstructionDisplay.from_predictions(
        table, table, image_shape=shape, ax=ax
    )
    display.figure_.canvas.draw()
    corners = display.ax_.transData.transform([(0, 0), shape[::-1]])
    wide, tall = np.abs(corners[1] - corners[0])
    least = 0.4 / 0.85
    np.testing.assert_allclose(tall / wide, max(shape[0] / shape[1], least), rtol=1e-6)
