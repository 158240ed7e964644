"""
PCA or autoencoder?
===================

PCA is fitted in milliseconds, has nothing to tune, and its codes are weighted sums that
can be interpreted. This page measures when an autoencoder is better, when it is not and
what it costs, and ends with recommendations.

Five data sets come with scikit-learn. Three are simulated: one with linear structure,
and two on a curved surface. Of two data sets there is a small version with sixty
samples. ``--data FILE`` adds two thousand images of Fashion-MNIST or MNIST from an
``.npz`` file. ``_images.py``, which loads them, is on the page of :doc:`examples
</auto_examples/index>`.
"""

# %%
# The data sets
# -------------

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


def linear(n_samples, n_features, n_factors):
    """Return samples of a linear factor model, and one of the factors."""
    factors = rng.normal(size=(n_samples, n_factors))
    X = factors @ rng.normal(size=(n_factors, n_features))
    return X + 0.5 * rng.normal(size=X.shape), factors[:, 0]


def sheet(n_samples, n_features):
    """Return samples on a curved surface, and one of its two coordinates."""
    place = rng.uniform(-1, 1, size=(n_samples, 2))
    waves = np.tanh(place @ rng.normal(size=(2, 30)) * 2 + rng.normal(size=30))
    X = waves @ rng.normal(size=(30, n_features))
    return X / X.std(axis=0) + 0.1 * rng.normal(size=X.shape), place[:, 0]


