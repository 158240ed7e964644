"""Imports inside skae run strictly downward, and torch waits for the first fit."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "skae"

# A module may import only modules further up this list.
ORDER = [
    # Floor 0: arithmetic on tensors
    "losses",
    "noise",
    "_corruptions",
    "_activations",
    "_parameters",
    "_products",
    "_rows",
    "_layers",
    "_encoder",
    "_codes",
    "_posterior",
    "_sparse_codes",
    "_architecture",
    "_network",
    "_module_halves",
    "_modules",
    "_convolutions",
    "_contraction",
    "_likelihood",
    "_heads",
    "_anchor",
    "_probabilistic",
    # Floor 1: the loop and what feeds it
    "_runtime",
    "_training",
    "_batches",
    "_model",
    "_codec",
    "_evidence",
    "_settings",
    "_holdout",
    "_held",
    "_fold",
    "_pretraining",
    "_trainee",
    "_shares",
    "_contest",
    "_finish",
    "_fitting",
    "_calibration",
    "_views",
    "_memory",
    "_core",
    "_blame",
    "_denoisers",
    "_detection",
    "_detecting",
    "_cross_scores",
    # Floor 2: the scikit-learn surface
    "_constraints",
    "_validation",
    "_monitor",
    "_doc_link",
    "_describe",
    "_codec_mixin",
    "_density_mixin",
    "_base",
    "_outlier_mixin",
    # Floor 3: one idea a file
    "_autoencoder",
    "_denoising",
    "_sparse",
    "_contractive",
    "_variational",
    "_convolutional",
    "_outliers",
    # Floor 4: what looks at finished models
    "metrics",
    "plotting._canvas",
    "plotting._tables",
    "plotting._estimators",
    "plotting._colours",
    "plotting._mosaic",
    "plotting._responses",
    "plotting._explained_variance",
    "plotting._feature",
    "plotting._latent",
    "plotting._loss_curve",
    "plotting._manifold",
    "plotting._outliers",
    "plotting._reconstruction",
    "plotting.__init__",
    "__init__",
]
PUBLIC = ["metrics", "noise", "plotting"]
ARITHMETIC = ORDER[: ORDER.index("_runtime")]


def modules():
    paths = (path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))
    return sorted(".".join(path.with_suffix("").parts) for path in paths)


def imports(module):
    """Every module that the file names, at its top or inside a function."""
    path = PACKAGE / f"{module.replace('.', '/')}.py"
    package = ".".join(["skae", *module.split(".")[:-1]])
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = f"{package}.{node.module or ''}" if node.level else node.module
            base = base.rstrip(".")
            # `from skae import losses` names a module, `from skae import VAE` a class.
            found.update(
                f"skae.{alias.name}"
                if base == "skae" and alias.name in modules()
                else base
                for alias in node.names
            )
    return found


def imports_of_skae(module):
    names = [name.split(".", 1) for name in imports(module)]
    of_skae = {(*name, "__init__")[1] for name in names if name[0] == "skae"}
    return {f"{name}.__init__" if name not in ORDER else name for name in of_skae}


def test_every_module_has_its_place():
    assert set(modules()) == set(ORDER)


@pytest.mark.parametrize("module", modules())
def test_imports_run_downward(module):
    assert imports_of_skae(module) <= set(ORDER[: ORDER.index(module)])


def test_metrics_stand_alone():
    assert not imports_of_skae("metrics")


@pytest.mark.parametrize("module", ARITHMETIC)
def test_arithmetic_knows_no_estimators(module):
    of_sklearn = {name for name in imports(module) if name.startswith("sklearn")}
    assert of_sklearn <= {"sklearn.utils.extmath"}


@pytest.mark.parametrize("module", ["skae", *(f"skae.{name}" for name in PUBLIC)])
def test_import_loads_neither_torch_nor_matplotlib(module):
    late = "{'torch', 'matplotlib'}"
    code = f"import sys, {module}; sys.exit(not {late}.isdisjoint(sys.modules))"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=PACKAGE.parent)
