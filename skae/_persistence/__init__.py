"""Model files: what is written, and what is checked before a file is believed.

skops, scikit-learn and the packages of estimators may enter; nothing here imports
PyTorch before a file is written or read.
"""
