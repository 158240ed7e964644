"""
Reconstruction and code size
============================

An autoencoder compresses an image to a few numbers, its latent code, and reconstructs
the image from them. The error of the reconstruction depends on the size of the code,
the width of the bottleneck.

The script reconstructs test images by a deep dense autoencoder with 2, 8 and 32 codes,
and by PCA with as many components. It uses the small handwritten digits that
scikit-learn ships; ``--data FILE`` uses Fashion-MNIST or MNIST from an ``.npz`` file
instead. ``_images.py``, which loads them, is on the page of :doc:`examples
</auto_examples/index>`.
"""

import matplotlib.pyplot as plt
import numpy as np
from _images import load_images
from sklearn.decomposition import PCA
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier

from skae import AutoencoderTransformer
from skae.metrics import reconstruction_error, reconstruction_r2
from skae.plotting import (
    ExplainedVarianceDisplay,
    LatentDisplay,
    ReconstructionDisplay,
)

X_train, X_test, y_train, y_test, image_shape = load_images()
print(f"{len(X_train)} training images, {len(X_test)} test images")
print(f"{X_train.shape[1]} pixels each")

# %%
# Reconstructions
# ---------------
#
# Encoder and decoder have three hidden layers each.

WIDTHS = (2, 8, 32)
LAYERS = (256, 128, 64)

networks, linear = {}, {}
for width in WIDTHS:
    network = AutoencoderTransformer(
        width, hidden_layer_sizes=LAYERS, max_iter=2000, random_state=0
    )
    networks[width] = network.fit(X_train)
    linear[width] = PCA(width, random_state=0).fit(X_train)

# %%
# The code of the first test image, with two and with eight components:

for width in WIDTHS[:2]:
    print(np.array2string(networks[width].transform(X_test[:1])[0], precision=2))

# %%
# The reconstructions of one image per class. The labels have the mean squared error
# over all test images.

shown = np.unique(y_test, return_index=True)[1]
models = {}
for width in WIDTHS:
    models[f"PCA, {width}"] = linear[width]
    models[f"skae, {width}"] = networks[width]
_ = ReconstructionDisplay.from_estimator(
    models, X_test, rows=shown, image_shape=image_shape
)

# %%
# With two codes much is lost. PCA's reconstructions are blurred. Those of the network
# are sharper, and closer on average, but a sharp image need not be the right one:
# details that the code does not contain are filled in from the training images.
#
# Error and code size
# -------------------
#
# The wider the bottleneck, the smaller the error. The column "ratio" is the error of
# the network relative to PCA's:

errors = {
    width: [reconstruction_error(m[width], X_test) for m in (linear, networks)]
    for width in WIDTHS
}
print(f"{'codes':>5}{'PCA':>10}{'skae':>10}{'ratio':>8}{'R2':>8}")
for width, (of_pca, of_skae) in errors.items():
    r2 = reconstruction_r2(networks[width], X_test)
    print(f"{width:5}{of_pca:10.4f}{of_skae:10.4f}{of_skae / of_pca:8.2f}{r2:8.3f}")

figure, ax = plt.subplots(figsize=(6, 4), layout="constrained")
for name, column in zip(
    ("PCA", "skae"), zip(*errors.values(), strict=True), strict=True
):
    ax.plot(WIDTHS, column, marker="o", label=name)
ax.set_xscale("log", base=2)
ax.set_xticks(WIDTHS, WIDTHS)
ax.set(xlabel="codes", ylabel="mean squared error, test images")
_ = ax.legend()

# %%
# Each of these networks was trained for its own code size. Alternatively ask for a
# share of the variance. The codes are then ordered, as PCA's components are: the first
# codes work on their own, and further ones add to them. The curve shows the share of
# the variance of the test images that the first codes explain, for the network and for
# the PCA that it started from.

ordered = AutoencoderTransformer(0.9, hidden_layer_sizes=LAYERS, random_state=0)
ordered.fit(X_train)
print(f"{ordered.n_components_} codes explain 90 % of the held-out variance")
print(f"error relative to PCA's (1.0: PCA was kept): {ordered.pca_ratio_:.2f}")
_ = ExplainedVarianceDisplay.from_estimator(ordered, X_test)

# %%
# The order increases the error. The first eight of these codes explain less than the
# eight codes of the network that was trained for eight, and all of them less than as
# many unordered codes:

k = ordered.n_components_
free = AutoencoderTransformer(k, hidden_layer_sizes=LAYERS, random_state=0)
free.fit(X_train)
for n, unordered in {8: errors[8][1], k: reconstruction_error(free, X_test)}.items():
    codes = ordered.transform(X_test)
    codes[:, n:] = 0.0
    error = np.square(X_test - ordered.inverse_transform(codes)).mean()
    print(f"first {n:2} of {k}: {error:.4f}   {n:2} unordered: {unordered:.4f}")

# %%
# Two-dimensional latent space
# ----------------------------
#
# With two codes each image is a point in the plane. The labels are not used in
# training, only for the colours.

figure, axes = plt.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
for ax, model, name in zip(
    axes, (linear[2], networks[2]), ("PCA", "skae"), strict=True
):
    LatentDisplay.from_estimator(model, X_test, y_test, ax=ax)
    ax.set_title(name)

# %%
# The decoder of the network maps the plane to a curved surface, so that more images lie
# close to it. Distances in the latent space mean less than they do for PCA: the map is
# stretched in some places and compressed in others. How well are the classes separated?
# The accuracy of a 5-nearest-neighbours classifier of the codes, by cross-validation on
# the test images:

for name, model in {"PCA": linear[2], "skae": networks[2]}.items():
    codes = model.transform(X_test)
    accuracy = cross_val_score(KNeighborsClassifier(), codes, y_test).mean()
    print(f"{name:5} {accuracy:.2f}")

plt.show()
