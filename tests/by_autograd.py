"""The formulas of the networks once more, written for autograd to differentiate."""

import math

import torch
import torch.nn.functional as F
from torch.distributions import Bernoulli, Normal, kl_divergence

from skae._nn.latents import GaussianLatent, PlainLatent

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


def _linear(views, name, x):
    return x @ views[f"{name}.weight"] + views[f"{name}.bias"]


def encoder(views, architecture, x):
    """Return the outputs of a dense encoder."""
    phi, last = PHI[architecture.activation], len(architecture.hidden_layer_sizes)
    n_skip = architecture.encoder_widths[-1] if architecture.has_skip else 0
    skip = 0.0
    for i in range(last + 1):
        x = _linear(views, f"encoder.{i}", x)
        if i == 0 and n_skip:
            x, skip = x[..., :-n_skip], x[..., -n_skip:]
        x = phi(x) if i < last else x
    return x + skip


def decoder(views, architecture, clipped):
    """Return the output of a dense decoder for codes that are clipped already."""
    phi, last = PHI[architecture.activation], len(architecture.hidden_layer_sizes)
    x = clipped
    for i in range(last + 1):
        if i == last and architecture.has_skip:
            x = torch.cat([x, clipped], -1)
        x = _linear(views, f"decoder.{i}", x)
        x = phi(x) if i < last else x
    return x


def latent_layer(latent, outputs, context, weight=0.0):
    """Return the decoder's input in the first step, and the penalty of the codes.

    ``weight`` is that of a penalty on mean activations.
    """
    if isinstance(latent, PlainLatent):
        ones = torch.ones_like(outputs)
        kept = latent.layer(outputs.shape[-1], context).forward(ones)
        return outputs * kept, 0.0
    if isinstance(latent, GaussianLatent):
        return _gaussian(latent, outputs, context)
    rho = latent.sparsity
    if latent.penalty == "topk":
        n_active = round(rho * outputs.shape[-1])
        least = outputs.topk(n_active, dim=-1).values.amin(-1, keepdim=True)
        codes, penalty = torch.sigmoid(outputs) * (outputs >= least), 0.0
    else:
        codes = torch.sigmoid(outputs + math.log(rho / (1 - rho)))
        value = codes.mean(-2)
        if latent.penalty == "kl":
            target = torch.full_like(value, rho)
            value = kl_divergence(Bernoulli(target), Bernoulli(value))
        penalty = weight * outputs.shape[-2] * value.mean(-1).sum()
    return (codes - rho) / math.sqrt(rho * (1 - rho)), penalty


def _gaussian(latent, outputs, context):
    mean, change = outputs.chunk(2, -1)
    log_variance, warmup = change.clamp(-8, 4), latent.warmup * context.n_steps
    if context.initial_log_variance is not None:
        log_variance, warmup = log_variance + context.initial_log_variance, 0
    posterior = Normal(mean, (log_variance / 2).exp())
    noise = torch.empty_like(mean).normal_(generator=context.generator)
    divergence = kl_divergence(posterior, Normal(0.0, 1.0)).sum()
    weight = latent.beta if warmup <= 1 else latent.beta / warmup
    return mean + posterior.stddev * noise, weight * divergence


def jacobian_penalty(penalty, encode, inputs, like):
    """Return a contractive penalty, from signs that its generator draws."""
    x = inputs.clone().requires_grad_()
    signs = torch.empty_like(like).bernoulli_(generator=penalty.generator) * 2 - 1
    v = signs * penalty.code_scale
    (product,) = torch.autograd.grad((encode(x) * v).sum(), x, create_graph=True)
    if penalty.skip is not None:
        product = product + v @ penalty.skip.mT
    return penalty.weight * (product * penalty.input_scale).square().sum()


def exact_jacobian_penalty(penalty, encoder, like):
    """Return the penalty of each sample, summed over the codes instead of drawn."""
    total = 0.0
    for j in range(like.shape[-1]):
        v = torch.zeros_like(like)
        v[..., j] = penalty.code_scale[..., j]
        product = encoder.vjp(v)
        if penalty.skip is not None:
            product = product + v @ penalty.skip.mT
        total = total + (product * penalty.input_scale).square().sum(-1)
    return penalty.weight * total
