"""
PCA and an autoencoder of the same size on handwritten digits
=============================================================

Both compress the 64 pixels of a digit into eight numbers. On digits that neither has
seen, the script prints the reconstruction error (the mean squared error of standardised
pixels and R2) and the accuracy of a logistic regression on the eight numbers. Then it
draws the reconstructions of both, with the mean squared error of pixels between 0 and
16.
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
from skae.plotting import ReconstructionDisplay

K = 8


def default_output():
    """Return the path of docs/quickstart.png, if there is a folder docs."""
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

    models = {"PCA": PCA(K, random_state=0)}
    models["skae"] = AutoencoderTransformer(K, random_state=0)
    if find_spec("rich"):
        models["skae"].set_callbacks(ProgressBar())
    table = [f"{'':6}{'error':>8}{'R2':>8}{'accuracy':>10}{'fit':>9}"]
    for name, model in models.items():
        start = perf_counter()
        model.fit(Z_train)
        seconds = perf_counter() - start
        error = reconstruction_error(model, Z_test)
        r2 = reconstruction_r2(model, Z_test)
        classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
        classifier.fit(model.transform(Z_train), y_train)
        score = classifier.score(model.transform(Z_test), y_test)
        table.append(f"{name:6}{error:8.3f}{r2:8.3f}{score:10.3f}{seconds:7.1f} s")
    print(f"{len(X_test)} held-out digits, {K} components; pixels are standardised")
    print("\n".join(table))

    # The first test digit of each class. A figure without pyplot needs no display.
    figure = Figure(figsize=(8.8, 2.5), layout="constrained")
    ReconstructionDisplay.from_estimator(
        {name: make_pipeline(scaler, model) for name, model in models.items()},
        X_test,
        rows=np.unique(y_test, return_index=True)[1],
        image_shape=(8, 8),
        ax=figure.subplots(),
    )
    figure.savefig(output, dpi=150)
    print(f"Picture: {output}")


if __name__ == "__main__":
    main()
