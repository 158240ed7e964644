"""Redraw README's pictures, and rewrite the measured numbers of README and the site.

    python docs/figures.py          # pictures, README.md, docs/tables
    python docs/figures.py --check  # fails if one of these is out of date

Every number comes from the CSV files in ``benchmarks/results``, which the scripts in
``benchmarks`` write. Pictures are not compared.
"""

import argparse
import os
import re
import runpy
import subprocess
import sys
import textwrap
import warnings
from pathlib import Path

from _figures import TABLES, numbers, packages
from _figures.outliers import detection_in_readme

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
README = ROOT / "README.md"
FOLDER = DOCS / "tables"
NUMBERS = FOLDER / "numbers.txt"
PACKAGES = DOCS / "packages.svg"
WIDTH = 88

# Parts of README: text, in which a name in braces is a number, and tables. Lines that
# begin with "- " are wrapped.
BLOCKS = {
    "reconstruction": (
        "Error on held-out data relative to PCA's with as many components, geometric "
        "means over the fits; default parameters; {reconstruction_seeds} seeds on the "
        "standardised data sets of ADBench and scikit-learn, one on the others "
        "(`reconstruction.py`):",
        TABLES["reconstruction"],
    ),
    "speed": (
        "Training samples per second, batch size {batch}, one thread, medians of "
        "{speed_rounds} interleaved rounds (`speed.py`):",
        TABLES["speed_throughput"],
    ),
    "outliers": (
        "Area under the ROC curve and average precision in %, means over "
        "{outlier_tables} data sets of ADBench, trained on contaminated data or on "
        "normal samples only; default parameters (`outliers.py`; {outlier_more} more "
        "detectors are on the performance page):",
        detection_in_readme,
    ),
    "figures": (
        "- **Time to quality**: to reach a test error on Fashion-MNIST 15 % below that "
        "of PCA with ten components, a full `fit` of a network 784-400-10 takes "
        "{quality_ratio} of the time of a plain PyTorch loop, with its number of steps "
        "chosen in hindsight.\n"
        "- **Memory**: on {memory_rows} x {memory_columns} values a `fit` of "
        "{memory_steps} steps takes {memory_fit} MiB beyond the data, `transform` "
        "{memory_transform} MiB.\n"
        "- **Time of a detector fit**: {fit_forest} times that of `IsolationForest` "
        "and {fit_pyod} of that of PyOD's `AutoEncoder`, medians over the data sets; "
        "{fit_forest_worst} and {fit_worst} times at worst, and longer than PyOD's on "
        "{fit_slower} of {outlier_tables}.\n"
        "- **p-values**: {false_mean} of new normal samples have a p-value of at most "
        "{false_level} (mean over the data sets; {false_worst} at worst among those "
        "with {false_rows} or more such samples).\n"
        "- **Likelihood**: the `VAE`'s exceeds `PCA.score` on held-out data in "
        "{likelihood_above} of {likelihood_fits} fits and equals it in "
        "{likelihood_equal}; a `GaussianMixture` is above the `VAE` in "
        "{likelihood_mixture}.\n"
        "- **No gain**: PCA was kept in {reconstruction_kept} of the "
        "{reconstruction_fits} fits on standardised data sets; with "
        '`pretrain="layerwise"` the default network\'s error is '
        "{pretrain_default} of that without.",
        None,
    ),
}


def wrapped(text):
    """Return text with its lines broken, those of a list indented."""
    return "\n".join(
        textwrap.fill(
            line,
            WIDTH,
            subsequent_indent="  " if line.startswith("- ") else "",
            break_long_words=False,
            break_on_hyphens=False,
        )
        for line in text.split("\n")
    )


def markdown(table):
    """Return a table in Markdown, with numbers aligned to the right."""
    header = [["", *table.columns[1:]], ["---", *["---:"] * (table.shape[1] - 1)]]
    rows = [*header, *table.to_numpy().tolist()]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def blocks():
    """Return the generated parts of README by their names."""
    values = numbers()
    found = {}
    for name, (text, table) in BLOCKS.items():
        parts = [wrapped(text.format(**values))]
        if table is not None:
            parts.append(markdown(table()))
        found[name] = "\n\n".join(parts)
    return found


def filled(text, parts):
    """Return README's text with its generated parts replaced."""
    for name, part in parts.items():
        begin, end = f"<!-- begin: {name} -->", f"<!-- end: {name} -->"
        if text.count(begin) != 1 or text.count(end) != 1:
            sys.exit(f"README.md must have {begin} and {end} once each")
        before, rest = text.split(begin)
        text = f"{before}{begin}\n\n{part}\n\n{end}{rest.split(end)[1]}"
    unknown = set(re.findall(r"<!-- begin: (.*?) -->", text)) - set(parts)
    if unknown:
        sys.exit(f"README.md has unknown parts: {', '.join(sorted(unknown))}")
    return text


def for_sphinx(table):
    """Return a table as CSV, with code in reStructuredText's markup."""
    return table.to_csv(index=False, lineterminator="\n").replace("`", "``")


def substitutions(values):
    """Return numbers as substitutions of reStructuredText: |name| is the number."""
    lines = [f".. |{name}| replace:: {value}" for name, value in values.items()]
    return "\n".join([".. Written by figures.py.", "", *lines, ""])


def texts():
    """Return the expected content of each generated file."""
    found = {
        FOLDER / f"{name}.csv": for_sphinx(make()) for name, make in TABLES.items()
    }
    found[NUMBERS] = substitutions(numbers())
    found[PACKAGES] = packages.picture()
    found[README] = filled(README.read_text(encoding="utf-8"), blocks())
    return found


def outdated(expected):
    """Return the files that differ from their expected content, or should not exist."""
    wrong = [
        path
        for path, text in expected.items()
        if not path.exists() or path.read_bytes() != text.encode()
    ]
    return wrong + [path for path in FOLDER.glob("*") if path not in expected]


def write(expected):
    """Write the generated files, and remove obsolete tables."""
    FOLDER.mkdir(exist_ok=True)
    for path in outdated(expected):
        if path in expected:
            path.write_bytes(expected[path].encode())
        else:
            path.unlink()
        print(f"Written: {path.relative_to(ROOT)}")


def draw():
    """Draw README's pictures, of the quickstart and of the page on outliers."""
    examples = ROOT / "examples"
    quickstart = [examples / "quickstart.py", "--output", DOCS / "quickstart.png"]
    subprocess.run([sys.executable, *quickstart], check=True, cwd=ROOT)
    os.environ["MPLBACKEND"] = "Agg"
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="FigureCanvasAgg is non-interactive")
        page = runpy.run_path(str(examples / "outliers.py"))
    page["display"].figure_.savefig(DOCS / "outliers.png", dpi=150)


def main():
    """Write everything, or compare."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--check", action="store_true", help="compare only: README.md and docs/tables")
    args = parser.parse_args()
    if not args.check:
        write(texts())
        draw()
        return
    wrong = outdated(texts())
    if wrong:
        names = ", ".join(str(path.relative_to(ROOT)) for path in wrong)
        sys.exit(f"Out of date: {names}. Run: python docs/figures.py")


if __name__ == "__main__":
    main()
