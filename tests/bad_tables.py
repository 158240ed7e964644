"""Tables that cannot be fitted, and what is said of them."""

import numpy as np
import pandas as pd

NAMES = list("abcdef")
BAD_VALUES = [
    (np.nan, r"X contains NaN in {}\. Impute them first"),
    (np.inf, r"X contains infinity in {}\. Replace or drop"),
    (-np.inf, r"X contains infinity in {}\. Replace or drop"),
    (1e31, r"X has values above 1e\+30 in {}, which would overflow\. Rescale or clip"),
    (-1e300, r"X has values above 1e\+30 in {}, which would overflow\. Rescale"),
]


def frame_of(X, **columns):
    return pd.DataFrame(np.array(X), columns=NAMES).assign(**columns)


def put(X, value, *columns):
    X = np.array(X)
    X[3, list(columns)] = value
    return X
