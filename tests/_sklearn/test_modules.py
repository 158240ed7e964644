"""Public classes and their methods go by public names."""

import functools
import inspect
import pickle
import re

import numpy as np
import pytest
from sklearn.base import BaseEstimator

import skae
from skae import AutoencoderTransformer
from skae._sklearn.modules import copy_function, set_module

ESTIMATORS = [
    value
    for name in skae.__all__
    if inspect.isclass(value := getattr(skae, name))
    and issubclass(value, BaseEstimator)
]
METHODS = [
    (cls, name)
    for cls in ESTIMATORS
    for name, method in inspect.getmembers(cls, inspect.isfunction)
    if (name == "__init__" or not name.startswith("_"))
    and method.__module__.split(".")[0] == "skae"
]
IDS = [f"{cls.__name__}.{name}" for cls, name in METHODS]
PRIVATE = re.compile(r"Base(?!Estimator)\w+|(?<![A-Z])\w*Mixin|_\w*\.")


def make(cls):
    needed = {"ConvolutionalAutoencoder": [(8, 8)]}
    return cls(*needed.get(cls.__name__, []))


def test_all_methods_that_users_call_are_tried():
    tried = {name for cls, name in METHODS if cls is AutoencoderTransformer}
    assert tried >= {
        *("__init__", "fit", "transform", "inverse_transform", "reconstruct"),
        *("score", "score_samples", "jacobian_norm"),
    }


@pytest.mark.parametrize(("cls", "name"), METHODS, ids=IDS)
@pytest.mark.parametrize(
    ("args", "kwargs"),
    [((), {"no_such": 1}), (range(30), {}), ((), {})],
    ids=["unknown", "too many", "missing"],
)
def test_wrong_arguments_are_errors_of_the_public_class(cls, name, args, kwargs):
    method = getattr(cls, name)
    required = [
        parameter
        for parameter in list(inspect.signature(method).parameters.values())[1:]
        if parameter.default is parameter.empty and parameter.kind <= 1
    ]
    if not (args or kwargs or required):
        return
    with pytest.raises(TypeError) as error:
        method(make(cls), *args, **kwargs)
    assert str(error.value).startswith(f"{cls.__name__}.{name}() ")
    assert not PRIVATE.search(str(error.value).removeprefix(f"{cls.__name__}."))


@pytest.mark.parametrize(("cls", "name"), METHODS, ids=IDS)
def test_methods_are_found_by_their_names(cls, name):
    method = getattr(cls, name)
    assert method.__qualname__ == f"{cls.__name__}.{name}"
    assert pickle.loads(pickle.dumps(method)) is method
    assert inspect.getsource(method).lstrip().startswith(("@", "def"))


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_inherited_methods_keep_signature_and_docstring(cls):
    for base in cls.__mro__[1:]:
        for name, original in vars(base).items():
            if name in vars(cls) and inspect.isfunction(original) and name[0] != "_":
                mine = vars(cls)[name]
                if inspect.unwrap(mine).__code__ is inspect.unwrap(original).__code__:
                    assert inspect.signature(mine) == inspect.signature(original)
                    assert mine is not original


def test_subclasses_of_users_inherit_and_override(X, quick):
    class Doubled(AutoencoderTransformer):
        def transform(self, X):
            return 2 * super().transform(X)

    own, plain = (cls(2, **quick).fit(X) for cls in (Doubled, AutoencoderTransformer))
    np.testing.assert_array_equal(own.transform(X), 2 * plain.transform(X))
    np.testing.assert_array_equal(own.reconstruct(X), plain.reconstruct(X))


# -- copies of functions ---------------------------------------------------------------


def doubled(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return 2 * function(*args, **kwargs)

    return wrapper


class Parent:
    def value(self):
        return 1


class Child(Parent):
    @doubled
    @doubled
    def value(self, factor=1, *, plus: int = 0):
        """Return a value."""
        return factor * super().value() + plus


def test_copies_wrap_copies():
    copy = copy_function(Child.value)
    assert copy(Child(), 3, plus=1) == 16
    assert copy.__doc__ == "Return a value."
    assert inspect.signature(copy) == inspect.signature(Child.value)
    one, other = copy, Child.value
    for _ in range(3):
        assert one is not other
        assert one.__code__ is other.__code__
        one, other = (getattr(f, "__wrapped__", None) for f in (one, other))
    assert one is other is None


def test_functions_get_the_name_of_the_module_alone():
    def function():
        pass

    before = function.__qualname__
    assert set_module("somewhere")(function).__module__ == "somewhere"
    assert function.__qualname__ == before
