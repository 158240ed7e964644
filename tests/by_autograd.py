"""The formulas of the package once more, written for autograd to differentiate."""

import math

import torch
import torch.nn.functional as F
from torch.distributions import Bernoulli, Normal, kl_divergence

from skae._nn.latents.base import PlainLatent
from skae._nn.latents.gaussian import GaussianLatent

PHI = {
    "elu": F.elu,
    "gelu": lambda x: F.gelu(x, approximate="tanh"),
    "identity": lambda x: x,
    "leaky_relu": lambda x: F.leaky_relu(x, 0.01),
    "logistic": torch.sigmoid,
    "relu": torch.relu,
    "silu": F.silu,
    "tanh": torch.tanh,
}


def leaves(params):
    """Return copies of all parameters that gradients can be asked for."""
    return {name: v.clone().requires_grad_() for name, v in params.views.items()}


def _dense(views, name, x):
    return x @ views[f"{name}.weight"] + views[f"{name}.bias"]


def encoder(views, architecture, x):
    """Return the outputs of a dense encoder."""
    phi, last = PHI[architecture.activation], len(architecture.hidden)
    bypass = architecture.encoder[-1] if architecture.straight else 0
    straight = 0.0
    for i in range(last + 1):
        x = _dense(views, f"encoder.{i}", x)
        if i == 0 and bypass:
            x, straight = x[..., :-bypass], x[..., -bypass:]
        x = phi(x) if i < last else x
    return x + straight


def decoder(views, architecture, seen):
    """Return the output of a dense decoder for the codes that it sees."""
    phi, last, x = PHI[architecture.activation], len(architecture.hidden), seen
    for i in range(last + 1):
        if i == last and architecture.straight:
            x = torch.cat([x, seen], -1)
        x = _dense(views, f"decoder.{i}", x)
        x = phi(x) if i < last else x
    return x


def code_layer(kind, outputs, context, weight=0.0):
    """Return the codes as a decoder sees them in the first step, and their penalty.

    ``weight`` is that of a penalty on mean activations.
    """
    if isinstance(kind, PlainLatent):
        ones = torch.ones_like(outputs)
        kept = kind.layer(outputs.shape[-1], context).forward(ones)
        return outputs * kept, 0.0
    if isinstance(kind, GaussianLatent):
        return _gaussian(kind, outputs, context)
    rho = kind.sparsity
    if kind.penalty == "topk":
        n_active = round(rho * outputs.shape[-1])
        least = outputs.topk(n_active, dim=-1).values.amin(-1, keepdim=True)
        codes, penalty = torch.sigmoid(outputs) * (outputs >= least), 0.0
    else:
        codes = torch.sigmoid(outputs + math.log(rho / (1 - rho)))
        usual = codes.mean(-2)
        if kind.penalty == "kl":
            asked = torch.full_like(usual, rho)
            usual = kl_divergence(Bernoulli(asked), Bernoulli(usual))
        penalty = weight * outputs.shape[-2] * usual.mean(-1).sum()
    return (codes - rho) / math.sqrt(rho * (1 - rho)), penalty


def _gaussian(kind, outputs, context):
    mean, change = outputs.chunk(2, -1)
    log_variance, warm = change.clamp(-8, 4), kind.warmup * context.n_steps
    if context.log_variance is not None:
        log_variance, warm = log_variance + context.log_variance, 0
    posterior = Normal(mean, (log_variance / 2).exp())
    noise = torch.empty_like(mean).normal_(generator=context.generator)
    divergence = kl_divergence(posterior, Normal(0.0, 1.0)).sum()
    weight = kind.beta if warm <= 1 else kind.beta / warm
    return mean + posterior.stddev * noise, weight * divergence


def contraction(penalty, encode, inputs, like):
    """Return a contractive penalty, from signs that its generator draws."""
    x = inputs.clone().requires_grad_()
    signs = torch.empty_like(like).bernoulli_(generator=penalty.generator) * 2 - 1
    v = signs * penalty.codes
    (product,) = torch.autograd.grad((encode(x) * v).sum(), x, create_graph=True)
    if penalty.linear is not None:
        product = product + v @ penalty.linear.mT
    return penalty.weight * (product * penalty.inputs).square().sum()


def exact_contraction(penalty, encoder, like):
    """Return the penalty of each row, summed over the codes instead of drawn."""
    total = 0.0
    for j in range(like.shape[-1]):
        v = torch.zeros_like(like)
        v[..., j] = penalty.codes[..., j]
        product = encoder.pull(v)
        if penalty.linear is not None:
            product = product + v @ penalty.linear.mT
        total = total + (product * penalty.inputs).square().sum(-1)
    return penalty.weight * total
