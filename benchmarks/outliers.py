"""AutoencoderOutlierDetector against other outlier detectors.

Tables have rows X and y, which is 1 for anomalies; labels are never trained on. A
table of more than ``--cap`` rows is cut down. Seeds are 1 to N.

- ``detection``: area under the ROC curve and average precision (PR) on test rows, in
  two protocols. "contaminated": 70 % of all rows train, anomalies among them, and the
  others test. "clean": half of the normal rows train; the others and all anomalies
  test. Every method has the defaults of its library. skae and IsolationForest get the
  columns as they are, and so do PyOD's AutoEncoder, VAE, DeepSVDD and PCA, which
  standardise them by default; for all others they are standardised. A fit that fails
  is counted and listed; it scores like chance, 50 % and the share of anomalies.
- ``pvalues``: share of fresh normal rows (clean protocol) with p-values up to a level,
  which should be that level.
- ``explain``: two random cells of held-out normal rows (clean protocol) are replaced
  by values of other rows from the far quarter of their column. Given is the share of
  these cells among the two greatest contributions of their rows: of ``explain``, of
  squared z-scores (by mean and deviation, and by median and interquartile range), and
  of squared differences to the nearest training row of the standardised table.
- ``speed``: seconds of a fit (contaminated protocol, one thread, seed 1), in turns
  with IsolationForest and PyOD's AutoEncoder, medians of five but for the latter; and
  the peak of memory beyond X and result when 100,000 rows of 20 columns are scored.

    python benchmarks/outliers.py                       # scikit-learn's tables
    python benchmarks/outliers.py --data FOLDER --seeds 3
    python benchmarks/outliers.py --data FOLDER --tables a,b --methods skae,iforest,knn
    python benchmarks/outliers.py --data FOLDER --sections pvalues,explain --fresh

Figures of single fits are kept in ``outliers_runs.jsonl`` beside the tables, so that a
run goes on where it was stopped and methods can be added; ``--fresh`` measures skae
again. Figures of ``speed`` are not kept.
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
MANY = 500  # rows, from which on a false-positive rate says something by itself
CORRUPTED, EXPLAINED = 2, 400  # cells of a row, rows of a table
FEWEST_COLUMNS, MOST_COLUMNS = 6, 200
TO_DEVIATION = 1.349  # interquartile range of a normal distribution, in deviations
REPEATS, MEMORY_SHAPE = 5, (100_000, 20)
TITLES = {
    "detection": "Detection: means in %, mean ranks, median seconds, and tables x "
    "protocols with a higher ROC + PR than a rival",
    "failures": "Fits that failed, counted as chance: 50 % ROC, PR the base rate",
    "pvalues": "Share of fresh normal rows with a p-value up to the level",
    "explain": "Share of corrupted cells among the two greatest contributions",
    "fit": "Seconds of a fit, and relative to IsolationForest and PyOD's AutoEncoder",
    "speed": "Time of a fit relative to IsolationForest's and PyOD's AutoEncoder's",
    "memory": "Peak memory of scoring beyond X and result",
}


def rounded(text):
    """Return a cell of a CSV file with its number, if it is one, rounded."""
    try:
        return text if text.isdigit() else f"{float(text):.4g}"
    except ValueError:
        return text


def write_markdown(folder):
    """Write all tables that are in the folder to one Markdown file."""
    text = ["# AutoencoderOutlierDetector"]
    for name, title in TITLES.items():
        path = folder / f"outliers_{name}.csv"
        if not path.exists():
            continue
        with path.open(newline="") as file:
            head, *rows = csv.reader(file)
        if rows:
            lines = [head, ["---"] * len(head), *([*map(rounded, row)] for row in rows)]
            text += ["", f"## {title}", ""]
            text += ["| " + " | ".join(line) + " |" for line in lines]
    (folder / "outliers.md").write_text("\n".join(text) + "\n")


def show(args, name, rows):
    """Print a table and write it."""
    print_table(TITLES[name], rows)
    write_csv(args.output, f"outliers_{name}", rows)
    write_markdown(args.output)


def each(args, section, protocols, methods, measure):
    """Yield the figures of all tables, seeds, protocols and methods.

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

                    def figures(case=(table, path, protocol, seed), method=method):
                        split = split_table(*case, args.cap)
                        return split.shape | measure(method, split, case[-1])

                    yield runs.get(dict(zip(KEY, values, strict=True)), figures)


# Detection


