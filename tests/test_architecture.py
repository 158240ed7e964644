"""Packages of skae and what they may import; files and packages stay small.

The test knows the packages, not their modules: a new module needs no change here.
"""

import ast
import re
import subprocess
import sys
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
ROOT = TESTS.parent / "skae"

# Floors from the ground up: a package imports only packages of lower floors. A file in
# the root of skae stands for itself.
ORDER = [
    {"noise"},
    {"_nn.latents", "_nn.losses"},
    {"_nn", "_data"},
    {"_nn.modules", "_sklearn", "_pca"},
    {"_model"},
    {"_training"},
    {"_fitting", "_outliers"},
    {"_autoencoders"},
    {"metrics", "plotting._shared", "_persistence"},
    {"plotting"},
    {"skae"},
]
FLOOR = {package: floor for floor, packages in enumerate(ORDER) for package in packages}
NUMERICAL = [
    "noise",
    "_nn",
    "_nn.latents",
    "_nn.losses",
    "_nn.modules",
    "_data",
    "_pca",
]
PUBLIC = ["skae", "skae.metrics", "skae.noise", "skae.plotting"]

MAX_LINES = 300
MAX_TEST_LINES = 500
MAX_FILES = 12
MAX_CHAIN = 8


# -- what a file imports ---------------------------------------------------------------


def files():
    return sorted(ROOT.rglob("*.py"))


def name_of(path):
    return str(path.relative_to(ROOT))


def module_of(path):
    """Return the dotted name of a file below skae; a package has its own."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts) or "skae"


MODULES = {module_of(path): path for path in files()}
PACKAGES = sorted(
    module for module, path in MODULES.items() if path.name == "__init__.py"
)


def package_of(module):
    """Return the package that a module is in; modules of the root are packages."""
    if module in PACKAGES:
        return module
    return module.rpartition(".")[0] or module


def is_type_checking(node):
    names = {n.id for n in ast.walk(node.test) if isinstance(n, ast.Name)}
    return "TYPE_CHECKING" in names


def import_nodes(node, typing=False):
    """Yield imports at any depth, and whether they are for type checkers alone."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.Import, ast.ImportFrom)):
            yield child, typing
        elif isinstance(child, ast.If) and is_type_checking(child):
            for part in child.body:
                yield from import_nodes(ast.Module([part], []), True)
            for part in child.orelse:
                yield from import_nodes(ast.Module([part], []), typing)
        else:
            yield from import_nodes(child, typing)


def absolute(path, node):
    """Return the module that a `from` import names, without dots at its start."""
    if not node.level:
        return node.module
    package = ["skae", *path.relative_to(ROOT).parts[:-1]]
    base = package[: len(package) + 1 - node.level]
    return ".".join([*base, *filter(None, [node.module])])


