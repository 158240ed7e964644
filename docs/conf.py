"""Configuration of Sphinx."""

import re
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from docutils import nodes
from docutils.utils import get_source_line

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]  # the gallery's order, and skae itself

from skae import __version__  # noqa: E402 - on the path that is set above

project = "skae"
author = "The skae developers"
copyright = f"2026, {author}"
release = version = __version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx.ext.mathjax",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
    "myst_parser",
    "numpydoc",
]
# Files that other pages include, and outputs of builds.
exclude_patterns = ["_build", "tables"]
templates_path = ["_templates"]
# `name` is a link if there is an object of that name, and code otherwise.
default_role = "py:obj"
nitpicky = True
nitpick_ignore_regex = [(r"py:.*", r"(?!skae\.).*")]

# -- API pages -------------------------------------------------------------------------

autosummary_generate = True
autodoc_typehints = "none"
toc_object_entries_show_parents = "hide"
numpydoc_show_class_members = False  # the templates list them
numpydoc_class_members_toctree = False


def plain_shapes(app, what, name, obj, options, lines):
    """Escape ``n_components_`` in a shape, which is not a reference."""
    lines[:] = [
        re.sub(r"_(?=[,)])", r"\\_", line) if " of shape (" in line else line
        for line in lines
    ]


# -- Other projects --------------------------------------------------------------------

INVENTORIES = HERE / "_build" / "inventories"
PROJECTS = {
    "python": "https://docs.python.org/3/",
    "numpy": "https://numpy.org/doc/stable/",
    "scipy": "https://docs.scipy.org/doc/scipy/",
    "sklearn": "https://scikit-learn.org/stable/",
    "torch": "https://docs.pytorch.org/docs/stable/",
    "matplotlib": "https://matplotlib.org/stable/",
    "pandas": "https://pandas.pydata.org/docs/",
}


def inventory(name):
    """Return the path of a project's inventory, None without a network."""
    path = INVENTORIES / f"{name}.inv"
    if not path.exists():
        try:
            with urlopen(PROJECTS[name] + "objects.inv", timeout=5) as answer:
                content = answer.read()
        except (URLError, OSError):
            return None
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return str(path)


with ThreadPoolExecutor() as pool:
    found = dict(zip(PROJECTS, pool.map(inventory, PROJECTS), strict=True))
# Without a network there are fewer links, and no warnings.
intersphinx_mapping = {
    name: (PROJECTS[name], path) for name, path in found.items() if path
}


def unlinked(app, env, node, contnode):
    """Return plain text for references to its pages in scikit-learn's docstrings."""
    if "docstring of sklearn." not in (get_source_line(node)[0] or ""):
        return None
    if node["reftarget"].startswith("sphx_glr_"):  # no text for readers
        return nodes.Text("scikit-learn's gallery")
    return contnode


# -- Equations -------------------------------------------------------------------------

# MathJax comes from a package, so that equations need no network.
MATHJAX = Path(find_spec("sphinx-mathjax-offline").origin).parent / "static" / "mathjax"
mathjax_path = "mathjax/tex-svg.js"


def copy_mathjax(app):
    """Copy the parts of MathJax that pages load."""
    from sphinx.util.fileutil import copy_asset

    if app.builder.format != "html":
        return
    target = Path(app.outdir) / "_static" / "mathjax"
    copy_asset(MATHJAX / "tex-svg.js", target)
    copy_asset(MATHJAX / "input" / "tex", target / "input" / "tex")


# -- Gallery ---------------------------------------------------------------------------

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"\.py$",
    "ignore_pattern": r"(^|[/\\])(_[^/\\]*|quickstart)\.py$",
    "within_subsection_order": "_gallery_order.GalleryOrder",
    "image_scrapers": ("matplotlib",),
    "image_srcset": ["2x"],
    "abort_on_example_error": True,
    "doc_module": ("skae",),
    "backreferences_dir": "api/backreferences",
    "log_level": {"backreference_missing": "debug"},  # not all have an example
    "write_computation_times": False,
    "show_signature": False,
    "download_all_examples": False,
}

# -- Copies ----------------------------------------------------------------------------

copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
copybutton_selector = "div:not(.sphx-glr-script-out) > div.highlight pre"

# -- HTML ------------------------------------------------------------------------------

html_theme = "pydata_sphinx_theme"
html_title = "skae"
html_static_path = ["_static"]
html_css_files = ["custom.css"]
html_show_sourcelink = False
html_theme_options = {
    "logo": {"text": "skae"},
    "use_edit_page_button": False,
    "navbar_end": ["theme-switcher"],
    "header_links_before_dropdown": 6,
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "show_prev_next": False,
    "footer_start": ["copyright"],
    "footer_end": [],
}
ALONE = "index install performance migration internals contributing changelog"
html_sidebars = {name: [] for name in ALONE.split()}  # pages without a section


def setup(app):
    """Connect the functions above."""
    app.connect(
        "autodoc-process-docstring", plain_shapes, priority=400
    )  # numpydoc: 500
    app.connect("builder-inited", copy_mathjax)
    app.connect("missing-reference", unlinked, priority=900)  # after intersphinx
