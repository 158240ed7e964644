"""From rows of a table to the tensors that a network reads.

A :class:`Preprocessor` holds the anchors of one or several models as tensors and turns rows
into batches; :func:`batches` draws endless random ones, a chunk at a time.
"""

# torch.linalg, torch.from_numpy and scikit-learn carry no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportMissingTypeStubs=false

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from skae._nn.autoencoder import Batch, clip_and_attenuate
from skae._pca.anchor import Anchor
from skae.noise import Columns, Corruption


@dataclass(frozen=True)
class Preprocessor:
    """Anchors of the models as tensors ``([models,] 1 or k, features)``.

    Attributes
    ----------
    mean : ndarray of shape ([models,] 1, n_features)
        What is subtracted from the inputs, in float64.
    centred : bool
        Whether it is subtracted from the targets, too.
    inverse_scale, inverse_unit : Tensor
        What inputs and targets are multiplied with.
    encoder : Tensor of shape ([models,] n_features, n_components) or None
        PCA's scores of the inputs; None without an anchor.
    input_range : (Tensor, Tensor)
        Inputs are clipped to it.
    columns : Columns
        Mean and range of the features, in their own units.
    corruption : Corruption or None
        Noise of the inputs, and of the targets too unless it is to be undone.
    bounded : bool
        Whether PCA's scores are those of the clipped inputs, too.
    """

    mean: np.ndarray
    centred: bool
    inverse_scale: Tensor
    inverse_unit: Tensor
    encoder: Tensor | None
    input_range: tuple[Tensor, Tensor]
    columns: Columns
    corruption: Corruption | None = None
    bounded: bool = False

    @classmethod
    def of(
        cls,
        anchors: Sequence[Anchor],
        *,
        unit: float,
        centred: bool,
        linear: bool,
        stacked: bool,
        dtype: torch.dtype,
        device: torch.device,
        corruption: Corruption | None = None,
        bounded: bool = False,
    ) -> "Preprocessor":
        """Build the frame of one anchor, or of a stack of them.

        Parameters
        ----------
        anchors : sequence of Anchor
            One for each model.
        unit : float
            Targets are divided by it.
        centred : bool
            Whether the mean is subtracted from the targets.
        linear : bool
            Whether the anchors have components.
        stacked : bool
            Whether the tensors get a leading model axis.
        dtype, device
            Of the tensors.
        corruption : Corruption or None, default=None
            Noise of the rows.
        bounded : bool, default=False
            Whether PCA's scores are those of the clipped inputs.
        """

        def tensor(arrays: Sequence[np.ndarray]) -> Tensor:
            array = np.stack(arrays) if stacked else arrays[0]
            return torch.from_numpy(np.array(array)).to(dtype).to(device)

        mean = np.stack([a.mean[None] for a in anchors])
        maps = [
            a.scale[:, None] * a.components.T * (a.shrink / a.deviations)
            for a in anchors
        ]
        low, high = (
            tensor([a.input_range[i : i + 1] for a in anchors]) for i in range(2)
        )
        ranges = (
            tensor([a.column_range[i : i + 1] for a in anchors]) for i in range(2)
        )
        return cls(
            mean=mean if stacked else mean[0],
            centred=centred,
            inverse_scale=tensor([1 / a.scale[None] for a in anchors]),
            inverse_unit=torch.full((), 1 / unit, dtype=dtype, device=device),
            encoder=tensor(maps) if linear else None,
            input_range=(low, high),
            columns=Columns(tensor([a.mean[None] for a in anchors]), *ranges),
            corruption=corruption,
            bounded=bounded,
        )

    def batch(
        self,
        rows: np.ndarray,
        *,
        trusting: bool,
        generator: torch.Generator | None = None,
    ) -> Batch:
        """Return a batch of rows, ``(..., rows, features)``.

        Parameters
        ----------
        rows : ndarray
            Rows of a table, of any numeric type.
        trusting : bool
            True for training rows, which span the box; False weighs the correction of
            each row by how far it is inside.
        generator : torch.Generator or None, default=None
            Source of the noise.
        """
        like = self.inverse_scale
        kind = np.float32 if like.dtype == torch.float32 else np.float64
        moved = np.empty(np.broadcast_shapes(rows.shape, self.mean.shape), kind)
        mean = self.mean.astype(kind) if rows.dtype == kind else self.mean
        np.subtract(rows, mean, out=moved, casting="same_kind")
        inputs = clean = torch.from_numpy(moved).to(like.device)
        if self.corruption is not None and generator is not None:
            inputs = self.corruption.apply(clean, self.columns, generator)
            clean = clean if self.corruption.undone else inputs
        targets = clean if self.centred else clean + self.columns.mean
        targets = targets * self.inverse_unit
        inputs = inputs.mul_(like)
        if self.encoder is None:
            return Batch(inputs.clamp_(*self.input_range), None, targets)
        if self.bounded:
            clipped = inputs.clamp_(*self.input_range)
            return Batch(clipped, clipped @ self.encoder, targets)
        scores = inputs @ self.encoder
        if trusting:
            return Batch(inputs.clamp_(*self.input_range), scores, targets)
        clipped, trust = clip_and_attenuate(inputs, self.input_range)
        return Batch(clipped, scores, targets, trust)
