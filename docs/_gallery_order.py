"""The order of the examples in the gallery."""

from pathlib import Path

ORDER = (
    "tutorial",
    "magic_trick",
    "pca_or_autoencoder",
    "denoising",
    "sparse",
    "contractive",
    "variational",
    "convolutional",
    "own_network",
    "outliers",
    "tuning",
)


class GalleryOrder:
    """Sort scripts as they are listed above, others by name behind them.

    Parameters
    ----------
    src_dir : str
        Where the scripts are.
    """

    def __init__(self, src_dir):
        self.src_dir = src_dir

    def __call__(self, filename):
        """Return the place of a script."""
        name = Path(filename).stem
        return (ORDER.index(name) if name in ORDER else len(ORDER), name)
