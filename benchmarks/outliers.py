"""AutoencoderOutlierDetector against other outlier detectors.

Data sets have X and y, which is 1 for anomalies; labels are never used in training. A
data set of more than ``--cap`` samples is reduced. Seeds are 1 to N.

- ``detection``: area under the ROC curve and average precision (PR) on test data, in
  two protocols. "contaminated": the training data are 70 % of all samples, with
  anomalies; the others are the test data. "clean": the training data are half of the
  normal samples; the others and all anomalies are the test data. Every method has the
  defaults of its library. skae and IsolationForest get unscaled features, and so do
  PyOD's AutoEncoder, VAE, DeepSVDD and PCA, which standardise them by default; for all
  others they are standardised. Failed fits are counted and listed; their scores are
  those of chance, 50 % and the share of anomalies.
- ``pvalues``: share of new normal samples (clean protocol) with p-values up to a
  significance level, which should be that level.
- ``explain``: two random features of held-out normal samples (clean protocol) are
  replaced by values of other samples from the farthest quarter of the feature. The
  result is the share of these features among the two largest contributions of their
  sample: of ``explain``, of squared z-scores (by mean and standard deviation, and by
  median and interquartile range), and of squared differences to the nearest training
  sample, with standardised features.
- ``speed``: seconds of a fit (contaminated protocol, one thread, seed 1), alternating
  with IsolationForest and PyOD's AutoEncoder, medians of five except for the latter;
  and the peak memory beyond X and result when 100,000 samples with 20 features are
  scored.

    python benchmarks/outliers.py                       # scikit-learn's data
    python benchmarks/outliers.py --data FOLDER --seeds 3
    python benchmarks/outliers.py --data FOLDER --tables a,b --methods skae,iforest,knn
    python benchmarks/outliers.py --data FOLDER --sections pvalues,explain --fresh

Results of single fits are stored in ``outliers_runs.jsonl`` in the output folder, so
that a run continues where it was stopped and methods can be added; ``--fresh`` measures
skae again. Results of ``speed`` are not stored.
"""

import argparse
import csv
import sys
from pathlib import Path

import numpy as np
import torch
from _common import machine_line, make_parser, print_table, require, write_csv
from _outlier_data import KEY, PROTOCOLS, Runs, anomaly_tables, split_table
from _outlier_peers import (
    DEFAULT,
    METHODS,
    fit_and_score,
    is_ours,
    memory_of_scoring,
    prepared,
    quiet,
)
from reconstruction import geometric_mean
from scipy.stats import rankdata
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler

RIVALS = ("iforest", "knn")
SLOW = "pyod-ae"
LEVELS = (0.1, 0.05, 0.01)
MANY = 500  # samples, from which on a single false-positive rate is informative
CORRUPTED, EXPLAINED = 2, 400  # features of a sample, samples of a data set
FEWEST_COLUMNS, MOST_COLUMNS = 6, 200
TO_DEVIATION = 1.349  # interquartile range of a normal distribution, in deviations
REPEATS, MEMORY_SHAPE = 5, (100_000, 20)
TITLES = {
    "detection": "Detection: means in %, mean ranks, median seconds, and data sets x "
    "protocols with a higher ROC + PR than another detector",
    "failures": "Fits that failed, counted as chance: 50 % ROC, PR the base rate",
    "pvalues": "Share of new normal samples with a p-value up to the level",
    "explain": "Share of replaced features among the two largest contributions",
    "fit": "Seconds of a fit, and relative to IsolationForest and PyOD's AutoEncoder",
    "speed": "Time of a fit relative to IsolationForest's and PyOD's AutoEncoder's",
    "memory": "Peak memory of scoring beyond X and result",
}


def rounded(text):
    """Return a cell of a CSV file, rounded if it is a number."""
    try:
        return text if text.isdigit() else f"{float(text):.4g}"
    except ValueError:
        return text


