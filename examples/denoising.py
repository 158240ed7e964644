"""
Denoising images
================

A common first example of a denoising autoencoder is a dense network with one wide
hidden layer and ten latent codes, 784-400-10 for images of 28 x 28 pixels. Gaussian
noise with a standard deviation of 0.3 is added to the pixels, which lie between 0 and
1, and the network learns to reconstruct the clean image.

Here that network is applied to handwritten digits of 8 x 8 pixels. ``--data FILE`` uses
Fashion-MNIST or MNIST from an ``.npz`` file instead. The script compares the network
with PCA and with an autoencoder that is trained without noise, plots its latent space,
and shows that it is not a generative model. ``_images.py``, which loads images, is on
the page of :doc:`examples </auto_examples/index>`.
"""

import matplotlib.pyplot as plt
import numpy as np
from _images import load_images
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.metrics import mean_squared_error
from sklearn.neighbors import NearestNeighbors

from skae import AutoencoderTransformer, DenoisingAutoencoder
from skae.plotting import LatentDisplay, ReconstructionDisplay

CODES, HIDDEN, NOISE = 10, (400,), 0.3

X_train, X_test, y_train, y_test, image_shape = load_images()
print(f"{X_train.shape[1]}-{HIDDEN[0]}-{CODES}, {len(X_train)} images")

# %%
# `skae.DenoisingAutoencoder` is fitted to clean images. It draws new noise at each
# step. ``corrupt`` adds noise of the same kind to the test images.

denoiser = DenoisingAutoencoder(
    CODES,
    noise="gaussian",
    noise_level=NOISE,
    hidden_layer_sizes=HIDDEN,
    max_iter=4000,
    random_state=0,
)
denoiser.fit(X_train)
noisy = denoiser.corrupt(X_test, random_state=1)

# %%
# Two other models for comparison. Both are fitted to clean images, without noise: they
# remove only what their ten components or codes cannot represent.

plain = AutoencoderTransformer(CODES, hidden_layer_sizes=HIDDEN, random_state=0)
plain.fit(X_train)
pca = PCA(CODES, random_state=0).fit(X_train)

# %%
# The labels have the mean squared error relative to the clean images.

models = {"PCA": pca, "plain": plain, "denoiser": denoiser}
shown = np.unique(y_test, return_index=True)[1]
_ = ReconstructionDisplay.from_estimator(
    models, X_test, corrupted=noisy, rows=shown, image_shape=image_shape
)

# %%
# The second column is the error for clean images: there a denoiser may be slightly
# worse, because it also removes details that look like noise. The third is the
# displacement of the codes by the noise, in units of their standard deviations. A
# bottleneck alone removes part of the noise; a network that was trained on noise
# removes more, and its codes are less affected.

print(f"{'':10}{'noisy':>8}{'clean':>8}{'codes move':>12}")
for name, model in models.items():
    errors = [
        mean_squared_error(X_test, model.inverse_transform(model.transform(images)))
        for images in (noisy, X_test)
    ]
    codes = model.transform(X_test)
    shift = (model.transform(noisy) - codes) / codes.std(axis=0)
    move = np.sqrt(np.square(shift).mean())
    print(f"{name:10}{errors[0]:8.4f}{errors[1]:8.4f}{move:12.2f}")
print(f"{'(no model)':10}{mean_squared_error(X_test, noisy):8.4f}")

# %%
# The denoiser was trained with one noise level. How does it perform with others? A
# second denoiser is trained with twice the noise, and each is best near its own noise
# level.

strong = clone(denoiser).set_params(noise_level=2 * NOISE).fit(X_train)
print(f"{'':8}{'PCA':>8}{'plain':>8}{NOISE:8}{2 * NOISE:8}")
for level in (0.1, 0.3, 0.6, 0.9):
    noise = np.random.default_rng(0).normal(scale=level, size=X_test.shape)
    errors = [
        mean_squared_error(X_test, m.inverse_transform(m.transform(X_test + noise)))
        for m in (pca, plain, denoiser, strong)
    ]
    print(f"{level:<8}" + "".join(f"{error:8.4f}" for error in errors))

# %%
# Latent space
# ------------
#
# Ten codes are projected to two dimensions by PCA. Colours are the labels, which are
# not used in training. Another projection, such as ``projection=TSNE()``, would show
# more of the clusters.

_ = LatentDisplay.from_estimator(denoiser, X_test, y_test)

# %%
# Random codes
# ------------
#
# Can new images be generated from random codes? Here each code is drawn from a normal
# distribution with its mean and standard deviation on the training images.

rng = np.random.default_rng(0)
codes = denoiser.transform(X_train)
random_codes = rng.normal(
    codes.mean(axis=0), codes.std(axis=0), size=(len(X_test), CODES)
)
drawn = denoiser.inverse_transform(random_codes)

figure, axes = plt.subplots(2, 10, figsize=(9, 2), layout="constrained")
for ax, image in zip(axes.flat, drawn, strict=False):
    ax.imshow(image.reshape(image_shape), cmap="gray_r", vmin=0, vmax=1)
    ax.set_axis_off()

# %%
# A few of the images resemble a digit; most are mixtures of several. The table has the
# mean distance of each decoded image to the nearest training image, and of its code to
# the nearest code of a training image, for test images and for random codes.

trained = denoiser.transform(X_train)
near_image = NearestNeighbors(n_neighbors=1).fit(X_train)
near_code = NearestNeighbors(n_neighbors=1).fit(trained)
print(f"{'':14}{'image':>9}{'codes':>8}")
for name, points in {
    "test images": denoiser.transform(X_test),
    "random codes": random_codes,
}.items():
    decoded = denoiser.inverse_transform(points)
    far = [
        near_image.kneighbors(decoded)[0].mean(),
        near_code.kneighbors(points)[0].mean(),
    ]
    print(f"{name:14}{far[0]:9.2f}{far[1]:8.2f}")

# %%
# Random codes lie farther from the codes that the decoder was trained on, and the
# decoded images farther from the training images. The codes of images form clusters, as
# the plot above shows, and random ones fall between them. The loss has no term that
# makes the codes fill the latent space without gaps. A variational autoencoder has one,
# and can generate images: :ref:`sphx_glr_auto_examples_variational.py`.

plt.show()
