"""Configuration of Sphinx."""

from importlib.metadata import version as installed_version

project = "skae"
author = "The skae developers"
copyright = f"2026, {author}"
release = version = installed_version("skae")

extensions = ["numpydoc", "sphinx.ext.autodoc"]
exclude_patterns = ["_build"]
html_theme = "pydata_sphinx_theme"
