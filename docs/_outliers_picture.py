"""README's picture of outliers: an engine's readings, some with two wrong sensors."""

import numpy as np
import pandas as pd

N_TRAIN, N_NEW, N_ODD, N_WRONG, N_SHOWN = 3000, 1000, 40, 2, 12


def readings(n, rng):
    """Return rows of an engine in order."""
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


def engine():
    """Return training rows, new rows, and which values of these are wrong."""
    rng = np.random.default_rng(0)
    X_train, X_new = readings(N_TRAIN, rng), readings(N_NEW, rng)
    wrong = np.zeros(X_new.shape, bool)
    for i in range(N_ODD):
        for j in rng.choice(X_new.shape[1], N_WRONG, replace=False):
            X_new.iat[i, j] = rng.choice(X_train.iloc[:, j])
            wrong[i, j] = True
    return X_train, X_new, wrong


def draw_outliers(path):
    """Draw the scores of new rows, and what each column adds to the oddest.

    Crosses mark the values that are wrong.
    """
    from matplotlib.figure import Figure

    from skae import AutoencoderOutlierDetector
    from skae.plotting import OutlierDisplay

    X_train, X_new, wrong = engine()
    detector = AutoencoderOutlierDetector(random_state=0).fit(X_train)
    label = np.where(wrong.any(axis=1), "two sensors wrong", "in order")
    # A figure without pyplot needs no display.
    figure = Figure(figsize=(11, 4.8), layout="constrained")
    display = OutlierDisplay.from_estimator(
        detector,
        X_new,
        label,
        rows=N_SHOWN,
        ax=figure.subplots(1, 2, width_ratios=[1, 1.6]),
    )
    for place, row in enumerate(display.row_names):
        columns = np.flatnonzero(wrong[row])
        rows = np.full(len(columns), place)
        display.explain_ax_.plot(columns, rows, "x", color="tab:blue", mew=2)
    figure.savefig(path, dpi=150)
    print(f"Picture: {path}")
