"""Fits: what to hold out, how long to train, and whether a network or PCA is kept.

What chooses between models lives here; nothing that knows an estimator may enter.
"""
