"""
A network of your own
=====================

``network`` takes a function that makes an encoder and a decoder in PyTorch. skae trains
them by autograd in its own loop, with PCA as the start, held-out rows, early stopping
and the comparison with PCA as for the built-in layers. Here a grid search chooses
between two such functions and the built-in layers, in a pipeline with a scaler.

The digits are those that scikit-learn ships; ``--data FILE`` takes Fashion-MNIST or
MNIST from an ``.npz`` file instead.
``_images.py``, which loads them, is listed with the
:doc:`examples </auto_examples/index>` and goes beside the script.
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
# Each takes the number of features and of codes, and returns two new modules whenever
# it is called. The first has layers with layer normalisation.


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
# The second has all of its depth in the decoder; its encoder is linear.


def lopsided(n_features, n_components):
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
# The functions are parameters, and a search chooses between them; None stands for the
# built-in layers. They are scored by the squared error in the units of the pixels,
# although the networks see standardised ones.

pipeline = Pipeline(
    [
        ("scale", StandardScaler()),
        ("code", AutoencoderTransformer(CODES, max_iter=1000, random_state=0)),
    ]
)
search = GridSearchCV(
    pipeline,
    {"code__network": [None, normalised, lopsided]},
    scoring=neg_reconstruction_error_scorer,
    cv=3,
)
search.fit(X_train)

results = search.cv_results_
print("mean squared error of the pixels, and seconds for a fit:")
for network, score, seconds in zip(
    results["param_code__network"],
    results["mean_test_score"],
    results["mean_fit_time"],
    strict=True,
):
    print(f"{network.__name__ if network else 'built in':12}{-score:.4f}{seconds:8.1f}")

# %%
# The seconds are those of this run. Networks stop after different numbers of steps, so
# this is no comparison of their speed.
#
# The best one
# ------------
#
# The search has fitted it again to all training images.

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
# Its training, in units of PCA's error on the held-out rows:

_ = LossCurveDisplay.from_estimator(search.best_estimator_)

# %%
# To send such a model to another process, or to save it, write the function in a module
# that can be imported, as any function that is to be pickled.
# :doc:`/user_guide/own_networks` has the details: what the modules may do, and what the
# VAE asks of them.

plt.show()
