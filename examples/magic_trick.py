"""
A vanishing trick
=================

A picture goes in, a handful of numbers comes out, and the picture is gone. From the
numbers alone the network brings it back. How close it comes depends on how many numbers
it may keep: the width of its bottleneck.

The script sends images that no model has seen through a deep dense autoencoder with 2,
8 and 32 codes, and through PCA with as many components. It uses the small handwritten
digits that scikit-learn ships; ``--data FILE`` takes Fashion-MNIST or MNIST from an
``.npz`` file instead.
``_images.py``, which loads them, is listed with the
:doc:`examples </auto_examples/index>` and goes beside the script.
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
print(f"{len(X_train)} images to learn from, {len(X_test)} to show the trick with")
print(f"{X_train.shape[1]} pixels each")

# %%
# The trick
# ---------
#
# Three hidden layers lead down to the codes, and three lead up again.

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
# This is all that is left of the first test image with two codes, and with eight:

for width in WIDTHS[:2]:
    print(np.array2string(networks[width].transform(X_test[:1])[0], precision=2))

# %%
# And this is what comes back. One image of each kind is shown, and the labels have the
# mean squared error over all test images.

shown = np.unique(y_test, return_index=True)[1]
models = {}
for width in WIDTHS:
    models[f"PCA, {width}"] = linear[width]
    models[f"skae, {width}"] = networks[width]
_ = ReconstructionDisplay.from_estimator(
    models, X_test, rows=shown, image_shape=image_shape
)

# %%
# With two codes much is lost. PCA returns blurs. The network's pictures are sharper,
# and closer on the whole, but a sharp picture need not be the right one: what the codes
# do not say is gone, and what the network draws in its place is a guess from the
# training images.
#
# What the width does
# -------------------
#
# The wider the bottleneck, the smaller the error. The last column is the error of the
# network relative to PCA's:

errors = {
    width: [reconstruction_error(m[width], X_test) for m in (linear, networks)]
    for width in WIDTHS
}
print(f"{'codes':>5}{'PCA':>10}{'skae':>10}{'ratio':>8}{'R2':>8}")
for width, (straight, curved) in errors.items():
    r2 = reconstruction_r2(networks[width], X_test)
    print(f"{width:5}{straight:10.4f}{curved:10.4f}{curved / straight:8.2f}{r2:8.3f}")

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
# Each of these networks was trained for its own width. Another way is to ask for a
# share of the variance. The codes are then ordered: the first work on their own, and
# those behind them add to that. The curve shows what the first so many codes explain of
# the test images, for the network and for the PCA it started from.

ordered = AutoencoderTransformer(0.9, hidden_layer_sizes=LAYERS, random_state=0)
ordered.fit(X_train)
print(f"{ordered.n_components_} codes explain 90 % of the variance of held-out rows")
print(f"error relative to PCA's (1.0: PCA was kept): {ordered.pca_ratio_:.2f}")
_ = ExplainedVarianceDisplay.from_estimator(ordered, X_test)

# %%
# Order has a price. The first eight of these codes explain less than the eight codes of
# the network that was trained for eight, and all of them less than as many codes in no
# order:

k = ordered.n_components_
free = AutoencoderTransformer(k, hidden_layer_sizes=LAYERS, random_state=0)
free.fit(X_train)
for n, unordered in {8: errors[8][1], k: reconstruction_error(free, X_test)}.items():
    codes = ordered.transform(X_test)
    codes[:, n:] = 0.0
    left = np.square(X_test - ordered.inverse_transform(codes)).mean()
    print(f"first {n:2} of {k}: {left:.4f}   {n:2} in no order: {unordered:.4f}")

# %%
# Two codes make a map
# --------------------
#
# With two codes each image is a point. Neither model has seen the labels; they only
# colour the points.

figure, axes = plt.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
for ax, model, name in zip(
    axes, (linear[2], networks[2]), ("PCA", "skae"), strict=True
):
    LatentDisplay.from_estimator(model, X_test, y_test, ax=ax)
    ax.set_title(name)

# %%
# The network bends the plane, so that more of the images lie close to it. Distances on
# such a map mean less than they do for PCA: a curved map is stretched in some places
# and squeezed in others. How well are the kinds kept apart? A vote of the five nearest
# neighbours among the codes finds the label of this share of the test images:

for name, model in {"PCA": linear[2], "skae": networks[2]}.items():
    codes = model.transform(X_test)
    found = cross_val_score(KNeighborsClassifier(), codes, y_test).mean()
    print(f"{name:5} {found:.2f}")

plt.show()
