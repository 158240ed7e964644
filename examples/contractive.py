"""
Codes that stay where they are
==============================

Two autoencoders write two codes for each digit, and the pixels of digits that they have
not seen are changed a little. The codes of the contractive one move less, in units of
their own standard deviation; the script prints by how much, the norm of their Jacobian
and the error of the reconstruction. The picture shows the codes as coloured dots and
where small changes take them as grey ones.
"""

import numpy as np
from _drawing import digits, read_output
from matplotlib.figure import Figure

from skae import AutoencoderTransformer, ContractiveAutoencoder
from skae.metrics import reconstruction_error

NOISE = 0.05  # standard deviation; pixels are between 0 and 1
COPIES = 20


def draw(codes, moved, y, path):
    """Draw the codes of each model before and after noise."""
    figure = Figure(figsize=(11, 5.4), layout="constrained")
    axes = figure.subplots(1, len(codes))
    for ax, name in zip(axes, codes, strict=True):
        ax.scatter(*moved[name].reshape(-1, 2).T, s=2, color="0.8", linewidths=0)
        points = ax.scatter(
            *codes[name].T, s=14, c=y, cmap="tab10", vmax=9.5, vmin=-0.5
        )
        ax.set(title=name, xticks=[], yticks=[])
    figure.colorbar(points, ax=axes, ticks=range(10), label="digit", pad=0.01)
    figure.savefig(path, dpi=150)
    print(f"Picture: {path}")


def main():
    output = read_output(__doc__, "contractive")
    X_train, X_test, y_test = digits()
    # Paper and ink have their limits: pixels stay between those seen in training.
    low, high = X_train.min(axis=0), X_train.max(axis=0)
    noise = np.random.default_rng(0).normal(scale=NOISE, size=(COPIES, *X_test.shape))
    changed = (X_test + noise).clip(low, high)

    models = {
        "plain": AutoencoderTransformer(2, random_state=0),
        "contractive": ContractiveAutoencoder(2, contraction=1.0, random_state=0),
    }
    codes, moved = {}, {}
    print(f"{'':12}{'error':>8}{'Jacobian norm':>15}{'moved by':>10}")
    for name, model in models.items():
        before = model.fit(X_train).transform(X_test)
        after = np.stack([model.transform(part) for part in changed])
        mean, spread = before.mean(axis=0), before.std(axis=0)
        codes[name], moved[name] = (before - mean) / spread, (after - mean) / spread
        distance = np.linalg.norm(moved[name] - codes[name], axis=-1).mean()
        norm = (model.jacobian_norm(X_test) / before.var(axis=0).sum()).mean()
        error = reconstruction_error(model, X_test)
        print(f"{name:12}{error:8.4f}{norm:15.2f}{distance:10.3f}")
    print("Norms are squared, over the variance of the codes; ways in its square root.")
    draw(codes, moved, y_test, output)


if __name__ == "__main__":
    main()
