"""Tables and numbers of `benchmarks/outliers.py`."""

import pandas as pd

from .results import read

DETECTORS = {
    "skae": "skae",
    "skae-no-memory": "skae, `memory=False`",
    "inne": "PyOD `INNE`",
    "knn": "distance to the fifth neighbour",
    "pyod-ae": "PyOD `AutoEncoder`",
    "iforest": "`IsolationForest`",
    "ocsvm": "`OneClassSVM`",
    "lof": "`LocalOutlierFactor`",
    "pyod-vae": "PyOD `VAE`",
    "deepsvdd": "PyOD `DeepSVDD`",
    "hbos": "PyOD `HBOS`",
    "pca": "PyOD `PCA`",
    "copod": "PyOD `COPOD`",
    "ecod": "PyOD `ECOD`",
}
IN_README = ("skae", "skae-no-memory", "inne", "knn", "pyod-ae", "iforest")
ATTRIBUTIONS = {
    "skae": "`explain`",
    "nearest": "difference to the nearest sample",
    "robust_z": "robust z-scores",
    "z": "z-scores",
    "chance": "chance",
}
SMALL = 300  # samples
LARGE = 2000  # samples
WIDE = 100  # features


def detection():
    """Tell how well outliers are detected: ROC and average precision."""
    found = read("outliers_detection").sort_values("sum", ascending=False)
    return pd.DataFrame(
        {
            "ROC / PR in %": DETECTORS[row.method],
            "contaminated": f"{row.contaminated_roc:.1f} / {row.contaminated_pr:.1f}",
            "normal only": f"{row.clean_roc:.1f} / {row.clean_pr:.1f}",
            "sum": f"{row.sum:.1f}",
        }
        for row in found.itertuples()
    )


def detection_in_readme():
    """Return the table of detection with the detectors that README names."""
    table = detection()
    return table[table.iloc[:, 0].isin([DETECTORS[name] for name in IN_README])]


def pvalues():
    """Tell the shares of new normal samples with p-values up to a level."""
    found = read("outliers_pvalues")
    many = many_samples(found)

    def label_of(row):
        return f"{DETECTORS[row['method']]}, {row['level']:.2f}"

    return pd.DataFrame(
        {
            "detector, significance level": label_of(row),
            "mean": f"{row['mean']:.3f}",
            "worst": f"{row['worst']:.3f}",
            f"worst, {many} samples": f"{row[f'worst,rows>={many}']:.3f}",
        }
        for _, row in found.iterrows()
    )


def many_samples(found):
    """Return from how many samples on the rate of a data set counts by itself."""
    return found.columns[-1].rpartition(">=")[-1]


def attribution():
    """Tell how often replaced features have the largest contributions."""
    mean = read("outliers_explain").set_index("table").loc["mean"]
    return pd.DataFrame(
        {"contributions": label, "hits": f"{mean[way]:.2f}"}
        for way, label in ATTRIBUTIONS.items()
    )


def size_of(fit):
    """Return the class of a data set by its size."""
    if fit.d > WIDE:
        return f"more than {WIDE} features"
    if fit.n_train < SMALL:
        return f"fewer than {SMALL} samples"
    if fit.n_train < LARGE:
        return f"{SMALL} to {LARGE:,} samples"
    return f"{LARGE:,} samples or more"


def detector_fits():
    """Return the fits of skae with default parameters."""
    fits = read("outliers_fit")
    return fits[fits.method == "skae"]


def fit_times():
    """Tell the median time of a fit by the size of the data set."""
    fits = detector_fits().sort_values(["n_train", "d"])
    sizes = fits.apply(size_of, axis=1)
    order = sorted(sizes.unique(), key=lambda name: "features" in name)
    found = {name: fits[sizes == name] for name in order} | {"all": fits}
    return pd.DataFrame(
        {
            "size": name,
            "data sets": str(len(part)),
            "fit (s)": f"{part.fit_s.median():.2f}",
            "/ forest": f"{part['/iforest'].median():.1f}",
            "/ PyOD": f"{part['/pyod-ae'].median():.2f}",
            "/ PyOD, worst": f"{part['/pyod-ae'].max():.1f}",
        }
        for name, part in found.items()
    )


def scoring_memory():
    """Tell the peak memory of scoring."""
    return pd.DataFrame(
        {"detector": DETECTORS[row.method], "MiB": f"{row.MiB:.0f}"}
        for row in read("outliers_memory").itertuples()
    )


def outlier_numbers():
    """Return the single numbers of outlier detection."""
    found = read("outliers_detection").set_index("method")
    fits, rates = detector_fits(), read("outliers_pvalues")
    slower, many = fits["/pyod-ae"] > 1, many_samples(rates)
    rate = rates[(rates.method == "skae") & (rates.level == 0.05)].iloc[0]
    hits = read("outliers_explain").set_index("table")
    hits = hits[["skae", "z", "robust_z", "nearest"]].drop("mean")
    scored = read("outliers_memory").iloc[0]
    return {
        "outlier_tables": len(fits),
        "outlier_rows": f"{fits.n_train.max():,}",
        "outlier_more": len(found) - len(IN_README),
        "outlier_failed": int(found.failed.sum()),
        "beats_forest": found.beats_iforest["skae"],
        "beats_neighbour": found.beats_knn["skae"],
        "fit_forest": f"{fits['/iforest'].median():.1f}",
        "fit_forest_worst": f"{fits['/iforest'].max():.0f}",
        "fit_pyod": f"{fits['/pyod-ae'].median():.2f}",
        "fit_slower": int(slower.sum()),
        "fit_worst": f"{fits['/pyod-ae'].max():.0f}",
        "small": SMALL,
        "small_tables": int((fits.n_train < SMALL).sum()),
        "small_slower": int((slower & (fits.n_train < SMALL)).sum()),
        "false_level": rate.level,
        "false_mean": f"{100 * rate['mean']:.1f} %",
        "false_worst": f"{100 * rate[f'worst,rows>={many}']:.1f} %",
        "false_rows": many,
        "attribution_tables": len(hits),
        "attribution_best": int((hits.idxmax(axis=1) == "skae").sum()),
        "scored_rows": f"{scored['rows']:,}",
        "scored_columns": scored["columns"],
    }
