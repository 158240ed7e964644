"""
Custom networks
===============

``network`` takes a function that returns an encoder and a decoder as PyTorch modules.
skae trains them by autograd in its own loop, with initialisation at PCA, held-out data,
early stopping and the comparison with PCA as for the built-in layers. Here a grid
search chooses between two such functions and the built-in layers, in a pipeline with a
scaler.

The images are the digits that scikit-learn ships; ``--data FILE`` uses Fashion-MNIST or
MNIST from an ``.npz`` file instead. ``_images.py``, which loads them, is on the page of
:doc:`examples </auto_examples/index>`.
"""

import matplotlib.pyplot as plt
import numpy as np
from _images import load_images
from sklearn.decomposition import PCA
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from skae import AutoencoderTransformer
from skae.metrics import neg_reconstruction_error_scorer, reconstruction_error
from skae.plotting import LossCurveDisplay, ReconstructionDisplay

CODES = 8

X_train, X_test, y_train, y_test, image_shape = load_images()

# %%
# Two functions
# -------------
#
# Each takes the numbers of features and components, and returns two new modules at each
# call. The first has hidden layers with layer normalisation.


def normalised(n_features, n_components):
    """Return dense layers with layer normalisation."""
    encoder = nn.Sequential(
        *(nn.Linear(n_features, 128), nn.LayerNorm(128), nn.GELU()),
        nn.Linear(128, n_components),
    )
    decoder = nn.Sequential(
        *(nn.Linear(n_components, 128), nn.LayerNorm(128), nn.GELU()),
        nn.Linear(128, n_features),
    )
    return encoder, decoder


# %%
# The second has a linear encoder, and a deep decoder.


def linear_encoder(n_features, n_components):
    """Return a linear encoder and a deep decoder."""
    decoder = nn.Sequential(
        *(nn.Linear(n_components, 128), nn.SiLU(), nn.Linear(128, 128), nn.SiLU()),
        nn.Linear(128, n_features),
    )
    return nn.Linear(n_features, n_components), decoder


# %%
# The search
# ----------
#
# The functions are parameters of the grid; None stands for the built-in layers. The
# score is the squared error in the units of the pixels, although the networks see
# standardised pixels.

pipeline = Pipeline(
    [
        ("scale", StandardScaler()),
        ("code", AutoencoderTransformer(CODES, max_iter=1000, random_state=0)),
    ]
)
search = GridSearchCV(
    pipeline,
    {"code__network": [None, normalised, linear_encoder]},
    scoring=neg_reconstruction_error_scorer,
    cv=3,
)
search.fit(X_train)

results = search.cv_results_
print("mean squared error of the pixels, and seconds of a fit:")
for network, score, seconds in zip(
    results["param_code__network"],
    results["mean_test_score"],
    results["mean_fit_time"],
    strict=True,
):
    print(f"{network.__name__ if network else 'built in':16}{-score:.4f}{seconds:8.1f}")

# %%
# Networks stop after different numbers of steps, so the seconds are no comparison of
# their speed.
#
# The best network
# ----------------
#
# The search has refitted it on all training images.

pca = PCA(CODES, random_state=0).fit(X_train)
best = search.best_params_["code__network"]
print("best:", best.__name__ if best else "built in")
print(f"error on test images: {reconstruction_error(search, X_test):.4f}")
print(f"PCA's:                {reconstruction_error(pca, X_test):.4f}")

shown = np.unique(y_test, return_index=True)[1]
_ = ReconstructionDisplay.from_estimator(
    {"PCA": pca, "best": search.best_estimator_},
    X_test,
    rows=shown,
    image_shape=image_shape,
)

# %%
# Its loss curves, relative to PCA's error on the held-out data:

_ = LossCurveDisplay.from_estimator(search.best_estimator_)

# %%
# To send such a model to another process, or to save it, define the function in a
# module that can be imported, as for any pickled function.
# :doc:`/user_guide/own_networks` has the details: requirements for the modules, and
# those of the VAE.

plt.show()
