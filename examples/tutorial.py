"""
=====================
Ten minutes with skae
=====================

This page is for readers who know scikit-learn. It shows the most common uses of skae:
dimensionality reduction, model selection, outlier detection, denoising, and saving a
model. The cells build on each other. All data come with scikit-learn. The page needs
matplotlib and pandas, which ``pip install -c constraints.txt ".[examples]"`` installs.

An autoencoder is a network that compresses a sample to a few numbers, its latent code,
and reconstructs the sample from them. PCA does the same with linear maps. skae starts
at PCA and learns what PCA misses.
"""

# %%
# Dimensionality reduction
# ------------------------
#
# The data are handwritten digits: 64 pixels each, with values from 0 to 16. A third of
# them is the test set.

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X, y, test_size=1 / 3, stratify=y, random_state=0
)
print(X_train.shape, X_test.shape)

# %%
# `skae.AutoencoderTransformer` takes the place of ``PCA``. ``transform`` returns latent
# codes, ``inverse_transform`` decodes them, and ``reconstruct`` does both.

from skae import AutoencoderTransformer

autoencoder = AutoencoderTransformer(n_components=8, random_state=0)
codes = autoencoder.fit_transform(X_train)
print("codes:         ", codes.shape)
print("reconstruction:", autoencoder.reconstruct(X_test).shape)

# %%
# Is it better than PCA? ``pca_ratio_`` is the squared error relative to that of PCA
# with as many components, on data that the fit has held out. Below 1 the network is
# better. If it is exactly 1.0, the network had no significant gain; skae has then
# discarded it, and the fitted model is PCA.

print(f"error relative to PCA's: {autoencoder.pca_ratio_:.2f}")

# %%
# The functions in `skae.metrics` evaluate any model that has ``transform`` and
# ``inverse_transform``. On the test set:

from sklearn.decomposition import PCA

from skae.metrics import reconstruction_error, reconstruction_r2

pca = PCA(n_components=8, random_state=0).fit(X_train)
for name, model in {"PCA": pca, "skae": autoencoder}.items():
    error = reconstruction_error(model, X_test)
    r2 = reconstruction_r2(model, X_test)
    print(f"{name:6} mean squared error {error:5.2f}   R2 {r2:.3f}")

# %%
# A display draws the reconstructions. All displays are in ``skae.plotting``, and are
# created like those of scikit-learn, by ``from_estimator``.

from skae.plotting import ReconstructionDisplay

_ = ReconstructionDisplay.from_estimator(
    {"PCA": pca, "skae": autoencoder}, X_test, image_shape=(8, 8)
)

# %%
# In a pipeline it is a step like any other. Scaling is not needed for training to work,
# but it sets the weights of the features, as it does for PCA: features of large
# variance dominate the squared error.

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
# A good reconstruction does not imply a good classifier. The network is trained without
# the labels, and a classifier of the pixels themselves may well be better:

pixels = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
pixels.fit(X_train, y_train)
print(f"accuracy with all {X.shape[1]} pixels: {pixels.score(X_test, y_test):.3f}")

# %%
# Model selection
# ---------------
#
# ``GridSearchCV`` chooses the number of components, and between PCA and the
# autoencoder: the step itself is one of the parameters. ``reconstruction_r2_scorer``
# scores a pipeline by the share of the variance that it reconstructs, in the units
# before scaling. ``max_iter`` is far below the default here, to keep the page fast.

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
# Each number is the mean of three folds. More components always explain more here; such
# a search is useful to compare models of the same size. To find the number of
# components, ask for a share of the variance, as with PCA.

explains_90 = AutoencoderTransformer(n_components=0.9, random_state=0).fit(X_train)
print(f"{explains_90.n_components_} components of skae explain 90 %,")
print(f"{PCA(n_components=0.9).fit(X_train).n_components_} of PCA")

# %%
# skae evaluates the share on held-out data, with one standard error of margin, PCA on
# the data that it was fitted to: skae's criterion is stricter.
#
# Outlier detection
# -----------------
#
# `skae.AutoencoderOutlierDetector` has the interface of ``IsolationForest`` and needs
# no feature scaling. The data are thirty measurements of breast tumours. The detector
# is fitted to three quarters of the benign ones, and predicts all others.

from sklearn.datasets import load_breast_cancer

from skae import AutoencoderOutlierDetector

tumours, benign = load_breast_cancer(return_X_y=True, as_frame=True)
train, test = train_test_split(tumours[benign == 1], random_state=0)
new = pd.concat([test, tumours[benign == 0]])

