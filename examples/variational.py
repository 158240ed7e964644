"""
Digits that nobody has written
==============================

A variational autoencoder and probabilistic PCA are densities: they tell how likely a
new digit is, and new digits can be drawn from them. The script prints the mean
log-likelihood of digits that neither has seen, and draws digits from both (the decoded
codes, without the noise of the pixels) and the ways between some pairs of digits.
"""

import numpy as np
from _drawing import digits, draw_digits, first_of_each, read_output
from sklearn.decomposition import PCA

from skae import VAE

N_COMPONENTS = 10
SHOWN = 10
WAYS = [(0, 6), (1, 4), (3, 5)]


def main():
    output = read_output(__doc__, "variational")
    X_train, X_test, y_test = digits()

    pca = PCA(N_COMPONENTS, random_state=0).fit(X_train)
    vae = VAE(N_COMPONENTS, random_state=0).fit(X_train)
    print(f"{len(X_test)} held-out digits, {N_COMPONENTS} components")
    print("Mean log-likelihood in nats:")
    print(f"PCA {pca.score(X_test):8.1f}")
    print(f"VAE {vae.score(X_test):8.1f}")

    z = np.random.default_rng(0).normal(size=(SHOWN, N_COMPONENTS))
    codes = vae.transform(X_test[first_of_each(y_test)])
    share = np.linspace(0, 1, SHOWN)[:, np.newaxis]
    rows = {
        "PCA": pca.inverse_transform(z * np.sqrt(pca.explained_variance_)),
        "VAE": vae.inverse_transform(z),
    }
    for a, b in WAYS:
        way = (1 - share) * codes[a] + share * codes[b]
        rows[f"{a} to {b}"] = vae.inverse_transform(way)
    draw_digits(rows, output)


if __name__ == "__main__":
    main()
