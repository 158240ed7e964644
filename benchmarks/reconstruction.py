"""Held-out reconstruction error relative to that of PCA with as many components.

For every data set, seed and size k (2, and a quarter of the number of features), a
third of the samples is held out and each method is fitted on the rest; its mean squared
error on the held-out samples is divided by that of scikit-learn's PCA with k
components, fitted on the same samples. Features are standardised by the training data
unless ``--raw``; features that are constant there are dropped. Every fit runs on one
thread.

    python benchmarks/reconstruction.py                          # scikit-learn's data
    python benchmarks/reconstruction.py --data FOLDER --seeds 3 --methods skae
    python benchmarks/reconstruction.py --nested --data FOLDER
    python benchmarks/reconstruction.py --fashion fashion_mnist.npz --methods skae

``--nested`` asks for a share of the variance instead of a size: what share does the
selected size explain on held-out data, and how does the reconstruction from the first m
codes alone (later codes set to zero) compare with PCA's with m components?
"""

import sys
import time
import warnings
from pathlib import Path

import numpy as np
from _common import (
    list_tables,
    load_fashion,
    load_table,
    machine_line,
    make_parser,
    print_table,
    write_csv,
)
from joblib import Parallel, delayed
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor
from threadpoolctl import threadpool_limits

# Where PCA is exact, errors below this share of the variance count as zero.
FLOOR = 1e-10
# Numbers of leading codes above ten that are printed.
SHOWN = (15, 20, 30, 50, 100, 200, 500)


# Methods: fit on X with codes of size k, return a function that reconstructs samples.


def fit_skae(X, k, seed, quick):
    """Fit AutoencoderTransformer with default parameters."""
    from skae import AutoencoderTransformer

    model = AutoencoderTransformer(n_components=k, random_state=seed).fit(X)
    return lambda Z: model.inverse_transform(model.transform(Z))


def fit_mlp(X, k, seed, quick):
    """Fit scikit-learn's regressor to predict its own input."""
    model = MLPRegressor(
        hidden_layer_sizes=(64, k, 64),
        max_iter=2 if quick else 60,
        random_state=seed,
    )
    return model.fit(X, X).predict


