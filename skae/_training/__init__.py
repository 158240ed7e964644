"""Training: batches, the optimizer, the loop, and measurements on held-out samples.

What changes parameters lives here; nothing that decides whether a network is kept may
enter.
"""
