"""Dense networks with random weights and what autograd makes of them."""

import torch
from by_autograd import decoder, encoder, jacobian_penalty, latent_layer, leaves

from skae._nn.activations import ACTIVATIONS
from skae._nn.architecture import DenseArchitecture
from skae._nn.autoencoder import AutoencoderNetwork, Batch
from skae._nn.heads import LinearHead, LogitHead
from skae._nn.jacobian_penalty import JacobianPenalty
from skae._nn.latents import LatentContext, PlainLatent
from skae._nn.losses import LOSSES, GaussianNLL, Huber
from skae._nn.parameters import ParameterBuffer

CPU = torch.device("cpu")
PLAIN = PlainLatent()
ENCODERS = [  # activation, hidden layer sizes, whether anchored, whether with a skip
    *((activation, (7, 5), True, True) for activation in ACTIVATIONS),
    ("tanh", (7, 6, 5), True, True),
    ("tanh", (7,), True, True),
    ("tanh", (), True, True),
    ("silu", (7, 5), False, True),
    ("silu", (7, 5), False, False),
    ("silu", (), False, False),
]


def uniform(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(shape, generator=generator, dtype=torch.float64) + 0.5


class DenseEncoder:
    """An encoder after a forward pass, and its Jacobian."""

    n_features, n_components, batch_size = 6, 3, 4

    def __init__(
        self, activation="silu", hidden_layer_sizes=(7, 5), anchored=True, skip=True
    ):
        self.architecture = DenseArchitecture(
            self.n_features,
            self.n_components,
            hidden_layer_sizes,
            activation,
            skip=skip,
        )
        self.params = ParameterBuffer(
            self.architecture.shapes(), dtype=torch.float64, device=CPU
        )
        self.params.flat.uniform_(-1, 1, generator=torch.Generator().manual_seed(0))
        self.inputs = uniform(self.batch_size, self.n_features) - 1
        self.encoder, _ = self.architecture.build(
            self.params, None, None, self.batch_size
        )
        self.encoder.forward(self.inputs)
        shape = self.n_features, self.n_components
        self.anchor = uniform(*shape, seed=1) if anchored else None
        self.like = torch.zeros(self.batch_size, self.n_components).double()

    def penalty(self, seed=0):
        generator = torch.Generator().manual_seed(seed)
        code_scale = uniform(1, self.n_components, seed=2)
        input_scale = uniform(1, self.n_features, seed=3)
        return JacobianPenalty(0.3, code_scale, input_scale, self.anchor, generator)

    def jacobians(self):
        """Return the Jacobian of each sample, (samples, codes, inputs)."""

        def encode(sample):
            return encoder(self.params.views, self.architecture, sample[None])[0]

        return torch.func.vmap(torch.func.jacrev(encode))(self.inputs)

    def expected_penalty(self):
        """Return the penalty of each sample."""
        jacobians = self.jacobians()
        if self.anchor is not None:
            jacobians = jacobians + self.anchor.mT
        penalty = self.penalty()
        jacobians = jacobians * penalty.code_scale.mT * penalty.input_scale
        return 0.3 * jacobians.square().sum((-2, -1))


class DenseAutoencoder:
    """An autoencoder, a batch, and its loss and gradients through autograd."""

    def __init__(
        self,
        hidden_layer_sizes=(7, 5),
        activation="silu",
        loss="squared_error",
        n_models=None,
        anchored=True,
        dtype=torch.float64,
        sizes=(9, 3, 11),
        latent=PLAIN,
        penalized=False,
    ):
        d, k, batch_size = sizes
        generator = torch.Generator().manual_seed(0)

        def draw(*shape, low=-1.0, high=1.0):
            lead = () if n_models is None else (n_models,)
            uniform = torch.rand(*lead, *shape, generator=generator, dtype=dtype)
            return uniform * (high - low) + low

        normal = loss == "normal"
        self.architecture = DenseArchitecture(
            d, k, hidden_layer_sizes, activation, anchored, latent.n_outputs(k), normal
        )
        shapes = self.architecture.shapes()
        self.params = ParameterBuffer(
            shapes, n_models=n_models, dtype=dtype, device=CPU
        )
        self.grads = self.params.zeros_like()
        self.params.flat.uniform_(-0.6, 0.6, generator=generator)
        if normal:
            self.loss = self.gaussian_nll()
        elif loss == "huber":
            self.loss = Huber(weight=0.7, delta=0.5)
        else:
            self.loss = LOSSES[loss](weight=0.7)
        size = 0.1 if self.loss.is_logit else 1.0
        self.skip = draw(k, d, low=-size, high=size) if anchored else None
        self.scale = draw(1, d, low=0.5, high=1.5)
        self.mean = draw(1, d, low=0.2, high=0.8)
        self.clip = None
        if anchored:
            self.clip = draw(1, k, low=-2.0, high=0.0), draw(1, k, low=0.0, high=2.0)
        scores = draw(batch_size, k, low=-2.0, high=2.0) if anchored else None
        self.batch = Batch(
            draw(batch_size, d, low=-2.0, high=2.0),
            scores,
            draw(batch_size, d, low=0.0),
        )
        self.latent, self.penalized = latent, penalized
        self.initial_log_variance = draw(1, k) if anchored else None
        self.encoder_skip = draw(d, k) if anchored else None
        self.scales = draw(1, k, low=0.5), draw(1, d, low=0.5)

    def context(self):
        generator = torch.Generator().manual_seed(1)
        return LatentContext(generator, 10, self.initial_log_variance)

    def gaussian_nll(self):
        log_variance, grad = (p.views["noise.bias"] for p in (self.params, self.grads))
        return GaussianNLL(0.7).bound_to(log_variance, grad=grad)

    def penalty(self):
        generator = torch.Generator().manual_seed(2)
        return JacobianPenalty(0.4, *self.scales, self.encoder_skip, generator)

    def move_to(self, device):
        flat, shapes = self.params.flat, self.architecture.shapes()
        self.params, self.grads = (
            ParameterBuffer(
                shapes, n_models=self.params.n_models, dtype=flat.dtype, device=device
            )
            for _ in range(2)
        )
        self.params.flat.copy_(flat)
        if isinstance(self.loss, GaussianNLL):
            self.loss = self.gaussian_nll()
        self.skip = None if self.skip is None else self.skip.to(device)
        self.scale, self.mean = self.scale.to(device), self.mean.to(device)
        if self.clip is not None:
            self.clip = tuple(bound.to(device) for bound in self.clip)
        self.batch = Batch(*(None if t is None else t.to(device) for t in self.batch))

    def head(self):
        if self.loss.is_logit:
            return LogitHead(self.skip, self.mean)
        return LinearHead(self.skip, self.scale)

    def network(self, networks=None):
        """Return the autoencoder, or another with these encoder and decoder."""
        *_, batch_size, _ = self.batch.inputs.shape
        if networks is None:
            networks = self.architecture.build(
                self.params, self.grads, self.clip, batch_size
            )
        return AutoencoderNetwork(
            *networks,
            self.head(),
            self.latent.layer(self.architecture.n_components, self.context()),
            self.penalty() if self.penalized else None,
        )

    def autograd(self, weight=0.0):
        """Return the loss and the gradient of every parameter."""
        views, (inputs, scores, targets, _) = leaves(self.params), self.batch
        outputs = encoder(views, self.architecture, inputs)
        if scores is not None:
            n_more = outputs.shape[-1] - scores.shape[-1]
            outputs = outputs + torch.nn.functional.pad(scores, (0, n_more))
        codes, loss = latent_layer(self.latent, outputs, self.context(), weight)
        clipped = codes if self.clip is None else codes.clamp(*self.clip)
        raw = decoder(views, self.architecture, clipped)
        base = 0.0 if self.skip is None else codes @ self.skip
        if self.loss.is_logit:
            y = torch.logit((self.mean + base).clamp(0.01, 0.99)) + raw
        else:
            y = base + self.scale * raw
        if isinstance(self.loss, GaussianNLL):
            log_variance = 5 * views["noise.bias"]
            terms = (y - targets).square() / log_variance.exp() + log_variance
            loss = loss + 0.7 * 0.5 * terms.sum()
        else:
            loss = loss + self.loss.per_sample(y, targets).sum()
        if self.penalized:

            def encode(x):
                return encoder(views, self.architecture, x)

            loss = loss + jacobian_penalty(self.penalty(), encode, inputs, codes)
        loss.backward()
        return loss.detach(), {name: view.grad for name, view in views.items()}
