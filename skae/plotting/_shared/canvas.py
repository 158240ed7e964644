"""Axes to draw on, and options for matplotlib's artists."""

from typing import Any

import numpy as np

from skae._sklearn.compat import check_matplotlib_support

MAX_INCHES = 40.0  # more than any screen


def open_axes(
    display: object,
    ax: Any,
    size: tuple[float, float] | None = None,
    layout: str = "tight",
) -> Any:
    """Return the axes that were passed, or those of a new figure."""
    check_matplotlib_support(f"{type(display).__name__}.plot")
    from matplotlib.axes import Axes

    if ax is None:
        return new_axes(display, size, layout)
    if not isinstance(ax, Axes):
        raise TypeError(f"ax must be a matplotlib Axes, not {type(ax).__name__}.")
    if ax.figure is None:
        raise ValueError("ax was removed from its figure; pass another one.")
    return ax


def new_axes(
    display: object,
    size: tuple[float, float] | None = None,
    layout: str = "tight",
    **grid: Any,
) -> Any:
    """Return the axes of a new figure.

    The layout "compressed" is for images, whose aspect ratio is fixed, and "tight" for
    the rest: with it a figure with a colour bar can be laid out again.
    """
    check_matplotlib_support(f"{type(display).__name__}.plot")
    import matplotlib.pyplot as plt

    if size is not None:
        size = min(size[0], MAX_INCHES), min(size[1], MAX_INCHES)
    return plt.subplots(figsize=size, layout=layout, **grid)[1]


def axes_pair(axes: Any) -> list[Any]:
    """Return a list of the two axes that were passed."""
    axes = list(np.ravel(np.asarray(axes, dtype=object)))
    if len(axes) != 2 or None in axes:
        raise ValueError(f"ax has {len(axes)} axes; pass one, or a pair of them.")
    return axes


def split_axes(ax: Any, width_ratios: tuple[float, float]) -> list[Any]:
    """Return two axes side by side that replace one."""
    figure, cell = ax.figure, ax.get_subplotspec()
    if cell is None:
        raise ValueError(
            "ax has no place in a grid that could be split for two panels. Pass two "
            "axes, or one that plt.subplots made."
        )
    current = figure.gca()
    grid = cell.subgridspec(1, 2, width_ratios=width_ratios)
    panels = [figure.add_subplot(part) for part in grid]
    ax.remove()
    figure.sca(panels[0] if current is ax else current)
    return panels


def has_layout(ax: Any) -> bool:
    """Return whether the figure makes room for what is drawn beside the axes."""
    from matplotlib.layout_engine import ConstrainedLayoutEngine, TightLayoutEngine

    engine = ax.figure.get_layout_engine()
    engines = ConstrainedLayoutEngine | TightLayoutEngine
    return ax.get_subplotspec() is not None and isinstance(engine, engines)


def artist_kwargs(artist: str, given: Any, **defaults: Any) -> dict[str, Any]:
    """Return keyword arguments for an artist: those given, else the defaults.

    Aliases (``lw``) count as the full names. Given colours replace values to be mapped
    to colours, and a given norm replaces their limits.
    """
    from matplotlib import cbook, collections, image, lines, patches

    classes = {
        "line": lines.Line2D,
        "patch": patches.Patch,
        "scatter": collections.PathCollection,
        "image": image.AxesImage,
    }
    ours = cbook.normalize_kwargs(defaults, classes[artist])
    own = cbook.normalize_kwargs(given or {}, classes[artist])
    replaced: set[str] = set()
    if "norm" in own:
        replaced |= {"vmin", "vmax"}
    if artist == "scatter" and {"color", "facecolor", "c"} & own.keys():
        replaced |= {"c", "cmap", "vmin", "vmax"}
    return {k: v for k, v in ours.items() if k not in replaced} | own
