"""What latent codes respond to."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from drawn import (
    picture,
    pixels,
    texts,
)
from matplotlib.colors import to_rgba
from numpy.testing import assert_allclose
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skae import AutoencoderTransformer, SparseAutoencoder
from skae.plotting import FeatureDisplay, _responses

# -- what is found ---------------------------------------------------------------------


@pytest.fixture
def six(digits_pca):
    return digits_pca


def cosines(A, B):
    lengths = np.linalg.norm(A, axis=1) * np.linalg.norm(B, axis=1)
    return np.einsum("ij,ij->i", A, B) / lengths


def test_the_decoder_of_pca_is_its_components(digits, six):
    display = FeatureDisplay.from_estimator(six, digits, image_shape=(8, 8))
    low, high = np.quantile(six.transform(digits), [0.05, 0.95], axis=0)
    expected = (high - low)[:, None] * six.components_
    assert_allclose(display.features, expected, atol=1e-9)
    bars = FeatureDisplay.from_estimator(six, digits).features
    deviation = digits.std(axis=0)
    there = deviation > 0
    assert_allclose(bars[:, there], expected[:, there] / deviation[there], atol=1e-9)
    assert not there.all()
    assert not bars[:, ~there].any()


def test_the_decoder_moves_one_code_while_others_are_at_their_medians(learner, X):
    learner.set_params(max_iter=100).fit(X)
    codes = learner.transform(X)
    display = FeatureDisplay.from_estimator(learner, X, image_shape=(2, 3), codes=[1])
    ends = np.tile(np.median(codes, axis=0), (2, 1))
    ends[:, 1] = np.quantile(codes[:, 1], [0.05, 0.95])
    low, high = learner.inverse_transform(ends)
    assert_allclose(display.features, [high - low], rtol=1e-6)
    assert display.codes.tolist() == [1]


def test_the_encoder_of_pca_is_its_components_in_deviations(digits, six):
    for options in ({}, {"image_shape": (8, 8)}):
        display = FeatureDisplay.from_estimator(six, digits, kind="encoder", **options)
        expected = six.components_ * digits.std(axis=0)
        assert_allclose(cosines(display.features, expected), 1)
        assert_allclose(np.linalg.norm(display.features, axis=1), 1)


def test_the_encoder_s_direction_raises_a_code_of_a_network(learner, X):
    model = make_pipeline(StandardScaler(), learner.set_params(max_iter=100)).fit(X)
    found = FeatureDisplay.from_estimator(model, X, kind="encoder").features
    rng, mean, deviation = np.random.default_rng(0), X.mean(axis=0), X.std(axis=0)
    others = rng.normal(size=(200, 6))
    others /= np.linalg.norm(others, axis=1, keepdims=True)
    for code in range(2):
        steps = 1e-3 * deviation * np.vstack([found[code], others])
        gain = (model.transform(mean + steps) - model.transform(mean - steps))[:, code]
        assert gain[0] > 0
        assert gain[0] == pytest.approx(gain.max(), rel=0.01)


def test_encoders_are_measured_in_chunks_of_any_size(monkeypatch, digits, six):
    expected = FeatureDisplay.from_estimator(six, digits, kind="encoder").features
    monkeypatch.setattr(_responses, "CHUNK_FEATURES", 7)
    found = FeatureDisplay.from_estimator(six, digits, kind="encoder").features
    assert_allclose(found, expected, rtol=1e-6, atol=1e-9)


def test_codes_that_ignore_the_sample_have_no_direction(X):
    constant = FunctionTransformer(lambda X: np.zeros((len(X), 2)))
    display = FeatureDisplay.from_estimator(constant, X, kind="encoder")
    assert not display.features.any()
    assert all(bar.get_height() == 0 for bars in display.bars_ for bar in bars)
    pictures = FeatureDisplay.from_estimator(
        constant, X, kind="encoder", image_shape=(2, 3)
    )
    assert not np.nan_to_num(pixels(pictures.image_)).any()


@pytest.mark.parametrize(("n", "mean_of"), [(300, 3), (250, 2), (60, 1)])
def test_samples_with_the_highest_codes_are_averaged(digits, six, n, mean_of):
    table = digits[:n]
    codes = six.transform(table)
    expected = np.stack(
        [table[np.argsort(codes[:, i])[-mean_of:]].mean(axis=0) for i in range(6)]
    )
    display = FeatureDisplay.from_estimator(six, table, kind="rows", image_shape=(8, 8))
    assert_allclose(display.features, expected)
    assert display.image_.get_clim() == (expected.min(), expected.max())
    assert display.image_.get_cmap().name == "gray_r"
    bars = FeatureDisplay.from_estimator(six, table, kind="rows").features
    there = table.std(axis=0) > 0
    centred = (expected - table.mean(axis=0))[:, there] / table.std(axis=0)[there]
    assert_allclose(bars[:, there], centred, atol=1e-9)
    assert not bars[:, ~there].any()


def test_without_samples_codes_of_the_decoder_move_from_zero_to_one(X, quick):
    for model in (PCA(3), AutoencoderTransformer(3, **quick)):
        piped = make_pipeline(StandardScaler(), model).fit(X)
        display = FeatureDisplay.from_estimator(piped, codes=[2, 0])
        moved = piped.inverse_transform(np.eye(3)) - piped.inverse_transform(
            np.zeros((3, 3))
        )
        assert_allclose(display.features, moved[[2, 0]], rtol=1e-5, atol=1e-6)
        assert texts(display.ax_.get_yticklabels()) == ["code 2", "code 0"]
        assert texts(display.ax_.get_xticklabels()) == [f"x{j}" for j in range(6)]


@pytest.mark.parametrize("kind", ["encoder", "rows"])
def test_other_kinds_need_samples(X, kind):
    message = f"kind='{kind}' of PCA needs X: pass samples"
    with pytest.raises(ValueError, match=message):
        FeatureDisplay.from_estimator(PCA(2).fit(X), kind=kind)
    with pytest.raises(ValueError, match="kind='decoder' of StandardScaler needs X"):
        FeatureDisplay.from_estimator(StandardScaler().fit(X))


# -- how it is drawn -------------------------------------------------------------------


def test_images_have_ranges_of_their_own(digits, six):
    display = FeatureDisplay.from_estimator(
        six, digits, codes=[5, 0, 3, 1, 2], image_shape=(8, 8)
    )
    assert pixels(display.image_).shape == (17, 26)  # three, and two below
    for i, feature in enumerate(display.features):
        found = picture(display.image_, i // 3, i % 3, 8, 8)
        assert_allclose(found, (feature / np.abs(feature).max()).reshape(8, 8))
        assert np.abs(found).max() == 1
        along = six.components_[[5, 0, 3, 1, 2][i]][None]
        assert_allclose(cosines(found.reshape(1, -1), along), 1)
    assert np.isnan(picture(display.image_, 1, 2, 8, 8)).all()
    assert display.image_.get_clim() == (-1, 1)
    assert display.image_.get_cmap().name == "RdBu_r"
    assert display.bars_ == []
    assert texts(display.ax_.get_yticklabels()) == []


@pytest.mark.parametrize("kind", ["decoder", "encoder", "rows"])
@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_images_in_colour(kind, n):
    X = np.random.default_rng(0).uniform(size=(120, 12))
    pca = PCA(n).fit(X)
    display = FeatureDisplay.from_estimator(pca, X, kind=kind, image_shape=(3, 2, 2))
    feature = display.features[0].reshape(3, 2, 2)
    if kind == "rows":
        low, high = display.features.min(), display.features.max()
    else:
        low, high = -abs(feature).max(), abs(feature).max()
    found = picture(display.image_, 0, 0, 2, 2)
    expected = np.moveaxis((feature - low) / (high - low), 0, -1)
    assert_allclose(found[..., :3], expected)
    assert np.isfinite(pixels(display.image_)[..., 0]).any()
    if n in (3, 5):  # a place is left, and nothing is there
        display.figure_.canvas.draw()
        x, y = display.ax_.transData.transform((3 * (n // 2) + 0.5, 3.5)).astype(int)
        seen = np.asarray(display.figure_.canvas.buffer_rgba())
        assert seen[seen.shape[0] - y, x].tolist() == [255] * 4


def test_a_convolutional_autoencoder_needs_no_shape(convolutional, digits):
    display = FeatureDisplay.from_estimator(convolutional, digits, codes=2)
    assert pixels(display.image_).shape == (8, 17)


@pytest.mark.parametrize("kind", ["decoder", "encoder", "rows"])
@pytest.mark.parametrize("container", [np.asarray, pd.DataFrame])
def test_bars_over_the_columns(X, kind, container):
    table = container(X)
    if container is pd.DataFrame:
        table.columns = list("abcdef")
    pca = PCA(3).fit(X)
    nameless = FunctionTransformer(
        lambda X: pca.transform(np.asarray(X)), pca.inverse_transform
    )
    display = FeatureDisplay.from_estimator(nameless, table, kind=kind, codes=[2, 0])
    ax = display.ax_
    assert len(display.bars_) == 2
    scale = 0.45 / np.abs(display.features).max()  # one for all codes
    for i, (bars, feature) in enumerate(
        zip(display.bars_, display.features, strict=True)
    ):
        assert [bar.get_x() + bar.get_width() / 2 for bar in bars] == pytest.approx(
            range(6)
        )
        # Upwards is where y is less.
        lengths = np.array([i - (bar.get_y() + bar.get_height()) for bar in bars])
        assert [bar.get_y() for bar in bars] == [i] * 6
        assert_allclose(lengths, scale * feature, atol=1e-12)
        assert [bar.get_facecolor() for bar in bars] == [
            to_rgba("tab:blue" if value < 0 else "tab:red") for value in feature
        ]
        assert np.sign(lengths).tolist() == np.sign(feature).tolist()
    assert ax.yaxis_inverted()
    assert ax.get_ylim() == (1.5, -0.5)
    assert texts(ax.get_yticklabels()) == ["code 2", "code 0"]
    assert ax.get_yticks().tolist() == [0, 1]
    names = "abcdef" if container is pd.DataFrame else [f"x{j}" for j in range(6)]
    assert texts(ax.get_xticklabels()) == list(names)
    assert display.image_ is None


@pytest.mark.parametrize(("n_features", "named"), [(40, True), (41, False)])
def test_many_columns_go_without_names(n_features, named):
    X = np.random.default_rng(0).normal(size=(50, n_features))
    display = FeatureDisplay.from_estimator(PCA(2).fit(X), X)
    labels = texts(display.ax_.get_xticklabels())
    assert (labels == [f"x{j}" for j in range(n_features)]) is named


def test_bars_of_a_display_without_names():
    display = FeatureDisplay(np.eye(2), np.arange(2)).plot()
    assert len(display.bars_) == 2
    assert texts(display.ax_.get_yticklabels()) == ["code 0", "code 1"]


@pytest.mark.parametrize(
    ("codes", "places"), [(16, [0, 1, 2]), (2, [0, 1]), ([2, 0], [2, 0]), ([-1], [2])]
)
def test_which_codes_are_drawn(X, codes, places):
    model = PCA(3).fit(X)
    everything = FeatureDisplay.from_estimator(model, X).features
    display = FeatureDisplay.from_estimator(model, X, codes=codes)
    assert display.codes.tolist() == places
    assert_allclose(display.features, everything[places])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "both"}, "kind='both' must be one of decoder, encoder, rows"),
        ({"codes": [3]}, "has indices beyond the 3 that there are"),
        ({"codes": 0}, "codes=0 must be at least 1"),
        ({"codes": "all"}, "codes must be an int, or indices as ints; got 'all'"),
        ({"image_shape": (2, 2)}, "has 4 pixels, but the samples have 6"),
        ({"image_shape": (2, 1, 3)}, "has 2 channels"),
    ],
)
def test_features_that_there_are_not(X, options, message):
    with pytest.raises(ValueError, match=message):
        FeatureDisplay.from_estimator(PCA(3).fit(X), X, **options)
    assert plt.get_fignums() == []


def test_options_reach_the_features(X):
    pca = PCA(2).fit(X)
    display = FeatureDisplay.from_estimator(
        pca, X, image_shape=(2, 3), im_kw={"cmap": "PiYG", "vmax": 0.5}
    )
    assert display.image_.get_cmap().name == "PiYG"
    assert display.image_.get_clim() == (-1, 0.5)
    assert display.plot(im_kw={"alpha": 0.5}).image_.get_alpha() == 0.5
    display = FeatureDisplay.from_estimator(pca, X, bar_kw={"color": "k", "width": 0.5})
    assert {bar.get_facecolor() for bar in display.bars_[1]} == {to_rgba("k")}
    assert display.bars_[0][0].get_width() == pytest.approx(0.5)
    assert display.plot(bar_kw={"alpha": 0.5}).bars_[0][0].get_alpha() == 0.5


def test_a_code_that_rests_at_the_mean_is_looked_at_where_it_is_active(curved):
    X = curved(300)
    topk = SparseAutoencoder(
        8, sparsity=0.25, penalty="topk", max_iter=60, random_state=0
    ).fit(X)
    active = topk.transform(X).max(axis=0) > 0
    display = FeatureDisplay.from_estimator(topk, X, kind="encoder")
    assert active.sum() > 2
    np.testing.assert_allclose(np.linalg.norm(display.features[active], axis=1), 1)


def test_of_many_columns_those_that_respond_most_get_bars():
    rng = np.random.default_rng(0)
    scale = rng.permutation(np.arange(1.0, 101.0))
    X = rng.normal(size=(50, 2)) @ rng.normal(size=(2, 100)) * scale
    display = FeatureDisplay.from_estimator(PCA(2).fit(X), X)
    names = [label.get_text() for label in display.ax_.get_xticklabels()]
    assert [len(bars) for bars in display.bars_] == [40, 40]
    most = np.sort(np.argsort(-np.abs(display.features).max(axis=0))[:40])
    assert names == [f"x{j}" for j in most]


def test_constant_columns_have_no_bars():
    X = load_iris().data
    X = np.column_stack([np.full(150, 0.1), X, np.full(150, 0.7)])
    for kind in ("decoder", "rows"):
        display = FeatureDisplay.from_estimator(PCA(2).fit(X), X, kind=kind)
        assert (display.features[:, [0, -1]] == 0).all()


def test_names_of_the_fit_are_taken_where_rows_have_none():
    X = load_iris(as_frame=True).data
    display = FeatureDisplay.from_estimator(PCA(2).fit(X))
    assert display.feature_names == list(X.columns)
