"""Shared code of the benchmark scripts: loading data, printing tables, CSV files."""

import argparse
import csv
import importlib.util
import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
from sklearn import datasets

RESULTS = Path(__file__).resolve().parent / "results"
SHIPPED = ("digits", "wine", "breast_cancer", "iris", "diabetes")
ALWAYS = SHIPPED[:3]
REPORTED = ("numpy", "scikit-learn", "torch", "skae", "pyod", "skorch")


def make_parser(doc):
    """Return an argument parser with the options of every script."""
    parser = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=RESULTS,
        help="folder for the CSV files (default: benchmarks/results)",
    )
    parser.add_argument(
        "--quick", action="store_true", help="small sizes: only to check that it runs"
    )
    return parser


def require(*modules):
    """Exit with the command to install missing modules, if there are any."""
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    if missing:
        sys.exit(
            f"Not installed: {', '.join(missing)}. "
            'Run: pip install -c constraints.txt ".[bench]"'
        )


def list_tables(folder=None):
    """Return ``{name: path}``; path is None for data sets of scikit-learn."""
    if folder is None:
        return dict.fromkeys(SHIPPED)
    paths = sorted(Path(folder).glob("*.npz"))
    if not paths:
        sys.exit(f"No .npz file in {folder}")
    return dict.fromkeys(ALWAYS) | {path.stem: path for path in paths}


def load_table(name, path=None):
    """Return one data set as float64 of shape (n_samples, n_features)."""
    if path is None:
        X = getattr(datasets, f"load_{name}")().data
    else:
        with np.load(path) as arrays:
            X = arrays["X" if "X" in arrays else "X_train"]
    return np.asarray(X, dtype=np.float64).reshape(len(X), -1)


def load_fashion(path, dtype=np.float32):
    """Return the flattened training and test images with pixels in [0, 1]."""
    with np.load(path) as arrays:
        return tuple(
            (arrays[key].reshape(len(arrays[key]), -1) / 255).astype(dtype)
            for key in ("X_train", "X_test")
        )


def _cell(value):
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"
    return str(value)


def print_table(title, rows):
    """Print dictionaries with the same keys as an aligned table."""
    print(f"\n{title}")
    if not rows:
        print("  (nothing)")
        return
    lines = [list(rows[0]), *([_cell(value) for value in row.values()] for row in rows)]
    wide = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        first, *rest = (
            cell.ljust(w) if i == 0 else cell.rjust(w)
            for i, (cell, w) in enumerate(zip(line, wide, strict=True))
        )
        print("  ".join(["", first, *rest]), flush=True)


def write_csv(folder, name, rows):
    """Write dictionaries with the same keys to ``folder/name.csv``."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]) if rows else [])
        writer.writeheader()
        writer.writerows(rows)
    print(f"  -> {path}", flush=True)


def _cpu_name():
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        text = ""
    for line in text.splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _instructions():
    """Return the vector instructions that PyTorch uses."""
    import torch

    return torch.backends.cpu.get_cpu_capability()


def machine_line():
    """Return one line about the machine and the versions of the measurements."""
    versions = [f"Python {platform.python_version()}"]
    for package in REPORTED:
        try:
            versions.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    machine = [_cpu_name(), f"{os.cpu_count()} cores", _instructions()]
    return "Machine: " + ", ".join([*machine, platform.system(), *versions])
