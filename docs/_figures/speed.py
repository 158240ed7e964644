"""Tables and numbers of `benchmarks/speed.py` and `benchmarks/memory.py`."""

import pandas as pd

from .results import between, constant, median_and_range, read, rounded

SPEED = {
    "skae": "skae",
    "skae, anchor=None": "skae, `anchor=None`",
    "mlp": "scikit-learn `MLPRegressor`",
    "plain": "PyTorch with a `DataLoader`",
    "pyod": "PyOD `AutoEncoder`",
    "skorch": "skorch",
    "products": "the matrix products alone",
}


def widths(network):
    """Return the widths of all layers of a network of speed.py."""
    half = constant("speed", "NETWORKS")[network]
    return "-".join(map(str, [*half, *half[-2::-1]]))


def speed_throughput():
    """Tell training samples per second, medians of the rounds."""
    speed = read("speed_throughput")
    found = speed.groupby(["method", "network"]).rows_per_second.median()
    return pd.DataFrame(
        {"samples per second": label}
        | {widths(name): rounded(found[method, name]) for name in ("tabular", "wide")}
        for method, label in SPEED.items()
    )


def speed_ratios():
    """Tell the speed of skae relative to the others, within each round."""
    speed = read("speed_throughput")
    found = speed.pivot(
        index=["network", "round"], columns="method", values="rows_per_second"
    )
    ratios = found.rdiv(found["skae"], axis=0)
    return pd.DataFrame(
        {"skae's speed relative to": label}
        | {
            widths(name): median_and_range(ratios.loc[name, method])
            for name in ("tabular", "wide")
        }
        for method, label in SPEED.items()
        if method != "skae"
    )


def speed_default():
    """Tell the seconds of a fit with default parameters."""
    rows = []
    for name, fits in read("speed_default").groupby("table", sort=False):
        seconds = fits.pivot(index="seed", columns="method", values="seconds")
        rows.append(
            {
                "data": name,
                "skae (s)": f"{seconds.skae.median():.2f}",
                "`MLPRegressor` (s)": f"{seconds.mlp.median():.2f}",
                "ratio": median_and_range(seconds.skae / seconds.mlp),
            }
        )
    return pd.DataFrame(rows)


def speed_quality():
    """Tell the seconds until the error is well below PCA's."""
    found = read("speed_quality").groupby("method")
    found = found[["steps", "seconds", "test_error"]].median()
    labels = {"skae": "skae, full `fit`", "plain": "PyTorch loop, training"}
    return pd.DataFrame(
        {
            "method": label,
            "steps": f"{found.steps[method]:.0f}",
            "seconds": f"{found.seconds[method]:.2f}",
            "test error": f"{found.test_error[method]:.4f}",
        }
        for method, label in labels.items()
    )


def speed_family():
    """Tell the time of a step relative to AutoencoderTransformer's."""
    steps = read("family_speed")
    found = steps.groupby(["estimator", "network"], sort=False).ratio.median()
    return pd.DataFrame(
        {"a step relative to the plain one's": estimator}
        | {
            network: f"{found[estimator, network]:.2f}"
            for network in steps.network.unique()
        }
        for estimator in steps.estimator.unique()
    )


def memory():
    """Tell the peak memory beyond the data, medians of the rounds."""
    peaks = {"fit_MiB": "fit (MiB)", "transform_MiB": "transform (MiB)"}
    return pd.DataFrame(
        {"X": kind}
        | {label: median_and_range(rows[peak], 0) for peak, label in peaks.items()}
        for kind, rows in memory_of_skae().groupby("X", sort=False)
    )


def memory_of_skae():
    """Return the measurements of skae."""
    found = read("memory")
    return found[found.method == "skae"]


def speed_numbers():
    """Return the single numbers of speed and memory."""
    seconds = read("speed_quality").pivot(
        index="seed", columns="method", values="seconds"
    )
    ratios = seconds.skae / seconds.plain
    used = memory_of_skae()
    return {
        "batch": constant("speed", "BATCH"),
        "quality_ratio": f"{ratios.median():.2f}",
        "quality_range": between(ratios),
        "speed_rounds": read("speed_throughput")["round"].nunique(),
        "memory_rows": f"{used.rows.max():,}",
        "memory_columns": used["columns"].max(),
        "memory_rounds": used["round"].nunique(),
        "memory_components": used.components.max(),
        "memory_steps": used.steps.max(),
        "memory_fit": between(used.fit_MiB, 0),
        "memory_transform": between(used.transform_MiB, 0),
    }
