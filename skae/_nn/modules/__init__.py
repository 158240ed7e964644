"""Encoders and decoders that are torch modules: convolutions and a user's own network.

:mod:`skae._nn` may enter, and whatever may enter there.
"""