def fit_plain(X, k, seed, quick):
    """Fit a typical tutorial autoencoder, in plain PyTorch."""
    import torch
    from torch import nn

    torch.set_num_threads(1)
    torch.manual_seed(seed)
    d = X.shape[1]
    network = nn.Sequential(
        *(nn.Linear(d, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU()),
        nn.Linear(64, k),
        *(nn.Linear(k, 64), nn.ReLU(), nn.Linear(64, 128), nn.ReLU()),
        nn.Linear(128, d),
    )
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    data = torch.tensor(X, dtype=torch.float32)
    for _ in range(2 if quick else 50):
        for index in torch.randperm(len(data)).split(128):
            batch = data[index]
            optimizer.zero_grad()
            nn.functional.mse_loss(network(batch), batch).backward()
            optimizer.step()

    @torch.no_grad()
    def reconstruct(Z):
        return network(torch.tensor(Z, dtype=torch.float32)).double().numpy()

    return reconstruct


METHODS = {"skae": fit_skae, "mlp": fit_mlp, "plain": fit_plain}


def mean_squared_error(X, reconstruction):
    """Return the mean over all samples and features, in float64."""
    return float(np.mean((X - np.asarray(reconstruction, dtype=np.float64)) ** 2))


def pca_error(X, X_test, k):
    """Return the held-out error of scikit-learn's PCA."""
    pca = PCA(k, random_state=0).fit(X)
    return mean_squared_error(X_test, pca.inverse_transform(pca.transform(X_test)))


def split(X, seed, max_rows, raw, keep_constant=False):
    """Return training and held-out samples, scaled by the training samples."""
    index = np.random.default_rng(seed).permutation(len(X))[:max_rows]
    n_test = len(index) // 3
    train, test = X[index[n_test:]], X[index[:n_test]]
    varies = np.ptp(train, axis=0) > 0
    if not keep_constant:
        train, test = train[:, varies], test[:, varies]
    if raw:
        return train, test
    mean, scale = train.mean(axis=0), train.std(axis=0)
    scale[scale <= 1e-9 * np.abs(mean)] = 1
    return (train - mean) / scale, (test - mean) / scale


def sizes(n, d):
    """Return the code sizes for n training samples with d features."""
    return sorted(k for k in {2, max(1, round(0.25 * d))} if k < min(n, d))


def measure(method, X, X_test, k, seed, quick):
    """Return the held-out error (inf if the fit failed) and the seconds of the fit."""
    start = time.perf_counter()
    try:
        with threadpool_limits(1), warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            warnings.simplefilter("ignore", RuntimeWarning)
            reconstruct = METHODS[method](X, k, seed, quick)
            seconds = time.perf_counter() - start
            error = mean_squared_error(X_test, reconstruct(X_test))
    except (ValueError, FloatingPointError, RuntimeError) as problem:
        print(f"{method}: {problem}", file=sys.stderr)
        return np.inf, time.perf_counter() - start
    return (error if np.isfinite(error) else np.inf), seconds


def compare(name, path, seed, args):
    """Return one result per size and method for one data set and one seed."""
    X, X_test = split(load_table(name, path), seed, args.max_rows, args.raw)
    floor = FLOOR * max(float(np.mean((X_test - X.mean(axis=0)) ** 2)), 1e-300)
    rows = []
    for k in sizes(*X.shape):
        reference = pca_error(X, X_test, k)
        for method in args.methods:
            error, seconds = measure(method, X, X_test, k, seed, args.quick)
            rows.append(
                {
                    "table": name,
                    "method": method,
                    "seed": seed,
                    "n_train": len(X),
                    "d": X.shape[1],
                    "k": k,
                    "error": error,
                    "pca_error": reference,
                    "ratio": max(error, floor) / max(reference, floor),
                    "seconds": seconds,
                }
            )
    return rows


def per_table(rows):
    """Return the mean ratio over the seeds for each data set and size."""
    groups = {}
    for row in rows:
        key = (row["table"], row["n_train"], row["d"], row["k"])
        groups.setdefault(key, {}).setdefault(row["method"], []).append(row["ratio"])
    columns = ("table", "n_train", "d", "k")
    return [
        dict(zip(columns, key, strict=True))
        | {method: float(np.mean(ratios)) for method, ratios in found.items()}
        for key, found in groups.items()
    ]


def geometric_mean(values):
    """Return the geometric mean, NaN if there are no values."""
    return float(np.exp(np.log(values).mean())) if len(values) else np.nan


def summary(rows, methods):
    """Return one summary per method over all its fits."""
    table = []
    for method in methods:
        mine = [row for row in rows if row["method"] == method]
        ratio = np.array([row["ratio"] for row in mine])
        big = np.array([row["n_train"] >= 600 for row in mine])
        finite = np.isfinite(ratio)
        table.append(
            {
                "method": method,
                "fits": len(mine),
                "failed": int((~finite).sum()),
                "geometric_mean": geometric_mean(ratio[finite]),
                "worst": float(ratio.max()),
                "share<=1.01": float((ratio <= 1.01).mean()),
                ">1.02,n>=600": int((ratio[big] > 1.02).sum()),
                ">1.05": int((ratio > 1.05).sum()),
                "losses(>1.001)": int((ratio > 1.001).sum()),
                "median_fit_s": float(np.median([row["seconds"] for row in mine])),
            }
        )
    return table


def nested(name, path, seed, args):
    """Return the explained share, and a result for each number of leading codes."""
    from skae import AutoencoderTransformer

    X, X_test = split(load_table(name, path), seed, args.max_rows, args.raw)
    with threadpool_limits(1):
        model = AutoencoderTransformer(n_components=args.share, random_state=seed)
        codes = model.fit(X).transform(X_test)
        k = model.n_components_
        pca = PCA(k, random_state=0).fit(X)
    centred = X_test - pca.mean_
    total = float(np.mean(centred**2))
    scores = centred @ pca.components_.T
    key = {"table": name, "seed": seed, "n_train": len(X), "d": X.shape[1], "k": k}
    rows = []
    for m in range(1, k + 1):
        leading = np.where(np.arange(k) < m, codes, 0)
        error = mean_squared_error(X_test, model.inverse_transform(leading))
        reference = mean_squared_error(centred, scores[:, :m] @ pca.components_[:m])
        ratio = max(error, FLOOR * total) / max(reference, FLOOR * total)
        rows.append(key | {"m": m, "ratio": ratio, "share": 1 - error / total})
    reached = rows[-1]["share"]
    chosen = key | {"asked": args.share, "reached": reached}
    chosen["points_short"] = 100 * (args.share - reached)
    return chosen | {"pca_reached": 1 - reference / total}, rows


def each(function, tasks, args):
    """Yield the function's result for each task; print the progress to stderr."""
    parallel = Parallel(args.jobs, return_as="generator")
    start = time.perf_counter()
    answers = parallel(delayed(function)(*task, args) for task in tasks)
    for i, (task, answer) in enumerate(zip(tasks, answers, strict=True), 1):
        elapsed = time.perf_counter() - start
        print(
            f"  {i}/{len(tasks)}: {task[0]}, seed {task[-1]}, after {elapsed:.0f} s",
            file=sys.stderr,
            flush=True,
        )
        yield answer


def run_tables(args, tasks):
    """Compare the methods on every data set and print the summary."""
    rows = [row for part in each(compare, tasks, args) for row in part]
    table = per_table(rows)
    print_table("Held-out error / PCA's error, mean over the seeds", table)
    totals = summary(rows, args.methods)
    print_table("All fits", totals)
    write_csv(args.output, "reconstruction", rows)
    write_csv(args.output, "reconstruction_summary", totals)


def run_nested(args, tasks):
    """Ask for a share of the variance on every data set and print the results."""
    found = list(each(nested, tasks, args))
    chosen = [first for first, _ in found]
    rows = [row for _, part in found for row in part]
    print_table("Share of the variance explained on held-out data", chosen)
    by_m = []
    for m in sorted({row["m"] for row in rows}):
        ratios = [row["ratio"] for row in rows if row["m"] == m]
        mean, worst = float(np.mean(ratios)), float(max(ratios))
        by_m.append({"m": m, "fits": len(ratios), "mean": mean, "worst": worst})
    shown = [row for row in by_m if row["m"] <= 10 or row["m"] in SHOWN]
    print_table("Error from the first m codes / error of PCA with m components", shown)
    short = max(row["points_short"] for row in chosen)
    worst = max(rows, key=lambda row: row["ratio"])
    print(f"\n  Largest shortfall in percentage points: {short:.2f}")
    highest = max(row["mean"] for row in by_m)
    print(f"  Highest mean over the data sets at any m: {highest:.4f}")
    print(f"  Worst: {worst['ratio']:.4f} ({worst['table']}, m = {worst['m']})")
    write_csv(args.output, "nested_share", chosen)
    write_csv(args.output, "nested_codes", rows)


def run_fashion(args):
    """Print the test error per pixel on Fashion-MNIST at ten components."""
    X, X_test = load_fashion(args.fashion)
    n = 500 if args.quick else 10_000
    X, X_test, k = X[:n], X_test[:n], 10
    reference = pca_error(X, X_test, k)
    rows = []
    for seed in range(args.seeds):
        for method in args.methods:
            error, seconds = measure(method, X, X_test, k, seed, args.quick)
            row = {"method": method, "seed": seed, "error": error}
            row |= {"pca_error": reference, "ratio": error / reference}
            rows.append(row | {"seconds": seconds})
    print_table(f"Fashion-MNIST, {len(X)} training images, k = {k}: test error", rows)
    print(f"\n  PCA's test error per pixel: {reference:.5f}")
    write_csv(args.output, "reconstruction_fashion", rows)


def main():
    """Run the benchmark of the command line."""
    parser = make_parser(__doc__)
    add = parser.add_argument
    add("--data", type=Path, metavar="FOLDER", help=".npz files, each with X")
    add("--seeds", type=int, default=1, metavar="N", help="seeds 0 to N - 1")
    add("--max-rows", type=int, default=10_000, help="maximum number of samples")
    add("--raw", action="store_true", help="leave the features unscaled")
    add("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    add("--jobs", type=int, default=1, help="processes")
    add("--nested", action="store_true", help="ask for a share of the variance")
    add("--share", type=float, default=0.9, help="the share that --nested asks for")
    add("--fashion", type=Path, metavar="FILE", help="Fashion-MNIST only, from FILE")
    args = parser.parse_args()
    if args.quick:
        args.seeds, args.max_rows = 1, min(args.max_rows, 300)

    print(machine_line())
    if args.fashion:
        run_fashion(args)
        return
    tables = list_tables(args.data)
    tasks = [(*table, seed) for seed in range(args.seeds) for table in tables.items()]
    (run_nested if args.nested else run_tables)(args, tasks)


if __name__ == "__main__":
    main()
