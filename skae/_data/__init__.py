"""Samples as NumPy arrays: sources, weighted selections of them, statistics, splits.

What reads data or counts samples lives here; nothing that knows a model may enter.
"""
