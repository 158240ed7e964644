"""
Codes that ignore small changes
===============================

A contractive autoencoder is trained with a penalty on the Jacobian of its codes: how
much they change where the row changes a little. Three of them, with a small to a large
penalty, write two codes for each image, beside a plain autoencoder. Then the pixels of
images that they have not seen are changed a little.

There is a trap. A network can make its codes move less by making them small, and the
decoder can make them large again. That would change nothing but a unit. How far codes
move is therefore compared with the spread of the codes themselves.

The digits are those that scikit-learn ships; ``--data FILE`` takes Fashion-MNIST or
MNIST from an ``.npz`` file instead.
``_images.py``, which loads them, is listed with the
:doc:`examples </auto_examples/index>` and goes beside the script.
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
# Shrunk, or steadier?
# --------------------
#
# ``jacobian_norm`` gives the squared norm of the Jacobian for each image. On its own it
# mixes two things, so the table has the variance of the codes beside it. Their quotient
# does not depend on the unit of the codes. All are means over the test images.

codes = {name: model.transform(X_test) for name, model in models.items()}
print(f"{'':17}{'norm':>9}{'variance':>10}{'norm / variance':>17}{'error':>9}")
for name, model in models.items():
    norm = model.jacobian_norm(X_test).mean()
    variance = codes[name].var(axis=0).sum()
    error = reconstruction_error(model, X_test)
    print(f"{name:17}{norm:9.2f}{variance:10.3f}{norm / variance:17.2f}{error:9.4f}")

# %%
# The step from the plain autoencoder to the smallest penalty really makes codes
# steadier. What larger penalties take off the norm they take off the variance, too:
# most of that is shrinkage, and the decoder undoes it.
#
# How far codes move
# ------------------
#
# Each image is changed five times, in two ways. "equal" adds the same noise to all
# pixels; "own" adds to each pixel a fifth of its own standard deviation. Paper and ink
# have their limits: pixels stay between those seen in training.

rng = np.random.default_rng(0)
draws = rng.normal(size=(5, *X_test.shape))
low, high = X_train.min(axis=0), X_train.max(axis=0)
changed = {
    "equal": (X_test + 0.05 * draws).clip(low, high),
    "own": (X_test + 0.2 * X_train.std(axis=0) * draws).clip(low, high),
}
moved = {
    (name, kind): np.stack([model.transform(rows) for rows in tables])
    for name, model in models.items()
    for kind, tables in changed.items()
}

# %%
# How far a code is moved is measured in standard deviations of the codes:

print(f"{'':17}" + "".join(f"{kind:>8}" for kind in changed))
for name in models:
    spread = codes[name].std(axis=0)
    ways = [
        np.linalg.norm((moved[name, kind] - codes[name]) / spread, axis=-1).mean()
        for kind in changed
    ]
    print(f"{name:17}" + "".join(f"{way:8.3f}" for way in ways))

# %%
# The two columns tell where the plain autoencoder is so easily moved. Networks work on
# standardised pixels. A pixel near the edge that is white in nearly all images has a
# tiny standard deviation, and a little grey there is a great deal to the network. The
# contractive autoencoder, whose penalty counts all pixels alike, learns to ignore it.
# Against noise in proportion to what each pixel does anyway, there is less to gain.
#
# Seen on the map
# ---------------
#
# Coloured dots are the codes, grey ones are where the changes take them: "equal" noise
# above, "own" below. Each map has its own scale, so that shrunk codes do not look
# steadier than they are.

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