detector = AutoencoderOutlierDetector(random_state=0)
detector.set_output(transform="pandas")  # data frames of explanations, below
_ = detector.fit(train)

# %%
# ``predict`` returns -1 for outliers: samples with a p-value of at most 0.05. A p-value
# is the probability that an inlier has a score at least as anomalous, so about one in
# twenty benign tumours is flagged by chance.

kind = benign[new.index].map({1: "benign", 0: "malignant"}).rename("tumour")
flagged = pd.Series(detector.predict(new) == -1, index=new.index)
print(flagged.groupby(kind).agg(["sum", "size"]))

# %%
# With many samples, false alarms add up. ``false_discovery_control`` adjusts the
# p-values, so that at most about one in ten of the samples selected at 0.1 is a false
# alarm, and fewer the more true outliers there are. This holds on average over many
# data sets, and a single selection can have more or fewer.

from scipy.stats import false_discovery_control

adjusted = false_discovery_control(detector.p_values(new))
selected = kind[adjusted <= 0.1]
print(selected.value_counts())
print(f"false alarms: {(selected == 'benign').mean():.3f}")

# %%
# Most of these new samples are outliers, so as many are selected as before. If outliers
# are rare the selection is much smaller: :ref:`sphx_glr_auto_examples_outliers.py`.
#
# ``explain`` returns the contribution of each feature to the anomaly of a sample. Here
# are the five most anomalous samples, and the features with the largest contributions:

anomalous = new.iloc[detector.score_samples(new).argsort()[:5]]
contributions = detector.explain(anomalous)
largest = contributions.max().nlargest(5).index
print(contributions[largest].round(2).to_string())

# %%
# The display shows the scores, and a heat map of the contributions of the twenty
# features with the largest ones.

from skae.plotting import OutlierDisplay

_ = OutlierDisplay.from_estimator(detector, new, kind, rows=8)

# %%
# Denoising
# ---------
#
# `skae.DenoisingAutoencoder` is fitted to clean data. In training it adds noise to them
# and learns to remove it; ``corrupt`` adds the same kind of noise to other data. The
# noise has a standard deviation of 5, for pixels from 0 to 16.

from skae import DenoisingAutoencoder

denoiser = DenoisingAutoencoder(16, noise_level=5.0, max_iter=3000, random_state=0)
denoiser.fit(X_train)
noisy = denoiser.corrupt(X_test, random_state=0)

_ = ReconstructionDisplay.from_estimator(
    {"denoised": denoiser}, X_test, corrupted=noisy, image_shape=(8, 8)
)

# %%
# The labels have the mean squared error relative to the clean images. For the noisy
# ones it is the variance of the noise:

print(f"noisy:    {((noisy - X_test) ** 2).mean():.1f}")
print(f"denoised: {((denoiser.reconstruct(noisy) - X_test) ** 2).mean():.1f}")

# %%
# Saving a model
# --------------
#
# A fitted estimator contains NumPy arrays, no PyTorch objects. ``joblib`` and
# ``pickle`` save it like any other estimator. They run code on loading, so open such
# files only if you trust their source. ``skae.save`` writes files that run no code.

from pathlib import Path
from tempfile import TemporaryDirectory

import joblib

import skae

with TemporaryDirectory() as folder:
    path = Path(folder) / "denoiser.joblib"
    joblib.dump(denoiser, path)
    loaded = joblib.load(path)
    path = Path(folder) / "denoiser.skops"
    skae.save(denoiser, path)
    safe = skae.load(path)

codes = denoiser.transform(X_test)
for model in (loaded, safe):
    print("same codes from the file:", (model.transform(X_test) == codes).all())

# %%
# Next steps
# ----------
#
# - Code size and reconstruction: :ref:`sphx_glr_auto_examples_code_size.py`.
# - When PCA is enough: :ref:`sphx_glr_auto_examples_pca_or_autoencoder.py`.
# - Other autoencoders: :ref:`sphx_glr_auto_examples_denoising.py`,
#   :ref:`sphx_glr_auto_examples_sparse.py`,
#   :ref:`sphx_glr_auto_examples_contractive.py`,
#   :ref:`sphx_glr_auto_examples_variational.py`,
#   :ref:`sphx_glr_auto_examples_convolutional.py`.
# - Grid searches over networks, with progress bars:
#   :ref:`sphx_glr_auto_examples_tuning.py`.
# - Custom networks in PyTorch: :ref:`sphx_glr_auto_examples_own_network.py`.
# - Methods and parameters: :doc:`/user_guide/index`.
#
# In a script, the last line shows the figures:

import matplotlib.pyplot as plt

plt.show()
