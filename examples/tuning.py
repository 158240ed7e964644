"""
Grid search over code size and layers
=====================================

How many latent codes, which layers, or PCA? ``GridSearchCV`` chooses by
cross-validation, with PCA as one of the candidates. The pipeline has two scores: the
share of the variance that it reconstructs, and the accuracy of a classifier of the
codes. The two need not agree.

The images are the digits that scikit-learn ships; ``--data FILE`` uses Fashion-MNIST or
MNIST from an ``.npz`` file instead. ``_images.py``, which loads them, is on the page of
:doc:`examples </auto_examples/index>`.
"""

from importlib.util import find_spec

import matplotlib.pyplot as plt
import pandas as pd
from _images import load_images
from sklearn.callback import ProgressBar
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from skae import AutoencoderTransformer
from skae.metrics import reconstruction_r2_scorer

X_train, X_test, y_train, y_test, image_shape = load_images()

# %%
# The candidates
# --------------
#
# The step "reduce" is a parameter like any other, so it can be PCA or an autoencoder in
# the grid. Codes are scaled before the classifier: it is regularised, and would
# otherwise give less weight to codes of small variance.

pipeline = Pipeline(
    [
        ("reduce", PCA()),
        ("scale", StandardScaler()),
        ("classify", LogisticRegression(max_iter=1000)),
    ]
)
SIZES = [2, 4, 8, 16]
autoencoder = AutoencoderTransformer(max_iter=500, random_state=0)
grid = [
    {"reduce": [PCA(random_state=0)], "reduce__n_components": SIZES},
    {
        "reduce": [autoencoder],
        "reduce__n_components": SIZES,
        "reduce__hidden_layer_sizes": [(64,), (256, 128)],
    },
]

# %%
# Two scores per fit
# ------------------
#
# ``reconstruction_r2_scorer`` evaluates any estimator with ``transform`` and
# ``inverse_transform``. A pipeline that ends in a classifier has neither, but its first
# step has. A scorer is a function of the fitted pipeline and X:


def explained(model, X, y=None):
    """Score the reconstruction by the first step."""
    return reconstruction_r2_scorer(model[:1], X)


search = GridSearchCV(
    pipeline,
    grid,
    scoring={"r2": explained, "accuracy": "accuracy"},
    refit="accuracy",
    cv=3,
)

# %%
# A search takes a while, and scikit-learn's callbacks show its progress. The progress
# bars need ``rich``, which skae's extra ``progress`` installs. In a terminal they move;
# in a file or on a page they are printed once, at the end.

if find_spec("rich"):
    search.set_callbacks(ProgressBar(max_propagation_depth=0))
search.fit(X_train, y_train)
print(f"{len(search.cv_results_['params'])} candidates, three folds each")

# %%
# The results
# -----------

results = pd.DataFrame(search.cv_results_)
layers = results["param_reduce__hidden_layer_sizes"]
results["model"] = [
    f"skae {sizes}" if isinstance(sizes, tuple) else "PCA" for sizes in layers
]
results["codes"] = results["param_reduce__n_components"]
table = results.pivot(
    index="codes",
    columns="model",
    values=["mean_test_r2", "mean_test_accuracy", "mean_fit_time"],
)
print(table.round(3).T.to_string())

# %%
# Times are in seconds, and include the classifier. Error bars of the plot are the
# standard deviation over the three folds.

figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
for ax, score in zip(axes, ("r2", "accuracy"), strict=True):
    for name, group in results.groupby("model"):
        ax.errorbar(
            group["codes"],
            group[f"mean_test_{score}"],
            group[f"std_test_{score}"],
            marker="o",
            capsize=3,
            label=name,
        )
    ax.set_xscale("log", base=2)
    ax.set_xticks(SIZES, SIZES)
    ax.set(xlabel="codes", ylabel=score)
_ = axes[0].legend()

# %%
# The gain of the network is largest with few codes. The accuracy of the classifier need
# not follow: codes are trained without labels, and the difference between two classes
# may be a detail that hardly contributes to the squared error. Compare the two panels
# before you choose by one score. If accuracy is the goal, a classifier of the scaled
# pixels should be among the candidates too:

pixels = Pipeline([("scale", StandardScaler()), *pipeline.steps[2:]])
pixels.fit(X_train, y_train)

for score in ("r2", "accuracy"):
    best = results.loc[results[f"mean_test_{score}"].idxmax()]
    print(f"best {score:9} {best['model']}, {best['codes']} codes")
print(f"its accuracy on test images: {search.score(X_test, y_test):.3f}")
print(f"pixels, no codes:            {pixels.score(X_test, y_test):.3f}")

# %%
# The best of twelve candidates was selected by its score in the table, so this score is
# optimistically biased; the score on the test images is not.

plt.show()
