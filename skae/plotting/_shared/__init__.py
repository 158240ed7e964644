"""What several displays share: axes, colours, grids of cells, and reading X.

No display may enter, and matplotlib is imported inside functions only.
"""
