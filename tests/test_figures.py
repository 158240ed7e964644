"""docs/figures.py notices figures that are not those of the benchmarks' CSV files."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """A copy of what figures.py reads and writes."""
    folder = tmp_path_factory.mktemp("original")
    for name in ("benchmarks", "docs/_figures", "docs/tables"):
        ignored = shutil.ignore_patterns("*.jsonl", "__pycache__")
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    for path in (ROOT / "README.md", *(ROOT / "docs").glob("*.py")):
        shutil.copy(path, folder / path.relative_to(ROOT))
    return folder


@pytest.fixture
def copy(original, tmp_path):
    return shutil.copytree(original, tmp_path / "copy")


def check(folder):
    command = [sys.executable, "docs/figures.py", "--check"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def replace(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_a_changed_figure_in_readme_is_noticed(copy):
    begin = "<!-- begin: outliers -->"
    path = copy / "README.md"
    head, rest = path.read_text().split(begin)
    path.write_text(head + begin + re.sub(r"\d\.\d", "0.0", rest, count=1))
    result = check(copy)
    assert result.returncode != 0
    assert "README.md" in result.stderr
    assert "tables" not in result.stderr


def test_a_changed_measurement_is_noticed(copy):
    path = copy / "benchmarks" / "results" / "likelihood_images.csv"
    path.write_text(re.sub(r"\d+\.\d+", "100.0", path.read_text()))
    result = check(copy)
    assert result.returncode != 0
    assert "likelihood_images.csv" in result.stderr


def test_a_changed_missing_or_forgotten_table_is_noticed(copy):
    tables = copy / "docs" / "tables"
    replace(tables / "memory.csv", "float32", "float16")
    (tables / "sparsity.csv").unlink()
    (tables / "forgotten.csv").touch()
    result = check(copy)
    assert result.returncode != 0
    for name in ("memory.csv", "sparsity.csv", "forgotten.csv"):
        assert name in result.stderr


def test_readme_without_a_marker_is_an_error(copy):
    replace(copy / "README.md", "<!-- end: speed -->", "")
    result = check(copy)
    assert result.returncode != 0
    assert "<!-- end: speed -->" in result.stderr


def test_no_measured_figure_is_typed_by_hand():
    page = (ROOT / "docs" / "performance.rst").read_text()
    readme = (ROOT / "README.md").read_text()
    section = readme.split("## Benchmarks")[1].split("## Limits")[0]
    section = re.sub(r"(?s)<!-- begin: (\w+) -->.*?<!-- end: \1 -->", "", section)
    for text in (page, section):
        assert re.findall(r"\d[.,]\d", text) == []


def test_the_page_shows_all_tables_and_knows_all_figures():
    tables = ROOT / "docs" / "tables"
    page = (ROOT / "docs" / "performance.rst").read_text()
    shown = re.findall(r":file: tables/(\w+\.csv)", page)
    assert sorted(shown) == sorted(path.name for path in tables.glob("*.csv"))
    known = re.findall(r"^\.\. \|(\w+)\|", (tables / "numbers.txt").read_text(), re.M)
    assert set(re.findall(r"\|(\w+)\|", page)) <= set(known)


def test_counts_have_no_decimals():
    text = (ROOT / "docs" / "tables" / "numbers.txt").read_text()
    assert not re.findall(r"\d,\d{3}\.\d|_(?:rows|codes|draws)\| replace:: .*\.", text)
