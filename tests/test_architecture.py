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
    "__init__",
]
ARITHMETIC = ORDER[: ORDER.index("_runtime")]


def modules():
    return sorted(path.stem for path in PACKAGE.glob("*.py"))


def imports(module):
    """Every module that the file names, at its top or inside a function."""
    found = set()
    for node in ast.walk(ast.parse((PACKAGE / f"{module}.py").read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = f"skae.{node.module or ''}" if node.level else node.module
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
    names = [name.split(".") for name in imports(module)]
    return {(*name, "__init__")[1] for name in names if name[0] == "skae"}


def test_every_module_has_its_place():
    assert set(modules()) == set(ORDER)
    assert not list(PACKAGE.glob("*/__init__.py"))


@pytest.mark.parametrize("module", modules())
def test_imports_run_downward(module):
    assert imports_of_skae(module) <= set(ORDER[: ORDER.index(module)])


def test_metrics_stand_alone():
    assert not imports_of_skae("metrics")


@pytest.mark.parametrize("module", ARITHMETIC)
def test_arithmetic_knows_no_estimators(module):
    of_sklearn = {name for name in imports(module) if name.startswith("sklearn")}
    assert of_sklearn <= {"sklearn.utils.extmath"}


@pytest.mark.parametrize("module", ["skae", "skae.metrics", "skae.noise"])
def test_import_loads_no_torch(module):
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=PACKAGE.parent)
