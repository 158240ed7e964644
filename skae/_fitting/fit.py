"""A fit: split the samples, train, select, and measure what depends on the result.

An :class:`AnchoredFit` takes samples and parameters and fits a model that validation
samples found better than PCA, or PCA itself.
"""

import math
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from skae._data.dataset import Dataset
from skae._data.splitting import MAX_VALIDATION_ROWS
from skae._model.fitted import FittedModel, pca_model
from skae._nn.architecture import DenseArchitecture
from skae._nn.modules.architecture import ModuleArchitecture
from skae._pca.explained_variance import pca_squared_errors
from skae._training.evaluation import ValidationBatches
from skae._training.loop import History
from skae._training.trainer import Trainer

from .config import FitParameters
from .coordinates import Coordinates, choose_coordinates
from .hold_out import Given, Pairs, hold_out
from .n_components import DEFAULT_SHARE, explained_variance_curve
from .postprocessing import with_decoder_range, with_whitening
from .selection import NetworkSelection, Report, SelectionResult


@dataclass
class FitResult:
    """A fitted model and what its fit has seen; curves are in units of PCA's loss."""

    model: FittedModel
    device: torch.device
    n_iter: int = 0
    best_step: int = 0
    pca_loss: float = math.nan
    ratio: float = 1.0
    explained_variance: np.ndarray = field(default_factory=lambda: np.empty(0))
    steps: list[int] = field(default_factory=list[int])
    training: list[float] = field(default_factory=list[float])
    validation: list[float] = field(default_factory=list[float])
    diverged: bool = False
    interrupted: bool = False
    unfinished: bool = False


def _no_report(*_: object) -> bool:
    return False


