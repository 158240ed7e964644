"""Axes, figures and options for artists."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import Normalize
from sklearn.decomposition import PCA

from skae.plotting import (
    ExplainedVarianceDisplay,
    LatentDisplay,
    ManifoldDisplay,
    ReconstructionDisplay,
)


def test_short_names_of_options_count_as_long_ones(X):
    pca = PCA(2).fit(X)
    thick = {"lw": 3, "c": "r"}
    for kind in (ReconstructionDisplay, ManifoldDisplay, ExplainedVarianceDisplay):
        kind.from_estimator(pca, X, line_kw=thick)
        line = plt.gcf().axes[0].lines[-1]
        assert (line.get_linewidth(), line.get_color()) == (3, "r")
    display = LatentDisplay.from_estimator(pca, X, X[:, 0], scatter_kw={"lw": 2})
    assert display.scatter_.get_linewidth() == 2


@pytest.mark.parametrize("y", [None, np.arange(120) % 3, np.linspace(0, 1, 120)])
@pytest.mark.parametrize("own", [{"color": "k"}, {"fc": "k"}, {"c": "k"}])
def test_a_colour_that_is_given_takes_the_place_of_labels(X, y, own):
    display = LatentDisplay.from_estimator(PCA(2).fit(X), X, y, scatter_kw=own)
    assert (display.scatter_.get_facecolor() == [0, 0, 0, 1]).all()
    assert display.ax_.get_legend() is None
    assert len(display.figure_.axes) == 1
    display.plot(scatter_kw={"c": X[:, 0]})
    assert display.ax_.get_legend() is None


def test_a_norm_has_its_own_limits(X):
    pca, norm = PCA(2).fit(X), Normalize(-5, 5)
    scatter_kw = {"norm": norm}
    display = LatentDisplay.from_estimator(pca, X, X[:, 0], scatter_kw=scatter_kw)
    assert display.scatter_.get_clim() == (-5, 5)
    options = {"image_shape": (2, 3), "im_kw": {"norm": norm}}
    display = ReconstructionDisplay.from_estimator(pca, X, **options)
    assert display.image_.get_clim() == (-5, 5)


def test_figures_are_no_wider_than_can_be_shown(X):
    pca, options = PCA(2).fit(X), {"image_shape": (2, 3)}
    few = ReconstructionDisplay.from_estimator(pca, X, **options)
    many = ReconstructionDisplay.from_estimator(pca, X, rows=120, **options)
    height = few.figure_.get_size_inches()[1]
    assert many.figure_.get_size_inches().tolist() == [40, height]


def test_axes_that_are_gone_are_refused(X):
    ax = plt.subplots()[1]
    ax.remove()
    with pytest.raises(ValueError, match="was removed from its figure"):
        LatentDisplay.from_estimator(PCA(2).fit(X), X, ax=ax)
