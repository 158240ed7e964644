"""Factories of small torch modules."""

from torch import nn


def dense(n_features, n_components):
    encoder = nn.Sequential(
        nn.Linear(n_features, 7), nn.Tanh(), nn.Linear(7, n_components)
    )
    decoder = nn.Sequential(
        nn.Linear(n_components, 5), nn.SiLU(), nn.Linear(5, n_features, bias=False)
    )
    return encoder, decoder


def batch_normalized(n_features, n_components):
    encoder, decoder = dense(n_features, n_components)
    return encoder.append(nn.BatchNorm1d(n_components)), decoder
