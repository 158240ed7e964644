"""Displays that visualize autoencoders.

They follow scikit-learn's display API: created by ``from_estimator`` (or
``from_predictions``), drawn again by ``plot``, with the axes in ``ax_`` and the figure
in ``figure_``. All need matplotlib, which skae's extra `plot` installs. Displays that
need no attribute of skae also work for PCA and other transformers, and for pipelines.
"""

from ._explained_variance import ExplainedVarianceDisplay
from ._feature import FeatureDisplay
from ._latent import LatentDisplay
from ._loss_curve import LossCurveDisplay
from ._manifold import ManifoldDisplay
from ._outliers import OutlierDisplay
from ._reconstruction import ReconstructionDisplay

__all__ = [
    "ExplainedVarianceDisplay",
    "FeatureDisplay",
    "LatentDisplay",
    "LossCurveDisplay",
    "ManifoldDisplay",
    "OutlierDisplay",
    "ReconstructionDisplay",
]
