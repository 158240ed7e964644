"""Corruptions: noise that a denoising autoencoder learns to remove.

Each is a small frozen dataclass with equality and a repr, so that it can be a parameter
of an estimator and survives `clone`. ``level`` is the estimators' ``noise_level``.

References
----------
Vincent, P., Larochelle, H., Lajoie, I., Bengio, Y. and Manzagol, P.-A. (2010). Stacked
denoising autoencoders. JMLR 11, 3371-3408.
"""

# torch.from_numpy carries no type.
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, NamedTuple, cast

import numpy as np

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = ["Chain", "Corruption", "Gaussian", "Masking", "SaltAndPepper", "Swap"]


class Columns(NamedTuple):
    """Mean of each feature, and its minimum and maximum less that mean."""

    mean: Tensor
    low: Tensor
    high: Tensor


class Corruption(ABC):
    """Base class of corruptions.

    A subclass implements `apply`. It should be a frozen dataclass, so that estimators
    with it as a parameter can be cloned and compared.

    Attributes
    ----------
    clean_target : bool
        Whether the target of the reconstruction is the clean sample, not the noisy one.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> from sklearn.datasets import load_iris
    >>> from skae import DenoisingAutoencoder
    >>> from skae.noise import Corruption
    >>> @dataclass(frozen=True)
    ... class Fading(Corruption):
    ...     level: float = 0.1
    ...
    ...     def apply(self, x, columns, generator):
    ...         share = x.new_empty((*x.shape[:-1], 1)).uniform_(generator=generator)
    ...         return x - self.level * share * (x + columns.mean)
    >>> X = load_iris().data
    >>> ae = DenoisingAutoencoder(2, noise=Fading(0.2), max_iter=20, random_state=0)
    >>> faded = ae.fit(X).corrupt(X)
    >>> bool((faded <= X).all() and (faded >= 0.8 * X - 1e-6).all())
    True
    """

    clean_target: ClassVar[bool] = True

    @abstractmethod
    def apply(self, x: Tensor, columns: Columns, generator: torch.Generator) -> Tensor:
        """Return noisy samples.

        Parameters
        ----------
        x : Tensor of shape (..., n_samples, n_features)
            Samples less the mean of each feature. They are not changed.
        columns : Columns
            Mean and range of the features.
        generator : torch.Generator
            Source of random numbers.

        Returns
        -------
        Tensor of shape (..., n_samples, n_features)
            The noisy samples, less the same mean.
        """


