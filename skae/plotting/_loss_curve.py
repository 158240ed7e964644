"""Losses during training."""

from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skae._autoencoders.variational import VAE
from skae._sklearn.modules import set_module

from ._shared.canvas import artist_kwargs, open_axes
from ._shared.estimators import last_step


def _loss_label(model: Any) -> str:
    """Return what the curves of a fitted autoencoder measure."""
    if isinstance(model, VAE):
        return "loss, nats per feature"
    if not model.validation_curve_:
        return "training loss"
    return "loss" if np.isnan(model._pca_loss) else "loss, relative to PCA"


def _baseline(model: Any) -> str:
    """Return the model that a fitted autoencoder was compared with."""
    bernoulli = getattr(model, "likelihood", None) == "bernoulli"
    return "independent features" if bernoulli else "PCA"


def _is_share(n_components: Any) -> bool:
    """Return whether n_components is a share of the variance."""
    return isinstance(n_components, Real) and not isinstance(n_components, Integral)


def _logarithmic(ax: Any) -> None:
    """Make the axis of the losses logarithmic, with plain numbers as labels."""
    from matplotlib.ticker import LogLocator, NullFormatter

    ax.set_yscale("log")
    low, high = ax.get_ylim()
    many_decades = high > 1000 * low
    ax.yaxis.set_major_locator(
        LogLocator(subs=(1.0,) if many_decades else (1.0, 2.0, 5.0))
    )
    ax.yaxis.set_major_formatter("{x:g}")
    ax.yaxis.set_minor_formatter(NullFormatter())


@set_module("skae.plotting")
class LossCurveDisplay:
    """Training and validation loss over the steps, PCA's loss, and the model kept.

    If `n_components` is a share of the variance, the curves are those of the network
    before it was truncated to the smallest number of codes that explains the share. It
    is trained with its last codes dropped at random, which raises the training loss. On
    fewer than 600 distinct samples the curves are means over the cross-validation
    folds, and the network that is kept was trained on all samples for as many steps.

    Create it with `from_estimator`.

    Parameters
    ----------
    steps : array-like of shape (n_evaluations,)
        Steps after which losses were evaluated, 0 first.
    training : array-like of shape (n_evaluations - 1,)
        Mean training loss before each evaluation but the first.
    validation : array-like of shape (n_evaluations,)
        Validation loss; empty if no samples were held out.
    pca_level : float, default=None
        Validation loss of PCA.
    best_step : int, default=None
        Step of the network that is kept.
    pca_kept : bool, default=False
        Whether PCA was kept instead of the network.
    baseline : str, default="PCA"
        Model of `pca_level`: a Bernoulli likelihood is compared with independent
        features.
    unit : str, default="loss, relative to PCA"
        Label of the losses.
    dropped : bool, default=False
        Whether codes are dropped at random in training, for its label.
    name : str, default=None
        Prefix of the labels, to distinguish autoencoders on the same axes.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes.
    figure_ : matplotlib Figure
        The figure.
    lines_ : dict of str to matplotlib Line2D
        The lines drawn, some of "training", "validation", "pca" and "kept".

    See Also
    --------
    skae.AutoencoderTransformer : Its attributes `curve_steps_`, `loss_curve_` and
        `validation_curve_` hold the curves.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skae import AutoencoderTransformer
    >>> from skae.plotting import LossCurveDisplay
    >>> ae = AutoencoderTransformer(4, max_iter=100, random_state=0)
    >>> display = LossCurveDisplay.from_estimator(ae.fit(load_digits().data))
    >>> list(display.lines_)
    ['training', 'validation', 'pca', 'kept']
    """

    def __init__(
        self, steps, training, validation, *, pca_level=None, best_step=None,
        pca_kept=False, baseline="PCA", unit="loss, relative to PCA", dropped=False,
        name=None,
    ):  # fmt: skip
        self.steps = steps
        self.training = training
        self.validation = validation
        self.pca_level = pca_level
        self.best_step = best_step
        self.pca_kept = pca_kept
        self.baseline = baseline
        self.unit = unit
        self.dropped = dropped
        self.name = name

    @classmethod
    def from_estimator(cls, estimator, *, name=None, ax=None, line_kw=None):
        """Draw the curves of a fitted autoencoder.

        Parameters
        ----------
        estimator : estimator
            An autoencoder of skae, or a pipeline that ends in one.
        name : str, default=None
            Prefix of the labels, to distinguish autoencoders on the same axes.
        ax : matplotlib Axes, default=None
            Axes to draw on; None creates a figure.
        line_kw : dict, default=None
            Options for both curves, as of `plot`.

        Returns
        -------
        LossCurveDisplay
            The display, drawn.

        Raises
        ------
        TypeError
            If the estimator is not an autoencoder of skae.
        """
        model: Any = last_step(estimator)
        check_is_fitted(model)
        if not hasattr(model, "curve_steps_"):
            raise TypeError(
                "LossCurveDisplay draws the curves of skae's autoencoders, and "
                f"{type(model).__name__} is not one. Pass the autoencoder itself: a "
                "step of a pipeline, or estimator_ of a detector that was given one."
            )
        has_pca = model.validation_curve_ and not np.isnan(model._pca_loss)
        display = cls(
            model.curve_steps_,
            model.loss_curve_,
            model.validation_curve_,
            pca_level=model._pca_loss if has_pca else None,
            best_step=model.best_step_,
            pca_kept=model.pca_ratio_ == 1.0,
            baseline=_baseline(model),
            unit=_loss_label(model),
            dropped=_is_share(model.n_components),
            name=name,
        )
        return display.plot(ax, line_kw=line_kw)

    def plot(self, ax=None, *, line_kw=None):
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; None creates a figure.
        line_kw : dict, default=None
            Options for both curves, as of `plot`.

        Returns
        -------
        LossCurveDisplay
            The display itself.
        """
        ax = open_axes(self, ax)
        prefix = "" if self.name is None else f"{self.name}: "
        lines: dict[str, Any] = {}
        if len(self.training):
            label = "training, some codes dropped" if self.dropped else "training"
            options = artist_kwargs("line", line_kw, label=prefix + label)
            (lines["training"],) = ax.plot(self.steps[1:], self.training, **options)
        if len(self.validation):
            options = artist_kwargs("line", line_kw, label=f"{prefix}held out")
            (lines["validation"],) = ax.plot(self.steps, self.validation, **options)
        if self.pca_level is not None:
            style = {"color": "0.4", "linestyle": "--", "label": prefix + self.baseline}
            lines["pca"] = ax.axhline(self.pca_level, **style)
        if len(self.validation) and self.best_step is not None:
            step = self.best_step
            label = "PCA kept" if self.pca_kept else f"kept: step {step}"
            loss = np.interp(step, self.steps, self.validation)
            (lines["kept"],) = ax.plot(step, loss, "ko", label=prefix + label)
        if not lines:
            ax.text(
                0.5, 0.5, "nothing was trained", ha="center", va="center",
                transform=ax.transAxes,
            )  # fmt: skip
        both = np.concatenate([self.training, self.validation])
        if len(both) and both.min() > 0 and both.max() > 10 * both.min():
            _logarithmic(ax)
        ax.set(xlabel="step", ylabel=self.unit)
        if lines:
            ax.legend()
        self.lines_ = lines
        self.ax_, self.figure_ = ax, ax.figure
        return self