def write_markdown(folder):
    """Write all tables of the folder to one Markdown file."""
    text = ["# AutoencoderOutlierDetector"]
    for name, title in TITLES.items():
        path = folder / f"outliers_{name}.csv"
        if not path.exists():
            continue
        with path.open(newline="") as file:
            header, *rows = csv.reader(file)
        if rows:
            dashes = ["---"] * len(header)
            lines = [header, dashes, *([*map(rounded, row)] for row in rows)]
            text += ["", f"## {title}", ""]
            text += ["| " + " | ".join(line) + " |" for line in lines]
    (folder / "outliers.md").write_text("\n".join(text) + "\n")


def show(args, name, rows):
    """Print a table and write it."""
    print_table(TITLES[name], rows)
    write_csv(args.output, f"outliers_{name}", rows)
    write_markdown(args.output)


def each(args, section, protocols, methods, measure):
    """Yield the results of all data sets, seeds, protocols and methods.

    ``measure(method, split, seed)`` returns those of one fit.
    """
    runs = Runs(
        args.output / "outliers_runs.jsonl",
        forget=lambda method: args.fresh and is_ours(method),
    )
    for table, path in args.found.items():
        for seed in range(1, args.seeds + 1):
            print(f"  {section}: {table}, seed {seed}", file=sys.stderr, flush=True)
            for protocol in protocols:
                for method in methods:
                    values = (section, table, protocol, seed, args.cap, method)

                    def results(case=(table, path, protocol, seed), method=method):
                        split = split_table(*case, args.cap)
                        return split.shape | measure(method, split, case[-1])

                    yield runs.get(dict(zip(KEY, values, strict=True)), results)


# Detection


def detect(method, split, seed):
    """Return the detection scores on the test data."""
    y = split.y_test
    try:
        scores, fit_s, score_s = fit_and_score(method, split.X, split.X_test, seed)
    except Exception as problem:
        result = {"roc": 0.5, "pr": float(y.mean()), "fit_s": None, "score_s": None}
        return result | {"failed": f"{type(problem).__name__}: {problem}"[:200]}
    result = {"roc": roc_auc_score(y, scores), "pr": average_precision_score(y, scores)}
    return result | {"fit_s": fit_s, "score_s": score_s, "failed": None}


def by_method(rows, methods, field):
    """Return the values of a field by method, without missing ones."""
    return {
        method: [
            row[field]
            for row in rows
            if row["method"] == method and row[field] is not None
        ]
        for method in methods
    }


def median(values):
    """Return the median, NaN if there are no values."""
    return float(np.median(values)) if values else np.nan


def detection(args):
    """Compare the methods in both protocols."""
    rows = list(each(args, "detection", PROTOCOLS, args.methods, detect))
    shape = (len(args.found), args.seeds, len(PROTOCOLS), len(args.methods), 2)
    scores = np.reshape([(row["roc"], row["pr"]) for row in rows], shape).mean(axis=1)
    means = 100 * scores.mean(axis=0)
    ranks = rankdata(-scores, axis=2).mean(axis=(0, 3))
    sums = scores.sum(axis=3)
    seconds = {
        name: by_method(rows, args.methods, name) for name in ("fit_s", "score_s")
    }
    failed = by_method(rows, args.methods, "failed")
    table = []
    for i, method in enumerate(args.methods):
        row = {"method": method}
        for j, protocol in enumerate(PROTOCOLS):
            row[f"{protocol}_roc"], row[f"{protocol}_pr"] = means[j, i].tolist()
        row["sum"] = float(means[:, i].sum())
        row |= {f"{p}_rank": float(ranks[j, i]) for j, p in enumerate(PROTOCOLS)}
        row |= {name: median(values[method]) for name, values in seconds.items()}
        for rival in RIVALS:
            if rival in args.methods:
                wins = sums[:, :, i] > sums[:, :, args.methods.index(rival)]
                row[f"beats_{rival}"] = f"{wins.sum()} of {wins.size}"
        table.append(row | {"failed": len(failed[method])})
    show(args, "detection", table)
    names = ("method", "table", "protocol", "seed", "failed")
    troubles = [row for row in rows if row["failed"]]
    show(args, "failures", [{name: row[name] for name in names} for row in troubles])


# p-values and explanations of skae


def fit_ours(method, split, seed):
    """Return the fitted detector and the normal test samples."""
    normal = split.X_test[split.y_test == 0]
    with quiet():
        X, normal = prepared(method, split.X, normal)
        return METHODS[method].build(seed, X.shape[1]).fit(X), normal


