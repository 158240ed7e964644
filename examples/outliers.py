"""
Outlier detection and feature contributions
===========================================

The data are readings of eight sensors of an engine whose speed, load and environment
vary. In a few of the new readings two sensors show values from another time. Each value
alone is normal, but it does not fit the others. Which readings are these, and which
sensors are wrong?

:class:`~skae.AutoencoderOutlierDetector` is trained on earlier readings. It computes a
p-value for each new one, and the contribution of each sensor to the anomaly.
"""

# %%
# The data
# --------
#
# The data are simulated, so that the wrong values are known.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.stats import false_discovery_control
from sklearn.ensemble import IsolationForest
from sklearn.neighbors import LocalOutlierFactor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skae import AutoencoderOutlierDetector
from skae.plotting import OutlierDisplay

N_TRAIN, N_NEW, N_OUTLIERS, N_WRONG = 3000, 1000, 40, 2


def readings(n, rng):
    """Return normal readings of the engine."""
    speed = rng.uniform(900, 3500, n)
    torque = 60 + 120 * rng.beta(2, 2, n) + 40 * np.exp(-(((speed - 2000) / 700) ** 2))
    power = speed * torque / 9549
    outside = rng.normal(15, 7, n)
    oil = 60 + 0.4 * outside + 0.7 * power + rng.normal(0, 1, n)
    pressure = 1 + speed / 900 - (oil - 80) / 60
    vibration = 1 + 4 / (1 + ((speed - 2600) / 150) ** 2)
    return pd.DataFrame(
        {
            "speed (rpm)": speed,
            "torque (Nm)": torque,
            "power (kW)": power * rng.normal(1, 0.01, n),
            "fuel (l/h)": 1.5 + 0.27 * power + rng.normal(0, 0.2, n),
            "outside (C)": outside,
            "oil temperature (C)": oil,
            "oil pressure (bar)": pressure + rng.normal(0, 0.05, n),
            "vibration (mm/s)": vibration + rng.normal(0, 0.1, n),
        }
    )


def new_readings(X_train, rng):
    """Return new readings, and which of their values are wrong."""
    X_new = readings(N_NEW, rng)
    wrong = np.zeros(X_new.shape, bool)
    for i in range(N_OUTLIERS):
        for j in rng.choice(X_new.shape[1], N_WRONG, replace=False):
            X_new.iat[i, j] = rng.choice(X_train.iloc[:, j])
            wrong[i, j] = True
    return X_new, wrong


rng = np.random.default_rng(0)
X_train = readings(N_TRAIN, rng)
X_new, wrong = new_readings(X_train, rng)
is_outlier = wrong.any(axis=1)
print(X_new.round(2).head(3).T)

# %%
# The detector is not trained on the new readings, and there are no labels.

detector = AutoencoderOutlierDetector(random_state=0).set_output(transform="pandas")
detector.fit(X_train)
p_values = detector.p_values(X_new)

# %%
# Selecting outliers by the false discovery rate
# ----------------------------------------------
#
# ``predict`` flags a sample as an outlier if its p-value is at most 0.05. One in twenty
# normal samples has such a p-value by chance, and if outliers are rare, these are many
# of the flagged samples. The procedure of Benjamini and Hochberg uses all p-values
# together: with a false discovery rate of 0.1, it selects samples of which at most
# about one in ten is a false alarm, on average over many data sets.

flagged = detector.predict(X_new) == -1
selected = false_discovery_control(p_values) <= 0.1
print(f"{N_NEW} new samples, {is_outlier.sum()} with {N_WRONG} wrong sensors")
for name, found in {"predict": flagged, "false discovery rate 0.1": selected}.items():
    n_true = (found & is_outlier).sum()
    print(f"{name:25} {found.sum():3d} samples, {n_true:3d} of them wrong")

# %%
# A single data set may have more false alarms, or fewer. The average is below.
#
# Explanations
# ------------
#
# The left panel has the scores of all new samples, the right one the contribution of
# each sensor to the twelve most anomalous ones; a cross marks a wrong sensor.

display = OutlierDisplay.from_estimator(
    detector, X_new, np.where(is_outlier, "two sensors wrong", "normal"), rows=12
)
for place, i in enumerate(display.row_names):
    columns = np.flatnonzero(wrong[i])
    places = np.full(len(columns), place)
    display.explain_ax_.plot(columns, places, "x", color="tab:blue", mew=2)

# %%
# Some wrong samples have scores like normal ones. The outside temperature at another
# time, for example, is often nearly the current one. No detector can find these.
#
# The same as a table:

print(f"{'row':>4} {'p-value':>8}  largest contributions (* was wrong)")
for i, parts in zip(display.row_names, display.contributions, strict=True):
    largest = np.argsort(-parts)[:N_WRONG]
    names = [X_new.columns[j] + ("*" if wrong[i, j] else "") for j in largest]
    print(f"{i:4} {p_values[i]:8.4f}  {', '.join(names)}")

