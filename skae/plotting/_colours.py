"""Points coloured by what they are: labels with a legend, numbers with a colour bar."""

from numbers import Number
from typing import Any

import numpy as np
from sklearn.utils import check_consistent_length, column_or_1d
from sklearn.utils._missing import is_pandas_na, is_scalar_nan

from ._canvas import makes_room, styled

MANY = 20  # more numbers than these are a scale, not labels
MOST_NAMED = 50  # labels in a legend
MOST_INSIDE = 10  # labels in a legend that covers points
LEGEND_ROWS = 18


def check_target(y: Any, rows: Any) -> np.ndarray:
    """Return y as a column with a value for each row, none of which is missing."""
    column = column_or_1d(np.asarray(y))
    check_consistent_length(column, rows)
    if column.dtype.kind == "O":
        missing = any(v is None or is_scalar_nan(v) or is_pandas_na(v) for v in column)
    else:
        missing = bool((column != column).any())
    if missing:
        raise ValueError("y has missing values. Leave these rows out, or name them.")
    if column.dtype.kind == "O":
        column = _plain(column)
    if column.dtype.kind == "f" and np.isinf(column).any():
        raise ValueError("y has infinite values. Leave these rows out, or clip them.")
    return column


def _plain(objects: np.ndarray) -> np.ndarray:
    """Return objects as numbers if they are such, else so that they sort."""
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


def is_scale(y: np.ndarray) -> bool:
    """Say whether y is measured on a scale, rather than a label."""
    if y.dtype.kind not in "iuf":
        return False
    distinct = np.unique(y)
    return len(distinct) > MANY or bool((distinct % 1 != 0).any())


def check_labels(y: Any, scores: np.ndarray) -> np.ndarray:
    """Return y if it can colour a histogram."""
    y = check_target(y, scores)
    n = len(np.unique(y))
    if is_scale(y) or n > MANY:
        raise ValueError(
            f"y has {n} different values. To colour the scores it has to be labels, "
            f"such as 0 and 1, {MANY} of them at the most."
        )
    return y


def palette(n: int) -> Any:
    """Return n colours that can be told apart, as a colour map."""
    import matplotlib as mpl
    from matplotlib.colors import ListedColormap

    name = "tab10" if n <= 10 else "tab20" if n <= 20 else "gist_rainbow"
    found = mpl.colormaps[name]
    places = np.arange(n) if n <= 20 else np.linspace(0, 1, n)
    return ListedColormap(found(places))


def scatter(ax: Any, points: np.ndarray, y: np.ndarray | None, options: Any) -> Any:
    """Draw points, coloured by y, and say what the colours mean."""
    options = _edged(styled("scatter", options, s=12))
    if y is None or "c" in options:
        return ax.scatter(*points.T, **options)
    if is_scale(y):
        drawn = ax.scatter(*points.T, **styled("scatter", options, c=y))
        if drawn.get_array() is not None:
            ax.figure.colorbar(drawn, ax=ax)
        return drawn
    labels, code = np.unique(y, return_inverse=True)
    own = {"c": code, "cmap": palette(len(labels))}
    own |= {"vmin": -0.5, "vmax": len(labels) - 0.5}
    drawn = ax.scatter(*points.T, **styled("scatter", options, **own))
    most = MOST_NAMED if makes_room(ax) else MOST_INSIDE
    if drawn.get_array() is not None and len(labels) <= most:
        handles = drawn.legend_elements(num=list(range(len(labels))))[0]
        names = [str(label) for label in labels]
        place: dict[str, Any] = {"ncols": -(-len(names) // LEGEND_ROWS)}
        if makes_room(ax):
            place |= {"loc": "center left", "bbox_to_anchor": (1.0, 0.5)}
        ax.legend(handles, names, frameon=not makes_room(ax), **place)
    return drawn


def _edged(options: dict[str, Any]) -> dict[str, Any]:
    """Return options with no edges around markers that are filled, unless asked for."""
    import matplotlib as mpl
    from matplotlib.markers import MarkerStyle

    marker = options.get("marker")
    marker = MarkerStyle(mpl.rcParams["scatter.marker"] if marker is None else marker)
    if options.keys() & {"edgecolor", "linewidth"} or not marker.is_filled():
        return options
    return options | {"linewidth": 0}