def false_positives(method, split, seed):
    """Return the share of new normal samples with p-values up to each level."""
    detector, normal = fit_ours(method, split, seed)
    with quiet():
        found = detector.p_values(normal)
    rates = {str(level): float(np.mean(found <= level)) for level in LEVELS}
    return {"rates": rates, "n_normal": len(normal)}


def pvalues(args):
    """Measure the false-positive rate of the p-values."""
    methods = list(filter(is_ours, args.methods))
    rows = list(each(args, "pvalues", PROTOCOLS[1:], methods, false_positives))
    table = []
    for method in methods:
        for level in LEVELS:
            found = [
                (row["rates"][str(level)], row["table"], row["n_normal"])
                for row in rows
                if row["method"] == method
            ]
            worst, where, n_normal = max(found)
            row = {"method": method, "level": level}
            row["mean"] = float(np.mean([rate for rate, *_ in found]))
            row |= {"worst": worst, "table": where, "rows": n_normal}
            many = [rate for rate, _, n in found if n >= MANY]
            row[f"worst,rows>={MANY}"] = max(many, default=np.nan)
            table.append(row)
    show(args, "pvalues", table)


def corrupted(X, samples, seed):
    """Return copies of samples with some features replaced, and a mask of these.

    A new value is from the farthest quarter of the feature in X and differs from the
    old one. Features that are constant in X are not replaced.
    """
    rng = np.random.default_rng(seed)
    varies = np.flatnonzero(np.ptp(X, axis=0) > 0)
    samples, mask = samples.copy(), np.zeros(samples.shape, bool)
    for sample, replaced in zip(samples, mask, strict=True):
        for j in rng.choice(varies, CORRUPTED, replace=False):
            far = np.argsort(-np.abs(X[:, j] - sample[j]))[: max(1, len(X) // 4)]
            values = X[far, j]
            sample[j] = rng.choice(values[values != sample[j]])
            replaced[j] = True
    return samples, mask


def hit_rate(contributions, mask):
    """Return the share of replaced features among the largest contributions."""
    top = np.argsort(-contributions, axis=1, kind="stable")[:, :CORRUPTED]
    return float(np.take_along_axis(mask, top, axis=1).mean())


def attribution(method, split, seed):
    """Return the hit rates of explain and of simpler attributions."""
    detector, normal = fit_ours(method, split, seed)
    X = prepared(method, split.X, split.X)[0]
    samples, mask = corrupted(X, normal[:EXPLAINED], seed)
    with quiet():
        found = {method: detector.explain(samples)}
        scaler = StandardScaler().fit(X)
        z, train = scaler.transform(samples), scaler.transform(X)
        nearest = NearestNeighbors(n_neighbors=1).fit(train).kneighbors(z)[1][:, 0]
    low, centre, high = np.quantile(X, (0.25, 0.5, 0.75), axis=0)
    spread = np.where(high > low, (high - low) / TO_DEVIATION, scaler.scale_)
    found["z"], found["robust_z"] = z**2, ((samples - centre) / spread) ** 2
    found["nearest"] = (z - train[nearest]) ** 2
    hits = {name: hit_rate(shares, mask) for name, shares in found.items()}
    return {"hits": hits | {"chance": CORRUPTED / X.shape[1]}}


def explain(args):
    """Measure how often replaced features have the largest contributions."""
    found = {}
    for name, path in args.found.items():
        X = split_table(name, path, PROTOCOLS[1], 1, args.cap).X
        enough = np.count_nonzero(np.ptp(X, axis=0)) >= CORRUPTED
        if FEWEST_COLUMNS <= X.shape[1] <= MOST_COLUMNS and enough:
            found[name] = path
    args = argparse.Namespace(**vars(args) | {"found": found})
    rows = list(each(args, "explain", PROTOCOLS[1:], ["skae"], attribution))
    table = []
    for name in found:
        mine = [row for row in rows if row["table"] == name]
        hits = {
            kind: float(np.mean([row["hits"][kind] for row in mine]))
            for kind in mine[0]["hits"]
        }
        table.append({"table": name, "d": mine[0]["d"]} | hits)
    if table:
        names = [name for name in table[0] if name not in ("table", "d")]
        means = {name: float(np.mean([row[name] for row in table])) for name in names}
        show(args, "explain", [*table, {"table": "mean", "d": ""} | means])


# Time and memory


def speed_methods(args):
    """Return the requested methods of skae, and those they are compared with."""
    return [*filter(is_ours, args.methods), "iforest", SLOW]


def seconds_of_fits(split, methods, repeats):
    """Return the median seconds of a fit of each method, NaN where one fails."""
    found = {method: [] for method in methods}
    for turn in range(repeats):
        for method in methods:
            if turn and method == SLOW:
                continue
            try:
                _, fit_s, _ = fit_and_score(method, split.X, split.X_test[:10], 1)
            except Exception as problem:
                print(f"{method}: {problem}", file=sys.stderr)
                continue
            found[method].append(fit_s)
    return {method: median(values) for method, values in found.items()}


def speed(args):
    """Time fits with default parameters, and measure the memory of scoring."""
    methods, rows = speed_methods(args), []
    warm = np.random.default_rng(0).normal(size=(200, 5))
    for method in methods:  # imports are not counted
        fit_and_score(method, warm, warm, 1)
    for name, path in args.found.items():
        print(f"  speed: {name}", file=sys.stderr, flush=True)
        split = split_table(name, path, PROTOCOLS[0], 1, args.cap)
        seconds = seconds_of_fits(split, methods, 1 if args.quick else REPEATS)
        for method in methods:
            row = {"table": name, "n_train": len(split.X), "d": split.X.shape[1]}
            row |= {"method": method, "fit_s": seconds[method]}
            for rival in ("iforest", SLOW):
                row[f"/{rival}"] = seconds[method] / seconds[rival]
            rows.append(row)
    show(args, "fit", rows)
    table = []
    for method in methods:
        row = {"method": method}
        mine = [row for row in rows if row["method"] == method]
        row["median_fit_s"] = float(np.nanmedian([part["fit_s"] for part in mine]))
        for rival in ("iforest", SLOW):
            ratio = np.array([part[f"/{rival}"] for part in mine])
            ratio = ratio[np.isfinite(ratio)]
            row |= {
                f"/{rival}": geometric_mean(ratio),
                f"/{rival},median": median(ratio.tolist()),
                f"/{rival},worst": max(ratio, default=np.nan),
            }
        table.append(row)
    show(args, "speed", table)
    shape = (5000, 20) if args.quick else MEMORY_SHAPE
    show(args, "memory", [memory_of_scoring(method, shape) for method in methods])


SECTIONS = {
    "detection": detection,
    "pvalues": pvalues,
    "explain": explain,
    "speed": speed,
}


def listed(choices=None):
    """Return a parser of comma-separated names."""

    def parse(text):
        names = text.split(",")
        for name in names:
            if choices is not None and name not in choices:
                raise argparse.ArgumentTypeError(
                    f"{name!r} is none of {', '.join(choices)}"
                )
        return names

    return parse


def main():
    """Run the benchmark of the command line."""
    parser = make_parser(__doc__)
    add = parser.add_argument
    add("--data", type=Path, metavar="FOLDER", help=".npz files, each with X and y")
    add("--seeds", type=int, default=3, metavar="N", help="seeds 1 to N")
    add("--tables", type=listed(), metavar="A,B", help="only these data sets")
    add("--methods", type=listed(METHODS), default=DEFAULT, metavar="A,B")
    add("--sections", type=listed(SECTIONS), default=list(SECTIONS), metavar="A,B")
    add("--cap", type=int, default=5000, help="maximum number of samples of a data set")
    add("--fresh", action="store_true", help="ignore stored results of skae")
    args = parser.parse_args()
    if args.quick:
        args.seeds, args.cap = 1, min(args.cap, 300)
    asked = speed_methods(args) if "speed" in args.sections else []
    if any(METHODS[method].from_pyod for method in (*args.methods, *asked)):
        require("pyod")
    torch.set_num_threads(1)
    args.found = anomaly_tables(args.data, args.tables)

    print(machine_line())
    for section in args.sections:
        SECTIONS[section](args)


if __name__ == "__main__":
    main()
