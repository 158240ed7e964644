"""Tables and single figures of README and the site, from ``benchmarks/results``.

A function for each table returns it as text, ready to be printed: the first column
says what a row is, the others hold numbers. Backticks mark code.
"""

import ast
from pathlib import Path

import numpy as np
import pandas as pd

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
RESULTS = BENCHMARKS / "results"

SAME = 1e-6  # errors whose ratio is as near to one are those of the same model
SMALL, LARGE, WIDE = 300, 2000, 100  # rows and columns that tell apart tables

SPEED = {
    "skae": "skae",
    "skae, anchor=None": "skae, `anchor=None`",
    "mlp": "scikit-learn `MLPRegressor`",
    "plain": "PyTorch with a `DataLoader`",
    "pyod": "PyOD `AutoEncoder`",
    "skorch": "skorch",
    "products": "the matrix products alone",
}
DETECTORS = {
    "skae": "skae",
    "skae-no-memory": "skae, `memory=False`",
    "inne": "PyOD `INNE`",
    "knn": "fifth neighbour's distance",
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
DENSITIES = {"vae": "`VAE`", "fa": "`FactorAnalysis`", "gmm": "`GaussianMixture`"}
BLAMES = {
    "skae": "`explain`",
    "nearest": "difference to the nearest row",
    "robust_z": "robust z-scores",
    "z": "z-scores",
    "chance": "chance",
}


def read(name):
    """Return a table that a benchmark wrote."""
    return pd.read_csv(RESULTS / f"{name}.csv")


def constant(script, name):
    """Return the value of a constant of a benchmark script."""
    for node in ast.parse((BENCHMARKS / f"{script}.py").read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            return ast.literal_eval(node.value)
    raise LookupError(f"{script}.py has no constant {name}")


def geometric_mean(values):
    """Return the geometric mean."""
    return float(np.exp(np.log(values).mean()))


def rounded(value, digits=3):
    """Return a large number as text, rounded to a few digits."""
    return f"{float(f'{value:.{digits}g}'):,.0f}"


def between(values, digits=2):
    """Return the lowest and the highest value as text."""
    return f"{min(values):.{digits}f} to {max(values):.{digits}f}"


def median_and_range(values):
    """Return the median as text, with the lowest and the highest value."""
    low, middle, high = np.quantile(values, (0, 0.5, 1))
    return f"{middle:.2f} ({low:.2f}-{high:.2f})"


# Reconstruction


def reconstruction():
    """Tell how the error on unseen rows compares with PCA's."""
    scaled, raw = read("reconstruction"), read("raw/reconstruction")
    found = {
        f"{scaled.table.nunique()} tables, standardised": scaled,
        f"{raw.table.nunique()} tables as they are": raw,
        "Fashion-MNIST, ten codes": read("reconstruction_fashion"),
    }
    return pd.DataFrame(
        {
            "data": name,
            "fits": str(len(fits)),
            "error / PCA's": f"{geometric_mean(fits.ratio):.3f}",
            "worst": f"{fits.ratio.max():.3f}",
            "PCA kept": str(kept(fits)),
            "fit (s)": f"{fits.seconds.median():.1f}",
        }
        for name, fits in found.items()
    )


def kept(fits):
    """Return the number of fits that ended with PCA."""
    return int((abs(fits.ratio - 1) < SAME).sum())


def reconstruction_tables():
    """Tell the mean ratio over the seeds of each table."""
    rows = []
    for name, fits in read("reconstruction").groupby("table", sort=False):
        by_size = fits.groupby("k").ratio.mean()
        others = [f"{by_size[k]:.3f}" for k in by_size.index if k != 2]
        rows.append(
            {
                "table": name,
                "rows x columns": f"{fits.n_train.max():,} x {fits.d.max():,}",
                "two codes": f"{by_size[2]:.3f}" if 2 in by_size else "",
                "a quarter": others[0] if others else "",
            }
        )
    return pd.DataFrame(rows)


def reconstruction_numbers():
    """Return the single figures of reconstruction."""
    fits, fashion = read("reconstruction"), read("reconstruction_fashion").iloc[0]
    worst = fits.loc[fits.ratio.idxmax()]
    share = read("nested_share")
    reached = share.points_short <= 0
    return {
        "reconstruction_tables": fits.table.nunique(),
        "reconstruction_seeds": fits.seed.nunique(),
        "reconstruction_fits": len(fits),
        "reconstruction_mean": f"{geometric_mean(fits.ratio):.3f}",
        "reconstruction_kept": kept(fits),
        "reconstruction_near": f"{100 * (fits.ratio <= 1.01).mean():.1f}",
        "reconstruction_worst": f"{worst.ratio:.3f}",
        "reconstruction_worst_table": worst.table,
        "reconstruction_worst_rows": worst.n_train,
        "reconstruction_worse": int((fits.ratio > 1.001).sum()),
        "fashion_error": f"{fashion.error:.4f}",
        "fashion_pca": f"{fashion.pca_error:.4f}",
        "share_asked": share.asked[0],
        "share_tables": len(share),
        "share_reached": int(reached.sum()),
        "share_short": f"{share.points_short.max():.1f}",
        "share_short_table": share.table[share.points_short.idxmax()],
    }


# Speed and memory


def widths(network):
    """Return the widths of all layers of a network of speed.py."""
    half = constant("speed", "NETWORKS")[network]
    return "-".join(map(str, [*half, *half[-2::-1]]))


def speed_throughput():
    """Tell rows per second of training, medians of the rounds."""
    speed = read("speed_throughput")
    found = speed.groupby(["method", "network"]).rows_per_second.median()
    return pd.DataFrame(
        {"rows per second": label}
        | {widths(name): rounded(found[method, name]) for name in ("tabular", "wide")}
        for method, label in SPEED.items()
    )


def speed_ratios():
    """Tell how many times as fast skae is, within each round."""
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
    """Tell the seconds of a fit at the defaults."""
    rows = []
    for name, fits in read("speed_default").groupby("table", sort=False):
        seconds = fits.pivot(index="seed", columns="method", values="seconds")
        rows.append(
            {
                "table": name,
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
    labels = {"skae": "skae, whole `fit`", "plain": "PyTorch loop, training"}
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
    """Tell the peak of memory beyond the data."""
    return pd.DataFrame(
        {
            "X": row.X,
            "fit (MiB)": f"{row.fit_MiB:.0f}",
            "transform (MiB)": f"{row.transform_MiB:.0f}",
            "fit (s)": f"{row.fit_s:.1f}",
        }
        for row in read("memory").itertuples()
    )


def speed_numbers():
    """Return the single figures of speed and memory."""
    seconds = read("speed_quality").pivot(
        index="seed", columns="method", values="seconds"
    )
    ratios = seconds.skae / seconds.plain
    used = read("memory")
    return {
        "batch": constant("speed", "BATCH"),
        "quality_ratio": f"{ratios.median():.2f}",
        "quality_range": between(ratios),
        "speed_rounds": read("speed_throughput")["round"].nunique(),
        "memory_rows": f"{used.rows.max():,}",
        "memory_columns": used["columns"].max(),
        "memory_fit": between(used.fit_MiB, 0),
        "memory_transform": between(used.transform_MiB, 0),
    }


# The family


def family():
    """Tell the error of each estimator relative to PCA's."""
    tables = read("family_reconstruction").groupby("estimator")
    fashion = read("family_reconstruction_fashion").set_index("estimator")
    n_tables = tables.size().max()
    return pd.DataFrame(
        {
            "error / PCA's": f"`{name}`",
            f"{n_tables} tables": f"{geometric_mean(tables.get_group(name).ratio):.2f}"
            if tables.size()[name] == n_tables
            else "",
            "Fashion-MNIST": f"{row.ratio:.2f}",
            "test error": f"{row.error:.4f}",
            "fit (s)": f"{row.seconds:.0f}",
        }
        for name, row in fashion.iterrows()
    )


def denoising():
    """Tell what is left of the noise, relative to PCA fitted to noisy rows."""
    tables, fashion = read("family_denoising"), read("family_denoising_fashion")
    found = {
        f"{noise}, {len(fits)} tables": fits
        for noise, fits in tables.groupby("noise", sort=False)
    }
    found |= {
        f"{noise}, Fashion-MNIST": fits for noise, fits in fashion.groupby("noise")
    }
    columns = {
        "clean_pca/pca": "PCA of clean rows",
        "plain/pca": "plain autoencoder",
        "denoising/pca": "denoising",
    }
    return pd.DataFrame(
        {"noise": name.replace("_and_", " and ")}
        | {
            label: f"{geometric_mean(fits[column]):.2f}"
            for column, label in columns.items()
        }
        for name, fits in found.items()
    )


def sparsity():
    """Tell the sparsity asked for and reached on test images."""
    rows = []
    for row in read("family_sparsity_fashion").itertuples():
        # "topk" holds the share of codes that are not zero, the others their mean.
        reached = row.nonzero if row.penalty == "topk" else row.held_out
        rows.append(
            {
                "penalty, codes": f'`"{row.penalty}"`, {row.size:,}',
                "asked": f"{row.asked:.2f}",
                "test rows": f"{reached:.3f}",
                "dead": str(row.dead),
                "variance lost": f"{row.lost:.3f}",
            }
        )
    return pd.DataFrame(rows)


def contractive_fits():
    """Return the fits of the lower of both weights."""
    fits = pd.concat([read("family_contraction"), read("family_contraction_fashion")])
    return fits[fits.contraction == weights(fits)[0]]


def weights(fits):
    """Return the weights of the penalty that were tried."""
    return sorted(set(fits.contraction) - {0})


def contraction():
    """Tell what contraction does, relative to AutoencoderTransformer."""
    columns = {
        "norm_ratio": "Jacobian",
        "norm/variance_ratio": "over variance",
        "moved_ratio": "moved",
        "inside_ratio": "moved inside",
        "error_ratio": "error",
    }
    return pd.DataFrame(
        {"table": row["table"]}
        | {label: f"{row[column]:.3f}" for column, label in columns.items()}
        for _, row in contractive_fits().iterrows()
    )


def pretraining():
    """Tell what layerwise pretraining does to the error."""
    return pd.DataFrame(
        {
            "network": row["network"],
            "error": f"{row['geometric_mean']:.2f}",
            "best": f"{row['best']:.2f}",
            "worst": f"{row['worst']:.2f}",
            "time": f"{row['time']:.1f}",
        }
        for _, row in read("family_pretrain_summary").iterrows()
    )


def family_numbers():
    """Return the single figures of the family."""
    tables = read("family_reconstruction")
    fashion = read("family_reconstruction_fashion").set_index("estimator")
    digits = tables[tables.table == "digits"].set_index("estimator").ratio
    noisy = read("family_denoising_fashion").iloc[0]
    default = read("family_pretrain_summary").set_index("network").loc["default"]
    return {
        "family_tables": tables.table.nunique(),
        "family_rows": f"{fashion.n_train.max():,}",
        "family_codes": fashion.k.max(),
        "convolution_error": f"{fashion.error['ConvolutionalAutoencoder']:.4f}",
        "convolution_seconds": f"{fashion.seconds['ConvolutionalAutoencoder']:.0f}",
        "convolution_digits": f"{digits['ConvolutionalAutoencoder']:.2f}",
        "plain_digits": f"{digits['AutoencoderTransformer']:.2f}",
        "noise_level": noisy.level,
        "noise_codes": noisy.k,
        "denoising_error": f"{noisy['denoising/pca']:.2f}",
        "denoising_plain": f"{noisy['plain/pca']:.2f}",
        "pretrain_fits": int(default.fits),
        "pretrain_default": f"{default.geometric_mean:.2f}",
        "pretrain_time": between(read("family_pretrain_summary").time, 1),
    }


def contraction_numbers():
    """Return the single figures of contraction."""
    tables, fashion = read("family_contraction"), contractive_fits().iloc[-1]
    low, high = weights(tables)
    mean = {
        weight: tables[tables.contraction == weight][["norm_ratio", "error_ratio"]]
        for weight in (low, high)
    }
    return {
        "contraction_low": low,
        "contraction_high": high,
        "contraction_high_norm": f"{geometric_mean(mean[high].norm_ratio):.3f}",
        "contraction_high_error": f"{geometric_mean(mean[high].error_ratio):.2f}",
        "contraction_norm": between(mean[low].norm_ratio),
        "contraction_error": between(mean[low].error_ratio),
        "contraction_moved": f"{fashion.moved_ratio:.1f}",
        "contraction_inside": f"{fashion.inside_ratio:.2f}",
        "shift": constant("family", "SHIFT"),
    }


# Likelihood


def likelihood():
    """Tell how densities compare with probabilistic PCA."""
    fits = read("likelihood")
    rows = []
    for method, label in DENSITIES.items():
        gain = fits[f"{method}-pca"]
        rows.append(
            {
                "density": label,
                "above PCA": str((gain > SAME).sum()),
                "equal": str((gain.abs() <= SAME).sum()),
                "below": str((gain < -SAME).sum()),
                "median gain": f"{gain.median():.2f}",
                "fit (s)": f"{fits[f'{method}_s'].median():.2f}",
            }
        )
    return pd.DataFrame(rows)


def likelihood_images():
    """Tell the log-likelihood of binarised images."""
    return pd.DataFrame(
        {
            "steps": f"{row.steps:,}",
            "nats": f"{row.nats:.1f}",
            "bound": f"{row.elbo:.1f}",
            "active codes": str(row.active),
            "fit (s)": f"{row.fit_s:.0f}",
        }
        for row in read("likelihood_images").itertuples()
    )


def likelihood_numbers():
    """Return the single figures of likelihoods."""
    fits = read("likelihood")
    gain = fits["vae-pca"]
    return {
        "likelihood_tables": fits.table.nunique(),
        "likelihood_fits": len(fits),
        "likelihood_above": int((gain > SAME).sum()),
        "likelihood_equal": int((gain.abs() <= SAME).sum()),
        "likelihood_gain": f"{gain.median():.2f}",
        "likelihood_mixture": int((fits.gmm > fits.vae).sum()),
        "likelihood_factors": int((fits.fa > fits.vae).sum()),
        "likelihood_far": int((fits["gmm-pca"] < -1).sum()),
        "likelihood_failed": int(fits.gmm.isna().sum()),
    }


# Outliers


def detection():
    """Tell how well outliers are found: ROC and average precision."""
    found = read("outliers_detection").sort_values("sum", ascending=False)
    return pd.DataFrame(
        {
            "ROC / PR in %": DETECTORS[row.method],
            "contaminated": f"{row.contaminated_roc:.1f} / {row.contaminated_pr:.1f}",
            "normal alone": f"{row.clean_roc:.1f} / {row.clean_pr:.1f}",
            "sum": f"{row.sum:.1f}",
        }
        for row in found.itertuples()
    )


def detection_in_readme():
    """Return the table of detection with the rivals that README names."""
    table = detection()
    return table[table.iloc[:, 0].isin([DETECTORS[name] for name in IN_README])]


def pvalues():
    """Tell the shares of fresh normal rows with p-values up to a level."""
    found = read("outliers_pvalues")
    many = many_rows(found)
    return pd.DataFrame(
        {
            "detector, level": f"{DETECTORS[row['method']]}, {row['level']:.2f}",
            "mean": f"{row['mean']:.3f}",
            "worst": f"{row['worst']:.3f}",
            f"worst, {many} rows": f"{row[f'worst,rows>={many}']:.3f}",
        }
        for _, row in found.iterrows()
    )


def many_rows(found):
    """Return from how many rows on a table's rate counts by itself."""
    return found.columns[-1].rpartition(">=")[-1]


def blame():
    """Tell how often corrupted cells are blamed."""
    mean = read("outliers_explain").set_index("table").loc["mean"]
    return pd.DataFrame(
        {"contributions": label, "hits": f"{mean[way]:.2f}"}
        for way, label in BLAMES.items()
    )


def size_of(fit):
    """Return the class of a table by its size."""
    if fit.d > WIDE:
        return f"more than {WIDE} columns"
    if fit.n_train < SMALL:
        return f"fewer than {SMALL} rows"
    return f"{SMALL} to {LARGE:,} rows" if fit.n_train < LARGE else f"{LARGE:,} rows on"


def detector_fits():
    """Return the fits of skae at the defaults."""
    fits = read("outliers_fit")
    return fits[fits.method == "skae"]


def fit_times():
    """Tell the time of a fit by the size of the table, medians over the tables."""
    fits = detector_fits().sort_values(["n_train", "d"])
    sizes = fits.apply(size_of, axis=1)
    order = sorted(sizes.unique(), key=lambda name: "columns" in name)
    found = {name: fits[sizes == name] for name in order} | {"all": fits}
    return pd.DataFrame(
        {
            "table": name,
            "tables": str(len(part)),
            "fit (s)": f"{part.fit_s.median():.2f}",
            "/ forest": f"{part['/iforest'].median():.1f}",
            "/ PyOD": f"{part['/pyod-ae'].median():.2f}",
            "/ PyOD, worst": f"{part['/pyod-ae'].max():.1f}",
        }
        for name, part in found.items()
    )


def scoring_memory():
    """Tell the peak of memory while rows are scored."""
    return pd.DataFrame(
        {"detector": DETECTORS[row.method], "MiB": f"{row.MiB:.0f}"}
        for row in read("outliers_memory").itertuples()
    )


def outlier_numbers():
    """Return the single figures of outlier detection."""
    found = read("outliers_detection").set_index("method")
    fits, rates = detector_fits(), read("outliers_pvalues")
    slower = fits["/pyod-ae"] > 1
    rate = rates[(rates.method == "skae") & (rates.level == 0.05)].iloc[0]
    cells = read("outliers_explain").set_index("table")
    cells = cells[["skae", "z", "robust_z", "nearest"]].drop("mean")
    scored = read("outliers_memory").iloc[0]
    return {
        "outlier_tables": len(fits),
        "outlier_rows": f"{fits.n_train.max():,}",
        "outlier_more": len(found) - len(IN_README),
        "outlier_failed": int(found.failed.sum()),
        "beats_forest": found.beats_iforest["skae"],
        "beats_neighbour": found.beats_knn["skae"],
        "fit_forest": f"{fits['/iforest'].median():.1f}",
        "fit_pyod": f"{fits['/pyod-ae'].median():.2f}",
        "fit_slower": int(slower.sum()),
        "fit_worst": f"{fits['/pyod-ae'].max():.0f}",
        "small": SMALL,
        "small_tables": int((fits.n_train < SMALL).sum()),
        "small_slower": int((slower & (fits.n_train < SMALL)).sum()),
        "false_level": rate.level,
        "false_mean": f"{rate['mean']:.3f}",
        "false_rows": many_rows(rates),
        "false_worst": f"{rate.iloc[-1]:.3f}",
        "blame_tables": len(cells),
        "blame_best": int((cells.idxmax(axis=1) == "skae").sum()),
        "scored_rows": f"{scored['rows']:,}",
        "scored_columns": scored["columns"],
    }


# All of them

TABLES = {
    "reconstruction": reconstruction,
    "reconstruction_tables": reconstruction_tables,
    "speed_throughput": speed_throughput,
    "speed_ratios": speed_ratios,
    "speed_default": speed_default,
    "speed_quality": speed_quality,
    "speed_family": speed_family,
    "memory": memory,
    "family": family,
    "denoising": denoising,
    "sparsity": sparsity,
    "contraction": contraction,
    "pretraining": pretraining,
    "likelihood": likelihood,
    "likelihood_images": likelihood_images,
    "outliers_detection": detection,
    "outliers_pvalues": pvalues,
    "outliers_explain": blame,
    "outliers_fit": fit_times,
    "outliers_memory": scoring_memory,
}


def numbers():
    """Return all single figures by their names."""
    return (
        reconstruction_numbers()
        | speed_numbers()
        | family_numbers()
        | contraction_numbers()
        | likelihood_numbers()
        | outlier_numbers()
    )
