"""Private names of scikit-learn, each imported here once and nowhere else in skae.

They lose their leading underscore here, so that other files import public names only.
When scikit-learn changes one of them, this is the file to adapt.
"""

# scikit-learn carries no types.
# pyright: reportMissingTypeStubs=false, reportPrivateUsage=false

from collections.abc import Callable
from typing import Any

# Decorates `fit`: checks the parameters, and opens and closes its callbacks.
from sklearn.base import _fit_context as fit_context

# Base of scorers: metadata routing, and what `check_scoring` recognises.
from sklearn.metrics._scorer import _BaseScorer as BaseScorer

# Some samples of an array, a list, a sparse matrix or a frame, in the same container.
from sklearn.utils import _safe_indexing as safe_indexing

# Missing values among objects: pandas.NA, and floats that are NaN.
from sklearn.utils._missing import is_pandas_na, is_scalar_nan

# ImportError that says what needs matplotlib.
from sklearn.utils._optional_dependencies import check_matplotlib_support

# What a parameter may be, in `_parameter_constraints`.
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions

# Lays out the repr of estimators and what is in them, by the function that is theirs.
from sklearn.utils._pprint import _EstimatorPrettyPrinter as EstimatorPrettyPrinter

# A part of the diagram of an estimator, what `_sk_visual_block_` returns.
from sklearn.utils._repr_html.estimator import _VisualBlock as VisualBlock

# What makes a frame of the same library as another.
from sklearn.utils._set_output import (
    _get_adapter_from_container as adapter_of_container,
)

# `set_output` for a method that is not `transform`, and the frame that it asks for.
from sklearn.utils._set_output import _SetOutputMixin as SetOutputMixin
from sklearn.utils._set_output import _wrap_data_with_container as wrap_in_container

# Names of features as given or as seen in `fit`, for `get_feature_names_out`.
from sklearn.utils.validation import _check_feature_names_in as check_feature_names_in

# Weights as float64, one for each sample, none of them negative.
from sklearn.utils.validation import _check_sample_weight as check_sample_weight

# Names of the columns of a frame, None without any.
from sklearn.utils.validation import _get_feature_names as get_feature_names

# Number of samples of a table in any container.
from sklearn.utils.validation import _num_samples as num_samples

__all__ = [
    "BaseScorer",
    "HasMethods",
    "Interval",
    "SetOutputMixin",
    "StrOptions",
    "VisualBlock",
    "adapter_of_container",
    "check_feature_names_in",
    "check_matplotlib_support",
    "check_sample_weight",
    "fit_context",
    "get_feature_names",
    "is_pandas_na",
    "is_scalar_nan",
    "lay_out_alike",
    "num_samples",
    "safe_indexing",
    "wrap_in_container",
]


def lay_out_alike(new: Callable[..., str], known: Callable[..., str]) -> None:
    """Have scikit-learn lay out what has a new repr as it does with one it knows.

    It breaks reprs into lines of 80 characters, of known functions alone.
    """
    layouts: dict[Any, Any] = EstimatorPrettyPrinter._dispatch
    layouts[new] = layouts[known]
