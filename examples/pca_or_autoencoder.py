"""
PCA or autoencoder?
===================

PCA is fitted in milliseconds, has nothing to tune, and its codes are weighted sums that
can be read. An autoencoder has to earn its place. This page measures what it wins,
where it ties and what it costs, and ends with a list.

Five tables come with scikit-learn. Three are made up: one where little can be won, and
two that are bent. Of two there is a tiny version, with sixty rows. ``--data FILE`` adds
two thousand images of Fashion-MNIST or MNIST from an ``.npz`` file.
``_images.py``, which loads them, is listed with the
:doc:`examples </auto_examples/index>` and goes beside the script.
"""

# %%
# The tables
# ----------

from time import perf_counter

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from _images import images_of_file
from sklearn import datasets
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skae import AutoencoderTransformer
from skae.metrics import reconstruction_error
from skae.plotting import LatentDisplay

rng = np.random.default_rng(0)


def linear(n_rows, n_columns, n_factors):
    """Return normal rows with a few factors behind them, and one of the factors."""
    factors = rng.normal(size=(n_rows, n_factors))
    X = factors @ rng.normal(size=(n_factors, n_columns))
    return X + 0.5 * rng.normal(size=X.shape), factors[:, 0]


def sheet(n_rows, n_columns):
    """Return rows on a bent sheet, and one of the two coordinates on it."""
    place = rng.uniform(-1, 1, size=(n_rows, 2))
    waves = np.tanh(place @ rng.normal(size=(2, 30)) * 2 + rng.normal(size=30))
    X = waves @ rng.normal(size=(30, n_columns))
    return X / X.std(axis=0) + 0.1 * rng.normal(size=X.shape), place[:, 0]


tables = {
    "iris": datasets.load_iris(return_X_y=True),
    "wine": datasets.load_wine(return_X_y=True),
    "breast cancer": datasets.load_breast_cancer(return_X_y=True),
    "diabetes": datasets.load_diabetes(return_X_y=True),
    "digits": datasets.load_digits(return_X_y=True),
    "linear": linear(1000, 20, n_factors=5),
    "swiss roll": datasets.make_swiss_roll(1000, noise=0.3, random_state=0),
    "sheet": sheet(1000, 20),
}
asked = images_of_file()
if asked is not None:
    X_train, _, y_train, _, _ = asked
    tables["images"] = X_train[:2000], y_train[:2000]
for name in ("digits", "sheet"):
    tables[f"{name}, tiny"] = tuple(part[:60] for part in tables[name])

# %%
# What is measured
# ----------------
#
# Columns are standardised. Each table is split into two thirds for training and one for
# the test: three times where it has fewer than 600 rows, since chance has more of a say
# there, and twice otherwise. There are two codes, then about a quarter as many as
# columns (three at least), but only two on the tables that are bent, for which two
# should do. Means over the splits:
#
# - ``pca_ratio_``: what the autoencoder itself says, from training rows that it held
#   out: its error relative to PCA's. 1 means that it kept PCA;
# - error: the same on test rows, which decided nothing;
# - the time of a fit;
# - score: what a linear model reads from the codes of test rows, the accuracy of a
#   logistic regression where there are classes, else the R2 of a ridge regression; and
#   what it reads from all columns.


def measure(X, y, k, seed):
    """Fit PCA and an autoencoder with k codes to a part of the rows; test the rest."""
    classes = y.dtype.kind in "iu"
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, test_size=1 / 3, random_state=seed, stratify=y if classes else None
    )
    scaler = StandardScaler().fit(X_train)
    X_train, X_test = scaler.transform(X_train), scaler.transform(X_test)

    def score(train, test):
        model = LogisticRegression(max_iter=1000) if classes else RidgeCV()
        model = make_pipeline(StandardScaler(), model).fit(train, y_train)
        return model.score(test, y_test)

    found = {"all columns": score(X_train, X_test)}
    pca, autoencoder = PCA(k), AutoencoderTransformer(k, random_state=seed)
    for name, model in {"PCA": pca, "skae": autoencoder}.items():
        start = perf_counter()
        model.fit(X_train)
        found[f"fit {name}"] = perf_counter() - start
        codes = model.transform(X_train), model.transform(X_test)
        found[f"score {name}"] = score(*codes)
        found[f"error {name}"] = reconstruction_error(model, X_test)
    found["pca_ratio_"] = autoencoder.pca_ratio_
    found["error"] = found["error skae"] / found["error PCA"]
    return found


measure(*tables["iris"], k=2, seed=0)  # the first fit also loads PyTorch

