"""Losses over the steps."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from drawn import legend
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skae import VAE, AutoencoderTransformer
from skae._fitting import selection
from skae.plotting import LossCurveDisplay

# -- loss curves -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained(X, X_large):
    """Networks that are better than PCA, by cross-validation and by a split."""
    model = AutoencoderTransformer(
        2, hidden_layer_sizes=(32,), max_iter=150, random_state=0
    )
    return {"folded": clone(model).fit(X), "held out": clone(model).fit(X_large)}


def points(line):
    return np.asarray(line.get_xydata(), dtype=float)


def level(line):
    """Where a horizontal line is, which crosses the axes."""
    (left, right), heights = line.get_data()
    assert (left, right) == (0, 1)
    assert heights[0] == heights[1]
    return heights[0]


@pytest.mark.parametrize("kind", ["folded", "held out"])
def test_losses_are_drawn_over_the_steps(trained, kind):
    model = trained[kind]
    display = LossCurveDisplay.from_estimator(model)
    assert list(display.lines_) == ["training", "validation", "pca", "kept"]
    steps = model.curve_steps_
    assert_array_equal(
        points(display.lines_["training"]),
        np.column_stack([steps[1:], model.loss_curve_]),
    )
    assert_array_equal(
        points(display.lines_["validation"]),
        np.column_stack([steps, model.validation_curve_]),
    )
    assert level(display.lines_["pca"]) == 1.0
    assert model.validation_curve_[0] == pytest.approx(1.0)
    best = min(range(len(steps)), key=model.validation_curve_.__getitem__)
    assert 0 < best
    assert points(display.lines_["kept"]).tolist() == [
        [steps[best], model.validation_curve_[best]]
    ]
    ax = display.ax_
    assert legend(ax) == ["training", "held out", "PCA", f"kept: step {steps[best]}"]
    assert [ax.get_xlabel(), ax.get_ylabel()] == ["step", "loss, relative to PCA"]
    assert ax.texts[:] == []
    assert display.lines_["kept"].get_marker() == "o"
    assert display.lines_["training"].get_color() != (
        display.lines_["validation"].get_color()
    )


@pytest.mark.parametrize("n", [200, 700])
def test_a_network_that_is_no_better_than_pca(model, linear, n):
    model.set_params(max_iter=60, random_state=1).fit(linear(n))
    assert model.pca_ratio_ == 1.0
    display = LossCurveDisplay.from_estimator(make_pipeline("passthrough", model))
    assert points(display.lines_["kept"]).tolist() == [[0, model.validation_curve_[0]]]
    assert legend(display.ax_) == ["training", "held out", "PCA", "PCA kept"]
    assert len(points(display.lines_["validation"])) == len(model.curve_steps_) > 1


@pytest.mark.parametrize("early_stopping", [True, False])
@pytest.mark.parametrize("n", [50, 700])
def test_nothing_to_train(model, n, early_stopping):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 2)) @ rng.normal(size=(2, 5))
    model.set_params(early_stopping=early_stopping).fit(X)
    assert model.curve_steps_ == []
    display = LossCurveDisplay.from_estimator(model)
    assert display.lines_ == {}
    assert display.ax_.get_legend() is None
    assert [text.get_text() for text in display.ax_.texts] == ["nothing was trained"]


@pytest.mark.parametrize("n_samples", [120, 700])
@pytest.mark.parametrize("anchor", ["pca", None])
def test_no_validation_samples(model, curved, n_samples, anchor):
    model.set_params(early_stopping=False, anchor=anchor).fit(curved(n_samples))
    display = LossCurveDisplay.from_estimator(model)
    assert list(display.lines_) == ["training"]
    assert_array_equal(
        points(display.lines_["training"]),
        np.column_stack([model.curve_steps_[1:], model.loss_curve_]),
    )
    assert legend(display.ax_) == ["training"]
    assert display.ax_.texts[:] == []


def test_without_an_anchor_pca_is_still_a_level(model, X_large):
    model.set_params(anchor=None).fit(X_large)
    display = LossCurveDisplay.from_estimator(model)
    assert level(display.lines_["pca"]) == 1.0
    best = int(np.argmin(model.validation_curve_))
    assert points(display.lines_["kept"])[0, 0] == model.curve_steps_[best]


@pytest.mark.parametrize("n_samples", [120, 700])
def test_the_level_of_a_vae_is_where_it_starts(quick, curved, n_samples):
    vae = VAE(2, **quick).fit(curved(n_samples))
    display = LossCurveDisplay.from_estimator(vae)
    assert level(display.lines_["pca"]) == vae.validation_curve_[0]
    assert display.ax_.get_ylabel() == "loss, nats per feature"
    assert display.ax_.get_yscale() == "linear"


@pytest.mark.parametrize("options", [{"anchor": None}, {"warm_start": True}])
def test_the_level_of_a_vae_is_that_of_pca_wherever_it_starts(quick, X_large, options):
    vae = VAE(2, **quick).fit(X_large)
    other = VAE(2, **quick, **options).fit(X_large).set_params(warm_start=False)
    display = LossCurveDisplay.from_estimator(other)
    start = vae.validation_curve_[0]
    assert level(display.lines_["pca"]) == pytest.approx(start, rel=1e-3)
    # pca_ratio_ is a ratio of perplexities.
    gain = level(display.lines_["pca"]) - min(other.validation_curve_)
    assert other.pca_ratio_ == pytest.approx(np.exp(-gain), rel=1e-3)


@pytest.fixture(scope="module")
def binary():
    """Twelve features of zeros and ones, with hardly two equal samples."""
    rng = np.random.default_rng(0)
    slopes = rng.normal(size=(3, 12))
    chances = 1 / (1 + np.exp(-2 * rng.normal(size=(1500, 3)) @ slopes))
    return (rng.random(chances.shape) < chances).astype(float)


def test_the_level_of_binary_features_is_that_of_independent_columns(quick, binary):
    vae = VAE(2, likelihood="bernoulli", **quick).fit(binary)
    display = LossCurveDisplay.from_estimator(vae)
    assert "independent features" in legend(display.ax_)
    share = binary.mean(axis=0)
    entropy = -(share * np.log(share) + (1 - share) * np.log1p(-share)).mean()
    assert level(display.lines_["pca"]) == pytest.approx(entropy, rel=0.1)


@pytest.mark.parametrize(
    ("model", "unit"),
    [
        (VAE(2), "loss, nats per feature"),
        (VAE(2, likelihood="bernoulli"), "loss, nats per feature"),
        (AutoencoderTransformer(2), "training loss"),
        (AutoencoderTransformer(2, anchor=None), "training loss"),
    ],
)
def test_curves_without_validation_samples_are_labelled(quick, binary, model, unit):
    model = clone(model).set_params(**quick)
    held_out = clone(model).fit(binary)
    model = model.set_params(early_stopping=False).fit(binary)
    display = LossCurveDisplay.from_estimator(model)
    assert list(display.lines_) == ["training"]
    assert display.ax_.get_ylabel() == unit
    assert model.loss_curve_[-1] == pytest.approx(held_out.loss_curve_[-1], rel=0.35)


def test_nats_do_not_depend_on_the_unit_but_by_its_logarithm(quick, X_large):
    vae = VAE(2, early_stopping=False, **quick)
    first, second = (clone(vae).fit(scale * X_large).loss_curve_ for scale in (1, 100))
    np.testing.assert_allclose(np.subtract(second, first), np.log(100), atol=1e-2)


def test_a_start_that_was_not_bettered_is_what_is_kept(monkeypatch, X_large):
    """After a warm start without a gain the weights are those from before."""
    model = AutoencoderTransformer(
        2, hidden_layer_sizes=(8,), max_iter=60, random_state=0, warm_start=True
    ).fit(X_large)
    before = model.transform(X_large)
    monkeypatch.setattr(selection, "improves_significantly", lambda *arguments: False)
    model.fit(X_large)
    assert_array_equal(model.transform(X_large), before)
    assert np.argmin(model.validation_curve_) > 0
    display = LossCurveDisplay.from_estimator(model)
    assert points(display.lines_["kept"])[0, 0] == 0


def test_curves_that_fall_far_are_drawn_on_a_log_scale():
    draw = LossCurveDisplay
    assert draw([0, 1], [50.0], [101.0, 10.0]).plot().ax_.get_yscale() == "log"
    assert draw([0, 1], [50.0], [99.0, 10.0]).plot().ax_.get_yscale() == "linear"
    assert draw([0, 1], [50.0], [-2.0, 10.0]).plot().ax_.get_yscale() == "linear"


def test_a_display_of_curves_from_elsewhere():
    display = LossCurveDisplay(
        np.array([0, 5, 9]), np.array([3.0, 2.0]), [], pca_level=2.5, unit="bits"
    ).plot()
    assert list(display.lines_) == ["training", "pca"]
    assert level(display.lines_["pca"]) == 2.5
    assert display.ax_.get_ylabel() == "bits"


def test_options_reach_both_curves(trained):
    display = LossCurveDisplay.from_estimator(
        trained["held out"], line_kw={"linewidth": 4, "label": "mine"}
    )
    drawn = {name: line.get_linewidth() for name, line in display.lines_.items()}
    assert drawn["training"] == drawn["validation"] == 4 != drawn["pca"]
    assert legend(display.ax_)[:2] == ["mine", "mine"]


def test_options_that_have_no_default_reach_both_curves(trained):
    display = LossCurveDisplay.from_estimator(
        trained["held out"], line_kw={"marker": "s"}
    )
    assert display.lines_["training"].get_marker() == "s"
    display.plot(line_kw={"alpha": 0.5})
    assert display.lines_["validation"].get_alpha() == 0.5


def test_others_have_no_loss_curve(X):
    message = "draws the curves of skae's autoencoders, and PCA is not one. Pass the"
    for model in (PCA(2).fit(X), make_pipeline(StandardScaler(), PCA(2)).fit(X)):
        with pytest.raises(TypeError, match=message):
            LossCurveDisplay.from_estimator(model)
    assert plt.get_fignums() == []


def test_where_pca_is_exact_it_is_no_unit(quick):
    X = np.random.default_rng(0).normal(size=(700, 3))
    model = AutoencoderTransformer(3, anchor=None, **quick).fit(X)
    display = LossCurveDisplay.from_estimator(model)
    assert list(display.lines_) == ["training", "validation", "kept"]
    assert display.ax_.get_ylabel() == "loss"


def test_names_tell_autoencoders_apart(trained):
    first = LossCurveDisplay.from_estimator(trained["held out"], name="one")
    LossCurveDisplay.from_estimator(trained["held out"], name="two", ax=first.ax_)
    words = legend(first.ax_)
    assert len(set(words)) == len(words) == 8
    assert [word.split(": ")[0] for word in words] == ["one"] * 4 + ["two"] * 4


def test_codes_that_training_leaves_out_are_named(X, quick):
    plain, share = (
        LossCurveDisplay.from_estimator(AutoencoderTransformer(k, **quick).fit(X))
        for k in (2, 0.6)
    )
    assert legend(plain.ax_)[0] == "training"
    assert legend(share.ax_)[0] == "training, some codes dropped"


@pytest.mark.parametrize(
    ("least", "shown"),
    [
        (0.02, ["0.02", "0.05", "0.1", "0.2", "0.5", "1"]),
        (1e-5, ["1e\N{MINUS SIGN}05", "0.0001"]),
    ],
)
def test_values_beside_a_logarithmic_axis(least, shown):
    losses = np.geomspace(1, least, 4)
    ax = LossCurveDisplay(np.arange(4), losses[1:], losses).plot().ax_
    low, high = ax.get_ylim()
    ticks = [tick for tick in ax.get_yticks() if low <= tick <= high]
    formatter = ax.yaxis.get_major_formatter()
    words = [formatter(tick) for tick in ticks]
    assert words[: len(shown)] == shown
    assert ax.yaxis.get_minor_formatter()(ticks[0]) == ""


def test_values_of_several_models_do_not_crowd():
    ax = LossCurveDisplay(np.arange(4), [50, 9, 4], [60, 9, 5, 4]).plot().ax_
    few = np.geomspace(1, 1e-4, 4)
    LossCurveDisplay(np.arange(4), few[1:] / 10, few / 10).plot(ax)
    low, high = ax.get_ylim()
    assert sum(low <= tick <= high for tick in ax.get_yticks()) <= 9


@pytest.mark.parametrize("share", [0.6, np.float32(0.6)])
def test_shares_of_all_types(share, X, quick):
    model = AutoencoderTransformer(share, **quick).fit(X)
    assert LossCurveDisplay.from_estimator(model).dropped
