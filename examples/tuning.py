"""
Size and network in a grid search
=================================

How many codes, which layers, or PCA after all? ``GridSearchCV`` answers it by
cross-validation, with PCA as one of the candidates. The pipeline is judged twice: by
the share of the variance that it reconstructs, and by a classifier that works on the
codes. The two need not agree.

The digits are those that scikit-learn ships; ``--data FILE`` takes Fashion-MNIST or
MNIST from an ``.npz`` file instead.
``_images.py``, which loads them, is listed with the
:doc:`examples </auto_examples/index>` and goes beside the script.
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
# The step "reduce" is a parameter like any other, so the grid can put PCA or an
# autoencoder there. Codes are scaled before the classifier: it is regularised, and
# would otherwise see codes of small variance less.

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
# Two scores for one fit
# ----------------------
#
# ``reconstruction_r2_scorer`` scores whatever has ``transform`` and
# ``inverse_transform``. A pipeline that ends in a classifier has neither, but its first
# step has. A scorer is a function of the fitted pipeline and the rows:


def explained(model, X, y=None):
    """Score the reconstruction, which is the work of the first step."""
    return reconstruction_r2_scorer(model[:1], X)


search = GridSearchCV(
    pipeline,
    grid,
    scoring={"r2": explained, "accuracy": "accuracy"},
    refit="accuracy",
    cv=3,
)

# %%
# A search takes a while, and scikit-learn's callbacks show how far it is. The bars need
# ``rich``, which skae's extra ``progress`` installs; without it the search is as quiet
# as ever. In a terminal the bars move; where the output goes to a file or a page, they
# are printed once, at the end.

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
# The times are those of this run, in seconds, with the classifier. The bars of the plot
# are the standard deviation over the three folds.

figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
for ax, score in zip(axes, ("r2", "accuracy"), strict=True):
    for name, rows in results.groupby("model"):
        ax.errorbar(
            rows["codes"],
            rows[f"mean_test_{score}"],
            rows[f"std_test_{score}"],
            marker="o",
            capsize=3,
            label=name,
        )
    ax.set_xscale("log", base=2)
    ax.set_xticks(SIZES, SIZES)
    ax.set(xlabel="codes", ylabel=score)
_ = axes[0].legend()

# %%
# The network adds most where codes are few. What the classifier makes of the codes is
# another matter: they are trained without labels, and what tells two kinds apart may be
# a detail that hardly counts in a squared error. Compare the two panels before you
# choose by one score alone. If accuracy is what counts, a classifier of the scaled
# pixels should be among the candidates too:

pixels = Pipeline([("scale", StandardScaler()), *pipeline.steps[2:]])
pixels.fit(X_train, y_train)

for score in ("r2", "accuracy"):
    best = results.loc[results[f"mean_test_{score}"].idxmax()]
    print(f"best {score:9} {best['model']}, {best['codes']} codes")
print(f"its accuracy on test images: {search.score(X_test, y_test):.3f}")
print(f"pixels, no codes:            {pixels.score(X_test, y_test):.3f}")

# %%
# The search has chosen among twelve candidates, so the score of the winner in the table
# flatters it a little; the score on the test images does not.

plt.show()