def detect(method, split, seed):
    """Return how well the anomalies among the test rows are found."""
    y = split.y_test
    try:
        odd, fit_s, score_s = fit_and_score(method, split.X, split.X_test, seed)
    except Exception as problem:
        figures = {"roc": 0.5, "pr": float(y.mean()), "fit_s": None, "score_s": None}
        return figures | {"failed": f"{type(problem).__name__}: {problem}"[:200]}
    figures = {"roc": roc_auc_score(y, odd), "pr": average_precision_score(y, odd)}
    return figures | {"fit_s": fit_s, "score_s": score_s, "failed": None}


def by_method(rows, methods, field):
    """Return the field's values of each method's fits, without missing ones."""
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


# What skae says beside its scores


def fit_ours(method, split, seed):
    """Return the fitted detector and the normal ones of the test rows."""
    normal = split.X_test[split.y_test == 0]
    with quiet():
        X, normal = prepared(method, split.X, normal)
        return METHODS[method].build(seed, X.shape[1]).fit(X), normal


def false_positives(method, split, seed):
    """Return the share of fresh normal rows with p-values up to each level."""
    detector, normal = fit_ours(method, split, seed)
    with quiet():
        found = detector.p_values(normal)
    rates = {str(level): float(np.mean(found <= level)) for level in LEVELS}
    return {"rates": rates, "n_normal": len(normal)}


def pvalues(args):
    """Tell how often p-values raise a false alarm."""
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


def corrupted(X, rows, seed):
    """Return copies of rows with other values in some cells, and a mask of these.

    A value comes from the far quarter of its column in X and differs from the old one.
    Columns that are constant in X are left alone.
    """
    rng = np.random.default_rng(seed)
    varies = np.flatnonzero(np.ptp(X, axis=0) > 0)
    rows, mask = rows.copy(), np.zeros(rows.shape, bool)
    for row, cells in zip(rows, mask, strict=True):
        for j in rng.choice(varies, CORRUPTED, replace=False):
            far = np.argsort(-np.abs(X[:, j] - row[j]))[: max(1, len(X) // 4)]
            values = X[far, j]
            row[j] = rng.choice(values[values != row[j]])
            cells[j] = True
    return rows, mask


def hit_rate(contributions, mask):
    """Return the share of the cells that are among the greatest of their rows."""
    top = np.argsort(-contributions, axis=1, kind="stable")[:, :CORRUPTED]
    return float(np.take_along_axis(mask, top, axis=1).mean())


def blame(method, split, seed):
    """Return the hit rates of explain and of simpler ways to blame columns."""
    detector, normal = fit_ours(method, split, seed)
    X = prepared(method, split.X, split.X)[0]
    rows, mask = corrupted(X, normal[:EXPLAINED], seed)
    with quiet():
        found = {method: detector.explain(rows)}
        scaler = StandardScaler().fit(X)
        z, known = scaler.transform(rows), scaler.transform(X)
        nearest = NearestNeighbors(n_neighbors=1).fit(known).kneighbors(z)[1][:, 0]
    low, centre, high = np.quantile(X, (0.25, 0.5, 0.75), axis=0)
    spread = np.where(high > low, (high - low) / TO_DEVIATION, scaler.scale_)
    found["z"], found["robust_z"] = z**2, ((rows - centre) / spread) ** 2
    found["nearest"] = (z - known[nearest]) ** 2
    hits = {name: hit_rate(shares, mask) for name, shares in found.items()}
    return {"hits": hits | {"chance": CORRUPTED / X.shape[1]}}


def explain(args):
    """Tell how often corrupted cells are blamed."""
    found = {}
    for name, path in args.found.items():
        X = split_table(name, path, PROTOCOLS[1], 1, args.cap).X
        enough = np.count_nonzero(np.ptp(X, axis=0)) >= CORRUPTED
        if FEWEST_COLUMNS <= X.shape[1] <= MOST_COLUMNS and enough:
            found[name] = path
    args = argparse.Namespace(**vars(args) | {"found": found})
    rows = list(each(args, "explain", PROTOCOLS[1:], ["skae"], blame))
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
    """Return those of skae that are asked for, and what they are compared with."""
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
    """Time fits at the defaults, and watch the memory of scoring."""
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
    """Return a parser of names with commas between them."""

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
    """Read the command line and run what it asks for."""
    parser = make_parser(__doc__)
    add = parser.add_argument
    add("--data", type=Path, metavar="FOLDER", help=".npz files, each with X and y")
    add("--seeds", type=int, default=3, metavar="N", help="seeds 1 to N")
    add("--tables", type=listed(), metavar="A,B", help="some of them only")
    add("--methods", type=listed(METHODS), default=DEFAULT, metavar="A,B")
    add("--sections", type=listed(SECTIONS), default=list(SECTIONS), metavar="A,B")
    add("--cap", type=int, default=5000, help="rows of a table, test rows included")
    add("--fresh", action="store_true", help="forget what was measured of skae")
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
