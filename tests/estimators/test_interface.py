"""Parameters, clones, scores, printed and displayed forms of every estimator."""

from html.parser import HTMLParser

import numpy as np
import pytest
from estimator_cases import (
    AUTOENCODERS,
    DETECTORS,
    ESTIMATORS,
    assert_same_model,
    assert_same_params,
    is_detector,
    methods_of,
)
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from skae import VAE

ALL = pytest.mark.parametrize("name", ESTIMATORS)
ENCODERS = pytest.mark.parametrize("name", AUTOENCODERS)


# -- parameters ------------------------------------------------------------------------


@ALL
def test_parameters_are_kept_as_given_and_can_be_set(name):
    model = clone(ESTIMATORS[name])
    params = model.get_params()
    assert type(model)().set_params(**params).get_params() == params
    own = model.get_params(deep=False)
    assert all(getattr(model, name) is value for name, value in own.items())
    # The names that reprs of the cases contain.
    names = vars(__import__("skae")) | vars(__import__("estimator_cases"))
    assert_same_params(model, eval(repr(model), names))


@ALL
def test_clone_is_unfitted_and_fits_to_the_same(fitted_model, X, name):
    model = fitted_model(name)
    copy = clone(model)
    for method in methods_of(copy):
        with pytest.raises(NotFittedError, match="is not fitted yet"):
            getattr(copy, method)(X)
    assert_same_model(model, copy.fit(X), X)


# -- results ---------------------------------------------------------------------------


@ENCODERS
def test_fit_transform_is_fit_and_transform(fitted_model, X, name):
    model = fitted_model(name)
    codes = clone(model).fit_transform(X)
    np.testing.assert_array_equal(codes, model.transform(X))
    np.testing.assert_allclose(
        model.reconstruct(X), model.inverse_transform(codes), rtol=1e-9, atol=1e-9
    )


@pytest.mark.parametrize("name", DETECTORS)
def test_fit_predict_is_fit_and_predict(fitted_model, X, name):
    model = fitted_model(name)
    np.testing.assert_array_equal(clone(model).fit_predict(X), model.predict(X))


@ENCODERS
def test_score_is_the_mean_over_samples(fitted_model, X, name):
    model = fitted_model(name)
    scores = model.score_samples(X)
    assert scores.shape == (len(X),)
    assert model.score(X) == pytest.approx(scores.mean())
    if not isinstance(model, VAE):
        errors = np.mean((X - model.reconstruct(X)) ** 2, axis=1)
        np.testing.assert_allclose(scores, -errors, rtol=1e-6, atol=1e-12)


def test_score_of_weighted_samples_is_their_mean(fitted_model, X):
    model, weight = fitted_model("anchored"), np.arange(len(X)) % 3.0
    expected = np.average(model.score_samples(X), weights=weight)
    assert model.score(X, sample_weight=weight) == pytest.approx(expected)


@ENCODERS
def test_results_do_not_depend_on_the_other_samples(fitted_model, X, name):
    model = fitted_model(name)
    for method in methods_of(model):
        together = getattr(model, method)(X)
        np.testing.assert_array_equal(getattr(model, method)(X), together)
        alone = np.concatenate([getattr(model, method)(X[i : i + 1]) for i in (0, 7)])
        np.testing.assert_allclose(alone, together[[0, 7]], rtol=1e-9, atol=1e-12)


@ENCODERS
def test_results_have_the_precision_of_the_samples(fitted_model, X, name):
    model = fitted_model(name)
    for method in methods_of(model)[:-1]:  # Jacobians may jump where a sample is on
        single, double = (  # the edge of the training range
            getattr(model, method)(X.astype(dtype)) for dtype in ("f4", "f8")
        )
        assert (single.dtype, double.dtype) == (np.float32, np.float64)
        size = np.abs(double).max()
        np.testing.assert_allclose(single, double, rtol=1e-3, atol=1e-4 * size)


# -- displays --------------------------------------------------------------------------


class Links(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        self.found += [value for name, value in attrs if name == "href"]


@ALL
@pytest.mark.parametrize("is_fitted", [False, True], ids=["unfitted", "fitted"])
def test_html_shows_parameters_and_links_to_the_documentation(
    fitted_model, name, is_fitted
):
    model = fitted_model(name) if is_fitted else clone(ESTIMATORS[name])
    html = model._repr_html_()
    assert all(parameter in html for parameter in model.get_params(deep=False))
    assert ("offset_" if is_detector(model) else "pca_ratio_") in html or not is_fitted
    assert is_fitted or "offset_" not in html
    assert is_fitted or "pca_ratio_" not in html
    links = Links()
    links.feed(html)
    page = f"https://skae.readthedocs.io/en/stable/api/skae.{type(model).__name__}.html"
    assert any(link.startswith(page) for link in links.found)


@ENCODERS
def test_verbose_prints_progress(X, capsys, name):
    clone(ESTIMATORS[name]).set_params(verbose=1).fit(X)
    printed = capsys.readouterr().out
    assert "train step 20: loss" in printed or "cross-validate" in printed
    assert "held-out loss" in printed
