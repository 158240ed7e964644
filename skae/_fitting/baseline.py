"""What a network has to beat on validation samples: PCA, or the network before."""

# scipy carries no types.
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.stats import norm, t

from skae._data.statistics import standard_error
from skae._model.network import AnchoredNetwork
from skae._model.objective import Objective
from skae._nn.latents import PlainLatent
from skae._pca.anchor import Anchor
from skae._training.evaluation import ValidationBatches

from .config import FitConfig
from .split import TrainingSplit

FEW = 10  # samples, or groups, whose standard error is uncertain


def improves_significantly(
    baseline: np.ndarray,
    losses: np.ndarray,
    weight: np.ndarray,
    n_standard_errors: float = 1.0,
    groups: np.ndarray | None = None,
) -> bool:
    """Return whether losses are lower than a baseline's, sample by sample.

    The mean gain must exceed this many of its standard errors, as in the
    one-standard-error rule of Breiman et al. (1984); with groups of samples that
    depend on each other these are of the groups' means. Of fewer than ten they are
    uncertain themselves: then it is the quantile of Student's distribution that is as
    rarely exceeded, and one sample decides nothing.
    """
    used = weight > 0
    groups = None if groups is None else groups[used]
    mean, error = standard_error((baseline - losses)[used], weight[used], groups)
    n = int(used.sum()) if groups is None else len(np.unique(groups))
    if n == 1:
        return False
    if n < FEW:
        n_standard_errors = float(t.ppf(norm.cdf(n_standard_errors), n - 1))
        error *= np.sqrt(n / (n - 1))
    return bool(mean > n_standard_errors * error)


def pca_losses(
    validation: ValidationBatches,
    splits: Sequence[TrainingSplit],
    config: FitConfig,
    k: int,
) -> np.ndarray:
    """Return the loss of PCA with k components on each validation sample.

    For a Bernoulli likelihood, which has no PCA, it is that of independent features.
    """
    network, objective = validation.network, config.objective
    if objective.anchored:
        return validation.losses(k, correction=False)
    if objective.loss.is_logit and objective.loss.in_nats:
        objective = replace(objective, latent=PlainLatent())
        return _skip_path_losses(network, network.anchors, splits, config, objective)
    k = min(k, *(len(split.eigen.variances) for split in splits))
    objective = replace(
        objective,
        anchored=True,
        jacobian_weight=0.0,
        latent=objective.latent if objective.probabilistic else PlainLatent(),
    )
    anchors = [split.anchor(k) for split in splits]
    return _skip_path_losses(network, anchors, splits, config, objective)


def _skip_path_losses(
    network: AnchoredNetwork,
    anchors: Sequence[Anchor],
    splits: Sequence[TrainingSplit],
    config: FitConfig,
    objective: Objective,
) -> np.ndarray:
    """Return the losses of another network's skip path alone, in the same scale."""
    config = replace(config, objective=objective, hidden_layer_sizes=(), factory=None)
    linear = config.network(anchors, network.output_scale)
    parts = [split.validation for split in splits]
    return ValidationBatches.from_parts(linear, parts).losses(correction=False)
