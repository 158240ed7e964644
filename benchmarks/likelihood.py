"""Log-likelihood of held-out data under VAE and the density models of scikit-learn.

For every data set, seed and size k (2, and a quarter of the number of features), a
third of the samples is held out. Features are standardised by the training data; those
that are constant there are dropped. ``VAE(k).score`` is compared with ``PCA(k).score``,
``FactorAnalysis(k).score`` and ``GaussianMixture(k).score`` (k components of full
covariance), all with default parameters: nats per sample, and the differences to PCA in
nats per feature. Failures are nan, and so is a mixture whose covariances would have
more than 2^24 entries.

    python benchmarks/likelihood.py                        # scikit-learn's data
    python benchmarks/likelihood.py --data FOLDER --max-rows 5000 --seeds 3
    python benchmarks/likelihood.py --images fashion_mnist.npz --steps 2000 20000

``--images`` fits VAE(likelihood="bernoulli") to grey images, which training binarises
anew at each step with the pixels as probabilities (Salakhutdinov and Murray, 2008).
Test images are binarised once, with a fixed seed. Results are the log-likelihood with
``--draws`` draws of each sample's posterior (Burda et al., 2016), the evidence lower
bound, the number of active codes, whose posterior means have a variance above 0.01, and
the log-likelihood of independent pixels. Early stopping on held-out images is on,
unless ``--all-steps`` is given.
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
from reconstruction import each, sizes, split
from sklearn.decomposition import PCA, FactorAnalysis
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from threadpoolctl import threadpool_limits

from skae import VAE

METHODS = ("vae", "pca", "fa", "gmm")
LARGEST = 2**24  # entries of the covariances of a mixture
ACTIVE = 0.01


def build(method, k, d, seed, quick):
    """Return the model, or None if it would be too large."""
    if method == "vae":
        return VAE(k, max_iter=20 if quick else "auto", random_state=seed)
    if method == "pca":
        return PCA(k, random_state=seed)
    if method == "fa":
        return FactorAnalysis(k, max_iter=5 if quick else 1000, random_state=seed)
    if k * d**2 > LARGEST:
        return None
    return GaussianMixture(k, max_iter=5 if quick else 100, random_state=seed)


def measure(method, X, X_test, k, seed, quick):
    """Return the score on held-out data (nan if it fails) and the seconds."""
    start = time.perf_counter()
    score = np.nan
    model = build(method, k, X.shape[1], seed, quick)
    if model is not None:
        try:
            with threadpool_limits(1), warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                warnings.simplefilter("ignore", RuntimeWarning)
                score = float(model.fit(X).score(X_test))
        except (ValueError, np.linalg.LinAlgError, FloatingPointError) as problem:
            print(f"{method}: {problem}", file=sys.stderr)
    return score if np.isfinite(score) else np.nan, time.perf_counter() - start


def compare(name, path, seed, args):
    """Return one result per size for one data set and one seed."""
    X, X_test = split(load_table(name, path), seed, args.max_rows, False)
    n, d = X.shape
    rows = []
    for k in sizes(n, d):
        scores, seconds = {}, {}
        for method in METHODS:
            scores[method], seconds[method] = measure(
                method, X, X_test, k, seed, args.quick
            )
        row = {"table": name, "seed": seed, "n_train": n, "d": d, "k": k}
        row |= scores
        for method in METHODS:
            if method != "pca":
                row[f"{method}-pca"] = (scores[method] - scores["pca"]) / d
        rows.append(row | {f"{method}_s": s for method, s in seconds.items()})
    return rows


def summary(rows):
    """Return one summary for each method that is compared with PCA."""
    found = []
    for method in METHODS:
        if method == "pca":
            continue
        gain = np.array([row[f"{method}-pca"] for row in rows])
        finite = gain[np.isfinite(gain)]
        rival = np.array([row["vae"] - row[method] for row in rows])
        found.append(
            {
                "method": method,
                "fits": len(gain),
                "failed": int((~np.isfinite(gain)).sum()),
                "better": int((finite > 0).sum()),
                "worse": int((finite < 0).sum()),
                "worse_by_0.01": int((finite < -0.01).sum()),
                "median": float(np.median(finite)) if len(finite) else np.nan,
                "worst": float(finite.min()) if len(finite) else np.nan,
                "vae_better": int((rival > 0).sum()),
                "median_fit_s": float(np.median([row[f"{method}_s"] for row in rows])),
            }
        )
    return found


def run_tables(args):
    """Compare the densities on every data set and print the summary."""
    tables = list_tables(args.data)
    tasks = [(*table, seed) for seed in range(args.seeds) for table in tables.items()]
    rows = [row for part in each(compare, tasks, args) for row in part]
    shown = [
        {key: value for key, value in row.items() if not key.endswith("_s")}
        for row in rows
    ]
    print_table("Nats per held-out sample; differences to PCA per feature", shown)
    totals = summary(rows)
    print_table("Difference to PCA, nats per feature", totals)
    worst = min(rows, key=lambda row: np.nan_to_num(row["vae-pca"], nan=np.inf))
    print(f"\n  VAE's worst: {worst['table']}, k = {worst['k']}")
    write_csv(args.output, "likelihood", rows)
    write_csv(args.output, "likelihood_summary", totals)


def binarised(X, seed=0):
    """Return zeros and ones, drawn with the pixels as probabilities."""
    draw = np.random.default_rng(seed).uniform(size=X.shape)
    return (draw < X).astype(np.float32)


def independent_pixels(X, X_test):
    """Return the log-likelihood of binarised images under independent pixels.

    The probability of a pixel is its mean over the training images, smoothed by one
    additional image of zeros and one of ones.
    """
    p = (X.sum(axis=0, dtype=float) + 1) / (len(X) + 2)
    return X_test @ np.log(p) + (1 - X_test) @ np.log1p(-p)


def run_images(args):
    """Fit Bernoulli VAEs to grey images and score binarised ones."""
    X, X_test = load_fashion(args.images)
    n, n_test, draws = args.train_rows, args.test_rows, args.draws
    if args.quick:
        n, n_test, draws = 500, 100, 10
    X, X_test = X[:n], binarised(X_test[:n_test])
    independent = float(independent_pixels(X, X_test).mean())
    rows = []
    for steps in args.steps:
        for seed in range(args.seeds):
            vae = VAE(
                args.codes,
                likelihood="bernoulli",
                max_iter=20 if args.quick else steps,
                n_iter_no_change=steps if args.all_steps else "auto",
                random_state=seed,
            )
            start = time.perf_counter()
            vae.fit(X)
            middle = time.perf_counter()
            nats = float(vae.score_samples(X_test, n_draws=draws).mean())
            end = time.perf_counter()
            row = {
                "rows": n,
                "test_rows": n_test,
                "codes": args.codes,
                "draws": draws,
                "steps": steps,
                "seed": seed,
                "independent": independent,
                "nats": nats,
                "elbo": float(vae.elbo(X_test).mean()),
                "active": int((vae.transform(X_test).var(axis=0) > ACTIVE).sum()),
                "steps_run": vae.n_iter_,
                "fit_s": middle - start,
                "score_s": end - middle,
            }
            rows.append(row)
            print(f"  {row}", file=sys.stderr, flush=True)
    print_table(
        f"{n} training images, {n_test} binarised test images, {args.codes} codes, "
        f"{draws} draws",
        rows,
    )
    write_csv(args.output, "likelihood_images", rows)


def main():
    """Run the benchmark of the command line."""
    parser = make_parser(__doc__)
    add = parser.add_argument
    add("--data", type=Path, metavar="FOLDER", help=".npz files, each with X")
    add("--seeds", type=int, default=1, metavar="N", help="seeds 0 to N - 1")
    add("--max-rows", type=int, default=5_000, help="maximum number of samples")
    add("--jobs", type=int, default=1, help="processes")
    add("--images", type=Path, metavar="FILE", help=".npz with X_train and X_test")
    add("--steps", nargs="+", type=int, default=[2_000, 20_000], help="max_iter")
    add("--all-steps", action="store_true", help="n_iter_no_change=max_iter")
    add("--codes", type=int, default=16)
    add("--train-rows", type=int, default=10_000)
    add("--test-rows", type=int, default=10_000)
    add("--draws", type=int, default=1_000)
    args = parser.parse_args()
    if args.quick:
        args.seeds, args.max_rows = 1, min(args.max_rows, 300)

    print(machine_line())
    with threadpool_limits(1):
        (run_images if args.images else run_tables)(args)


if __name__ == "__main__":
    main()
