"""Axes to draw on, and options for what is drawn."""

from typing import Any

from sklearn.utils._optional_dependencies import check_matplotlib_support

WIDEST = 40.0  # inches, which is more than any screen


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

    The layout "compressed" suits pictures, whose sides have a ratio that is given, and
    "tight" the rest: a colour bar made under it can be laid out again.
    """
    check_matplotlib_support(f"{type(display).__name__}.plot")
    import matplotlib.pyplot as plt

    if size is not None:
        size = min(size[0], WIDEST), min(size[1], WIDEST)
    return plt.subplots(figsize=size, layout=layout, **grid)[1]


def makes_room(ax: Any) -> bool:
    """Say whether what is drawn beside axes gets a place in their figure."""
    from matplotlib.layout_engine import ConstrainedLayoutEngine, TightLayoutEngine

    engine = ax.figure.get_layout_engine()
    kinds = ConstrainedLayoutEngine | TightLayoutEngine
    return ax.get_subplotspec() is not None and isinstance(engine, kinds)


def styled(artist: str, given: Any, **defaults: Any) -> dict[str, Any]:
    """Return options for an artist of matplotlib: what is given, else our own.

    Short names (``lw``) count as the long ones. Colours that are given take the place
    of values to be coloured, and a norm that of their limits.
    """
    from matplotlib import cbook, collections, image, lines, patches

    kinds = {
        "line": lines.Line2D,
        "patch": patches.Patch,
        "scatter": collections.PathCollection,
        "image": image.AxesImage,
    }
    ours = cbook.normalize_kwargs(defaults, kinds[artist])
    own = cbook.normalize_kwargs(given or {}, kinds[artist])
    replaced: set[str] = set()
    if "norm" in own:
        replaced |= {"vmin", "vmax"}
    if artist == "scatter" and {"color", "facecolor", "c"} & own.keys():
        replaced |= {"c", "cmap", "vmin", "vmax"}
    return {k: v for k, v in ours.items() if k not in replaced} | own
