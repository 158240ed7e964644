"""Frames in, and frames out after set_output."""

import copy

import numpy as np
import pandas as pd
import polars as pl
import pytest
from estimator_cases import AUTOENCODERS, methods_of
from sklearn import config_context
from sklearn.base import clone
from sklearn.compose import ColumnTransformer

TYPES = {"default": np.ndarray, "pandas": pd.DataFrame, "polars": pl.DataFrame}
KINDS = pytest.mark.parametrize("kind", TYPES)
ENCODERS = pytest.mark.parametrize("name", AUTOENCODERS)


@KINDS
@ENCODERS
def test_transform_returns_what_set_output_asks_for(fitted_model, X, name, kind):
    expected = fitted_model(name).transform(X)
    model = copy.deepcopy(fitted_model(name)).set_output(transform=kind)
    codes = model.transform(X)
    names = [f"{type(model).__name__.lower()}{i}" for i in range(2)]
    assert model.get_feature_names_out().tolist() == names
    assert isinstance(codes, TYPES[kind])
    assert kind == "default" or list(codes.columns) == names
    np.testing.assert_array_equal(np.asarray(codes), expected)


@KINDS
@pytest.mark.parametrize("name", ["anchored", "not anchored"])
def test_fit_transform_returns_what_set_output_asks_for(fitted_model, X, name, kind):
    model = clone(AUTOENCODERS[name]).set_output(transform=kind)
    codes = model.fit_transform(X)
    assert isinstance(codes, TYPES[kind])
    expected = fitted_model(name).transform(X)
    np.testing.assert_array_equal(np.asarray(codes), expected)


@KINDS
def test_transform_returns_what_is_configured(fitted_model, X, kind):
    model = fitted_model("anchored")
    with config_context(transform_output=kind):
        codes, back = model.transform(X), model.reconstruct(X)
    assert isinstance(codes, TYPES[kind])
    assert isinstance(back, np.ndarray)  # set_output is about transform alone
    np.testing.assert_array_equal(np.asarray(codes), model.transform(X))


@pytest.mark.parametrize(
    "frame", [pd.DataFrame, pl.DataFrame], ids=["pandas", "polars"]
)
@ENCODERS
def test_frames_give_the_results_of_arrays(fitted_model, X, frame, name):
    expected = fitted_model(name)
    table = frame({f"c{j}": X[:, j] for j in range(X.shape[1])})
    model = clone(expected).fit(table)
    assert model.feature_names_in_.tolist() == list(table.columns)
    for method in methods_of(model):
        np.testing.assert_array_equal(
            getattr(model, method)(table), getattr(expected, method)(X)
        )


def test_columns_of_a_frame_keep_their_index(X):
    frame = pd.DataFrame(X, columns=list("abcdef"), index=range(100, 100 + len(X)))
    columns = ColumnTransformer(
        [
            ("ae", clone(AUTOENCODERS["anchored"]), list("abcd")),
            ("rest", "passthrough", ["e", "f"]),
        ]
    )
    out = columns.set_output(transform="pandas").fit_transform(frame)
    assert list(out.index) == list(frame.index)
    assert list(out.columns) == [
        "ae__autoencodertransformer0",
        "ae__autoencodertransformer1",
        "rest__e",
        "rest__f",
    ]