# %%
# How often are the two sensors with the largest contributions the wrong ones? This is
# evaluated on the wrong samples that were selected, and compared with z-scores: the
# distance of a value from its mean in standard deviations.


def hits(contributions, index):
    """Return the share of wrong sensors among the two largest contributions."""
    largest = np.argsort(-contributions.to_numpy(), axis=1)[:, :N_WRONG]
    return np.take_along_axis(wrong[index], largest, axis=1).mean()


index = np.flatnonzero(selected & is_outlier)
z_scores = (X_new.iloc[index] - X_train.mean()).abs() / X_train.std()
explained = detector.explain(X_new.iloc[index])
print(f"wrong sensors found by explain:  {hits(explained, index):.2f}")
print(f"wrong sensors found by z-scores: {hits(z_scores, index):.2f}")
print(f"by chance:                       {N_WRONG / X_new.shape[1]:.2f}")

# %%
# Other detectors
# ---------------
#
# From each detector as many of the most anomalous samples are taken as were selected
# above. :class:`~sklearn.ensemble.IsolationForest` splits by one feature at a time. It
# finds rare values, and here there are none. The local outlier factor compares samples
# with their neighbours, on standardised features.

others = {
    "skae": detector,
    "skae, memory=False": AutoencoderOutlierDetector(memory=False, random_state=0),
    "IsolationForest": IsolationForest(random_state=0),
    "LocalOutlierFactor": make_pipeline(
        StandardScaler(), LocalOutlierFactor(novelty=True)
    ),
}
for name, model in others.items():
    if model is not detector:
        model.fit(X_train)
    lowest = np.argsort(model.decision_function(X_new))[: selected.sum()]
    n_true = is_outlier[lowest].sum()
    print(f"{name:20} {n_true:3d} of {selected.sum()} are wrong samples")

# %%
# The default is not the best of them on these data. Much of its score is distances to
# stored training samples, which detect empty regions between samples. Here only the
# dependencies between sensors matter, which the networks learn (``memory=False``). On
# the data sets of the benchmark the distances improve the detection on average, and the
# forest is much closer (:doc:`/performance`). If some outliers are known, use them to
# choose.
#
# Are the p-values calibrated?
# ----------------------------
#
# A new normal sample should have a p-value of at most :math:`a` with probability
# :math:`a`. This can be checked here by simulating new samples.

fresh = detector.p_values(readings(10000, rng))
print("level  share of 10,000 new normal samples")
for level in (0.001, 0.01, 0.05, 0.1, 0.5):
    print(f"{level:5}  {(fresh <= level).mean():.4f}")

# %%
# The false discovery rate: twenty new data sets, each with as many wrong samples as the
# first.

found = []
for _ in range(20):
    X_other, is_wrong = new_readings(X_train, rng)
    selected = false_discovery_control(detector.p_values(X_other)) <= 0.1
    false = selected & ~is_wrong.any(axis=1)
    rate = false.sum() / max(1, selected.sum())
    found.append((selected.sum(), rate, (selected & ~false).sum()))

n_selected, rate, n_true = np.transpose(found)
print(f"selected: {n_selected.mean():.1f}, wrong: {n_true.mean():.1f} of {N_OUTLIERS}")
print(f"false alarms among the selected: {rate.mean():.3f}")
print(f"lowest and highest of the 20 data sets: {rate.min():.2f}, {rate.max():.2f}")
print(f"data sets without selected samples: {(n_selected == 0).sum()}")
print(f"smallest p-value: {fresh.min():.5f}")

# %%
# The rate of one in ten holds on average over many data sets, and not for each. All
# data sets are scored by the same detector, too: if its p-values are slightly too low,
# they are for each of them.
#
# To keep the rate few samples are selected. No p-value is below one divided by the
# number of training samples plus one, and such a small p-value must occur several times
# among a thousand samples before the procedure selects any. With more training samples
# smaller p-values are possible (``max_samples``).
#
# Outliers in the training data
# -----------------------------
#
# Often there are no clean training data. Here the detector is fitted to all samples,
# including the wrong ones, and predicts the same samples. ``contamination`` is the
# share of the training samples to flag. With ``"auto"``, the default, outliers are
# samples with a p-value of at most 0.05.

X_all = pd.concat([X_new, X_train], ignore_index=True)
is_outlier = np.arange(len(X_all)) < N_OUTLIERS
print(f"{len(X_all)} samples, {is_outlier.sum()} of them wrong")
for contamination in ("auto", 0.01, 0.02):
    model = AutoencoderOutlierDetector(contamination=contamination, random_state=0)
    flagged = model.fit_predict(X_all) == -1
    print(
        f"contamination={contamination!s:5} flags {flagged.sum():3d}, "
        f"{(flagged & is_outlier).sum():2d} of them wrong"
    )

# %%
# A few outliers among many training samples hardly affect the fit. ``contamination`` is
# not adjusted: if it exceeds the share of outliers, normal samples are flagged, too.

plt.show()