@cache
def imports(path):
    """Return (module, name or None, whether for type checkers alone) of each import."""
    found = set()
    for node, typing in import_nodes(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {(alias.name, None, typing) for alias in node.names}
        else:
            module = absolute(path, node)
            found |= {(module, alias.name, typing) for alias in node.names}
    return found


@cache
def imports_of_skae(path):
    """Return (module below skae, whether for type checkers alone) of each import."""
    found = set()
    for module, name, typing in imports(path):
        if module.split(".")[0] == "skae":
            below = module.removeprefix("skae").removeprefix(".")
            # `from skae import noise` names a module, `from skae import VAE` a class.
            member = ".".join(filter(None, [below, name]))
            found.add((member if member in MODULES else below or "skae", typing))
    return found


def edges():
    """Return each import of one package by another, as (importer, imported)."""
    pairs = {
        (package_of(module_of(path)), package_of(module))
        for path in files()
        for module, _ in imports_of_skae(path)
    }
    return {(one, other) for one, other in pairs if one != other}


def longest_chain(counted):
    """Return the longest chain of imports among packages that are counted."""
    below = {package: set() for package in FLOOR}
    for importer, imported in edges():
        below[importer].add(imported)
    chains = {}
    for package in TopologicalSorter(below).static_order():
        longest = max((chains[other] for other in below[package]), key=len, default=())
        chains[package] = (*longest, package) if counted(package) else longest
    return max(chains.values(), key=len)


# -- order -----------------------------------------------------------------------------


def test_every_package_has_a_floor():
    assert {package_of(module) for module in MODULES} == set(FLOOR)


@pytest.mark.parametrize("path", files(), ids=name_of)
def test_imports_between_packages_run_downward(path):
    package = package_of(module_of(path))
    imported = {package_of(module) for module, _ in imports_of_skae(path)} - {package}
    assert {p for p in imported if FLOOR[p] >= FLOOR[package]} == set()


@pytest.mark.parametrize("package", sorted(FLOOR))
def test_imports_within_a_package_make_no_circle(package):
    graph = {
        module: {
            other
            for other, typing in imports_of_skae(path)
            if not typing and package_of(other) == package and other != package
        }
        for module, path in MODULES.items()
        if package_of(module) == package
    }
    list(TopologicalSorter(graph).static_order())  # raises CycleError


@pytest.mark.parametrize("path", files(), ids=name_of)
def test_imports_are_relative_within_a_package_and_absolute_between(path):
    package = package_of(module_of(path))
    if package == "skae":
        return
    for node, _ in import_nodes(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            module = absolute(path, node).removeprefix("skae.")
            inside = module in MODULES and module.startswith(package)
            assert bool(node.level) == inside, ast.unparse(node)


def test_chains_of_imports_are_short():
    # Longer by no more than what is public: noise, metrics and skae itself.
    chain = longest_chain(lambda package: package not in ("noise", "metrics", "skae"))
    assert chain[-1] in ("plotting", "_persistence")
    assert len(chain) <= MAX_CHAIN, " < ".join(chain)


# -- size ------------------------------------------------------------------------------


def n_lines(path):
    return len(path.read_text().splitlines())


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_have_few_files(package):
    names = [p.name for p in MODULES[package].parent.glob("*.py")]
    assert len(names) <= MAX_FILES


def test_files_are_short():
    assert {name_of(p): n_lines(p) for p in files() if n_lines(p) > MAX_LINES} == {}


def test_files_of_tests_are_short():
    long = {
        p.name: n_lines(p) for p in TESTS.rglob("*.py") if n_lines(p) > MAX_TEST_LINES
    }
    assert long == {}


@pytest.mark.parametrize("package", sorted({*PACKAGES} - {"skae"}))
def test_packages_say_what_lives_there(package):
    docstring = ast.get_docstring(ast.parse(MODULES[package].read_text())) or ""
    assert len(re.findall(r"[.!?](?=\s|$)", docstring)) >= 2


# -- scikit-learn, torch, matplotlib ---------------------------------------------------


def private_names_of_sklearn(path):
    """Return each name of scikit-learn that a file imports and that is private."""
    names = {
        f"{module}.{name or ''}"
        for module, name, _ in imports(path)
        if module.split(".")[0] == "sklearn"
    }
    return {name for name in names if "._" in name}


def test_private_names_of_scikit_learn_are_imported_in_one_file():
    found = {name_of(path) for path in files() if private_names_of_sklearn(path)}
    assert found == {"_sklearn/compat.py"}


@pytest.mark.parametrize("package", NUMERICAL)
def test_numerical_packages_use_no_more_than_utilities_of_scikit_learn(package):
    used = {
        imported
        for module, path in MODULES.items()
        if package_of(module) == package
        for imported, _, _ in imports(path)
        if imported.split(".")[0] == "sklearn"
    }
    assert used <= {"sklearn.utils", "sklearn.utils.extmath"}
    assert "_sklearn" not in {p for one, p in edges() if one == package}


def test_import_loads_neither_torch_nor_matplotlib():
    late = "{'torch', 'matplotlib'}"
    names = ", ".join(PUBLIC)
    code = f"import sys, {names}; sys.exit(not {late}.isdisjoint(sys.modules))"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT.parent)
