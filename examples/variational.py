"""
Variational autoencoder: likelihoods and generated digits
=========================================================

A :class:`~skae.VAE` is a density model: it returns the likelihood of a sample, and
generates new samples. So does probabilistic PCA
(:meth:`sklearn.decomposition.PCA.score`), from which the VAE starts. The two are
compared here.

``python examples/variational.py --data FILE`` uses Fashion-MNIST or MNIST from an .npz
file instead of scikit-learn's digits, and ``--rows N`` is the number of training
images. ``_images.py``, which loads them, is on the page of :doc:`examples
</auto_examples/index>`.
"""

# %%
# Likelihood
# ----------
#
# Two thirds of the digits are the training set, the others the test set.

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
    nats, in_training = model.score_samples(X_test), model.score(X_train)
    print(
        f"{type(model).__name__:16}{nats.mean():12.1f}{np.median(nats):8.1f}"
        f"{nats.min():14.1f}{in_training:18.1f}"
    )

# %%
# One nat more makes an image 2.7 times as likely. There are two reasons why the VAE has
# a higher likelihood than PCA. Its decoder is nonlinear. And each pixel has its own
# noise variance, while probabilistic PCA has one for all: there is hardly any ink in
# the corners, and a small noise variance there gains many nats, without a visible
# difference.
#
# Factor analysis shows the second effect alone. It is linear, with a noise variance for
# each pixel. Its median is the highest of all, because it is nearly certain of pixels
# that had no ink in training; and its mean is dominated by the few test images with ink
# there. The VAE has a lower bound for the noise variance of each pixel, and is a
# mixture with a weight of one hundredth for PCA: no sample loses more than 4.6 nats
# relative to PCA. A mean likelihood can hide failures, so look at the worst sample,
# too.
#
# The last column is optimistically biased, for the VAE more than for PCA: compare
# models on test data. In training, held-out data decide when to stop. The curves in the
# figure are minus a lower bound of the log-likelihood per pixel; they start at
# probabilistic PCA.

_ = LossCurveDisplay.from_estimator(vae)

# %%
# Generated images
# ----------------
#
# A random code from the prior is decoded to a new image. ``vae.sample`` adds the noise
# of the pixels, as sampling from the density requires; ``inverse_transform`` does not.

rng = np.random.default_rng(0)
Z = rng.normal(size=(10, K))
_ = draw_images(
    {
        "PCA": pca.inverse_transform(Z * np.sqrt(pca.explained_variance_)),
        "VAE": vae.inverse_transform(Z),
        "VAE, with noise": vae.sample(10, random_state=0),
    },
    image_shape,
)

# %%
# Not all of them are digits. The prior is a single normal distribution and the codes of
# digits form ten clusters, so that some random codes fall between them.
#
# Interpolation
# -------------
#
# Each point on the line between the codes of two digits can be decoded. Below each
# interpolation in the latent space is the interpolation of the pixels.

first = np.unique(y_test, return_index=True)[1]  # an image of each class
share = np.linspace(0, 1, 10)[:, np.newaxis]
paths = {}
for a, b in [(0, 6), (1, 4), (3, 5)]:
    ends = X_test[first[[a, b]]]
    codes = vae.transform(ends)
    path = (1 - share) * codes[0] + share * codes[1]
    paths[f"{a} to {b}, codes"] = vae.inverse_transform(path)
    paths[f"{a} to {b}, pixels"] = (1 - share) * ends[0] + share * ends[1]
_ = draw_images(paths, image_shape)

# %%
# Which of these look like digits? A simple measure is the squared distance to the
# nearest training image. The first line is that of test images. Blur decreases it, as
# for their reconstructions in the second line, which is the baseline for decoded
# images.

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
# The decoded point halfway between two codes is closer to a digit than the mean of two
# images, but not as close as a reconstruction; the same is true of the generated
# images. The lines between the codes of digits cross regions without digits.
#
# Two-dimensional latent space
# ----------------------------
#
# With two codes the latent space can be plotted as a grid of decoded images. The grid
# covers the central 95 % of the prior in each direction.

flat = VAE(2, random_state=0).fit(X_train)
Z = rng.normal(size=(1000, 2))
print(f"log-likelihood of held-out images: {flat.score(X_test):.1f} nats")
for name, model in {f"{K} codes": vae, "two codes": flat}.items():
    print(f"squared error with {name}: {reconstruction_error(model, X_test):.4f}")
print(f"samples from training images: {distance(flat.inverse_transform(Z)):.4f}")

# Pixels are between 0 and 1; the decoder may slightly exceed this range.
_ = ManifoldDisplay.from_estimator(
    flat, image_shape=image_shape, n_grid=15, im_kw={"vmin": 0, "vmax": 1}
)

# %%
# Neighbours on the grid are similar, and digits change gradually from one class to
# another. The codes of the test images, and the share of them in the central 95 % of
# the prior:

inside = np.abs(flat.transform(X_test)) < 1.96
print(f"{inside[:, 0].mean():.0%} of code 0, {inside[:, 1].mean():.0%} of code 1")

_ = LatentDisplay.from_estimator(flat, X_test, y_test)

# %%
# Classes that overlap here cannot be separated by two codes. Ten codes keep more
# information about each digit, and there is more space between the clusters: the error
# is smaller, and generated images are farther from digits. Which of the two matters
# depends on the application.

plt.show()

# sphinx_gallery_start_ignore
# sphinx_gallery_thumbnail_number = 4
# sphinx_gallery_end_ignore
