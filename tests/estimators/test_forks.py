"""Estimators in forked processes, as of multiprocessing and preloading web servers."""

import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "forked.py"


@pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods(),
    reason="the system, as Windows, cannot fork a process",
)
def test_forked_process_predicts_and_fits():
    env = os.environ | {"OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "1"}
    run = subprocess.run(
        [sys.executable, SCRIPT], env=env, capture_output=True, text=True, check=False
    )
    assert (run.stdout, run.stderr) == ("done\n", "")
