"""Models: the network over its anchors, its objective, and what is kept of a fit.

What turns samples into latent codes and back lives here; nothing that trains or chooses
a model may enter.
"""
