"""The code that README and the user guide show runs as it stands, page by page."""

import re
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest

from skae._outliers import fit as _detecting
from skae._autoencoders.base import BaseAutoencoder

ROOT = Path(__file__).parents[1]
FEW = 30  # steps: what is tested is that it runs
PAGES = [
    *("README.md", "docs/index.rst", "docs/model_files.rst", "docs/migration.rst"),
    *sorted(str(p.relative_to(ROOT)) for p in (ROOT / "docs/user_guide").glob("*.rst")),
]
OTHERS = re.compile(r"^ *(import|from) (pyod|keras|skorch)", re.MULTILINE)
BLOCK = re.compile(r"^\.\. code-block:: python\n\n((?:(?: +.*)?\n)+)", re.MULTILINE)
FENCE = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    found = (FENCE if page.endswith(".md") else BLOCK).findall(text)
    return [textwrap.dedent(block) for block in found if not OTHERS.search(block)]


@pytest.fixture(autouse=True)
def hurried(monkeypatch, tmp_path, no_windows):
    """Fits of a few steps, figures without windows, files where they vanish."""
    settings = BaseAutoencoder._settings

    def few(self, rows):
        found = settings(self, rows)
        return replace(found, n_steps=min(found.n_steps or FEW, FEW))

    monkeypatch.setattr(BaseAutoencoder, "_settings", few)
    monkeypatch.setattr(_detecting, "STEPS", FEW)
    monkeypatch.chdir(tmp_path)


# The page on model files shows what is said of a device that is not there.
@pytest.mark.filterwarnings("ignore:device='cuda' is not available here")
@pytest.mark.parametrize("page", PAGES)
def test_the_code_of_a_page_runs(page):
    known = {}
    for block in blocks(page):
        exec(compile(block, page, "exec"), known)


def test_there_is_code_to_run():
    assert sum(len(blocks(page)) for page in PAGES) > 50
