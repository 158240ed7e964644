"""Principal component analysis: decompositions, anchors, and what they explain.

What is true of PCA without a network lives here; anything that trains may not enter.
"""