class AnchoredFit:
    """A fit that is ready to run.

    Parameters
    ----------
    data : Dataset
        Finite samples with positive weights.
    parameters : FitParameters
        Parameters; what is open is chosen here.
    start : FittedModel or None, default=None
        A model to go on from.
    held_out : Dataset, sequence of (ndarray, ndarray) or None, default=None
        Validation samples beside ``data``, or positions in it of training and
        validation samples.

    Attributes
    ----------
    n_reports : int
        How often :meth:`run` reports at the most.
    uses_autograd : bool
        Whether there are modules, in which autograd works.
    """

    def __init__(
        self,
        data: Dataset,
        parameters: FitParameters,
        start: FittedModel | None = None,
        held_out: Given | None = None,
    ) -> None:
        split = hold_out(data, parameters, held_out, folds=start is None)
        data, pairs = split.data, split.pairs
        if start is not None:
            if isinstance(start.architecture, DenseArchitecture):
                sizes = start.architecture.hidden_layer_sizes
                parameters = replace(parameters, hidden_layer_sizes=sizes)
            parameters = replace(parameters, layerwise=False)
            start = replace(start, whitening=None, decoder_range=None)
        self._data, self._pairs, self._start = data, pairs, start
        self._config = config = parameters.resolve(
            split.n_distinct, data.n_features, split.n_independent
        )
        k = config.fixed_n_components
        if config.factory is not None and k is not None:
            n_outputs = config.objective.latent.n_outputs(k)
            modules = ModuleArchitecture(
                data.n_features, k, config.factory, n_outputs=n_outputs
            )
            modules.shapes()  # modules that do not fit raise here
        self.uses_autograd = config.factory is not None
        n_evaluations = config.training_plan().n_evaluations
        self.n_reports = (1 + (len(pairs) > 1)) * n_evaluations

    def run(self, report: Report = _no_report) -> FitResult:
        """Fit.

        Parameters
        ----------
        report : callable
            Called after each measurement with the phase, the step, the training loss,
            the validation loss and a function that returns the model so far; a true
            answer ends the phase.
        """
        config = self._config
        if len(self._pairs) == 1:
            result = self._fit_split(report)
        elif self._pairs:
            result = self._fit_folds(report)
        elif config.early_stopping and config.objective.anchored:
            result = self._fit_pca(config.fixed_n_components)
        else:
            result = self._fit_all_rows(report)
        result.model = self._postprocessed(result.model)
        return result

    def _postprocessed(self, model: FittedModel) -> FittedModel:
        """Return the model with all that is measured once it is trained."""
        config, data = self._config, self._data
        sample = data.sample(MAX_VALIDATION_ROWS, config.seed)
        model = with_decoder_range(model, sample, config.device)
        if model.weights is not None and config.objective.has_fallback:
            model = replace(model, fallback=self._pca(model.n_components).anchor)
        if config.whiten:
            model = with_whitening(model, data, config.device)
        return model

    @property
    def _share(self) -> float:
        """The share of the variance that the latent codes are to explain."""
        asked = self._config.n_components
        return asked if isinstance(asked, float) else DEFAULT_SHARE

    def _pca(self, k: int | None) -> FittedModel:
        config = self._config
        return pca_model(
            self._data, k, config.objective, config.seed, share=self._share
        )

    def _result(self, model: FittedModel, selected: SelectionResult) -> FitResult:
        seen = selected.history
        return FitResult(
            model=model,
            device=self._config.device,
            n_iter=seen.n_steps,
            best_step=selected.best_step,
            pca_loss=selected.pca_loss,
            ratio=selected.ratio,
            explained_variance=selected.explained_variance,
            steps=seen.steps,
            training=seen.training[1:],
            validation=seen.validation,
            diverged=seen.diverged,
            interrupted=seen.interrupted,
            unfinished=seen.is_unfinished(in_nats=self._config.objective.loss.in_nats),
        )

    def _coordinates(self, pairs: Pairs) -> Coordinates:
        """Return the coordinates to train in; a warm start goes on in the features."""
        if self._start is not None:
            return Coordinates(pairs)
        return choose_coordinates(self._data, pairs, self._config)

    def _fit_pca(self, k: int | None) -> FitResult:
        """Return PCA: it is exact, or there are too few samples to hold any out."""
        model = self._pca(k)
        total, errors = pca_squared_errors(self._data, model.anchor)
        explained = np.array([total.explained_variance(each) for each in errors])
        return FitResult(model, self._config.device, explained_variance=explained)

    def _fit_split(self, report: Report) -> FitResult:
        """Train on the training samples; compare on the validation samples."""
        selected, model = self._train_and_select(report)
        return self._result(model or self._pca(selected.k), selected)

    def _train_and_select(
        self, report: Report
    ) -> tuple[SelectionResult, FittedModel | None]:
        """Return what was selected and the model to keep, None for PCA.

        What the selection held in memory is gone before PCA is fitted to all samples.
        """
        coordinates = self._coordinates(self._pairs)
        splits = coordinates.splits(self._config)
        selection = NetworkSelection(splits, self._config, self._start)
        selected = selection.run(coordinates.reporting(report))
        if selected.accepted:
            model = coordinates.to_features(selection.trainer.to_model())
            return selected, model.truncate(selected.k)
        return selected, self._start

    def _fit_folds(self, report: Report) -> FitResult:
        """Choose the number of steps by folds that are trained as one stack; refit."""
        config = self._config
        if config.n_components is None:
            config = replace(config, n_components=self._pca(None).n_components)
        coordinates = self._coordinates(self._pairs)
        selection = NetworkSelection(coordinates.splits(config), config)
        selected = selection.run(coordinates.reporting(report))
        if not selected.accepted:
            return self._result(self._pca(selected.k), selected)
        if selected.history.interrupted:
            # No more training: the first fold's network has seen most samples.
            model = coordinates.to_features(selection.trainer.to_model())
            return self._result(model.truncate(selected.k), selected)
        trainer, coordinates, final = self._train_all_rows(
            selection.k, report, stop=selected.history.best_step
        )
        if config.objective.anchored:
            network = trainer.network
            network.scale_correction(network.params.flat.clone(), selected.factor)
        model = coordinates.to_features(trainer.to_model())
        result = self._result(model.truncate(selected.k), selected)
        result.n_iter += final.n_steps
        result.diverged |= final.diverged
        result.interrupted |= final.interrupted
        return result

    def _fit_all_rows(self, report: Report) -> FitResult:
        """Train for all steps on all samples."""
        config, data = self._config, self._data
        trainer, coordinates, seen = self._train_all_rows(
            config.fixed_n_components, report, stop=config.n_steps
        )
        network = trainer.network
        if config.objective.anchored and network.anchors[0].is_exact:
            return self._fit_pca(network.anchors[0].n_components)
        model = coordinates.to_features(trainer.to_model())
        data = coordinates.pairs[0][0]
        sample = data.sample(MAX_VALIDATION_ROWS, config.seed)
        batches = ValidationBatches.from_parts(network, [sample])
        k = model.n_components
        explained = explained_variance_curve(batches, k)
        selected = SelectionResult(
            True, math.nan, k, explained, 1.0, seen, seen.best_step
        )
        return self._result(model, selected)

    def _train_all_rows(
        self, k: int | None, report: Report, stop: int
    ) -> tuple[Trainer, Coordinates, History]:
        """Train on all samples for a given number of steps."""
        config, start = self._config, self._start
        coordinates = self._coordinates([(self._data, self._data)])
        data = coordinates.pairs[0][0]
        anchored = config.objective.anchored
        if start is not None:
            network = config.network([start.anchor], start.output_scale)
            network.params.load(start.weights or {})
        else:
            (split,) = coordinates.splits(replace(config, n_components=k))
            k = k or split.eigen.n_components_for(self._share)
            network = config.network([split.anchor(k, anchored=anchored)])
        trainer = Trainer(network, layerwise=config.layerwise)
        if anchored and network.anchors[0].is_exact:
            return trainer, coordinates, History()
        scale, d = network.output_scale, data.n_features
        history = trainer.train(
            [data],
            config.training_plan(stop=stop),
            batch_size=min(config.batch_size, len(data)),
            report=lambda step, training, validation: coordinates.reporting(report)(
                "train", step, scale.display(training, d), validation, trainer.to_model
            ),
        )
        history.training = [scale.display(loss, d) for loss in history.training]
        return trainer, coordinates, history
