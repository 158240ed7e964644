"""
Digits put together from parts
==============================

A sparse autoencoder has more codes than a digit has pixels, but only few of them are
active for each digit. Its decoder is linear: a reconstruction is what all codes at zero
give, and for each active code a picture of its own. The script prints how sparse the
codes of digits are that it has not seen, by three penalties, and what they explain;
then it takes some digits apart. Red adds ink, blue removes it.
"""

import numpy as np
from _drawing import digits, first_of_each, read_output
from matplotlib.figure import Figure

from skae import SparseAutoencoder
from skae.metrics import reconstruction_r2

N_COMPONENTS = 100
SPARSITY = 0.05
SHOWN = [0, 2, 3, 4, 6]


def draw(ae, X, path):
    """Draw the digits, their reconstructions and the parts of these."""
    codes = ae.transform(X)
    zero = ae.inverse_transform(np.zeros((1, N_COMPONENTS)))[0]
    features = ae.inverse_transform(np.eye(N_COMPONENTS)) - zero
    n_parts = (codes > 0).sum(axis=1).max()
    titles = ["digit", "sum", "no code", *(f"part {i + 1}" for i in range(n_parts))]
    figure = Figure(figsize=(0.95 * len(titles), 0.95 * len(X)), layout="constrained")
    axes = figure.subplots(len(X), len(titles))
    bound = np.abs(codes.max(axis=0)[:, np.newaxis] * features).max()
    for row, x, code in zip(axes, X, codes, strict=True):
        parts = code[:, np.newaxis] * features
        parts = parts[np.argsort(-np.linalg.norm(parts, axis=1))[:n_parts]]
        for ax, picture in zip(row, [x, zero + code @ features, zero], strict=False):
            ax.imshow(picture.reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
        for ax, part in zip(row[3:], parts, strict=True):
            ax.imshow(part.reshape(8, 8), cmap="RdBu_r", vmin=-bound, vmax=bound)
    for ax in axes.flat:
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_color("0.8")
    for ax, title in zip(axes[0], titles, strict=True):
        ax.set_title(title, fontsize=10)
    figure.savefig(path, dpi=150)
    print(f"Picture: {path}")


def main():
    output = read_output(__doc__, "sparse")
    X_train, X_test, y_test = digits()

    print(f"{N_COMPONENTS} codes for {X_train.shape[1]} pixels, sparsity {SPARSITY}")
    print(f"{'':6}{'mean':>8}{'of units':>16}{'zero':>8}{'> 0.1':>8}{'R2':>8}")
    for penalty in ("kl", "l1", "topk"):
        ae = SparseAutoencoder(
            N_COMPONENTS, penalty=penalty, sparsity=SPARSITY, alpha=1, random_state=0
        )
        codes = ae.fit(X_train).transform(X_test)
        unit = ae.mean_activation_
        print(
            f"{penalty:6}{unit.mean():8.3f}{unit.min():9.3f} to {unit.max():.3f}"
            f"{(codes == 0).mean():8.3f}{(codes > 0.1).mean():8.3f}"
            f"{reconstruction_r2(ae, X_test):8.3f}"
        )
    draw(ae, X_test[first_of_each(y_test)[SHOWN]], output)


if __name__ == "__main__":
    main()
