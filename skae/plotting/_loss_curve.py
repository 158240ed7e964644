"""How training went."""

from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skae._density_mixin import DensityMixin

from ._canvas import open_axes, styled
from ._estimators import last_step


def _unit(model: Any) -> str:
    """Return what the curves of a fitted autoencoder measure."""
    if isinstance(model, DensityMixin):
        return "loss, nats a column"
    if not model.validation_curve_:
        return "training loss"
    return "loss" if np.isnan(model._pca_loss) else "loss, relative to PCA"


def _baseline(model: Any) -> str:
    """Return what a fitted autoencoder was compared with."""
    bernoulli = getattr(model, "likelihood", None) == "bernoulli"
    return "independent columns" if bernoulli else "PCA"


class LossCurveDisplay:
    """Training and held-out loss over the steps, PCA's level, and what was kept.

    Where a share of the variance was asked for, curves are of the network before it was
    cut down to the fewest codes that reach it.

    Create it with `from_estimator`.

    Parameters
    ----------
    steps : array-like of shape (n_measurements,)
        Steps after which losses were measured, 0 first.
    training : array-like of shape (n_measurements - 1,)
        Mean training loss before each but the first.
    validation : array-like of shape (n_measurements,)
        Held-out loss; empty if no rows were held out.
    pca_level : float, default=None
        Held-out loss of PCA.
    best_step : int, default=None
        Step whose network is kept.
    pca_kept : bool, default=False
        Whether the network was thrown away for PCA.
    baseline : str, default="PCA"
        Whose level it is: a Bernoulli likelihood is compared with independent columns.
    unit : str, default="loss, relative to PCA"
        What the losses are.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes.
    figure_ : matplotlib Figure
        The figure.
    lines_ : dict of str to matplotlib Line2D
        What is drawn, of "training", "validation", "pca" and "kept".

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
        pca_kept=False,
        baseline="PCA", unit="loss, relative to PCA",
    ):  # fmt: skip
        self.steps = steps
        self.training = training
        self.validation = validation
        self.pca_level = pca_level
        self.best_step = best_step
        self.pca_kept = pca_kept
        self.baseline = baseline
        self.unit = unit

    @classmethod
    def from_estimator(cls, estimator, *, ax=None, line_kw=None):
        """Draw the curves of a fitted autoencoder.

        Parameters
        ----------
        estimator : estimator
            An autoencoder of skae, or a pipeline that ends in one.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        line_kw : dict, default=None
            Options for both curves, as of `plot`.

        Returns
        -------
        LossCurveDisplay
            The display, drawn.

        Raises
        ------
        TypeError
            If it is no autoencoder of skae.
        """
        model: Any = last_step(estimator)
        check_is_fitted(model)
        if not hasattr(model, "curve_steps_"):
            raise TypeError(
                "LossCurveDisplay draws the curves of skae's autoencoders; "
                f"{type(model).__name__} has none."
            )
        known = model.validation_curve_ and not np.isnan(model._pca_loss)
        display = cls(
            model.curve_steps_,
            model.loss_curve_,
            model.validation_curve_,
            pca_level=model._pca_loss if known else None,
            best_step=model.best_step_,
            pca_kept=model.pca_ratio_ == 1.0,
            baseline=_baseline(model),
            unit=_unit(model),
        )
        return display.plot(ax, line_kw=line_kw)

    def plot(self, ax=None, *, line_kw=None):
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        line_kw : dict, default=None
            Options for both curves, as of `plot`.

        Returns
        -------
        LossCurveDisplay
            The display itself.
        """
        ax = open_axes(self, ax)
        from matplotlib.ticker import LogFormatter

        lines: dict[str, Any] = {}
        if len(self.training):
            options = styled("line", line_kw, label="training")
            (lines["training"],) = ax.plot(self.steps[1:], self.training, **options)
        if len(self.validation):
            options = styled("line", line_kw, label="held out")
            (lines["validation"],) = ax.plot(self.steps, self.validation, **options)
        if self.pca_level is not None:
            style = {"color": "0.4", "linestyle": "--", "label": self.baseline}
            lines["pca"] = ax.axhline(self.pca_level, **style)
        if len(self.validation) and self.best_step is not None:
            step = self.best_step
            label = "PCA kept" if self.pca_kept else f"kept: step {step}"
            loss = np.interp(step, self.steps, self.validation)
            (lines["kept"],) = ax.plot(step, loss, "ko", label=label)
        if not lines:
            ax.text(
                0.5, 0.5, "nothing was trained", ha="center", va="center",
                transform=ax.transAxes,
            )  # fmt: skip
        both = np.concatenate([self.training, self.validation])
        if len(both) and both.min() > 0 and both.max() > 10 * both.min():
            ax.set_yscale("log")
            plain = LogFormatter(minor_thresholds=(2, 0.5))
            ax.yaxis.set_major_formatter(plain)
            ax.yaxis.set_minor_formatter(plain)
        ax.set(xlabel="step", ylabel=self.unit)
        if lines:
            ax.legend()
        self.lines_ = lines
        self.ax_, self.figure_ = ax, ax.figure
        return self
