"""Autoencoders of torch modules: convolutions, a user's own network.

A module's parameters (and its floating-point buffers, such as running means) are made
views of the one flat buffer, so the loop, the optimizer and the files are those of
dense networks. Autograd works inside each module; head, code layer and loss are the
same hand-derived pieces.

With an anchor, a module's output is multiplied with a gain that starts at zero
(ReZero), so that the network starts as its skip path whatever the module is. A gain for
each unit would be free to take the sign of each unit's random start, which costs a
tenth.

References
----------
Bachlechner, T. et al. (2021). ReZero is all you need: fast convergence at large depth.
UAI.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor, nn

from skae._nn.parameters import ParameterBuffer, Shapes
from skae._nn.runtime import global_seed

from .adapters import ModuleDecoder, ModuleEncoder

Factory = Callable[[int, int], tuple[nn.Module, nn.Module]]
PARTS = ("encoder", "decoder")
Pair = tuple[nn.Module, nn.Module]


def _arrays(pair: Pair) -> dict[str, Tensor]:
    """Return what a pair of modules keeps, by names that say what decays.

    What both share (tied weights) is there once.
    """
    both = nn.ModuleDict(dict(zip(PARTS, pair, strict=True)))
    arrays: dict[str, Tensor] = {}
    for name, value in both.named_parameters():
        decays = value.requires_grad and value.ndim > 1
        arrays[f"{name}.{'weight' if decays else 'bias'}"] = value
    for name, value in both.named_buffers():
        if value.is_floating_point():
            arrays[f"{name}.bias"] = value
    return arrays


def _bind(
    pair: Pair,
    params: ParameterBuffer,
    grads: ParameterBuffer | None,
    model: int | None,
) -> None:
    """Make what the modules keep views of the flat buffers."""

    def of(where: ParameterBuffer, name: str) -> Tensor:
        return where.views[name] if model is None else where.views[name][model]

    for module in pair:
        module.to(params.flat.device, params.flat.dtype).train(grads is not None)
    for name, value in _arrays(pair).items():
        value.data = of(params, name)
        if grads is None:
            value.requires_grad_(False)
        elif value.requires_grad:
            value.grad = of(grads, name)


@dataclass(frozen=True)
class ModuleArchitecture:
    """Sizes of an autoencoder of two modules.

    Attributes
    ----------
    n_features, n_components : int
        Columns and codes.
    factory : callable
        ``factory(n_features, n_components)`` returns encoder and decoder.
    gains : bool, default=True
        Whether encoder and decoder have gains that start at zero.
    outputs : int or None, default=None
        Units of the encoder's output, where that is not the number of codes.
    noise : bool, default=False
        Whether there is a variance of each feature to learn.
    seed : int, default=0
        Seed of the modules' own initialisation.
    """

    n_features: int
    n_components: int
    factory: Factory
    gains: bool = True
    outputs: int | None = None
    noise: bool = False
    seed: int = 0
    _made: list[nn.Module] = field(
        default_factory=list[nn.Module], compare=False, repr=False
    )

    def build(self, seed: int) -> Pair:
        """Return new modules; the global random state is left as it was.

        The same seed makes the same modules, with all that is random in them beside
        what is in the flat buffer.
        """
        with torch.inference_mode(False), global_seed(seed):
            pair = self.factory(self.n_features, self.n_components)
            if (
                not isinstance(pair, tuple)
                or len(pair) != 2
                or not all(isinstance(half, nn.Module) for half in pair)
            ):
                raise TypeError(
                    "network must return two torch.nn.Module, encoder and decoder; it "
                    f"returned {type(pair).__name__}."
                )
            self._check(pair)
            if any(half is old for half in pair for old in self._made):
                raise ValueError("network must make new modules at each call.")
            self._made[:] = pair
        return pair

    def _check(self, pair: Pair) -> None:
        """Pass two rows through each half."""
        outputs = self.outputs or self.n_components
        sizes = ((self.n_features, outputs), (self.n_components, self.n_features))
        for part, module, (n_in, n_out) in zip(PARTS, pair, sizes, strict=True):
            message = f"network's {part} must turn rows of {n_in} into rows of {n_out}"
            first = next(module.parameters(), torch.zeros(()))
            module.eval()
            try:
                with torch.no_grad():
                    y = module(torch.zeros(2, n_in, dtype=first.dtype))
            except Exception as error:
                raise ValueError(f"{message}; two rows raised: {error}") from error
            if not isinstance(y, Tensor) or tuple(y.shape) != (2, n_out):
                shape = tuple(getattr(y, "shape", ()))
                raise ValueError(
                    f"{message}; two rows became {type(y).__name__} of shape {shape}."
                )

    @cached_property
    def _template(self) -> Pair:
        return self.build(self.seed)

    def shapes(self) -> Shapes:
        """Return the shape of every parameter by name."""
        shapes: dict[str, tuple[int, ...]] = {}
        for name, value in _arrays(self._template).items():
            shapes[name] = tuple(value.shape)
        if self.gains:
            shapes |= {"encoder.gain.bias": (1, 1), "decoder.gain.bias": (1, 1)}
        if self.noise:
            shapes["noise.bias"] = (1, self.n_features)
        return shapes

    def corrections(self, params: ParameterBuffer) -> list[Tensor]:
        """Return views of what starts at zero: gains and variances."""
        names = ("encoder.gain.bias", "decoder.gain.bias", "noise.bias")
        return [params.views[name] for name in names if name in params.views]

    def initialise(
        self, params: ParameterBuffer, generator: torch.Generator, *, zero: bool
    ) -> None:
        """Copy the modules' own initial values; each of several models has others."""
        params.flat.zero_()
        for m in range(params.n_models or 1):
            for name, value in _arrays(self.build(self.seed + m)).items():
                view = params.views[name]
                (view if params.n_models is None else view[m]).copy_(value.detach())
        if self.gains and not zero:
            for part in PARTS:
                params.views[f"{part}.gain.bias"].fill_(1.0)

    def halves(
        self,
        params: ParameterBuffer,
        grads: ParameterBuffer | None,
        clip: tuple[Tensor, Tensor] | None,
        rows: int,
    ) -> tuple["ModuleEncoder", "ModuleDecoder"]:
        """Return encoder and decoder over these parameters."""
        models = [None] if params.n_models is None else range(params.n_models)
        built: list[Pair] = []
        for model in models:
            pair = self.build(self.seed + (model or 0))
            _bind(pair, params, grads, model)
            built.append(pair)
        encoders, decoders = zip(*built, strict=True)
        return (
            ModuleEncoder("encoder", encoders, params, grads),
            ModuleDecoder("decoder", decoders, params, grads, clip),
        )
