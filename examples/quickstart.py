"""
PCA and an autoencoder of the same size on handwritten digits
=============================================================

Both compress the 64 pixels of a digit into eight numbers. On digits that neither has
seen, the script prints what each one loses (the mean squared error of standardised
pixels and R2) and how well a logistic regression reads the digit from the eight
numbers; then it draws the digits as each one gives them back.
"""

import argparse
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter

import numpy as np
from matplotlib.figure import Figure
from sklearn.callback import ProgressBar
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skae import AutoencoderTransformer
from skae.metrics import reconstruction_error, reconstruction_r2

N_COMPONENTS = 8


def models():
    """Name the two models; the autoencoder shows its progress if rich is there."""
    autoencoder = AutoencoderTransformer(N_COMPONENTS, random_state=0)
    if find_spec("rich"):
        autoencoder.set_callbacks(ProgressBar())
    return {"PCA": PCA(N_COMPONENTS, random_state=0), "skae": autoencoder}


def accuracy(model, X_train, X_test, y_train, y_test):
    """Score a logistic regression on the model's codes."""
    classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    classifier.fit(model.transform(X_train), y_train)
    return classifier.score(model.transform(X_test), y_test)


def draw(rows_of_digits, path):
    """Draw one labelled row of digits per entry."""
    n_rows, n_columns = len(rows_of_digits), len(rows_of_digits["original"])
    # A figure without pyplot needs no display.
    figure = Figure(figsize=(0.8 * n_columns, 0.85 * n_rows), layout="constrained")
    axes = figure.subplots(n_rows, n_columns)
    for row, (name, digits) in zip(axes, rows_of_digits.items(), strict=True):
        for ax, digit in zip(row, digits, strict=True):
            ax.imshow(digit.reshape(8, 8), cmap="gray_r", vmin=0, vmax=16)
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set_visible(False)
        row[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=12)
    figure.savefig(path, dpi=150)


def default_output():
    """Return docs/quickstart.png in the checkout of this file, if it has docs."""
    docs = Path(__file__).resolve().parents[1] / "docs"
    return (docs if docs.is_dir() else Path.cwd()) / "quickstart.png"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[-1])
    parser.add_argument("--output", type=Path, default=default_output())
    output = parser.parse_args().output

    X, y = load_digits(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, test_size=1 / 3, stratify=y, random_state=0
    )
    scaler = StandardScaler().fit(X_train)
    Z_train, Z_test = scaler.transform(X_train), scaler.transform(X_test)

    # The first test digit of each kind.
    shown = np.unique(y_test, return_index=True)[1]
    pictures = {"original": X_test[shown]}
    table = [f"{'':6}{'error':>8}{'R2':>8}{'accuracy':>10}{'fit':>9}"]
    for name, model in models().items():
        start = perf_counter()
        model.fit(Z_train)
        seconds = perf_counter() - start
        error = reconstruction_error(model, Z_test)
        r2 = reconstruction_r2(model, Z_test)
        score = accuracy(model, Z_train, Z_test, y_train, y_test)
        table.append(f"{name:6}{error:8.3f}{r2:8.3f}{score:10.3f}{seconds:7.1f} s")
        codes = model.transform(Z_test[shown])
        pictures[name] = scaler.inverse_transform(model.inverse_transform(codes))

    print(f"{len(X_test)} held-out digits, {N_COMPONENTS} components")
    print("\n".join(table))
    draw(pictures, output)
    print(f"Picture: {output}")


if __name__ == "__main__":
    main()
