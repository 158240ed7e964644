"""From samples to the tensors that a network reads."""

# torch.linalg, torch.from_numpy and scikit-learn carry no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportMissingTypeStubs=false

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from skae._nn.autoencoder import Batch, clip_and_attenuate
from skae._nn.runtime import Placement
from skae._pca.anchor import Anchor
from skae.noise import Columns, Corruption

from .objective import Objective


def stack_arrays(
    arrays: Sequence[np.ndarray], placement: Placement, *, stacked: bool
) -> Tensor:
    """Return one array, or several along a leading model axis, as a tensor."""
    array = np.stack(arrays) if stacked else arrays[0]
    tensor = torch.from_numpy(np.array(array))
    return tensor.to(placement.dtype).to(placement.device)


@dataclass(frozen=True)
class Preprocessor:
    """Anchors of one model or a stack of them as tensors ``([models,] 1, features)``.

    Attributes
    ----------
    mean : ndarray of shape ([models,] 1, n_features)
        What is subtracted from the inputs, in float64.
    centers_targets : bool
        Whether it is subtracted from the targets, too.
    inverse_scale, inverse_target_scale : Tensor
        What inputs and targets are multiplied with.
    projection : Tensor of shape ([models,] n_features, n_components) or None
        From inputs to PCA's scores; None without an anchor.
    input_range : (Tensor, Tensor)
        Inputs are clipped to it.
    columns : Columns
        Mean and range of the features, in units of x.
    corruption : Corruption or None
        Noise of the inputs, and of the targets unless these are to be clean.
    clips_scores : bool
        Whether PCA's scores are those of the clipped inputs.
    """

    mean: np.ndarray
    centers_targets: bool
    inverse_scale: Tensor
    inverse_target_scale: Tensor
    projection: Tensor | None
    input_range: tuple[Tensor, Tensor]
    columns: Columns
    corruption: Corruption | None = None
    clips_scores: bool = False

    @classmethod
    def from_anchors(
        cls,
        anchors: Sequence[Anchor],
        objective: Objective,
        target_scale: float,
        placement: Placement,
        *,
        stacked: bool,
        corruption: Corruption | None = None,
    ) -> "Preprocessor":
        """Build the preprocessor of one anchor, or of a stack of them.

        Parameters
        ----------
        anchors : sequence of Anchor
            One for each model.
        objective : Objective
            Says whether targets are centred, and whether there are PCA's scores.
        target_scale : float
            Targets are divided by it.
        placement : Placement
            Device and type of the tensors.
        stacked : bool
            Whether the tensors get a leading model axis.
        corruption : Corruption or None, default=None
            Noise of the inputs.
        """

        def tensor(arrays: Sequence[np.ndarray]) -> Tensor:
            return stack_arrays(arrays, placement, stacked=stacked)

        mean = np.stack([a.mean[None] for a in anchors])
        projection = None
        if objective.anchored:
            projection = tensor(
                [
                    a.scale[:, None] * a.components.T * (a.shrinkage / a.score_std)
                    for a in anchors
                ]
            )
        low, high = (
            tensor([a.input_range[i : i + 1] for a in anchors]) for i in range(2)
        )
        column_range = (
            tensor([a.column_range[i : i + 1] for a in anchors]) for i in range(2)
        )
        return cls(
            mean=mean if stacked else mean[0],
            centers_targets=not objective.loss.is_logit,
            inverse_scale=tensor([1 / a.scale[None] for a in anchors]),
            inverse_target_scale=torch.full(
                (), 1 / target_scale, dtype=placement.dtype, device=placement.device
            ),
            projection=projection,
            input_range=(low, high),
            columns=Columns(tensor([a.mean[None] for a in anchors]), *column_range),
            corruption=corruption,
            clips_scores=objective.clips_scores,
        )

    def center(self, values: np.ndarray) -> Tensor:
        """Return samples less the mean; the difference is taken in float64."""
        dtype = np.float32 if self.inverse_scale.dtype == torch.float32 else np.float64
        shape = np.broadcast_shapes(values.shape, self.mean.shape)
        centred = np.empty(shape, dtype)
        np.subtract(values, self.mean, out=centred, casting="same_kind")
        return torch.from_numpy(centred).to(self.inverse_scale.device)

    def encoder_inputs(
        self, inputs: Tensor, *, attenuates: bool
    ) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """Return clipped inputs, PCA's scores of them, and their attenuation factors.

        Parameters
        ----------
        inputs : Tensor of shape (..., n_samples, n_features)
            Standardised samples; they may be overwritten.
        attenuates : bool
            Whether corrections of samples outside the training range are attenuated.
        """
        if self.projection is None:
            return inputs.clamp_(*self.input_range), None, None
        if self.clips_scores:
            clipped = inputs.clamp_(*self.input_range)
            return clipped, clipped @ self.projection, None
        scores = inputs @ self.projection
        if not attenuates:
            return inputs.clamp_(*self.input_range), scores, None
        clipped, attenuation = clip_and_attenuate(inputs, self.input_range)
        return clipped, scores, attenuation

    def batch(
        self,
        values: np.ndarray,
        given: np.ndarray | None = None,
        *,
        training: bool,
        generator: torch.Generator | None = None,
    ) -> Batch:
        """Return a batch of samples.

        Parameters
        ----------
        values : ndarray of shape (..., n_samples, n_features)
            Samples of any numeric type, the targets.
        given : ndarray of the same shape, or None, default=None
            What the network sees in their place; no noise is then added. None means
            the samples themselves, with noise where there is a generator.
        training : bool
            True for training samples, which span the range of the inputs; False
            attenuates the correction of a sample by how far it is outside.
        generator : torch.Generator or None, default=None
            Source of the noise.
        """
        inputs = clean = self.center(values)
        if given is not None:
            inputs = self.center(given)
        elif self.corruption is not None and generator is not None:
            inputs = self.corruption.apply(clean, self.columns, generator)
            clean = clean if self.corruption.clean_target else inputs
        targets = clean if self.centers_targets else clean + self.columns.mean
        targets = targets * self.inverse_target_scale
        inputs, scores, attenuation = self.encoder_inputs(
            inputs.mul_(self.inverse_scale), attenuates=not training
        )
        return Batch(inputs, scores, targets, attenuation)
