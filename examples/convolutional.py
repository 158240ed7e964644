"""
Convolutions on small images
============================

The convolutional autoencoder takes flattened images. The script fits it to handwritten
digits with PCA's linear path and without, beside PCA and the autoencoder of dense
layers with as many components, prints the mean squared error of digits that none has
seen, and draws them.
"""

from time import perf_counter

from _drawing import digits, draw_digits, first_of_each, read_output
from sklearn.decomposition import PCA

from skae import AutoencoderTransformer, ConvolutionalAutoencoder
from skae.metrics import reconstruction_error, reconstruction_r2

K = 8


def main():
    output = read_output(__doc__, "convolutional")
    X_train, X_test, y_test = digits()

    models = {
        "PCA": PCA(K, random_state=0),
        "dense": AutoencoderTransformer(K, random_state=0),
        "convolutional": ConvolutionalAutoencoder(
            (8, 8), n_components=K, random_state=0
        ),
        "without PCA": ConvolutionalAutoencoder(
            (8, 8), n_components=K, anchor=None, random_state=0
        ),
    }
    shown = X_test[first_of_each(y_test)]
    pictures = {"original": shown}
    print(f"{len(X_test)} held-out digits, {K} components")
    print(f"{'':14}{'error':>8}{'R2':>8}{'fit':>9}")
    for name, model in models.items():
        start = perf_counter()
        model.fit(X_train)
        seconds = perf_counter() - start
        error = reconstruction_error(model, X_test)
        r2 = reconstruction_r2(model, X_test)
        print(f"{name:14}{error:8.4f}{r2:8.3f}{seconds:7.1f} s")
        pictures[name] = model.inverse_transform(model.transform(shown))
    draw_digits(pictures, output)


if __name__ == "__main__":
    main()
