"""What the examples share: digits to work on, pictures to draw."""

import argparse
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split


def read_output(doc, name):
    """Return the path that --output names, docs/<name>.png if it is not given."""
    docs = Path(__file__).resolve().parents[1] / "docs"
    default = (docs if docs.is_dir() else Path.cwd()) / f"{name}.png"
    parser = argparse.ArgumentParser(description=doc.split("\n\n")[-1])
    parser.add_argument("--output", type=Path, default=default)
    return parser.parse_args().output


def digits():
    """Return training and test digits with pixels in [0, 1], and the test labels."""
    X, y = load_digits(return_X_y=True)
    X_train, X_test, _, y_test = train_test_split(
        X / 16, y, test_size=1 / 3, stratify=y, random_state=0
    )
    return X_train, X_test, y_test


def first_of_each(y):
    """Return the index of the first digit of each kind."""
    return np.unique(y, return_index=True)[1]


def draw_digits(rows, path):
    """Draw one labelled row of digits for each entry of a dictionary."""
    n_rows, n_columns = len(rows), max(map(len, rows.values()))
    # A figure without pyplot needs no display.
    figure = Figure(figsize=(0.8 * n_columns + 1, 0.85 * n_rows), layout="constrained")
    axes = figure.subplots(n_rows, n_columns)
    for row, (name, pictures) in zip(axes, rows.items(), strict=True):
        for ax, picture in zip(row, pictures, strict=True):
            ax.imshow(picture.reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set_visible(False)
        row[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=12)
    figure.savefig(path, dpi=150)
    print(f"Picture: {path}")