def _random_mask(x: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Return a mask that is true for this share of the values."""
    draw = x.new_empty(x.shape)
    return draw.uniform_(generator=generator) < share


@dataclass(frozen=True)
class Gaussian(Corruption):
    """Add Gaussian noise to every value.

    Parameters
    ----------
    level : float, default=0.3
        Standard deviation of the noise, in the units of X.

    Raises
    ------
    ValueError
        If `level` is negative.

    Examples
    --------
    >>> from skae.noise import Gaussian
    >>> Gaussian(0.1)
    Gaussian(level=0.1)
    """

    level: float = 0.3

    def __post_init__(self) -> None:
        """Check the level."""
        if not 0 <= self.level < np.inf:
            raise ValueError(f"level={self.level} must be a standard deviation, >= 0.")

    def apply(self, x: Tensor, columns: Columns, generator: torch.Generator) -> Tensor:
        """Return noisy samples; see `Corruption.apply`."""
        noise = x.new_empty(x.shape).normal_(generator=generator)
        return noise.mul_(self.level).add_(x)


@dataclass(frozen=True)
class _Replacement(Corruption):
    """Replace a share of the values."""

    level: float = 0.3

    def __post_init__(self) -> None:
        """Check the level."""
        if not 0 <= self.level <= 1:
            raise ValueError(
                f"level={self.level} is a share of the values, between 0 and 1."
            )


@dataclass(frozen=True)
class Masking(_Replacement):
    """Replace values by the mean of their feature, as an imputer would.

    Features that are centred or standardised get zeros, which is the masking noise of
    Vincent et al. (2010).

    Parameters
    ----------
    level : float, default=0.3
        Share of the values that is replaced.

    Raises
    ------
    ValueError
        If `level` is not between 0 and 1.

    Examples
    --------
    >>> from skae.noise import Masking
    >>> Masking(0.25)
    Masking(level=0.25)
    """

    def apply(self, x: Tensor, columns: Columns, generator: torch.Generator) -> Tensor:
        """Return noisy samples; see `Corruption.apply`."""
        return x * ~_random_mask(x, self.level, generator)


@dataclass(frozen=True)
class SaltAndPepper(_Replacement):
    """Replace values by the minimum or maximum of their feature, equally likely.

    Parameters
    ----------
    level : float, default=0.3
        Share of the values that is replaced.

    Raises
    ------
    ValueError
        If `level` is not between 0 and 1.

    Examples
    --------
    >>> from skae.noise import SaltAndPepper
    >>> SaltAndPepper()
    SaltAndPepper(level=0.3)
    """

    def apply(self, x: Tensor, columns: Columns, generator: torch.Generator) -> Tensor:
        """Return noisy samples; see `Corruption.apply`."""
        draw = x.new_empty(x.shape).uniform_(generator=generator)
        noisy = x.where(draw >= self.level / 2, columns.low)
        return noisy.where(draw < 1 - self.level / 2, columns.high)


@dataclass(frozen=True)
class Swap(_Replacement):
    """Replace values by those of other samples, drawn independently for each value.

    Features keep their distributions and lose their dependence on each other. A single
    sample has none to take values from, and does not change.

    Parameters
    ----------
    level : float, default=0.3
        Share of the values that is replaced.

    Raises
    ------
    ValueError
        If `level` is not between 0 and 1.

    Examples
    --------
    >>> from skae.noise import Swap
    >>> Swap(0.15) == Swap(0.15)
    True
    """

    def apply(self, x: Tensor, columns: Columns, generator: torch.Generator) -> Tensor:
        """Return noisy samples; see `Corruption.apply`."""
        # Given that it is below the level, a draw is uniform and selects the sample.
        draw = x.new_empty(x.shape).uniform_(generator=generator)
        replaced = draw < self.level
        n = x.shape[-2]
        other = draw.mul_(n / max(self.level, 1e-12)).clamp_(max=n - 1).long()
        return x.gather(-2, other).where(replaced, x)


@dataclass(frozen=True)
class Chain(Corruption):
    """Apply corruptions one after the other.

    Parameters
    ----------
    corruptions : tuple of Corruption
        The corruptions in the order of their application.

    Raises
    ------
    TypeError
        If one of them is not a corruption.

    Examples
    --------
    >>> from skae.noise import Chain, Gaussian, Swap
    >>> Chain((Swap(0.2), Gaussian(0.5))).corruptions[1]
    Gaussian(level=0.5)
    """

    corruptions: tuple[Corruption, ...] = ()

    def __post_init__(self) -> None:
        """Check the types."""
        each = cast("object", self.corruptions)
        if isinstance(each, tuple):
            each = cast("tuple[object, ...]", each)
            if all(isinstance(corruption, Corruption) for corruption in each):
                return
        raise TypeError(
            f"corruptions={self.corruptions!r} must be a tuple of objects of "
            "skae.noise, such as (Swap(0.2), Gaussian(0.5))."
        )

    def apply(self, x: Tensor, columns: Columns, generator: torch.Generator) -> Tensor:
        """Return noisy samples; see `Corruption.apply`."""
        for corruption in self.corruptions:
            x = corruption.apply(x, columns, generator)
        return x


NAMES: dict[str, type[Gaussian | Masking | SaltAndPepper | Swap]] = {
    "gaussian": Gaussian,
    "masking": Masking,
    "salt_and_pepper": SaltAndPepper,
    "swap": Swap,
}
