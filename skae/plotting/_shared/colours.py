"""Points coloured by a target: labels with a legend, numbers with a colour bar."""

from numbers import Number
from typing import Any

import numpy as np
from sklearn.utils import check_consistent_length, column_or_1d

from skae._sklearn.compat import is_pandas_na, is_scalar_nan

from .canvas import artist_kwargs, has_layout

MAX_LABELS = 20  # more distinct numbers than these are continuous
MAX_IN_LEGEND = 50  # labels in a legend beside the axes
MAX_INSIDE = 10  # labels in a legend that covers points
LEGEND_LINES = 18


def check_target(y: Any, samples: Any) -> np.ndarray:
    """Return y with a value for each sample, none of which is missing."""
    column = column_or_1d(np.asarray(y))
    check_consistent_length(column, samples)
    if column.dtype.kind == "O":
        missing = any(v is None or is_scalar_nan(v) or is_pandas_na(v) for v in column)
    else:
        missing = bool((column != column).any())
    if missing:
        raise ValueError("y has missing values. Leave these samples out, or name them.")
    if column.dtype.kind == "O":
        column = _sortable(column)
    if column.dtype.kind == "f" and np.isinf(column).any():
        raise ValueError(
            "y has infinite values. Leave these samples out, or clip them."
        )
    return column


def _sortable(objects: np.ndarray) -> np.ndarray:
    """Return objects as numbers if all are, else as strings if they do not sort."""
    if all(isinstance(value, Number) for value in objects):
        return np.asarray(objects.tolist())
    try:
        np.unique(objects)
    except TypeError:
        words = objects.astype(str)
        if len(set(words)) < len(set(objects)):
            raise ValueError(
                "y has different labels that read the same, such as 1 and '1'."
            ) from None
        return words
    return objects


def is_continuous(y: np.ndarray) -> bool:
    """Return whether y holds continuous values, rather than labels."""
    if y.dtype.kind not in "iuf":
        return False
    distinct = np.unique(y)
    return len(distinct) > MAX_LABELS or bool((distinct % 1 != 0).any())


def check_labels(y: Any, scores: np.ndarray) -> np.ndarray:
    """Return y if it has few labels, one histogram for each."""
    y = check_target(y, scores)
    n = len(np.unique(y))
    if is_continuous(y) or n > MAX_LABELS:
        raise ValueError(
            f"y has {n} different values. To colour the scores it has to be labels, "
            f"such as 0 and 1, at most {MAX_LABELS} of them."
        )
    return y


def palette(n: int) -> Any:
    """Return n distinguishable colours, as a colour map."""
    import matplotlib as mpl
    from matplotlib.colors import ListedColormap

    name = "tab10" if n <= 10 else "tab20" if n <= 20 else "gist_rainbow"
    colours = mpl.colormaps[name]
    places = np.arange(n) if n <= 20 else np.linspace(0, 1, n)
    return ListedColormap(colours(places))


def scatter(ax: Any, points: np.ndarray, y: np.ndarray | None, options: Any) -> Any:
    """Draw points coloured by y, with a legend or a colour bar."""
    options = _without_edges(artist_kwargs("scatter", options, s=12))
    if y is None or "c" in options:
        return ax.scatter(*points.T, **options)
    if is_continuous(y):
        drawn = ax.scatter(*points.T, **artist_kwargs("scatter", options, c=y))
        if drawn.get_array() is not None:
            ax.figure.colorbar(drawn, ax=ax)
        return drawn
    labels, code = np.unique(y, return_inverse=True)
    own = {"c": code, "cmap": palette(len(labels))}
    own |= {"vmin": -0.5, "vmax": len(labels) - 0.5}
    drawn = ax.scatter(*points.T, **artist_kwargs("scatter", options, **own))
    most = MAX_IN_LEGEND if has_layout(ax) else MAX_INSIDE
    if drawn.get_array() is not None and len(labels) <= most:
        handles = drawn.legend_elements(num=list(range(len(labels))))[0]
        names = [str(label) for label in labels]
        place: dict[str, Any] = {"ncols": -(-len(names) // LEGEND_LINES)}
        if has_layout(ax):
            place |= {"loc": "center left", "bbox_to_anchor": (1.0, 0.5)}
        ax.legend(handles, names, frameon=not has_layout(ax), **place)
    return drawn


def _without_edges(options: dict[str, Any]) -> dict[str, Any]:
    """Return options without edges around filled markers, unless they are given."""
    import matplotlib as mpl
    from matplotlib.markers import MarkerStyle

    marker = options.get("marker")
    marker = MarkerStyle(mpl.rcParams["scatter.marker"] if marker is None else marker)
    if options.keys() & {"edgecolor", "linewidth"} or not marker.is_filled():
        return options
    return options | {"linewidth": 0}
