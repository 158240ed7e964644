"""
Odd rows of a table, and the columns that make them odd
=======================================================

Eight sensors of an engine whose speed, torque and surroundings change. In some of the
new rows two sensors show what they showed at another time: each value alone is an
ordinary one, but not beside the others. The detector learns from other rows, gives each
new row a p-value, and of the rows that are picked with them about one in ten should be
in order. For the oddest rows the script prints the sensors that stand out, and draws
what each contributes; crosses mark the sensors that were wrong.
"""

import numpy as np
import pandas as pd
from _drawing import read_output
from matplotlib.figure import Figure
from scipy.stats import false_discovery_control

from skae import AutoencoderOutlierDetector

N_TRAIN, N_NEW, N_ODD, N_WRONG = 3000, 1000, 40, 2
FALSE_DISCOVERIES = 0.1
N_SHOWN = 12


def readings(n, rng):
    """Return rows of an engine in order."""
    speed = rng.uniform(900, 3500, n)
    torque = 60 + 120 * rng.beta(2, 2, n) + 40 * np.exp(-(((speed - 2000) / 700) ** 2))
    power = speed * torque / 9549
    outside = rng.normal(15, 7, n)
    oil = 60 + 0.4 * outside + 0.7 * power + rng.normal(0, 1, n)
    return pd.DataFrame(
        {
            "speed (rpm)": speed,
            "torque (Nm)": torque,
            "power (kW)": power * rng.normal(1, 0.01, n),
            "fuel (l/h)": 1.5 + 0.27 * power + rng.normal(0, 0.2, n),
            "outside (C)": outside,
            "oil temperature (C)": oil,
            "oil pressure (bar)": 1
            + speed / 900
            - (oil - 80) / 60
            + rng.normal(0, 0.05, n),
            "vibration (mm/s)": 1
            + 4 / (1 + ((speed - 2600) / 150) ** 2)
            + rng.normal(0, 0.1, n),
        }
    )


def table():
    """Return training rows, new rows, and which values of these are wrong."""
    rng = np.random.default_rng(0)
    X_train, X_new = readings(N_TRAIN, rng), readings(N_NEW, rng)
    wrong = np.zeros(X_new.shape, bool)
    for i in range(N_ODD):
        for j in rng.choice(X_new.shape[1], N_WRONG, replace=False):
            X_new.iat[i, j] = rng.choice(X_train.iloc[:, j])
            wrong[i, j] = True
    return X_train, X_new, wrong


def draw(detector, X_new, picked, wrong, path):
    """Draw the scores of all rows, and the contributions of the columns to some."""
    figure = Figure(figsize=(11, 4.6), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[1, 1.6])
    scores, odd = detector.score_samples(X_new), wrong.any(axis=1)
    bins = np.linspace(scores.min(), scores.max(), 40)
    left.hist(scores[~odd], bins, color="0.75", label="in order")
    left.hist(scores[odd], bins, color="tab:red", label="two sensors wrong")
    left.axvline(detector.offset_, color="k", linestyle="--", label="threshold")
    left.set(xlabel="score_samples", ylabel="new rows", yscale="log")
    left.legend(loc="upper left", fontsize=8)

    parts = detector.explain(X_new.iloc[picked])
    image = right.imshow(parts, cmap="Reds", vmin=0, aspect="auto")
    for row, column in zip(*np.nonzero(wrong[picked]), strict=True):
        right.plot(column, row, marker="x", color="tab:blue", markersize=9, mew=2)
    right.set_xticks(
        range(X_new.shape[1]), X_new.columns, rotation=30, ha="right", fontsize=8
    )
    right.set_yticks(range(len(picked)), picked)
    right.set(ylabel="row", title="explain: what makes the oddest rows odd")
    figure.colorbar(image, ax=right, label="contribution")
    figure.savefig(path, dpi=150)
    print(f"Picture: {path}")


def main():
    output = read_output(__doc__, "outliers")
    X_train, X_new, wrong = table()
    detector = AutoencoderOutlierDetector(random_state=0).set_output(transform="pandas")
    detector.fit(X_train)

    p_values = detector.p_values(X_new)
    adjusted = false_discovery_control(p_values)
    picked = np.flatnonzero(adjusted <= FALSE_DISCOVERIES)
    odd = wrong.any(axis=1)
    print(f"{len(X_new)} new rows, {odd.sum()} with two wrong sensors")
    print(
        f"picked at a false discovery rate of {FALSE_DISCOVERIES}: {len(picked)}, "
        f"{odd[picked].sum()} of them with two wrong sensors"
    )
    fresh = p_values[~odd]
    print(f"other rows with a p-value of at most 0.1: {(fresh <= 0.1).mean():.3f}\n")

    order = np.argsort(p_values, kind="stable")[:N_SHOWN]
    print(f"{'row':>4} {'p-value':>8}  stands out (* was wrong)")
    for i, row in zip(
        order, detector.explain(X_new.iloc[order]).to_numpy(), strict=True
    ):
        named = [
            f"{X_new.columns[j]}{'*' if wrong[i, j] else ''}"
            for j in np.argsort(-row)[:N_WRONG]
        ]
        print(f"{i:4} {p_values[i]:8.4f}  {', '.join(named)}")
    draw(detector, X_new, order, wrong, output)


if __name__ == "__main__":
    main()
