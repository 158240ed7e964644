"""
Noise taken off handwritten digits
==================================

Normal noise is added to digits that no model has seen. The denoising autoencoder, which
was fitted to clean digits that it corrupts itself, gives them back nearly clean. PCA
stands beside it, once fitted to noisy and once to clean digits. The script prints the
mean squared error to the clean digits and draws them.
"""

from _drawing import digits, draw_digits, first_of_each, read_output
from sklearn.decomposition import PCA
from sklearn.metrics import mean_squared_error

from skae import DenoisingAutoencoder

N_COMPONENTS = 16
NOISE = 0.3  # standard deviation; pixels are between 0 and 1


def main():
    output = read_output(__doc__, "denoising")
    X_train, X_test, y_test = digits()

    denoiser = DenoisingAutoencoder(N_COMPONENTS, noise_level=NOISE, random_state=0)
    denoiser.fit(X_train)
    noisy_train = denoiser.corrupt(X_train, random_state=0)
    noisy = denoiser.corrupt(X_test, random_state=1)

    found = {"noisy": noisy}
    for name, rows in {"noisy PCA": noisy_train, "clean PCA": X_train}.items():
        pca = PCA(N_COMPONENTS, random_state=0).fit(rows)
        found[name] = pca.inverse_transform(pca.transform(noisy))
    found["denoised"] = denoiser.reconstruct(noisy)

    print(f"{len(X_test)} held-out digits, noise {NOISE}, {N_COMPONENTS} components")
    for name, rows in found.items():
        print(f"{name:10}{mean_squared_error(X_test, rows):8.4f}")

    shown = first_of_each(y_test)
    found = {"clean": X_test} | found
    draw_digits({name: rows[shown] for name, rows in found.items()}, output)


if __name__ == "__main__":
    main()
