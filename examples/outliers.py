"""
Odd rows of a table, and the columns that make them odd
=======================================================

Eight sensors of an engine whose speed, load and surroundings change all the time. In a
few of the new readings two sensors show what they showed at another time. Each value
alone is an ordinary one, but it does not go with the others. Which readings are these,
and which sensors are wrong?

:class:`~skae.AutoencoderOutlierDetector` learns from earlier readings. It gives each
new one a p-value and says how much each sensor makes it odd.
"""

# %%
# The table
# ---------
#
# The data are made up, so that it is known what is wrong.

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

N_TRAIN, N_NEW, N_ODD, N_WRONG = 3000, 1000, 40, 2


def readings(n, rng):
    """Return readings of an engine that works."""
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
    """Return new rows, and which of their values are wrong."""
    X_new = readings(N_NEW, rng)
    wrong = np.zeros(X_new.shape, bool)
    for i in range(N_ODD):
        for j in rng.choice(X_new.shape[1], N_WRONG, replace=False):
            X_new.iat[i, j] = rng.choice(X_train.iloc[:, j])
            wrong[i, j] = True
    return X_new, wrong


rng = np.random.default_rng(0)
X_train = readings(N_TRAIN, rng)
X_new, wrong = new_readings(X_train, rng)
odd = wrong.any(axis=1)
print(X_new.round(2).head(3).T)

# %%
# The detector has seen none of the new rows, and nobody tells it which are odd.

detector = AutoencoderOutlierDetector(random_state=0).set_output(transform="pandas")
detector.fit(X_train)
p_values = detector.p_values(X_new)

# %%
# Picking rows: false discoveries
# -------------------------------
#
# ``predict`` calls a row an outlier if its p-value is at most 0.05. One in twenty
# normal rows has such a p-value by chance, and where odd rows are rare, these are many
# of the rows that are flagged. The procedure of Benjamini and Hochberg looks at all
# p-values together: asked for a rate of 0.1, it picks rows of which at most about one
# in ten is a false alarm, on average over many tables.

flagged = detector.predict(X_new) == -1
picked = false_discovery_control(p_values) <= 0.1
print(f"{N_NEW} new rows, {odd.sum()} with {N_WRONG} wrong sensors")
for name, rows in {"predict": flagged, "false discovery rate 0.1": picked}.items():
    print(f"{name:25} {rows.sum():3d} rows, {(rows & odd).sum():3d} of them wrong")

# %%
# A single table may have more false alarms, or fewer. Below is the average.
#
# Why are they odd?
# -----------------
#
# The left panel has the scores of all new rows. The right one has what each sensor
# contributes to the twelve oddest; a cross marks a sensor that was wrong.

display = OutlierDisplay.from_estimator(
    detector, X_new, np.where(odd, "two sensors wrong", "normal"), rows=12
)
for place, row in enumerate(display.row_names):
    columns = np.flatnonzero(wrong[row])
    rows = np.full(len(columns), place)
    display.explain_ax_.plot(columns, rows, "x", color="tab:blue", mew=2)

# %%
# Some wrong rows lie among the normal ones. What the temperature outside was at another
# time, for one, is often nearly what it is now. Nothing can find these.
#
# The same as a list:

print(f"{'row':>4} {'p-value':>8}  stands out (* was wrong)")
for row, parts in zip(display.row_names, display.contributions, strict=True):
    most = np.argsort(-parts)[:N_WRONG]
    named = [X_new.columns[j] + ("*" if wrong[row, j] else "") for j in most]
    print(f"{row:4} {p_values[row]:8.4f}  {', '.join(named)}")

# %%
# How often are the two sensors that stand out most the wrong ones? That is counted over
# the wrong rows that were picked. For comparison there are z-scores: how many standard
# deviations a value is from its mean.


def hits(contributions, rows):
    """Return the share of wrong sensors among the two that stand out most."""
    most = np.argsort(-contributions.to_numpy(), axis=1)[:, :N_WRONG]
    return np.take_along_axis(wrong[rows], most, axis=1).mean()


