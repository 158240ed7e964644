"""Networks against PCA: trained on some samples, compared on the others."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from skae._model.fitted import FittedModel
from skae._pca.probabilistic import mixture_log_density
from skae._training.evaluation import ValidationBatches
from skae._training.loop import History
from skae._training.trainer import Trainer

from .baseline import improves_significantly, pca_losses
from .config import FitConfig
from .n_components import (
    explained_variance_curve,
    n_components_for_share,
    n_components_to_train,
    split_errors,
)
from .split import TrainingSplit

LARGEST_LOSS = 700.0  # nats a feature beyond which a ratio of likelihoods is just huge
ROUNDING = 1e-9  # loss below which PCA is exact: losses are about one
FACTORS = (0.25, 0.5, 0.75)

Report = Callable[[str, int, float, float | None, Callable[[], FittedModel]], bool]


@dataclass
class SelectionResult:
    """What was selected.

    Attributes
    ----------
    accepted : bool
        Whether the networks are better than PCA.
    ratio : float
        Their validation loss over PCA's; 1 where PCA is kept.
    k : int
        Number of latent codes to keep.
    explained_variance : ndarray of shape (k,)
        Share of the validation samples' variance that the first m codes explain.
    factor : float
        What the corrections are multiplied with.
    history : History
        The curves, in units of PCA's validation loss.
    best_step : int
        Step of the networks that are kept; 0 for PCA, and for those of a warm start.
    pca_loss : float
        Loss of PCA in units of the curves, NaN if it is zero to rounding or no samples
        were held out.
    """

    accepted: bool
    ratio: float
    k: int
    explained_variance: np.ndarray
    factor: float
    history: History
    best_step: int = 0
    pca_loss: float = math.nan


class NetworkSelection:
    """Networks, one for each split, against PCA on the samples held out from each.

    Parameters
    ----------
    splits : sequence of TrainingSplit
        Training samples, as many from each in a step, and validation samples.
    config : FitConfig
        Parameters of the fit.
    start : FittedModel or None, default=None
        A model to go on from; it is then the one to beat.

    Attributes
    ----------
    k : int
        Number of latent codes in training.
    trainer : Trainer
        The networks.
    """

    def __init__(
        self,
        splits: Sequence[TrainingSplit],
        config: FitConfig,
        start: FittedModel | None = None,
    ) -> None:
        self._splits, self._config, self._start = splits, config, start
        anchored = config.objective.anchored
        if start is None:
            self.k = n_components_to_train(splits, config)
            anchors = [split.anchor(self.k, anchored=anchored) for split in splits]
            network = config.network(anchors)
        else:
            self.k = start.n_components
            network = config.network([start.anchor], start.output_scale)
            network.params.load(start.weights or {})
        self._network = network
        self.trainer = Trainer(network, layerwise=config.layerwise)
        self._validation = ValidationBatches.from_parts(
            network, [split.validation for split in splits]
        )
        self._pca = pca_losses(self._validation, splits, config, self.k)
        self._reference = self._mean(self._pca)

    def run(self, report: Report) -> SelectionResult:
        """Train, and select what the validation samples favour."""
        config, anchored = self._config, self._config.objective.anchored
        is_exact = all(anchor.is_exact for anchor in self._network.anchors)
        if anchored and (is_exact or self._reference <= 0):
            return self._keep_pca(History())
        history = self._train(report)
        losses = history.best_losses
        if losses is None:  # interrupted before it began
            losses = self._adjusted(self._validation.losses())
        if self._start is not None:
            return self._keep_better_of_start(self._start, losses, history)
        factor, k, pca = 1.0, self.k, self._pca
        if anchored:
            losses, factor = self._shrink(losses)
        if isinstance(config.n_components, float):
            k = n_components_for_share(self._validation, self._splits, config, self.k)
            losses = self._validation.losses(k)
            pca = pca_losses(self._validation, self._splits, config, k)
        if anchored and not self._improves(pca, losses):
            return self._keep_pca(history)
        return self._keep_network(losses, pca, history, k=k, factor=factor)

    def _train(self, report: Report) -> History:
        """Train on the training samples of each split; return curves as displayed."""
        config, display = self._config, self._display
        history = self.trainer.train(
            [split.train for split in self._splits],
            config.training_plan(config.tolerance * self._reference),
            batch_size=min(config.batch_size, *(len(s.train) for s in self._splits)),
            validation=self._validation,
            adjust=self._adjusted,
            report=lambda step, training, validation: report(
                "train" if len(self._splits) == 1 else "cross-validate",
                step,
                display(training),
                None if validation is None else display(validation),
                self.trainer.to_model,
            ),
        )
        history.training = [display(value) for value in history.training]
        history.validation = [display(value) for value in history.validation]
        return history

    def _shrink(self, losses: np.ndarray) -> tuple[np.ndarray, float]:
        """Scale the corrections by the factor with the lowest validation loss.

        Of few samples it is the smallest factor that is not significantly worse.
        """
        trained = self._network.params.flat.clone()
        scaled = {1.0: losses}
        for factor in FACTORS:
            self._network.scale_correction(trained, factor)
            scaled[factor] = self._adjusted(self._validation.losses())
        lowest = min(scaled.values(), key=self._mean)
        n_errors = self._config.n_shrinkage_errors
        best = min(
            factor
            for factor, these in scaled.items()
            if not self._improves(these, lowest, n_errors)
        )
        self._network.scale_correction(trained, best)
        return scaled[best], best

    def _improves(
        self, baseline: np.ndarray, losses: np.ndarray, n_errors: float | None = None
    ) -> bool:
        if n_errors is None:
            n_errors = self._config.n_standard_errors
        validation = self._validation
        return improves_significantly(
            baseline, losses, validation.weight, n_errors, validation.groups
        )

    def _keep_better_of_start(
        self, start: FittedModel, losses: np.ndarray, history: History
    ) -> SelectionResult:
        """Keep the trained network, or the one that it went on from."""
        assert history.start_losses is not None
        if self._improves(history.start_losses, losses):
            return self._keep_network(losses, self._pca, history)
        self._network.params.load(start.weights or {})
        history.best_step = 0
        return self._keep_network(history.start_losses, self._pca, history)

    def _keep_network(
        self,
        losses: np.ndarray,
        pca: np.ndarray,
        history: History,
        *,
        k: int | None = None,
        factor: float = 1.0,
    ) -> SelectionResult:
        k = k or self.k
        return SelectionResult(
            accepted=True,
            ratio=self._ratio(self._mean(losses), self._mean(pca)),
            k=k,
            explained_variance=explained_variance_curve(self._validation, self.k)[:k],
            factor=factor,
            history=history,
            best_step=history.best_step,
            pca_loss=self._pca_loss,
        )

    def _keep_pca(self, history: History) -> SelectionResult:
        total, errors = split_errors(self._splits, self.k)
        explained = np.array([total.explained_variance(each) for each in errors])
        return SelectionResult(
            False, 1.0, self.k, explained, 0.0, history, pca_loss=self._pca_loss
        )

    def _mean(self, losses: np.ndarray) -> float:
        return float(np.average(losses, weights=self._validation.weight))

    def _adjusted(self, losses: np.ndarray) -> np.ndarray:
        """Return the validation losses; of a density, those of its mixture with PCA."""
        if self._config.objective.has_fallback:
            return mixture_log_density(losses, self._pca)
        return losses

    def _display(self, loss: float) -> float:
        """Return a loss in units of PCA's, or nats a feature of a likelihood."""
        reference = self._reference if self._reference > ROUNDING else 1.0
        d = self._network.architecture.n_features
        return self._network.output_scale.display(loss, d, reference)

    @property
    def _pca_loss(self) -> float:
        """PCA's loss as it is displayed; NaN where it is zero to rounding."""
        defined = self._config.objective.loss.in_nats or self._reference > ROUNDING
        return self._display(self._reference) if defined else math.nan

    def _ratio(self, loss: float, pca: float) -> float:
        """Return a loss over PCA's; of likelihoods that of a feature's perplexity."""
        if self._config.objective.loss.in_nats:
            gain = (pca - loss) / self._network.architecture.n_features
            return math.exp(-max(gain, -LARGEST_LOSS))
        return loss / pca if pca > ROUNDING else math.nan