rows = []
for name, (X, y) in tables.items():
    n_rows, n_columns = X.shape
    splits = 3 if n_rows < 600 else 2
    bent = name.startswith(("swiss", "sheet"))
    for k in [2] if bent else [2, max(3, n_columns // 4)]:
        runs = pd.DataFrame([measure(X, y, k, seed) for seed in range(splits)])
        about = {"table": name, "size": f"{n_rows} x {n_columns}", "codes": k}
        rows.append({**about, "worst": runs["error"].max(), **runs.mean()})
results = pd.DataFrame(rows).set_index("table")

# %%
# Errors
# ------
#
# "worst" is the highest test error among the splits. Times are in milliseconds.

errors = results[["size", "codes", "pca_ratio_", "error", "worst"]].round(3)
for name in ("PCA", "skae"):
    errors[f"ms {name}"] = (1000 * results[f"fit {name}"]).round(1)
print(errors.to_string())
slower = results["fit skae"] / results["fit PCA"]
print(f"\ntime, skae / PCA: median {slower.median():.0f}, at most {slower.max():.0f}")

# %%
# Where rows lie on something bent (the sheet, the roll), or are pictures, a fraction of
# PCA's error is left. On measured tables of a few hundred rows there is less to gain,
# and single splits go the wrong way: the rows that decide are few. On the linear table
# with as many codes as factors there is nothing to gain. The network is dropped then,
# what comes out is PCA, and the time was spent for nothing.
#
# Few rows are a matter of what there is to see. Forty rows show that the sheet is bent.
# Of digits they show so little that PCA is kept, or what comes out is nearly PCA.
#
# What the fit says of itself is near to what the test finds, and where it is too good,
# by up to a tenth of PCA's error (the roll, two codes of wine and of the linear table).
# So one fit is enough to tell a large gain from a small one:

figure, ax = plt.subplots(figsize=(5.5, 4.5), layout="constrained")
ax.plot([0, 1.1], [0, 1.1], color="0.8")
for kind in tables:
    found = results.loc[[kind], ["pca_ratio_", "error"]].T.to_numpy()
    ax.plot(*found, ".", markersize=12, label=kind)
ax.set(xlabel="pca_ratio_", ylabel="test error relative to PCA's")
_ = ax.legend(frameon=False, bbox_to_anchor=(1, 0.5), loc="center left")

# %%
# Are the codes of more use?
# --------------------------
#
# A smaller error does not promise that.

scores = results[["codes", "error", "score PCA", "score skae", "all columns"]]
print(scores.round(3).to_string())

gain = results["score skae"] - results["score PCA"]
higher, lower = (gain >= 0.02).sum(), (gain <= -0.02).sum()
print(f"\nby 0.02 or more, of {len(gain)} rows: {higher} higher, {lower} lower")

# %%
# A linear model reads far more in the two codes of the digits than in PCA's. With a
# quarter as many codes as columns PCA's have nearly all that there is to read, and a
# smaller error makes no difference. And in two codes for the five factors of the linear
# table it reads much *less*: the autoencoder folds five directions into two codes, and
# what is folded no linear model can unfold. If the score is what you want, put both
# into a grid search (:ref:`sphx_glr_auto_examples_tuning.py`) and let the score decide.
#
# The same on the roll. Both maps show where rows are along it, as colours. PCA looks at
# the roll from the side. The autoencoder lays it out, in a shape that no straight line
# can follow.

X, along = tables["swiss roll"]
split = train_test_split(StandardScaler().fit_transform(X), along, random_state=0)
X_train, X_test, _, along_test = split
figure, axes = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
models = PCA(2), AutoencoderTransformer(2, random_state=0)
for ax, model in zip(axes, models, strict=True):
    LatentDisplay.from_estimator(model.fit(X_train), X_test, along_test, ax=ax)
    error = reconstruction_error(model, X_test)
    ax.set_title(f"{type(model).__name__}, test error {error:.3f}")

# %%
# The list
# --------
#
# Take PCA when
#
# - relations are linear: the same comes out of both, after hundreds of times the time
#   or more (linear with five codes);
# - there are fewer than a few hundred rows, and you do not know of a bend that a few
#   would show: the gain is nothing or small (the tiny digits, iris), and nearly a tenth
#   was lost once (the worst split of wine);
# - there are so many codes that PCA loses nothing that matters to you (the scores of
#   breast cancer and of digits with a quarter of the columns);
# - a linear model is to read few codes, and the grid search does not say otherwise
#   (linear with two codes, diabetes);
# - codes shall be weighted sums of columns, to be read and explained.
#
# Take an autoencoder when
#
# - rows have to come back from few numbers, and there are more than a few hundred of
#   them: sheet, roll, digits, and many tables on the page :doc:`/performance`;
# - relations bend, or rows are pictures;
# - ``pca_ratio_`` is well below 1 after one fit. You need not know beforehand: where it
#   is 1 you have PCA, and where it is not, the benchmark's worst fit is a few per cent
#   above PCA's error on new rows (:doc:`/performance`), and that of this page nearly a
#   tenth;
# - you want what PCA does not have: noise taken out, likelihoods of bent data, outliers
#   with reasons.
#
# And whichever you take for a score, measure the score.

plt.show()
