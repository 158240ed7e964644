"""Estimators by name, and what is no estimator."""

import pytest
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from skae import AutoencoderTransformer
from skae.plotting import (
    ExplainedVarianceDisplay,
    FeatureDisplay,
    LatentDisplay,
    LossCurveDisplay,
    ReconstructionDisplay,
)
from skae.plotting._shared.estimators import named_estimators

# -- names and places ------------------------------------------------------------------


def test_estimators_go_by_names():
    pca, scaler = PCA(), StandardScaler()
    assert named_estimators(pca) == {"PCA": pca}
    assert named_estimators({"mine": pca, 2: scaler}) == {"mine": pca, "2": scaler}
    piped = make_pipeline(scaler, pca)
    many = [pca, piped, scaler, PCA()]
    assert list(named_estimators(many)) == ["PCA", "PCA 2", "StandardScaler", "PCA 3"]
    assert list(named_estimators(tuple(many)).values()) == many


def test_a_search_is_an_estimator(X, curved):
    search = GridSearchCV(PCA(), {"n_components": [1, 2]}, cv=2).fit(X)
    display = ReconstructionDisplay.from_estimator(search, curved(9))
    assert list(display.errors) == ["PCA"]
    search = GridSearchCV(AutoencoderTransformer(max_iter=20), {"n_components": [1]})
    display = LossCurveDisplay.from_estimator(search.fit(X))
    assert list(display.training) == search.best_estimator_.loss_curve_


def test_a_class_is_no_estimator(X):
    for kind in (
        LatentDisplay,
        ReconstructionDisplay,
        FeatureDisplay,
        LossCurveDisplay,
    ):
        with pytest.raises(TypeError, match="PCA is a class; pass a fitted instance"):
            kind.from_estimator(PCA, *([] if kind is LossCurveDisplay else [X]))


def test_what_follows_the_codes_is_to_be_left_out(X):
    pipeline = make_pipeline(PCA(2), LogisticRegression()).fit(X, X[:, 0] > 0)
    with pytest.raises(TypeError, match=r"Pipeline has none\..*pipeline\[:-1\]"):
        LatentDisplay.from_estimator(pipeline, X)
    assert LatentDisplay.from_estimator(pipeline[:-1], X).points.shape == (120, 2)


@pytest.mark.parametrize("nothing", [[], {}])
def test_without_an_estimator_there_is_nothing_to_draw(X, nothing):
    for kind in (ReconstructionDisplay, ExplainedVarianceDisplay):
        with pytest.raises(ValueError, match="holds none"):
            kind.from_estimator(nothing, X)


def test_steps_that_do_nothing(X):
    for idle in ("passthrough", None):
        model = Pipeline([("pca", PCA(2)), ("idle", idle)]).fit(X)
        assert list(named_estimators(model)) == ["PCA"]
        assert ReconstructionDisplay.from_estimator(model, X).errors.keys() == {"PCA"}
        assert FeatureDisplay.from_estimator(model, X).features.shape == (2, 6)


def test_names_that_read_the_same(X):
    models = {1: PCA(1).fit(X), "1": PCA(2).fit(X)}
    with pytest.raises(ValueError, match="names that read the same"):
        ReconstructionDisplay.from_estimator(models, X)


def test_what_to_do_about_an_estimator_without_codes(X):
    forest = IsolationForest(n_estimators=5).fit(X)
    with pytest.raises(TypeError, match=r"IsolationForest has none\. Pass an autoenc"):
        LatentDisplay.from_estimator(forest, X)
    model = make_pipeline(PCA(2), forest).fit(X)
    with pytest.raises(TypeError, match=r"Leave out what follows.* pipeline\[:-1\]"):
        LatentDisplay.from_estimator(model, X)
