"""
Digits that nobody has written: the variational autoencoder
===========================================================

A :class:`~skae.VAE` is a density. It says how likely a row is, and new rows can be
drawn from it. Both are true of probabilistic PCA, too
(:meth:`sklearn.decomposition.PCA.score`), from which the VAE starts. The two stand side
by side here.

``python examples/variational.py --data FILE`` takes Fashion-MNIST or MNIST from an
.npz file instead of scikit-learn's digits, and ``--rows N`` so many of its training
images.
``_images.py``, which loads them, is listed with the
:doc:`examples </auto_examples/index>` and goes beside the script.
"""

# %%
# Likelihood
# ----------
#
# Two thirds of the digits train the models; the others tell what they are worth.

import matplotlib.pyplot as plt
import numpy as np
from _images import draw_images, load_images
from sklearn.decomposition import PCA, FactorAnalysis
from sklearn.neighbors import NearestNeighbors

from skae import VAE
from skae.metrics import reconstruction_error
from skae.plotting import LatentDisplay, LossCurveDisplay, ManifoldDisplay

X_train, X_test, y_train, y_test, image_shape = load_images()
K = 10

pca = PCA(K, random_state=0).fit(X_train)
factors = FactorAnalysis(K, random_state=0).fit(X_train)
vae = VAE(K, random_state=0).fit(X_train)

print(f"log-likelihood of {len(X_test)} held-out images in nats, {K} codes")
print(f"{'':16}{'mean':>12}{'median':>8}{'worst':>14}{'mean in training':>18}")
for model in (pca, factors, vae):
    nats, seen = model.score_samples(X_test), model.score(X_train)
    print(
        f"{type(model).__name__:16}{nats.mean():12.1f}{np.median(nats):8.1f}"
        f"{nats.min():14.1f}{seen:18.1f}"
    )

# %%
# One nat more makes an image 2.7 times as likely. Two things let the VAE have more of
# them than PCA. Its decoder bends. And each pixel has a noise of its own, where
# probabilistic PCA has one for all: there is hardly any ink in the corners, and to know
# that is worth many nats, though nothing to the eye.
#
# Factor analysis is in the table to show the second thing alone. It is linear, with a
# noise for each pixel. Its median is the highest of all, because it is as good as
# certain of pixels that had no ink in training; and its mean is ruined by the first
# person who inks one. The VAE sets a floor to each pixel's noise, and leaves one row in
# a hundred to PCA: no row costs it more than 4.6 nats against PCA. Likelihoods are easy
# to be proud of, so look at the worst row, too.
#
# The last column flatters the VAE more than PCA: compare models on rows that they have
# not seen. Training does that itself: rows that it sets aside say
# when to stop. What falls in the picture is minus a lower bound of the log-likelihood,
# for each pixel; it starts at probabilistic PCA.

_ = LossCurveDisplay.from_estimator(vae)

# %%
# Samples
# -------
#
# A code from the prior, decoded, is an image that nobody has made. ``vae.sample`` adds
# the noise of the pixels, as drawing from a density means; ``inverse_transform`` leaves
# it out.

rng = np.random.default_rng(0)
Z = rng.normal(size=(10, K))
_ = draw_images(
    {
        "PCA": pca.inverse_transform(Z * np.sqrt(pca.explained_variance_)),
        "VAE": vae.inverse_transform(Z),
        "VAE, noise too": vae.sample(10, random_state=0),
    },
    image_shape,
)

# %%
# Not all of them are digits. The prior is one round cloud and digits are ten heaps, so
# that some codes fall between them.
#
# From one digit to another
# -------------------------
#
# The codes of two digits are the ends of a line, and each point on it can be decoded.
# Below each path is the one that leads through pixels.

first = np.unique(y_test, return_index=True)[1]  # an image of each kind
share = np.linspace(0, 1, 10)[:, np.newaxis]
ways = {}
for a, b in [(0, 6), (1, 4), (3, 5)]:
    ends = X_test[first[[a, b]]]
    codes = vae.transform(ends)
    way = (1 - share) * codes[0] + share * codes[1]
    ways[f"{a} to {b}, codes"] = vae.inverse_transform(way)
    ways[f"{a} to {b}, pixels"] = (1 - share) * ends[0] + share * ends[1]
_ = draw_images(ways, image_shape)

# %%
# Which of all these look like digits? A crude measure is the squared distance to the
# nearest training image. The first line has it for images that were written, and not
# trained on. Blur makes it smaller, as for the reconstructions in the second line,
# which is the one to compare decoded images with.

nearest = NearestNeighbors(n_neighbors=1).fit(X_train)


def distance(images):
    """Return the mean squared distance of a pixel to the nearest training image."""
    return np.mean(nearest.kneighbors(images)[0] ** 2) / images.shape[1]


a, b = rng.integers(len(X_test), size=(2, 1000))
a, b = a[y_test[a] != y_test[b]], b[y_test[a] != y_test[b]]
Z = rng.normal(size=(1000, K))
codes, images = vae.transform(X_test), X_test
measured = {
    "held-out images": X_test[:1000],
    "their reconstructions": vae.inverse_transform(codes[:1000]),
    "halfway between two codes": vae.inverse_transform((codes[a] + codes[b]) / 2),
    "halfway between two images": (images[a] + images[b]) / 2,
    "samples of the VAE": vae.inverse_transform(Z),
    "samples of PCA": pca.inverse_transform(Z * np.sqrt(pca.explained_variance_)),
}
for name, images in measured.items():
    print(f"{name:28}{distance(images):7.4f}")

# %%
# Halfway between two codes there is something more like a digit than halfway between
# two images, but less like one than a reconstruction; and so it is with samples. The
# paths between digits cross gaps that hold no digits.
#
# Two codes: a map
# ----------------
#
# With two codes the whole of what the decoder can draw fits on a page. The grid covers
# the middle 95 % of the prior in each direction.

flat = VAE(2, random_state=0).fit(X_train)
Z = rng.normal(size=(1000, 2))
print(f"log-likelihood of held-out images: {flat.score(X_test):.1f} nats")
for name, model in {f"{K} codes": vae, "two codes": flat}.items():
    print(f"squared error with {name}: {reconstruction_error(model, X_test):.4f}")
print(f"samples from training images: {distance(flat.inverse_transform(Z)):.4f}")

# Ink is between 0 and 1; the decoder may exceed that a little.
_ = ManifoldDisplay.from_estimator(
    flat, image_shape=image_shape, n_grid=15, im_kw={"vmin": 0, "vmax": 1}
)

# %%
# Neighbours on the map are alike, and kinds of digits turn into each other at borders.
# Where the held-out digits lie on it, and how many of their codes lie in the range that
# holds 95 % of the prior:

inside = np.abs(flat.transform(X_test)) < 1.96
print(f"{inside[:, 0].mean():.0%} of code 0, {inside[:, 1].mean():.0%} of code 1")

_ = LatentDisplay.from_estimator(flat, X_test, y_test)

# %%
# Kinds that overlap here cannot be told apart by two codes. Ten codes keep more of each
# digit, and leave more room between the heaps: the error is smaller, and samples are
# farther from digits. Which of the two matters depends on what the codes are for.

plt.show()

# sphinx_gallery_start_ignore
# sphinx_gallery_thumbnail_number = 4
# sphinx_gallery_end_ignore
