"""Results of the benchmarks, and how their numbers are formatted."""

import ast
from pathlib import Path

import numpy as np
import pandas as pd

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
RESULTS = BENCHMARKS / "results"


def read(name):
    """Return a table that a benchmark wrote."""
    return pd.read_csv(RESULTS / f"{name}.csv")


def constant(script, name):
    """Return the value of a constant of a benchmark script."""
    for node in ast.parse((BENCHMARKS / f"{script}.py").read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            return ast.literal_eval(node.value)
    raise LookupError(f"{script}.py has no constant {name}")


def geometric_mean(values):
    """Return the geometric mean."""
    return float(np.exp(np.log(values).mean()))


def rounded(value, digits=3):
    """Return a large number as text, rounded to a few digits."""
    return f"{float(f'{value:.{digits}g}'):,.0f}"


def between(values, digits=2):
    """Return the lowest and the highest value as text."""
    return f"{min(values):.{digits}f} to {max(values):.{digits}f}"


def median_and_range(values, digits=2):
    """Return the median as text, with the lowest and the highest value."""
    low, middle, high = np.quantile(values, (0, 0.5, 1))
    return f"{middle:.{digits}f} ({low:.{digits}f}-{high:.{digits}f})"
