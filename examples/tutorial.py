"""
=====================
Ten minutes with skae
=====================

This page is for readers who know scikit-learn. It goes through the things that skae is
used for most: fewer columns, a search for the right model, a list of outliers, an image
without noise, and a model in a file. The cells build on each other; copied one after
the other they run as they stand. All data comes with scikit-learn. Besides skae they
need matplotlib and pandas, which ``pip install -c constraints.txt ".[examples]"``
brings.

An autoencoder is a network that squeezes a row into a few numbers, its codes, and
rebuilds the row from them. PCA does the same with straight lines. skae starts at PCA
and learns what PCA misses.
"""

# %%
# Fewer columns
# -------------
#
# The data are handwritten digits: 64 pixels each, with values from 0 to 16. A third of
# them is put aside for testing.

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X, y, test_size=1 / 3, stratify=y, random_state=0
)
print(X_train.shape, X_test.shape)

# %%
# `skae.AutoencoderTransformer` takes the place of ``PCA``. ``transform`` gives codes,
# ``inverse_transform`` turns codes back into rows, and ``reconstruct`` does both.

from skae import AutoencoderTransformer

autoencoder = AutoencoderTransformer(n_components=8, random_state=0)
codes = autoencoder.fit_transform(X_train)
print("codes:         ", codes.shape)
print("reconstruction:", autoencoder.reconstruct(X_test).shape)

# %%
# Was it worth it? ``pca_ratio_`` answers that from rows that the fit has held out: it
# is the squared error relative to that of PCA with as many components. Below 1 the
# network is better. If it is exactly 1.0, the network gained nothing that could be told
# from chance; skae has then thrown it away, and the fitted model is PCA.

print(f"error relative to PCA's: {autoencoder.pca_ratio_:.2f}")

# %%
# The functions in `skae.metrics` measure any model that has ``transform`` and
# ``inverse_transform``. On the digits that neither model has seen:

from sklearn.decomposition import PCA

from skae.metrics import reconstruction_error, reconstruction_r2

pca = PCA(n_components=8, random_state=0).fit(X_train)
for name, model in {"PCA": pca, "skae": autoencoder}.items():
    error = reconstruction_error(model, X_test)
    r2 = reconstruction_r2(model, X_test)
    print(f"{name:6} mean squared error {error:5.2f}   R2 {r2:.3f}")

# %%
# A display draws the same. All displays are in ``skae.plotting``, and are made like
# those of scikit-learn, by ``from_estimator``.

from skae.plotting import ReconstructionDisplay

_ = ReconstructionDisplay.from_estimator(
    {"PCA": pca, "skae": autoencoder}, X_test, image_shape=(8, 8)
)

# %%
# In a pipeline it is a step like any other. Scaling is not needed for the training to
# work, but decides what counts, as it does for PCA: columns of large variance weigh
# most in a squared error.

from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

pipeline = make_pipeline(
    StandardScaler(),
    AutoencoderTransformer(n_components=8, random_state=0),
    LogisticRegression(max_iter=1000),
)
pipeline.fit(X_train, y_train)
print(f"accuracy on held-out digits: {pipeline.score(X_test, y_test):.3f}")

# %%
# A good reconstruction is no promise of a good classifier. The network is trained
# without the labels, and a classifier of the pixels themselves may well be the better
# one:

pixels = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
pixels.fit(X_train, y_train)
print(f"accuracy with all {X.shape[1]} pixels: {pixels.score(X_test, y_test):.3f}")

# %%
# A search
# --------
#
# ``GridSearchCV`` chooses the number of components, and between PCA and the
# autoencoder: the step itself is one of the parameters. ``reconstruction_r2_scorer``
# scores a pipeline by the share of the variance that comes back, in the units before
# scaling. ``max_iter`` is far below the default here, to keep the page quick.

import pandas as pd
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from skae.metrics import reconstruction_r2_scorer

autoencoder = AutoencoderTransformer(max_iter=600, random_state=0)
search = GridSearchCV(
    Pipeline([("scale", StandardScaler()), ("reduce", PCA())]),
    {"reduce": [PCA(), autoencoder], "reduce__n_components": [4, 8, 16]},
    scoring=reconstruction_r2_scorer,
    cv=3,
)
search.fit(X_train)

found = search.cv_results_
results = pd.DataFrame(
    {
        "model": [type(model).__name__ for model in found["param_reduce"]],
        "components": found["param_reduce__n_components"],
        "R2": found["mean_test_score"],
    }
)
print(results.pivot(index="components", columns="model", values="R2").round(3))

# %%
# Three folds, so each number is the mean of three. More components always explain more
# here; a search like this one is of use for comparing models of the same size. How many
# components are needed can be asked for directly: a share of the variance, as with PCA.

most = AutoencoderTransformer(n_components=0.9, random_state=0).fit(X_train)
print(f"{most.n_components_} components of skae explain 90 %,")
print(f"{PCA(n_components=0.9).fit(X_train).n_components_} of PCA")

# %%
# skae counts on rows that it has held out, with a standard error to spare, PCA on the
# rows that it was fitted to: skae's count is the stricter one.
#
# A list of outliers
# ------------------
#
# `skae.AutoencoderOutlierDetector` has the interface of ``IsolationForest`` and needs
# no scaling. The table has thirty measurements of breast tumours. The detector learns
# what benign ones look like, from three quarters of them, and judges all others.

