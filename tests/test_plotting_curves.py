"""Curves over steps, and over numbers of components."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from drawn import legend
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.decomposition import NMF, PCA, TruncatedSVD
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skae import VAE, AutoencoderTransformer, SparseAutoencoder, _contest
from skae.metrics import reconstruction_r2
from skae.plotting import ExplainedVarianceDisplay, LossCurveDisplay, _tables

pytestmark = pytest.mark.usefixtures("no_windows")

# -- loss curves -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained(X, X_large):
    """Networks that held-out rows say are better, by folds and by a split."""
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
def test_a_network_that_was_thrown_away(model, linear, n):
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


@pytest.mark.parametrize("n_rows", [120, 700])
@pytest.mark.parametrize("anchor", ["pca", None])
def test_no_held_out_rows(model, curved, n_rows, anchor):
    model.set_params(early_stopping=False, anchor=anchor).fit(curved(n_rows))
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


@pytest.mark.parametrize("n_rows", [120, 700])
def test_the_level_of_a_vae_is_where_it_starts(quick, curved, n_rows):
    vae = VAE(2, **quick).fit(curved(n_rows))
    display = LossCurveDisplay.from_estimator(vae)
    assert level(display.lines_["pca"]) == vae.validation_curve_[0]
    assert display.ax_.get_ylabel() == "loss, nats a column"
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
    """Twelve columns of zeros and ones, of which hardly two rows are the same."""
    rng = np.random.default_rng(0)
    slopes = rng.normal(size=(3, 12))
    chances = 1 / (1 + np.exp(-2 * rng.normal(size=(1500, 3)) @ slopes))
    return (rng.random(chances.shape) < chances).astype(float)


def test_the_level_of_binary_features_is_that_of_independent_columns(quick, binary):
    vae = VAE(2, likelihood="bernoulli", **quick).fit(binary)
    display = LossCurveDisplay.from_estimator(vae)
    assert "independent columns" in legend(display.ax_)
    share = binary.mean(axis=0)
    entropy = -(share * np.log(share) + (1 - share) * np.log1p(-share)).mean()
    assert level(display.lines_["pca"]) == pytest.approx(entropy, rel=0.1)


@pytest.mark.parametrize(
    ("model", "unit"),
    [
        (VAE(2), "loss, nats a column"),
        (VAE(2, likelihood="bernoulli"), "loss, nats a column"),
        (AutoencoderTransformer(2), "training loss"),
        (AutoencoderTransformer(2, anchor=None), "training loss"),
    ],
)
def test_curves_without_held_out_rows_say_what_they_are(quick, binary, model, unit):
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
    monkeypatch.setattr(_contest, "judge", lambda *arguments: False)
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
    message = "draws the curves of skae's autoencoders, and PCA is none. Pass the auto"
    for model in (PCA(2).fit(X), make_pipeline(StandardScaler(), PCA(2)).fit(X)):
        with pytest.raises(TypeError, match=message):
            LossCurveDisplay.from_estimator(model)
    assert plt.get_fignums() == []


# -- shares of the variance ------------------------------------------------------------


def shares_of(model, X):
    """R2 of the first so many codes with the others at zero, one number at a time."""
    codes, shares = np.asarray(model.transform(X)), []
    for m in range(1, codes.shape[1] + 1):
        kept = codes.copy()
        kept[:, m:] = 0
        made = model.inverse_transform(kept)
        shares.append(r2_score(X, made, multioutput="variance_weighted"))
    return shares


def curve(display, name):
    line = display.lines_[name]
    assert line.get_label() == name
    return line.get_data()


def test_pca_explains_what_it_says(X):
    pca = PCA().fit(X)
    display = ExplainedVarianceDisplay.from_estimator(pca, X)
    counts, shares = curve(display, "PCA")
    assert counts.tolist() == [1, 2, 3, 4, 5, 6]
    assert_allclose(shares, np.cumsum(pca.explained_variance_ratio_))
    ax = display.ax_
    assert legend(ax) == ["PCA"]
    assert [ax.get_xlabel(), ax.get_ylabel()] == [
        "components",
        "share of variance of 120 rows",
    ]
    display.figure_.canvas.draw()
    assert all(tick == int(tick) for tick in ax.get_xticks())


@pytest.mark.parametrize("params", [{}, {"n_components": 0.9}, {"whiten": True}])
def test_an_autoencoder_beside_its_pca(X_large, curved, params):
    new, params = curved(300, seed=1), {"n_components": 3, **params}
    model = AutoencoderTransformer(
        hidden_layer_sizes=(8,), max_iter=80, random_state=0, **params
    ).fit(X_large)
    display = ExplainedVarianceDisplay.from_estimator(model, new)
    counts, shares = curve(display, "AutoencoderTransformer")
    assert_allclose(shares, shares_of(model, new), rtol=1e-5)
    assert shares[-1] == pytest.approx(reconstruction_r2(model, new), rel=1e-5)
    beside, those = curve(display, "PCA")
    assert beside.tolist() == counts.tolist() == [*range(1, model.n_components_ + 1)]
    scores = (new - model.mean_) @ model.components_.T
    for m in counts:
        made = scores[:, :m] @ model.components_[:m] + model.mean_
        expected = r2_score(new, made, multioutput="variance_weighted")
        assert those[m - 1] == pytest.approx(expected)
    assert legend(display.ax_) == ["AutoencoderTransformer", "PCA"]
    pca = PCA(model.n_components_).fit(X_large)
    assert_allclose(those, shares_of(pca, new), atol=0.02)


@pytest.mark.parametrize("kind", [AutoencoderTransformer, VAE])
def test_pca_is_measured_in_the_same_pipeline(X, quick, kind):
    model = make_pipeline(StandardScaler(), kind(2, **quick)).fit(X)
    display = ExplainedVarianceDisplay.from_estimator(model, X)
    assert_allclose(curve(display, kind.__name__)[1], shares_of(model, X), rtol=1e-5)
    pca = make_pipeline(StandardScaler(), PCA(2)).fit(X)
    assert_allclose(curve(display, "PCA")[1], shares_of(pca, X), atol=0.02)


def test_several_estimators_are_drawn_by_name(X, quick):
    model = AutoencoderTransformer(2, **quick).fit(X)
    models = {"network": model, "svd": TruncatedSVD(3, random_state=0).fit(X)}
    display = ExplainedVarianceDisplay.from_estimator(models, X)
    assert list(display.lines_) == legend(display.ax_) == ["network", "svd"]
    assert_allclose(curve(display, "svd")[1], shares_of(models["svd"], X))
    assert list(models) == ["network", "svd"]
    two = ExplainedVarianceDisplay.from_estimator([PCA(2).fit(X), PCA(3).fit(X)], X)
    assert list(two.lines_) == ["PCA", "PCA 2"]
    assert len(curve(two, "PCA 2")[0]) == 3


@pytest.mark.parametrize(
    "model",
    [
        SparseAutoencoder(4, max_iter=5, random_state=0),
        AutoencoderTransformer(2, anchor=None, max_iter=5, random_state=0),
    ],
)
def test_models_without_an_anchor_have_no_pca_beside_them(model, X):
    display = ExplainedVarianceDisplay.from_estimator({"one": model.fit(X)}, X)
    assert list(display.lines_) == ["one"]
    assert_allclose(curve(display, "one")[1], shares_of(model, X), rtol=1e-4)


def test_the_reported_shares_need_no_rows(X, quick):
    model, pca = AutoencoderTransformer(3, **quick).fit(X), PCA(4).fit(X)
    piped = make_pipeline(FunctionTransformer(), pca).fit(X)
    display = ExplainedVarianceDisplay.from_estimator({"a": model, "b": piped})
    for name, one in [("a", model), ("b", pca)]:
        counts, shares = curve(display, name)
        ratios = one.explained_variance_ratio_
        assert counts.tolist() == [*range(1, len(ratios) + 1)]
        assert shares == pytest.approx([sum(ratios[:m]) for m in counts])
    assert display.ax_.get_ylabel() == "share of variance"
    single = ExplainedVarianceDisplay.from_estimator(model)
    assert list(single.lines_) == ["AutoencoderTransformer"]


def test_of_many_components_some_are_measured():
    X = load_digits().data[:200]
    pca = PCA(50).fit(X)
    counts, shares = curve(ExplainedVarianceDisplay.from_estimator(pca, X), "PCA")
    assert counts[0] == 1
    assert counts[-1] == 50
    assert (np.diff(counts) > 0).all()
    assert 20 < len(counts) <= 32
    assert_allclose(shares, np.cumsum(pca.explained_variance_ratio_)[counts - 1])


def test_what_cannot_be_measured_is_said(X):
    with pytest.raises(ValueError, match="rows of X are all the same; there is no var"):
        ExplainedVarianceDisplay.from_estimator(PCA(2).fit(X), np.ones((5, 6)))
    nmf = NMF(2, init="nndsvda", max_iter=500).fit(np.abs(X))
    for model in (nmf, make_pipeline("passthrough", nmf)):
        with pytest.raises(TypeError, match=r"NMF has no explained_variance_ratio_.*X"):
            ExplainedVarianceDisplay.from_estimator(model)
    display = ExplainedVarianceDisplay.from_estimator(nmf, np.abs(X))
    assert curve(display, "NMF")[1].shape == (2,)


def test_options_reach_the_curves(X):
    display = ExplainedVarianceDisplay.from_estimator(
        PCA(2).fit(X), X, line_kw={"color": "red", "marker": "s", "label": "mine"}
    )
    line = display.lines_["PCA"]
    assert to_rgba(line.get_color()) == to_rgba("red")
    assert line.get_marker() == "s"
    assert legend(display.ax_) == ["mine"]
    assert display.plot(line_kw={"linewidth": 4}).lines_["PCA"].get_linewidth() == 4
    ratios = ExplainedVarianceDisplay.from_estimator(
        PCA(2).fit(X), line_kw={"linestyle": ":"}
    )
    assert ratios.lines_["PCA"].get_linestyle() == ":"


@pytest.mark.parametrize("scale", ["log", "linear"])
def test_ticks_of_axes_that_are_passed_stay_as_they_are(X, scale):
    ax = Figure().subplots()
    ax.set_xscale(scale)
    ax.set_xticks([1, 2, 6])
    ExplainedVarianceDisplay.from_estimator(PCA().fit(X), X, ax=ax)
    assert ax.get_xticks().tolist() == [1, 2, 6]
    assert ax.get_xscale() == scale


def test_large_tables_are_measured_in_chunks(monkeypatch, X):
    whole = ExplainedVarianceDisplay.from_estimator(PCA().fit(X), X).curves["PCA"][1]
    monkeypatch.setattr(_tables, "CHUNK_ROWS", 7)
    parts = ExplainedVarianceDisplay.from_estimator(PCA().fit(X), X).curves["PCA"][1]
    np.testing.assert_allclose(parts, whole)


def test_rows_that_are_all_the_same_have_no_variance():
    same = np.tile([0.1, 0.3, 0.7], (50, 1))
    pca = PCA(1).fit(np.random.default_rng(0).normal(size=(50, 3)))
    with pytest.raises(ValueError, match="there is no variance"):
        ExplainedVarianceDisplay.from_estimator(pca, same)


def test_where_pca_is_exact_it_is_no_unit(quick):
    X = np.random.default_rng(0).normal(size=(700, 3))
    model = AutoencoderTransformer(3, anchor=None, **quick).fit(X)
    display = LossCurveDisplay.from_estimator(model)
    assert list(display.lines_) == ["training", "validation", "kept"]
    assert display.ax_.get_ylabel() == "loss"


def test_pipelines_and_searches_may_be_nested(X):
    model = AutoencoderTransformer(hidden_layer_sizes=(8,), max_iter=20)
    search = GridSearchCV(model, {"n_components": [2]}, cv=2)
    nested = make_pipeline(StandardScaler(), make_pipeline("passthrough", search))
    best = nested.fit(X)[-1][-1].best_estimator_
    assert LossCurveDisplay.from_estimator(nested).training == best.loss_curve_
    display = ExplainedVarianceDisplay.from_estimator(nested, X)
    assert list(display.curves) == ["AutoencoderTransformer", "PCA"]
    scaler = StandardScaler().fit(X)
    scores = (scaler.transform(X) - best.mean_) @ best.components_.T
    back = scaler.inverse_transform(scores @ best.components_ + best.mean_)
    expected = r2_score(X, back, multioutput="variance_weighted")
    assert display.curves["PCA"][1][-1] == pytest.approx(expected)


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


def test_a_single_component_has_a_whole_tick(X, quick):
    ax = ExplainedVarianceDisplay.from_estimator(PCA(1).fit(X), X).ax_
    low, high = ax.get_xlim()
    assert [tick for tick in ax.get_xticks() if low <= tick <= high] == [1]


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
