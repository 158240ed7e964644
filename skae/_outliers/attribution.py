"""Which columns set a row apart, with those columns left out of the comparison."""

import numpy as np

N_IGNORED_COLUMNS = 2  # columns that may be wrong; one that is right does no harm
CANDIDATES, NEIGHBOURS = 128, 5
VALUES = 1 << 20  # numbers that are compared at a time


def neighbor_differences(
    x: np.ndarray, stored: np.ndarray, candidates: np.ndarray
) -> np.ndarray:
    """Return rows less the median of the stored rows that are most like them.

    Likeness is the sum of absolute differences without the two greatest: a row with two
    odd values is compared with rows that are like it otherwise.

    Parameters
    ----------
    x : ndarray of shape (n, n_features)
        The rows.
    stored : ndarray of shape (n_stored, n_features)
        Rows to compare them with.
    candidates : ndarray of shape (n, n_candidates)
        Which of these are to be considered for each row.
    """
    result, count = np.empty(x.shape), candidates.shape[1]
    ignored, like = min(N_IGNORED_COLUMNS, x.shape[1] - 1), min(NEIGHBOURS, count)
    size = max(1, VALUES // (count * x.shape[1]))
    for start in range(0, len(x), size):
        at = slice(start, start + size)
        other = stored[candidates[at]]
        apart = np.sort(np.abs(other - x[at, None]), axis=2)
        kept = apart[:, :, : apart.shape[2] - ignored].sum(axis=2)
        best = np.argsort(kept, axis=1, kind="stable")[:, :like]
        chosen = np.take_along_axis(other, best[:, :, None], 1)
        result[at] = x[at] - np.median(chosen, axis=1)
    return result