from sklearn.datasets import load_breast_cancer

from skae import AutoencoderOutlierDetector

tumours, benign = load_breast_cancer(return_X_y=True, as_frame=True)
known, fresh = train_test_split(tumours[benign == 1], random_state=0)
new = pd.concat([fresh, tumours[benign == 0]])

detector = AutoencoderOutlierDetector(random_state=0)
detector.set_output(transform="pandas")  # for tables of explanations, below
_ = detector.fit(known)

# %%
# ``predict`` says -1 for outliers: rows with a p-value of at most 0.05. A p-value says
# how unusual a row would be if it were one of the usual ones, so about one in twenty
# benign tumours is flagged by chance.

kind = benign[new.index].map({1: "benign", 0: "malignant"}).rename("tumour")
flagged = pd.Series(detector.predict(new) == -1, index=new.index)
print(flagged.groupby(kind).agg(["sum", "size"]))

# %%
# Anyone who looks through many rows wants a list with few false alarms.
# ``false_discovery_control`` adjusts the p-values, so that of the rows listed at 0.1
# about one in ten is a false alarm at most, and fewer the more true outliers there are.
# That is an average over many such lists, and a single list can hold more or fewer.

from scipy.stats import false_discovery_control

adjusted = false_discovery_control(detector.p_values(new))
listed = kind[adjusted <= 0.1]
print(listed.value_counts())
print(f"false alarms: {(listed == 'benign').mean():.3f}")

# %%
# Most of these new rows are outliers, so the list is as long as the one before. Where
# outliers are rare it is much shorter: :ref:`sphx_glr_auto_examples_outliers.py`.
#
# What is odd about a row? ``explain`` says how much each column contributes. Here are
# the five oddest rows, and the columns that weigh most in any of them:

oddest = new.iloc[detector.score_samples(new).argsort()[:5]]
shares = detector.explain(oddest)
most = shares.max().nlargest(5).index
print(shares[most].round(2).to_string())

# %%
# The display shows the scores, and the contributions as a heat map of the twenty
# columns that have most.

from skae.plotting import OutlierDisplay

_ = OutlierDisplay.from_estimator(detector, new, kind, rows=8)

# %%
# An image without noise
# ----------------------
#
# `skae.DenoisingAutoencoder` is fitted to clean rows. It adds noise to them by itself
# and learns to take it off; ``corrupt`` adds the same kind of noise to rows of yours.
# The noise has a standard deviation of 5, where the pixels go from 0 to 16.

from skae import DenoisingAutoencoder

denoiser = DenoisingAutoencoder(16, noise_level=5.0, max_iter=3000, random_state=0)
denoiser.fit(X_train)
noisy = denoiser.corrupt(X_test, random_state=0)

_ = ReconstructionDisplay.from_estimator(
    {"denoised": denoiser}, X_test, corrupted=noisy, image_shape=(8, 8)
)

# %%
# The labels have the mean squared error to the clean images. For the noisy ones it is
# the variance of the noise:

print(f"noisy:    {((noisy - X_test) ** 2).mean():.1f}")
print(f"denoised: {((denoiser.reconstruct(noisy) - X_test) ** 2).mean():.1f}")

# %%
# A model in a file
# -----------------
#
# A fitted estimator holds NumPy arrays, no PyTorch. ``joblib`` and ``pickle`` save it
# as they save any other estimator. They run code on loading, so open such files only if
# you trust where they come from. ``skops`` builds only the types that you allow.

from pathlib import Path
from tempfile import TemporaryDirectory

import joblib
import skops.io

with TemporaryDirectory() as folder:
    path = Path(folder) / "denoiser.joblib"
    joblib.dump(denoiser, path)
    loaded = joblib.load(path)
    path = Path(folder) / "denoiser.skops"
    skops.io.dump(denoiser, path)
    safe = skops.io.load(path, trusted=["skae._denoising.DenoisingAutoencoder"])

codes = denoiser.transform(X_test)
for model in (loaded, safe):
    print("same codes from the file:", (model.transform(X_test) == codes).all())

# %%
# Where to go on
# --------------
#
# - What the bottleneck does, in pictures: :ref:`sphx_glr_auto_examples_magic_trick.py`.
# - When PCA is enough: :ref:`sphx_glr_auto_examples_pca_or_autoencoder.py`.
# - Other members of the family: :ref:`sphx_glr_auto_examples_denoising.py`,
#   :ref:`sphx_glr_auto_examples_sparse.py`,
#   :ref:`sphx_glr_auto_examples_contractive.py`,
#   :ref:`sphx_glr_auto_examples_variational.py`,
#   :ref:`sphx_glr_auto_examples_convolutional.py`.
# - Searches over networks, with progress bars:
#   :ref:`sphx_glr_auto_examples_tuning.py`.
# - Layers of your own in PyTorch: :ref:`sphx_glr_auto_examples_own_network.py`.
# - How it works, and what all parameters mean: :doc:`/user_guide/index`.
#
# If you run this page as a script, the last line shows its figures:

import matplotlib.pyplot as plt

plt.show()
