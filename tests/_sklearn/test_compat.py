"""Private names of scikit-learn are imported in one place."""

import ast
from collections import Counter
from pathlib import Path

import pytest

from skae._sklearn import compat

PACKAGE = Path(compat.__file__).parents[1]
COMPAT = Path(compat.__file__)
FILES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))


def sklearn_names(path):
    """Every name of scikit-learn that a file imports, with its module."""
    names = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return [name for name in names if name.split(".")[0] == "sklearn"]


def is_private(name):
    return any(part.startswith("_") for part in name.split("."))


@pytest.mark.parametrize("file", [f for f in FILES if f != "_sklearn/compat.py"])
def test_compat_has_all_private_imports(file):
    assert [name for name in sklearn_names(PACKAGE / file) if is_private(name)] == []


def test_compat_imports_each_private_name_once():
    counts = Counter(sklearn_names(COMPAT))
    assert counts
    assert all(is_private(name) for name in counts)
    assert set(counts.values()) == {1}


def test_compat_says_what_each_name_is_for():
    lines = COMPAT.read_text().splitlines()
    paragraphs = "\n".join(lines).split("\n\n")
    imports = [text for text in paragraphs if "from sklearn" in text]
    assert imports
    assert all(text.startswith("# ") for text in imports)


def test_compat_exports_what_is_used():
    used = set()
    for file in FILES:
        for node in ast.walk(ast.parse((PACKAGE / file).read_text())):
            if isinstance(node, ast.ImportFrom) and str(node.module).endswith("compat"):
                used.update(alias.name for alias in node.names)
    assert used == set(compat.__all__)


@pytest.mark.parametrize("package", ["_nn", "_data", "_pca"])
def test_compat_is_not_used_below_it(package):
    paths = list((PACKAGE / package).rglob("*.py"))
    assert paths
    assert not any("_sklearn" in path.read_text() for path in paths)
