"""
Contractive autoencoders: latent codes that ignore small changes
================================================================

A contractive autoencoder is trained with a penalty on the Jacobian of its latent codes,
that is on their sensitivity to small changes of the input. Three of them, with a small
to a large penalty, and a plain autoencoder encode images by two codes. Then the pixels
of test images are changed slightly.

There is a pitfall. A network can reduce the displacement of its codes by making them
small, and the decoder can make them large again. That would only change their scale.
The displacement is therefore compared with the standard deviation of the codes
themselves.

The images are the digits that scikit-learn ships; ``--data FILE`` uses Fashion-MNIST or
MNIST from an ``.npz`` file instead. ``_images.py``, which loads them, is on the page of
:doc:`examples </auto_examples/index>`.
"""

import matplotlib.pyplot as plt
import numpy as np
from _images import load_images

from skae import AutoencoderTransformer, ContractiveAutoencoder
from skae.metrics import reconstruction_error
from skae.plotting import LatentDisplay

X_train, X_test, y_train, y_test, image_shape = load_images()
X_test, y_test = X_test[:600], y_test[:600]

models = {"plain": AutoencoderTransformer(2, random_state=0)}
for contraction in (0.01, 0.1, 1.0):
    models[f"contraction {contraction:g}"] = ContractiveAutoencoder(
        2, contraction=contraction, random_state=0
    )
for model in models.values():
    model.fit(X_train)

# %%
# Smaller codes, or less sensitive codes?
# ---------------------------------------
#
# ``jacobian_norm`` returns the squared norm of the Jacobian for each image. It combines
# sensitivity and scale, so the table also has the variance of the codes. Their quotient
# does not depend on the scale of the codes. All are means over the test images.

codes = {name: model.transform(X_test) for name, model in models.items()}
print(f"{'':17}{'norm':>9}{'variance':>10}{'norm / variance':>17}{'error':>9}")
for name, model in models.items():
    norm = model.jacobian_norm(X_test).mean()
    variance = codes[name].var(axis=0).sum()
    error = reconstruction_error(model, X_test)
    print(f"{name:17}{norm:9.2f}{variance:10.3f}{norm / variance:17.2f}{error:9.4f}")

# %%
# The smallest penalty really makes the codes less sensitive than those of the plain
# autoencoder. Larger penalties reduce the variance nearly as much as the norm: most of
# their effect is shrinkage, which the decoder compensates.
#
# Displacement of the codes
# -------------------------
#
# Each image is changed five times, in two ways. "equal" adds noise of the same standard
# deviation to all pixels; "own" adds noise of a fifth of the standard deviation of each
# pixel. Pixels are clipped to the range seen in training.

rng = np.random.default_rng(0)
draws = rng.normal(size=(5, *X_test.shape))
low, high = X_train.min(axis=0), X_train.max(axis=0)
changed = {
    "equal": (X_test + 0.05 * draws).clip(low, high),
    "own": (X_test + 0.2 * X_train.std(axis=0) * draws).clip(low, high),
}
moved = {
    (name, kind): np.stack([model.transform(images) for images in copies])
    for name, model in models.items()
    for kind, copies in changed.items()
}

# %%
# The displacement in standard deviations of the codes:

print(f"{'':17}" + "".join(f"{kind:>8}" for kind in changed))
for name in models:
    spread = codes[name].std(axis=0)
    ways = [
        np.linalg.norm((moved[name, kind] - codes[name]) / spread, axis=-1).mean()
        for kind in changed
    ]
    print(f"{name:17}" + "".join(f"{way:8.3f}" for way in ways))

# %%
# The two columns show why the plain autoencoder is so sensitive. Networks work on
# standardised pixels. A pixel near the edge that is white in nearly all images has a
# tiny standard deviation, and a little grey there is a large value to the network. The
# contractive autoencoder, whose penalty has the same weight for all pixels, learns to
# ignore it. With noise in proportion to the standard deviation of each pixel, the
# difference is smaller.
#
# In the latent space
# -------------------
#
# Coloured dots are the codes of the images, grey ones those of the changed images:
# "equal" noise above, "own" below. Each plot has its own scale, so that smaller codes
# do not look less sensitive than they are.

shown = ["plain", "contraction 0.1", "contraction 1"]
figure, axes = plt.subplots(2, 3, figsize=(12, 7.5), layout="constrained")
for row, kind in zip(axes, changed, strict=True):
    for ax, name in zip(row, shown, strict=True):
        grey = {"s": 2, "color": "0.8", "linewidths": 0}
        ax.scatter(*moved[name, kind].reshape(-1, 2).T, **grey)
        LatentDisplay.from_predictions(codes[name], y_test, ax=ax)
        if ax is not row[-1]:
            ax.get_legend().remove()
        ax.set(title=f"{name}, {kind}", xlabel="", ylabel="")

plt.show()
