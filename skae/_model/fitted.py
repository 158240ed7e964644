"""A fitted autoencoder as plain arrays, and the units of what it predicts."""

from dataclasses import asdict, dataclass, fields, replace
from typing import Any, cast

import numpy as np

from skae._nn.architecture import DenseArchitecture
from skae._nn.latents.base import Latent, PlainLatent
from skae._nn.latents.gaussian import GaussianLatent
from skae._nn.latents.sparse import SparseLatent
from skae._nn.modules.architecture import ModuleArchitecture
from skae._nn.modules.convolutional import Convolutions
from skae._pca.anchor import Anchor

from .objective import OutputScale

LATENTS: dict[str, type[Latent]] = {
    "plain": PlainLatent,
    "sparse": SparseLatent,
    "gaussian": GaussianLatent,
}
PLAIN = PlainLatent()


@dataclass(frozen=True)
class FittedModel:
    """Everything that a fit leaves behind.

    Attributes
    ----------
    anchor : Anchor
        PCA and the scales.
    units : OutputScale
        What the network's output means.
    linear : bool
        Whether the anchor is a skip path of the network.
    architecture : DenseArchitecture, Modules or None
        Sizes of the network; None where the model is its anchor.
    weights : dict of str to ndarray or None
        Its parameters.
    box : ndarray of shape (2, n_components) or None
        Range of the training rows' codes z; a correction is decoded in full inside.
    whitening : (ndarray, ndarray) or None
        Mean m and lower-triangular L of the codes' covariance ``L L'``; codes are
        returned as ``L^-1 (code - m)``.
    code : Latent
        The kind of the codes.
    bounded : bool
        Whether PCA's scores are those of clipped rows, too, where there is a network.
    background : Anchor or None
        Probabilistic PCA of all rows, with which a density explains a small share of
        the rows: those that the network has never seen the like of.
    """

    anchor: Anchor
    units: OutputScale
    linear: bool = True
    architecture: DenseArchitecture | ModuleArchitecture | None = None
    weights: dict[str, np.ndarray] | None = None
    box: np.ndarray | None = None
    whitening: tuple[np.ndarray, np.ndarray] | None = None
    code: Latent = PLAIN
    bounded: bool = False
    background: Anchor | None = None

    @property
    def n_components(self) -> int:
        """Number of codes."""
        return len(self.anchor.components)

    def head(self, k: int) -> "FittedModel":
        """Return the model with the first k codes only, the others held at zero."""
        if k == self.n_components:
            return self
        a = self.anchor
        anchor = replace(
            a,
            components=a.components[:k],
            deviations=a.deviations[:k],
            variances=a.variances[:k],
            code_range=a.code_range[:, :k],
            shrink=a.shrink[:k],
        )
        if self.weights is None or not isinstance(self.architecture, DenseArchitecture):
            return replace(self, anchor=anchor)
        architecture = replace(self.architecture, n_components=k, outputs=k)
        shapes = architecture.shapes()
        weights = {
            name: np.ascontiguousarray(array[: shapes[name][0], : shapes[name][1]])
            for name, array in self.weights.items()
        }
        return replace(
            self,
            anchor=anchor,
            architecture=architecture,
            weights=weights,
            box=None if self.box is None else self.box[:, :k],
        )

    def state(self) -> dict[str, Any]:
        """Return the model as a dict of arrays, numbers, strings and tuples."""
        state: dict[str, Any] = {}
        for name in ("anchor", "background"):
            anchor = getattr(self, name)
            if anchor is not None:
                values = {f.name: getattr(anchor, f.name) for f in fields(anchor)}
                state |= {f"{name}.{key}": value for key, value in values.items()}
        state |= {"loss": self.units.loss, "unit": self.units.unit}
        state |= {"linear": self.linear, "whitening": self.whitening, "box": self.box}
        state["bounded"] = self.bounded
        kind = next(name for name, kind in LATENTS.items() if type(self.code) is kind)
        state["code"] = (kind, asdict(cast(Any, self.code)))
        sizes = self.architecture
        if sizes is None or self.weights is None:
            return state
        if isinstance(sizes, ModuleArchitecture):
            ours = isinstance(sizes.factory, Convolutions)
            factory = asdict(cast(Any, sizes.factory)) if ours else sizes.factory
            state |= {"factory": factory, "seed": sizes.seed}
        else:
            state |= {"hidden": sizes.hidden, "activation": sizes.activation}
        return state | {f"network.{k}": v for k, v in self.weights.items()}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> "FittedModel":
        """Return the model of a state."""
        anchor, background = (
            Anchor(**{f.name: state[f"{part}.{f.name}"] for f in fields(Anchor)})
            if f"{part}.mean" in state
            else None
            for part in ("anchor", "background")
        )
        assert anchor is not None
        units = OutputScale(state["loss"], state["unit"])
        kind, values = state["code"]
        model = cls(
            anchor,
            units,
            state["linear"],
            box=state["box"],
            whitening=state["whitening"],
            code=LATENTS[kind](**values),
            bounded=state["bounded"],
            background=background,
        )
        weights = {
            name.removeprefix("network."): value
            for name, value in state.items()
            if name.startswith("network.")
        }
        if not weights:
            return model
        k, d = anchor.components.shape
        sizes: dict[str, Any] = {
            "outputs": model.code.outputs(k),
            "noise": "noise.bias" in weights,
        }
        if "factory" in state:
            gains, factory = "encoder.gain.bias" in weights, state["factory"]
            if isinstance(factory, dict):
                factory = Convolutions(**factory)
            sizes["seed"] = state["seed"]
            architecture = ModuleArchitecture(d, k, factory, gains=gains, **sizes)
        else:
            hidden, activation = tuple(state["hidden"]), state["activation"]
            sizes["shortcuts"] = model.linear
            architecture = DenseArchitecture(d, k, hidden, activation, **sizes)
        return replace(model, architecture=architecture, weights=weights)
