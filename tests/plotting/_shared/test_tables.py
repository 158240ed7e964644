"""Positions of samples."""

import numpy as np
import pytest

from skae.plotting._shared.tables import select


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (3, [0, 1, 2]),
        (np.int64(2), [0, 1]),
        (99, [0, 1, 2, 3, 4]),
        ([3, 1, 3], [3, 1, 3]),
        ((-1, 0), [4, 0]),
        (np.array([2], dtype=np.uint8), [2]),
        (range(2), [0, 1]),
    ],
)
def test_places(asked, found):
    assert select("rows", asked, 5).tolist() == found


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (0, "rows=0 must be at least 1"),
        (-2, "rows=-2 must be at least 1"),
        ([], r"rows must be an int, or indices as ints; got \[\]"),
        (2.5, "must be an int, or indices as ints; got 2.5"),
        ([1.0, 2.0], "must be an int, or indices"),
        (True, "must be an int, or indices"),
        ([True, False], "must be an int, or indices"),
        ("ab", "must be an int, or indices"),
        (None, "must be an int, or indices"),
        ([[1, 2]], "must be an int, or indices"),
        ([0, 5], r"rows=\[0, 5\] has indices beyond the 5 that there are"),
        ([-6], "beyond the 5"),
    ],
)
def test_places_that_there_are_not(asked, message):
    with pytest.raises(ValueError, match=message):
        select("rows", asked, 5)