data = {
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
    data["images"] = X_train[:2000], y_train[:2000]
for name in ("digits", "sheet"):
    data[f"{name}, small"] = tuple(part[:60] for part in data[name])

# %%
# Measurements
# ------------
#
# Features are standardised. Each data set is split into two thirds for training and one
# for the test: three times if it has fewer than 600 samples, since the variance is
# larger there, and twice otherwise. The code size is two, and about a quarter of the
# number of features (at least three), but only two on the curved surfaces, which are
# two-dimensional. Means over the splits:
#
# - ``pca_ratio_``: the error relative to PCA's on the held-out part of the training
#   data, an attribute of the fitted autoencoder. 1 means that it kept PCA;
# - error: the same on the test data;
# - the time of a fit;
# - score: the test score of a linear model of the codes, the accuracy of a logistic
#   regression if there are classes, else the R2 of a ridge regression; and the score of
#   a linear model of all features.


def measure(X, y, k, seed):
    """Fit PCA and an autoencoder with k codes on one split, and test them."""
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

    found = {"all features": score(X_train, X_test)}
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


measure(*data["iris"], k=2, seed=0)  # the first fit also imports PyTorch

results = []
for name, (X, y) in data.items():
    n_samples, n_features = X.shape
    splits = 3 if n_samples < 600 else 2
    curved = name.startswith(("swiss", "sheet"))
    for k in [2] if curved else [2, max(3, n_features // 4)]:
        runs = pd.DataFrame([measure(X, y, k, seed) for seed in range(splits)])
        about = {"data": name, "size": f"{n_samples} x {n_features}", "codes": k}
        results.append({**about, "worst": runs["error"].max(), **runs.mean()})
results = pd.DataFrame(results).set_index("data")

# %%
# Errors
# ------
#
# "worst" is the highest relative test error of the splits. Times are in milliseconds.

errors = results[["size", "codes", "pca_ratio_", "error", "worst"]].round(3)
for name in ("PCA", "skae"):
    errors[f"ms {name}"] = (1000 * results[f"fit {name}"]).round(1)
print(errors.to_string())
slower = results["fit skae"] / results["fit PCA"]
print(f"\ntime, skae / PCA: median {slower.median():.0f}, at most {slower.max():.0f}")

# %%
# On curved surfaces (the sheet, the roll) and on images the error is a fraction of
# PCA's. On real data sets of a few hundred samples the gain is smaller, and single
# splits are worse than PCA: there are few held-out samples for model selection. On the
# linear data with as many codes as factors there is no gain. PCA is kept then, and the
# time of training is lost.
#
# How many samples are needed depends on the structure. Forty samples are enough to
# learn that the sheet is curved. For digits they are so few that PCA is kept, or the
# result is close to PCA.
#
# ``pca_ratio_`` is close to the test error, and if it is optimistic, by up to a tenth
# of PCA's error (the roll, two codes of wine and of the linear data). So one fit is
# enough to distinguish a large gain from a small one:

figure, ax = plt.subplots(figsize=(5.5, 4.5), layout="constrained")
ax.plot([0, 1.1], [0, 1.1], color="0.8")
for kind in data:
    found = results.loc[[kind], ["pca_ratio_", "error"]].T.to_numpy()
    ax.plot(*found, ".", markersize=12, label=kind)
ax.set(xlabel="pca_ratio_", ylabel="test error relative to PCA's")
_ = ax.legend(frameon=False, bbox_to_anchor=(1, 0.5), loc="center left")

# %%
# Codes as features of a linear model
# -----------------------------------
#
# A smaller error does not imply a better score.

scores = results[["codes", "error", "score PCA", "score skae", "all features"]]
print(scores.round(3).to_string())

gain = results["score skae"] - results["score PCA"]
higher, lower = (gain >= 0.02).sum(), (gain <= -0.02).sum()
print(f"\nby 0.02 or more, of {len(gain)} cases: {higher} higher, {lower} lower")

# %%
# With two codes of the digits the score is far higher than with PCA. With a quarter as
# many codes as features PCA's codes are nearly as good as all features, and a smaller
# error makes no difference. And with two codes for the five factors of the linear data
# the score is much *lower*: the autoencoder maps five directions nonlinearly to two
# codes, which no linear model can invert. To optimise the score, compare both in a grid
# search (:ref:`sphx_glr_auto_examples_tuning.py`).
#
# The same on the roll. Colours are the position along the roll. PCA projects the roll
# from the side. The autoencoder unrolls it, to a shape whose position is not a linear
# function of the codes.

X, along = data["swiss roll"]
split = train_test_split(StandardScaler().fit_transform(X), along, random_state=0)
X_train, X_test, _, along_test = split
figure, axes = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
models = PCA(2), AutoencoderTransformer(2, random_state=0)
for ax, model in zip(axes, models, strict=True):
    LatentDisplay.from_estimator(model.fit(X_train), X_test, along_test, ax=ax)
    error = reconstruction_error(model, X_test)
    ax.set_title(f"{type(model).__name__}, test error {error:.3f}")

# %%
# Recommendations
# ---------------
#
# Use PCA if
#
# - the structure is linear: the result is the same, and an autoencoder takes hundreds
#   of times as long or more (linear with five codes);
# - there are fewer than a few hundred samples, without a strong nonlinear structure:
#   the gain is zero or small (the small digits, iris), and once the error was nearly a
#   tenth higher (the worst split of wine);
# - there are so many codes that PCA loses no relevant information (the scores of breast
#   cancer and of digits with a quarter of the features);
# - few codes are the input of a linear model, and a grid search does not prefer the
#   autoencoder (linear with two codes, diabetes);
# - codes have to be weighted sums of features, for interpretation.
#
# Use an autoencoder if
#
# - samples have to be reconstructed from few numbers, and there are more than a few
#   hundred of them: sheet, roll, digits, and many data sets on the page
#   :doc:`/performance`;
# - the structure is nonlinear, or the samples are images;
# - ``pca_ratio_`` is well below 1 after one fit. It is safe to try: if it is 1 the
#   model is PCA, and if it is not, the worst fit of the benchmark is a few per cent
#   above PCA's error on held-out data (:doc:`/performance`), and that of this page
#   nearly a tenth;
# - you need what PCA does not offer: denoising, likelihoods of nonlinear data, outlier
#   detection with explanations.
#
# If a score on a downstream task is the goal, compare both by that score.

plt.show()
