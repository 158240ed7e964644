r"""
Sparse autoencoders: many codes, few of them active
===================================================

A sparse autoencoder may have more latent codes than there are pixels. It cannot copy
the image, because each code may be active only rarely: the target of its mean
activation is :math:`\rho`, here 0.05. Each image is then a combination of a few parts
of a large dictionary, which can be plotted.

The images are the digits that scikit-learn ships; ``--data FILE`` uses Fashion-MNIST or
MNIST from an ``.npz`` file instead. ``_images.py``, which loads them, is on the page of
:doc:`examples </auto_examples/index>`.
"""

import matplotlib.pyplot as plt
import numpy as np
from _images import load_images

from skae import SparseAutoencoder
from skae.metrics import reconstruction_r2
from skae.plotting import FeatureDisplay, ReconstructionDisplay

X_train, X_test, y_train, y_test, image_shape = load_images()
CODES, RHO = 2 * X_train.shape[1], 0.05
print(f"{CODES} codes for {X_train.shape[1]} pixels")

# %%
# There are three penalties. "kl" drives the mean activation of each code to
# :math:`\rho`, "l1" only the mean over all codes and only from above, and "topk" sets
# all but the largest codes of an image to zero. ``alpha`` is the weight decay; with
# more of it than the default the parts below are less noisy.

models = {}
for penalty in ("kl", "l1", "topk"):
    model = SparseAutoencoder(
        CODES, penalty=penalty, sparsity=RHO, alpha=1.0, random_state=0
    )
    models[penalty] = model.fit(X_train)

print(f"{'':6}{'mean':>7}{'exactly 0':>11}{'above 0.1':>11}{'R2':>8}")
for name, model in models.items():
    codes = model.transform(X_test)
    print(
        f"{name:6}{codes.mean():7.3f}{(codes == 0).mean():11.3f}"
        f"{(codes > 0.1).mean():11.3f}{reconstruction_r2(model, X_test):8.3f}"
    )

# %%
# All shares are those of the codes of test images. With "kl" and "l1" codes are near
# zero, and only "topk" makes them exactly zero.
#
# The mean activation of each code on the training images is ``mean_activation_``. With
# "topk" some codes are hardly ever among the largest, and their bar is at zero:

figure, axes = plt.subplots(1, 3, figsize=(10, 3), layout="constrained", sharey=True)
for ax, (name, model) in zip(axes, models.items(), strict=True):
    ax.hist(model.mean_activation_, bins=np.linspace(0, 0.2, 41), color="0.5")
    ax.axvline(RHO, color="k", linestyle="--")
    ax.set(title=name, xlabel="mean activation of a code")
_ = axes[0].set_ylabel("codes")

# %%
# Features of the codes
# ---------------------
#
# There are three ways to interpret a code. The first: how does the reconstruction
# change when the code goes from the low to the high end of its range? Red adds ink,
# blue removes it.

sparse = models["kl"]
decoder = FeatureDisplay.from_estimator(
    sparse, X_train, kind="decoder", codes=36, image_shape=image_shape
)

# %%
# The second: which small change of the average image increases the code most? These are
# the filters of the encoder.

encoder = FeatureDisplay.from_estimator(
    sparse, X_train, kind="encoder", codes=36, image_shape=image_shape
)

# %%
# Encoder and decoder do not share weights. How similar are they after training? The
# mean cosine similarity of the two images of a code, 1 for equal images and 0 for
# orthogonal ones:

a, b = (
    f / np.linalg.norm(f, axis=1)[:, None] for f in (decoder.features, encoder.features)
)
print(f"{(a * b).sum(axis=1).mean():.2f}")

# %%
# Some of these features are local strokes or blots, many are mixtures without a simple
# interpretation. With more codes than pixels there are many ways to represent an image,
# and the loss does not prefer an interpretable one.
#
# The third: which images have the largest values of the code? Shown is the mean of the
# hundredth of the training images with the largest values.

_ = FeatureDisplay.from_estimator(
    sparse, X_train, kind="rows", codes=36, image_shape=image_shape
)

# %%
# Reconstruction from few codes
# -----------------------------
#
# How many codes are enough? All but the largest codes of each image are set to zero,
# and the result is decoded.

codes = sparse.transform(X_test)
order = np.argsort(-codes, axis=1)
reconstructions = {}
for kept in (4, 8, 16, CODES):
    largest = codes.copy()
    np.put_along_axis(largest, order[:, kept:], 0.0, axis=1)
    reconstructions[f"{kept} codes"] = sparse.inverse_transform(largest)

shown = np.unique(y_test, return_index=True)[1]
_ = ReconstructionDisplay.from_predictions(
    X_test, reconstructions, rows=shown, image_shape=image_shape
)

# %%
# Codes that are nearly zero cannot be neglected: many small ones add up. To use a fixed
# number of codes, train the model with that number, as "topk" does:

codes = models["topk"].transform(X_test)
print(f"topk: {(codes > 0).sum(axis=1).max()} codes at most are active in an image,")
print(f"R2 {reconstruction_r2(models['topk'], X_test):.3f}")
few = reconstructions["8 codes"]
share = 1 - np.square(X_test - few).sum() / np.square(X_test - X_test.mean(0)).sum()
print(f"kl, the 8 largest: R2 {share:.3f}")

plt.show()

# sphinx_gallery_start_ignore
# sphinx_gallery_thumbnail_number = 2
# sphinx_gallery_end_ignore
