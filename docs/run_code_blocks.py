"""Run the Python blocks of README and of the pages that show code, page by page.

    python docs/run_code_blocks.py                       # all pages
    python docs/run_code_blocks.py README.md docs/index.rst

The blocks of a page run one after the other in one namespace, as a reader would paste
them. Training is cut to a few steps: what is checked is that the code runs. Warnings
are errors. The exit code is 1 if a block fails.
"""

import argparse
import functools
import os
import re
import sys
import tempfile
import textwrap
import traceback
import warnings
from pathlib import Path
from typing import NamedTuple

import matplotlib.pyplot as plt

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import skae  # noqa: E402 - from this checkout

MAX_STEPS = 30
MIN_BLOCKS = 50  # fewer mean that the patterns below no longer match
PAGES = [
    *("README.md", "docs/index.rst", "docs/model_files.rst", "docs/migration.rst"),
    *sorted(str(p.relative_to(ROOT)) for p in (ROOT / "docs/user_guide").glob("*.rst")),
]
# Blocks that need a library to migrate from, or a server, are shown, not run.
OTHER_LIBRARIES = re.compile(
    r"^ *(import|from) (pyod|keras|skorch|mlflow)", re.MULTILINE
)
RST_BLOCK = re.compile(r"^\.\. code-block:: python\n\n((?:(?: +.*)?\n)+)", re.MULTILINE)
MARKDOWN_BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A block of code and the line of its page at which it starts."""

    code: str
    line: int


def blocks_of(page):
    """Return the blocks of a page that are to be run."""
    text = (ROOT / page).read_text(encoding="utf-8")
    pattern = MARKDOWN_BLOCK if page.endswith(".md") else RST_BLOCK
    blocks = [
        Block(textwrap.dedent(match[1]), text.count("\n", 0, match.start(1)) + 1)
        for match in pattern.finditer(text)
    ]
    return [block for block in blocks if not OTHER_LIBRARIES.search(block.code)]


def shorten_fits():
    """Limit ``max_iter`` of every estimator of skae while it is fitted."""

    def limited(fit):
        @functools.wraps(fit)
        def short_fit(self, *args, **kwargs):
            asked = self.max_iter
            self.max_iter = MAX_STEPS if asked == "auto" else min(asked, MAX_STEPS)
            try:
                return fit(self, *args, **kwargs)
            finally:
                self.max_iter = asked

        return short_fit

    for name in skae.__all__:
        estimator = getattr(skae, name)
        if hasattr(estimator, "fit"):
            estimator.fit = limited(estimator.fit)


def run_page(page, blocks):
    """Run the blocks of a page; return the one that failed, None if none did."""
    namespace = {}
    for block in blocks:
        # Empty lines in front give tracebacks the line numbers of the page.
        code = "\n" * (block.line - 1) + block.code
        try:
            exec(compile(code, page, "exec"), namespace)
        except Exception:
            traceback.print_exc()
            return block
        finally:
            plt.close("all")
    return None


def run_pages(pages):
    """Run the blocks of all pages and print what came of each; return the failures."""
    failures = []
    for page, blocks in pages.items():
        failed = run_page(page, blocks)
        if failed is None:
            print(f"ok      {page}: {len(blocks)} blocks", flush=True)
            continue
        place = f"block {blocks.index(failed) + 1} of {len(blocks)}, line {failed.line}"
        print(f"FAILED  {page}: {place}", flush=True)
        failures.append(f"{page}: {place}")
    return failures


def main():
    """Run the pages that are asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pages", nargs="*", metavar="PAGE", help="default: all")
    asked = parser.parse_args().pages
    pages = {page: blocks_of(page) for page in asked or PAGES}
    n_blocks = sum(map(len, pages.values()))
    if not asked and n_blocks < MIN_BLOCKS:
        sys.exit(f"Only {n_blocks} blocks found")

    plt.switch_backend("agg")
    shorten_fits()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        os.chdir(folder)  # for the files that blocks write
        warnings.simplefilter("error")
        # The page on model files asks for a device that is missing.
        warnings.filterwarnings("ignore", "device='cuda' is not available here")
        # Fits are shortened.
        warnings.filterwarnings("ignore", "Training ended at max_iter=")
        failures = run_pages(pages)
        os.chdir(ROOT)
    if failures:
        sys.exit("Code blocks failed:\n" + "\n".join(failures))
    print(f"{n_blocks} blocks on {len(pages)} pages ran")


if __name__ == "__main__":
    main()
