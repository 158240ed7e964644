"""The architecture of an autoencoder of two torch modules.

The parameters of a module (and its floating-point buffers, such as running means)
become views of the flat buffer, so training loop, optimizer and saved models are those
of dense networks. Autograd works inside each module; output head, latent layer and loss
are the same hand-derived parts.

With an anchor, a module's output is multiplied by a gain that starts at zero (ReZero),
so that the network starts as its skip path whatever the module is. It is one gain, for
a gain per output would follow the sign of that output's random start, which costs a
tenth of the improvement.

References
----------
Bachlechner, T. et al. (2021). ReZero is all you need: fast convergence at large depth.
UAI.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

import torch
from torch import Tensor, nn

from skae._nn.parameters import ParameterBuffer, Shapes
from skae._nn.runtime import default_placement, global_seed, is_out_of_memory

from .adapters import ModuleDecoder, ModuleEncoder

Factory = Callable[[int, int], tuple[nn.Module, nn.Module]]
PARTS = ("encoder", "decoder")
Pair = tuple[nn.Module, nn.Module]


def _arrays(pair: Pair) -> dict[str, Tensor]:
    """Return parameters and buffers, by names that tell which of them decay.

    What both modules share (tied weights) is there once.
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
    """Make parameters and buffers of the modules views of the flat buffers."""

    def view(buffer: ParameterBuffer, name: str) -> Tensor:
        return buffer.views[name] if model is None else buffer.views[name][model]

    for module in pair:
        module.to(params.flat.device, params.flat.dtype).train(grads is not None)
    for name, value in _arrays(pair).items():
        value.data = view(params, name)
        if grads is None:
            value.requires_grad_(False)
        elif value.requires_grad:
            value.grad = view(grads, name)


@dataclass(frozen=True)
class ModuleArchitecture:
    """An encoder and a decoder that a factory makes.

    Attributes
    ----------
    n_features, n_components : int
        Number of features and of latent codes.
    factory : callable
        ``factory(n_features, n_components)`` returns encoder and decoder.
    gains : bool, default=True
        Whether encoder and decoder have gains that start at zero.
    n_outputs : int or None, default=None
        Size of the encoder's output; None for the number of codes.
    learns_variance : bool, default=False
        Whether the noise variance of each feature is a parameter, too.
    seed : int, default=0
        Seed of the modules' own initialization.
    """

    uses_autograd: ClassVar[bool] = True
    n_features: int
    n_components: int
    factory: Factory
    gains: bool = True
    n_outputs: int | None = None
    learns_variance: bool = False
    seed: int = 0
    _made: list[nn.Module] = field(
        default_factory=list[nn.Module], compare=False, repr=False
    )

    def make_modules(self, seed: int, device: str = "cpu") -> Pair:
        """Return new modules, and restore the global random state.

        The same seed makes the same modules, also in what is random in them but not
        part of the flat buffer. PyTorch's defaults do not matter: they are built in
        float32, on the CPU or the meta device, which takes no memory.
        """
        with torch.inference_mode(False), global_seed(seed), default_placement(device):
            pair = self.factory(self.n_features, self.n_components)
            if (
                not isinstance(pair, tuple)
                or len(pair) != 2
                or not all(isinstance(module, nn.Module) for module in pair)
            ):
                raise TypeError(
                    "network must return two torch.nn.Module, encoder and decoder; it "
                    f"returned {type(pair).__name__}."
                )
            self._check(pair)
            if any(module is old for module in pair for old in self._made):
                raise ValueError("network must make new modules at each call.")
            self._made[:] = pair
        return pair

    def _check(self, pair: Pair) -> None:
        """Raise an error unless two samples pass through each module."""
        n_outputs = self.n_outputs or self.n_components
        sizes = ((self.n_features, n_outputs), (self.n_components, self.n_features))
        for part, module, (n_in, n_out) in zip(PARTS, pair, sizes, strict=True):
            message = (
                f"network's {part} must turn samples of {n_in} values into {n_out}"
            )
            first = next(module.parameters(), torch.zeros(()))
            module.eval()
            try:
                with torch.no_grad():
                    y = module(torch.zeros(2, n_in, dtype=first.dtype))
            except Exception as error:
                if is_out_of_memory(error):
                    raise
                raise ValueError(f"{message}; two samples raised: {error}") from error
            if not isinstance(y, Tensor) or tuple(y.shape) != (2, n_out):
                shape = tuple(getattr(y, "shape", ()))
                raise ValueError(
                    f"{message}; two samples became {type(y).__name__} of shape "
                    f"{shape}."
                )

    @cached_property
    def _template(self) -> Pair:
        return self.make_modules(self.seed)

    def shapes(self) -> Shapes:
        """Return the shape of every parameter by name."""
        return self._shapes(self._template)

    def shapes_without_memory(self) -> Shapes:
        """Return the same, of modules that take no memory for their values."""
        return self._shapes(self.make_modules(self.seed, "meta"))

    def _shapes(self, pair: Pair) -> Shapes:
        shapes: dict[str, tuple[int, ...]] = {}
        for name, value in _arrays(pair).items():
            shapes[name] = tuple(value.shape)
        if self.gains:
            shapes |= {"encoder.gain.bias": (1, 1), "decoder.gain.bias": (1, 1)}
        if self.learns_variance:
            shapes["noise.bias"] = (1, self.n_features)
        return shapes

    def zero_initialized(self, params: ParameterBuffer) -> list[Tensor]:
        """Return views of gains and variances."""
        names = ("encoder.gain.bias", "decoder.gain.bias", "noise.bias")
        return [params.views[name] for name in names if name in params.views]

    def initialize(
        self, params: ParameterBuffer, generator: torch.Generator, *, zero: bool
    ) -> None:
        """Copy the modules' own first values, which differ from model to model."""
        params.flat.zero_()
        for m in range(params.n_models or 1):
            for name, value in _arrays(self.make_modules(self.seed + m)).items():
                view = params.views[name]
                (view if params.n_models is None else view[m]).copy_(value.detach())
        if self.gains and not zero:
            for part in PARTS:
                params.views[f"{part}.gain.bias"].fill_(1.0)

    def build(
        self,
        params: ParameterBuffer,
        grads: ParameterBuffer | None,
        clip: tuple[Tensor, Tensor] | None,
        batch_size: int,
    ) -> tuple[ModuleEncoder, ModuleDecoder]:
        """Return encoder and decoder over these parameters.

        Modules take batches of any size; ``batch_size`` is there for the protocol.
        """
        models = [None] if params.n_models is None else range(params.n_models)
        pairs: list[Pair] = []
        for model in models:
            pair = self.make_modules(self.seed + (model or 0))
            _bind(pair, params, grads, model)
            pairs.append(pair)
        encoders, decoders = zip(*pairs, strict=True)
        return (
            ModuleEncoder("encoder", encoders, params, grads),
            ModuleDecoder("decoder", decoders, params, grads, clip),
        )
