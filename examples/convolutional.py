"""
Convolutional autoencoders
==========================

:class:`~skae.ConvolutionalAutoencoder` applies convolutions to flattened images. Is it
better than dense layers, and what does it cost? Four autoencoders are compared on the
same images: dense and convolutional, each with and without PCA's linear path.

``python examples/convolutional.py --data FILE`` uses Fashion-MNIST or MNIST from an
.npz file instead of scikit-learn's digits, and ``--rows N`` is the number of training
images. ``_images.py``, which loads them, is on the page of :doc:`examples
</auto_examples/index>`.
"""

# %%
# The network
# -----------
#
# Each entry of ``channels`` is a convolution that halves height and width, followed by
# a linear layer for the latent codes; the decoder has transposed convolutions. ``(16,
# 32, 64, 64)`` is the default, for images of about 28 x 28 pixels. Images of 8 x 8 are
# reduced to one pixel by three convolutions.
#
# ``anchor="pca"``, the default, adds the network to PCA's linear path, and trains what
# PCA misses. ``anchor=None`` omits the path: there are only convolutions.

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
    """Return the convolutional autoencoder with or without an anchor."""
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
# Errors are mean squared errors of test images.

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
# On digits as small as these, convolutions are not worth their time. The error of the
# dense network with PCA's path is within a few per cent of the best one, and its fit is
# faster than that of either convolutional network. One reason may be that a pixel at
# the edge of an 8 x 8 image is not like one in the middle, so that weight sharing has
# little benefit.
#
# PCA's path helps the dense network here, but not the convolutional one. This is hard
# to predict: for images, if there is time for two fits, try ``anchor=None`` as well. On
# Fashion-MNIST, with 784 pixels, the convolutional network is slightly better than the
# dense one and takes longer, see :doc:`/performance`.
#
# Loss curves
# -----------
#
# With PCA's path training starts at PCA's error, in the left panel. Without it, in the
# right panel, the first steps are needed to reach PCA's error.

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
# One test image per class, and the error over all test images. A fitted convolutional
# autoencoder has the shape of its images as an attribute, which the display uses.

first = np.unique(y_test, return_index=True)[1]
_ = ReconstructionDisplay.from_estimator(models, X_test, rows=first)

# %%
# PCA leaves shadows where images of other classes have ink. All networks remove most of
# them. The networks differ less to the eye than in the table.

plt.show()

# sphinx_gallery_start_ignore
# sphinx_gallery_thumbnail_number = 2
# sphinx_gallery_end_ignore
