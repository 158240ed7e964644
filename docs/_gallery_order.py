"""The order of the examples in the gallery."""

from pathlib import Path

ORDER = (
    "tutorial",
    "code_size",
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
    """Sort scripts in the order above, others by name after them.

    Parameters
    ----------
    src_dir : str
        Folder of the scripts.
    """

    def __init__(self, src_dir):
        self.src_dir = src_dir

    def __call__(self, filename):
        """Return the sort key of a script."""
        name = Path(filename).stem
        return (ORDER.index(name) if name in ORDER else len(ORDER), name)
