"""Variance explained by the first so many components."""

import numpy as np
import pytest
from drawn import legend
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from numpy.testing import assert_allclose
from sklearn.datasets import load_digits
from sklearn.decomposition import NMF, PCA, TruncatedSVD
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skae import VAE, AutoencoderTransformer, SparseAutoencoder
from skae.metrics import reconstruction_r2
from skae.plotting import ExplainedVarianceDisplay, LossCurveDisplay
from skae.plotting._shared import tables

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
        "share of variance of 120 samples",
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


def test_several_estimators_are_drawn_named_estimators(X, quick):
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


def test_the_reported_shares_need_no_samples(X, quick):
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
    with pytest.raises(ValueError, match="samples of X are all the same; there is"):
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
    at_once = ExplainedVarianceDisplay.from_estimator(PCA().fit(X), X).curves["PCA"][1]
    monkeypatch.setattr(tables, "CHUNK_SAMPLES", 7)
    parts = ExplainedVarianceDisplay.from_estimator(PCA().fit(X), X).curves["PCA"][1]
    np.testing.assert_allclose(parts, at_once)


def test_samples_that_are_all_the_same_have_no_variance():
    same = np.tile([0.1, 0.3, 0.7], (50, 1))
    pca = PCA(1).fit(np.random.default_rng(0).normal(size=(50, 3)))
    with pytest.raises(ValueError, match="there is no variance"):
        ExplainedVarianceDisplay.from_estimator(pca, same)


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


def test_a_single_component_has_a_at_once_tick(X, quick):
    ax = ExplainedVarianceDisplay.from_estimator(PCA(1).fit(X), X).ax_
    low, high = ax.get_xlim()
    assert [tick for tick in ax.get_xticks() if low <= tick <= high] == [1]
