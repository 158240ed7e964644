"""Methods of the last step of a pipeline, and steps of pipelines."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    OneHotEncoder,
    StandardScaler,
)

import skae
from skae import (
    VAE,
    AutoencoderOutlierDetector,
    AutoencoderTransformer,
    DenoisingAutoencoder,
    call_method,
)
from skae._sklearn.pipelines import active_steps, feature_names_after, last_step

TINY = {"hidden_layer_sizes": (8,), "max_iter": 5, "random_state": 0}
NAMES = list("abcdef")
FORMS = ["plain", "piped", "nested", "idle", "search"]


@pytest.fixture(scope="module")
def X():
    rng = np.random.default_rng(0)
    latent = rng.normal(size=(60, 2)) @ rng.normal(size=(2, 6))
    return 5 + (latent + 0.1 * rng.normal(size=(60, 6))) * [1, 10, 100, 1, 1, 0.1]


def around(form, model, X):
    """Return a fitted pipeline, or a search over one, that ends in a model."""
    scaler, limits = StandardScaler(), MinMaxScaler()
    if form == "plain":
        return make_pipeline(model).fit(X)
    if form == "piped":
        return make_pipeline(scaler, limits, model).fit(X)
    if form == "nested":
        return make_pipeline(make_pipeline(scaler), make_pipeline(limits, model)).fit(X)
    if form == "idle":
        steps = {"a": None, "b": scaler, "c": "passthrough", "d": model, "e": None}
        return Pipeline([*steps.items()]).fit(X)
    grid = {"standardscaler__with_mean": [True]}
    pipeline = make_pipeline(scaler, model)
    return GridSearchCV(pipeline, grid, cv=2, scoring=lambda *_: 0.0).fit(X)


def by_hand(estimator, X):
    """Return the steps before the last, X after them, and the last step."""
    *before, (_, model) = active_steps(estimator)
    for _, step in before:
        X = step.transform(X)
    return [step for _, step in before], X, model


def in_units_of_X(before, samples):
    for step in reversed(before):
        samples = step.inverse_transform(samples)
    return samples


# -- results ---------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
def test_methods_of_an_autoencoder(form, X):
    model = around(form, VAE(2, **TINY), X)
    before, seen, vae = by_hand(model, X)
    assert len(before) == {"plain": 0, "piped": 2, "nested": 2}.get(form, 1)
    for method in ("elbo", "jacobian_norm", "score_samples"):
        expected = getattr(vae, method)(seen)
        assert_array_equal(call_method(model, method, X), expected)
    assert_array_equal(call_method(model, "elbo", X, n_draws=3), vae.elbo(seen, 3))
    for one, other in zip(
        call_method(model, "posterior", X), vae.posterior(seen), strict=True
    ):
        assert_array_equal(one, other)
    reconstructed = call_method(model, "reconstruct", X)
    assert_array_equal(reconstructed, in_units_of_X(before, vae.reconstruct(seen)))
    assert_allclose(reconstructed.mean(axis=0), X.mean(axis=0), rtol=0.2)
    samples = call_method(model, "sample", n_samples=4, random_state=1)
    assert_array_equal(samples, in_units_of_X(before, vae.sample(4, 1)))


@pytest.mark.parametrize("form", [form for form in FORMS if form != "idle"])
def test_methods_of_a_detector(form, X):
    inner = AutoencoderTransformer(2, **TINY)
    model = around(form, AutoencoderOutlierDetector(inner, n_splits=2), X)
    _, seen, detector = by_hand(model, X)
    assert_array_equal(call_method(model, "explain", X), detector.explain(seen))
    assert_array_equal(call_method(model, "p_values", X), detector.p_values(seen))


def test_corrupted_samples_are_in_the_units_of_X(X):
    model = make_pipeline(StandardScaler(), DenoisingAutoencoder(2, **TINY)).fit(X)
    noise = (call_method(model, "corrupt", X, random_state=0) - X).std(axis=0)
    assert_allclose(noise / X.std(axis=0), noise[0] / X[:, 0].std(), rtol=0.5)


def test_an_estimator_that_is_no_pipeline_is_called_as_it_is(X):
    model = AutoencoderTransformer(2, **TINY).fit(X)
    assert_array_equal(call_method(model, "reconstruct", X), model.reconstruct(X))


# -- frames ----------------------------------------------------------------------------


@pytest.mark.parametrize("library", ["pandas", "polars"])
@pytest.mark.parametrize("form", ["piped", "nested"])
def test_explanations_keep_names(library, form, X):
    frame = pd.DataFrame(X, columns=NAMES, index=range(100, 160))
    if library == "polars":
        frame = pl.DataFrame(dict(zip(NAMES, X.T, strict=True)))
    detector = AutoencoderOutlierDetector(AutoencoderTransformer(2, **TINY))
    model = around(form, detector, frame)
    assert isinstance(call_method(model, "explain", frame), np.ndarray)
    for pipeline in (model, model[-1]) if form == "nested" else (model,):
        pipeline.set_output(transform=library)
    parts = call_method(model.fit(frame), "explain", frame)
    assert type(parts) is type(frame)
    assert [*parts.columns] == NAMES
    assert_array_equal(parts, detector.explain(by_hand(model, frame)[1]))
    if library == "pandas":
        assert parts.index.equals(frame.index)
    reconstructing = around(form, AutoencoderTransformer(2, **TINY), frame)
    reconstructed = call_method(reconstructing, "reconstruct", frame)
    assert reconstructed.shape == frame.shape


def test_explanations_have_the_features_that_the_last_step_sees(X):
    frame = pd.DataFrame(X, columns=NAMES).assign(kind=np.arange(60) % 3)
    columns = ColumnTransformer(
        [
            ("scaled", StandardScaler(), NAMES[:2]),
            ("kind", OneHotEncoder(sparse_output=False), ["kind"]),
        ],
        verbose_feature_names_out=False,
    )
    detector = AutoencoderOutlierDetector(AutoencoderTransformer(2, **TINY))
    model = make_pipeline(columns, detector).set_output(transform="pandas").fit(frame)
    parts = call_method(model, "explain", frame)
    assert [*parts.columns] == ["a", "b", "kind_0", "kind_1", "kind_2"]
    assert (call_method(model, "p_values", frame) > 0).all()


def test_explanations_of_a_detector_with_a_pipeline_of_its_own(X):
    frame = pd.DataFrame(X, columns=NAMES)
    inner = make_pipeline(PCA(3), AutoencoderTransformer(2, **TINY))
    model = make_pipeline(StandardScaler(), AutoencoderOutlierDetector(inner))
    model.set_output(transform="pandas").fit(frame)
    parts = call_method(model, "explain", frame)
    assert [*parts.columns] == ["pca0", "pca1", "pca2"]


# -- errors ----------------------------------------------------------------------------


def test_a_step_that_cannot_be_inverted_is_named(X):
    columns = ColumnTransformer([("scaled", StandardScaler(), [0, 1, 2])])
    inner = Pipeline([("columns", columns), ("scale", StandardScaler())])
    model = Pipeline([("prepare", inner), ("vae", VAE(2, **TINY))]).fit(X)
    message = r"step 'prepare__columns', ColumnTransformer, has none\. Replace it"
    for method, arguments in {"reconstruct": {"X": X}, "sample": {}}.items():
        with pytest.raises(TypeError, match=message):
            call_method(model, method, **arguments)
    assert call_method(model, "elbo", X).shape == (60,)


def test_a_last_step_without_the_method_is_named(X):
    model = Pipeline([("vae", VAE(2, **TINY)), ("last", LogisticRegression())])
    model.fit(X, X[:, 0] > 5)
    message = r"The last step, 'last', is of type LogisticRegression, which has none\."
    with pytest.raises(TypeError, match=rf"{message} Step 'vae' has it: leave out"):
        call_method(model, "reconstruct", X)
    with pytest.raises(TypeError, match=rf"{message} Pass an estimator of skae"):
        call_method(model, "explain", X)
    with pytest.raises(TypeError, match="It is of type PCA, which has none"):
        call_method(PCA().fit(X), "explain", X)


def test_arguments_are_checked(X):
    model = make_pipeline(StandardScaler(), VAE(2, **TINY)).fit(X)
    with pytest.raises(ValueError, match="method='fit' is not one of corrupt, elbo"):
        call_method(model, "fit", X)
    with pytest.raises(TypeError, match="`elbo` needs X"):
        call_method(model, "elbo")
    with pytest.raises(TypeError, match="`sample` takes no X; pass n_samples by name"):
        call_method(model, "sample", 5)
    with pytest.raises(TypeError, match="VAE is a class"):
        call_method(VAE, "elbo", X)
    with pytest.raises(TypeError, match="is of type Pipeline, which has none"):
        call_method(Pipeline([("a", "passthrough")]).fit(X), "explain", X)


def test_what_is_not_fitted_says_so(X):
    pipeline = make_pipeline(StandardScaler(), VAE(2))
    for model in (pipeline, GridSearchCV(pipeline, {"vae__alpha": [1]})):
        for method, arguments in {"elbo": {"X": X}, "sample": {}}.items():
            with pytest.raises(NotFittedError, match="is not fitted yet"):
                call_method(model, method, **arguments)


# -- steps -----------------------------------------------------------------------------


def test_active_steps_are_named_as_parameters():
    scaler, pca = StandardScaler(), PCA()
    inner = Pipeline([("scale", scaler), ("idle", "passthrough")])
    model = Pipeline([("first", inner), ("none", None), ("pca", pca)])
    assert active_steps(model) == [("first__scale", scaler), ("pca", pca)]
    assert active_steps(pca) == [("", pca)]
    assert last_step(model) is pca
    assert all(model.get_params()[name] is step for name, step in active_steps(model))


def test_feature_names_after_a_step_without_names(X):
    steps = [("a", StandardScaler().fit(X)), ("b", FunctionTransformer().fit(X))]
    assert [*feature_names_after(steps[:1], NAMES)] == NAMES
    assert feature_names_after(steps, NAMES) is None


def test_the_public_name():
    assert skae.call_method is call_method
    assert call_method.__module__ == "skae"