rows = np.flatnonzero(picked & odd)
z_scores = (X_new.iloc[rows] - X_train.mean()).abs() / X_train.std()
explained = detector.explain(X_new.iloc[rows])
print(f"wrong sensors found by explain:  {hits(explained, rows):.2f}")
print(f"wrong sensors found by z-scores: {hits(z_scores, rows):.2f}")
print(f"by chance:                       {N_WRONG / X_new.shape[1]:.2f}")

# %%
# Other detectors
# ---------------
#
# Each gets as many picks as the false discovery rate allowed, its oddest rows.
# :class:`~sklearn.ensemble.IsolationForest` cuts one column at a time. It finds values
# that are rare, and here none is. The local outlier factor compares rows with their
# neighbours, on columns that are standardised.

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
    oddest = np.argsort(model.decision_function(X_new))[: picked.sum()]
    print(f"{name:20} {odd[oddest].sum():3d} of {picked.sum()} picks are wrong rows")

# %%
# The default is not the best of them on this table. Much of its score is distances to
# remembered rows, which are meant for gaps where no row ever was. Here nothing counts
# but the relations between sensors, and those are what the networks know
# (``memory=False``). On the tables of the benchmark the memory is worth having on the
# whole, and the forest comes much closer (:doc:`/performance`). If you know some odd
# rows, use them to choose.
#
# Are the p-values right?
# -----------------------
#
# A p-value of at most :math:`a` should come up with probability :math:`a` for a fresh
# normal row. That can be measured, since fresh rows cost nothing here.

fresh = detector.p_values(readings(10000, rng))
print("level  share of 10,000 fresh normal rows")
for level in (0.001, 0.01, 0.05, 0.1, 0.5):
    print(f"{level:5}  {(fresh <= level).mean():.4f}")

# %%
# And the false discoveries: twenty new tables, each with as many wrong rows as the
# first.

found = []
for _ in range(20):
    table, is_wrong = new_readings(X_train, rng)
    taken = false_discovery_control(detector.p_values(table)) <= 0.1
    false = taken & ~is_wrong.any(axis=1)
    found.append(
        (taken.sum(), false.sum() / max(1, taken.sum()), (taken & ~false).sum())
    )

n_taken, rate, n_true = np.transpose(found)
print(f"rows picked: {n_taken.mean():.1f}, wrong ones: {n_true.mean():.1f} of {N_ODD}")
print(f"false alarms among the picks: {rate.mean():.3f}")
print(f"lowest and highest of the 20 tables: {rate.min():.2f}, {rate.max():.2f}")
print(f"tables of which no row was picked: {(n_taken == 0).sum()}")
print(f"smallest p-value: {fresh.min():.5f}")

# %%
# One in ten is what to expect of many tables, and not of each. All tables are judged by
# one detector, too: where its p-values are a little too low, they are for each table.
#
# The rate is kept by picking few rows. No p-value is below one in the number of
# training rows plus one, and such a small one must turn up several times among a
# thousand rows before the procedure believes any of them. More training rows make finer
# p-values (``max_samples``).
#
# Outliers among the training rows
# --------------------------------
#
# Often there are no clean rows to learn from. Here the detector is fitted to all rows,
# the wrong ones among them, and judges the same rows. ``contamination`` says which
# share of the training rows to flag. With ``"auto"``, the default, outliers are rows
# with a p-value of at most 0.05.

X_all = pd.concat([X_new, X_train], ignore_index=True)
is_odd = np.arange(len(X_all)) < N_ODD
print(f"{len(X_all)} rows, {is_odd.sum()} wrong ones among them")
for contamination in ("auto", 0.01, 0.02):
    model = AutoencoderOutlierDetector(contamination=contamination, random_state=0)
    flagged = model.fit_predict(X_all) == -1
    print(
        f"contamination={contamination!s:5} flags {flagged.sum():3d}, "
        f"{(flagged & is_odd).sum():2d} of them wrong"
    )

# %%
# A few wrong rows among many do little harm to what is learned. ``contamination`` is
# taken at its word: where it is greater than the share of rows that stand out, others
# fill the rest.

plt.show()
