"""The autoencoders: one base class, and a file for each variant.

Estimators with parameters, fitted attributes and documentation live here; arithmetic
may not enter.
"""
