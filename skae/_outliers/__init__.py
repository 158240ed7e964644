"""The outlier detector: scalings, denoisers, neighbors, and how they are combined.

Everything that scores, calibrates or explains outliers lives here; nothing that an
autoencoder needs may enter.
"""
