"""
Convolutions: codes of images
=============================

:class:`~skae.ConvolutionalAutoencoder` takes rows that are flattened images, and knows
that they are images. Is that better than dense layers, and what does it cost? Four
autoencoders answer it on the same images: dense and convolutional, each with PCA's
linear path and without.

``python examples/convolutional.py --data FILE`` takes Fashion-MNIST or MNIST from an
.npz file instead of scikit-learn's digits, and ``--rows N`` so many of its training
images.
``_images.py``, which loads them, is listed with the
:doc:`examples </auto_examples/index>` and goes beside the script.
"""

# %%
# The network
# -----------
#
# Each entry of ``channels`` is a convolution that halves height and width, a linear
# layer makes the codes, and transposed convolutions lead back. ``(16, 32, 64, 64)`` is
# the default, and meant for images of some 28 x 28 pixels. Those of 8 x 8 are down to
# one pixel after three convolutions.
#
# ``anchor="pca"``, the default, adds the network to PCA's linear path, and trains what
# PCA misses. ``anchor=None`` leaves the path out: there are only convolutions.

from time import perf_counter

import matplotlib.pyplot as plt
import numpy as np
from _images import load_images
from sklearn.decomposition import PCA

from skae import AutoencoderTransformer, ConvolutionalAutoencoder
from skae.metrics import reconstruction_error
from skae.plotting import LossCurveDisplay, ReconstructionDisplay

X_train, X_test, y_train, y_test, image_shape = load_images()
K = 8


def convolutional(anchor):
    """Return the convolutional autoencoder with an anchor or without."""
    return ConvolutionalAutoencoder(
        image_shape,
        channels=(16, 32, 64, 64),
        n_components=K,
        anchor=anchor,
        random_state=0,
    )


models = {
    "PCA": PCA(K, random_state=0),
    "dense": AutoencoderTransformer(K, random_state=0),
    "dense, no PCA": AutoencoderTransformer(K, anchor=None, random_state=0),
    "convolutional": convolutional("pca"),
    "convolutional, no PCA": convolutional(None),
}

# %%
# Errors and times
# ----------------
#
# Errors are mean squared errors of images that no model has seen.

print(f"{len(X_train)} training images, {len(X_test)} held out, {K} codes")
print(f"{'':22}{'error':>8}{'/ PCA':>7}{'steps':>7}{'fit':>9}{'a step':>10}")
errors = {}
for name, model in models.items():
    start = perf_counter()
    model.fit(X_train)
    seconds = perf_counter() - start
    errors[name] = reconstruction_error(model, X_test)
    line = f"{name:22}{errors[name]:8.4f}{errors[name] / errors['PCA']:7.2f}"
    steps = getattr(model, "n_iter_", None)
    if steps:
        line += f"{steps:7d}{seconds:7.1f} s{1000 * seconds / steps:7.1f} ms"
    print(line)

# %%
# On digits as small as these, convolutions are not worth their time. The dense network
# with PCA's path comes within a few per cent of the best error, and is fitted sooner
# than either convolutional one. One reason may be that a pixel at the edge of an 8 x 8
# image is not like one in the middle, so that there is little to learn once and use
# everywhere.
#
# PCA's path helps the dense network here, and stands in the way of the convolutional
# one. Nobody could have said that beforehand: if images are what matters, and there is
# time for two fits, try ``anchor=None`` as well. On Fashion-MNIST, with 784 pixels, the
# convolutional network is a little better than the dense one and takes longer, see
# :doc:`/performance`.
#
# How training went
# -----------------
#
# The path is a head start. The network that has it begins at PCA's error, in the left
# picture. In the right one there is none, and the first steps are spent on getting to
# where PCA is.

figure, axes = plt.subplots(1, 2, figsize=(10, 4), sharey=True, layout="constrained")
for ax, name in zip(axes, ["convolutional", "convolutional, no PCA"], strict=True):
    LossCurveDisplay.from_estimator(models[name], ax=ax)
    ax.set_title(name)

model = models["convolutional, no PCA"]
below = np.flatnonzero(np.asarray(model.validation_curve_) < 1)
if len(below):
    step = model.curve_steps_[below[0]]
    print(f"without PCA's path: below its error at step {step}")

# %%
# The images
# ----------
#
# One of each kind, and the error over all that were held out. A fitted
# convolutional autoencoder knows the shape of its images, and the display asks it.

first = np.unique(y_test, return_index=True)[1]
_ = ReconstructionDisplay.from_estimator(models, X_test, rows=first)

# %%
# PCA leaves shadows where images of other kinds have ink. All networks remove most of
# them. Between the networks the eye finds less of a difference than the table.

plt.show()

# sphinx_gallery_start_ignore
# sphinx_gallery_thumbnail_number = 2
# sphinx_gallery_end_ignore
