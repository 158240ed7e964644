"""A fit that fails leaves the estimator as it was."""

import numpy as np
import pytest
from bad_tables import frame_of, put
from estimator_cases import CLASSES, Interrupt, is_detector, methods_of
from scipy import sparse
from sklearn.base import clone

AUTOENCODERS = [name for name, model in CLASSES.items() if not is_detector(model)]
ALL = pytest.mark.parametrize("name", AUTOENCODERS)
ERRORS = (ValueError, TypeError, RuntimeError)
FAILING = {
    "NaN": lambda model, X: model.fit(put(X, np.nan, 1)),
    "strings": lambda model, X: model.fit(frame_of(X, a="red")),
    "sparse": lambda model, X: model.fit(sparse.csr_array(X)),
    "n_components": lambda model, X: model.set_params(n_components=-1).fit(X),
    "weights": lambda model, X: model.fit(X, sample_weight=-np.ones(len(X))),
    "device": lambda model, X: model.set_params(device="cuda:99").fit(X),
    "other columns": lambda model, X: model.fit(put(X, np.inf, 1)[:, :4]),
    "during training": lambda model, X: model.set_callbacks(
        Interrupt(after=2, error=RuntimeError)
    ).fit(X[:, ::-1]),
}
FAILURES = pytest.mark.parametrize("fail", FAILING.values(), ids=FAILING)


@ALL
@pytest.mark.parametrize("named", [True, False], ids=["frame", "array"])
def test_failed_fit_leaves_the_model_as_it_was(X, named, name):
    table = frame_of(X) if named else X
    model = clone(CLASSES[name]).fit(table)
    expected = {m: getattr(model, m)(table) for m in methods_of(model)}
    params, attributes = model.get_params(), dict(vars(model))
    for fail in FAILING.values():
        with pytest.raises(ERRORS):
            fail(model, X)
        model.set_params(**params).set_callbacks()
        assert vars(model) == attributes
        for method, result in expected.items():
            np.testing.assert_array_equal(getattr(model, method)(table), result)


@ALL
@FAILURES
def test_failed_first_fit_leaves_nothing(X, fail, name):
    model = clone(CLASSES[name])
    with pytest.raises(ERRORS):
        fail(model, X)
    model.set_callbacks()
    assert set(vars(model)) == set(vars(clone(model)))
