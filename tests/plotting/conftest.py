import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest

from skae import (
    AutoencoderOutlierDetector,
    AutoencoderTransformer,
    ConvolutionalAutoencoder,
)


@pytest.fixture(autouse=True)
def _no_windows(no_windows):
    """Every test here draws."""


@pytest.fixture(scope="session")
def names():
    """Names of the features of X."""
    return list("abcdef")


@pytest.fixture(scope="session")
def digits():
    table = load_digits().data[:300]
    table.setflags(write=False)
    return table


@pytest.fixture(scope="session")
def digits_pca(digits):
    return PCA(6).fit(digits)


@pytest.fixture(scope="session")
def convolutional(digits):
    model = ConvolutionalAutoencoder(
        channels=(4,), n_components=3, max_iter=4, random_state=0
    )
    return model.fit(digits)


@pytest.fixture(scope="session")
def forest(X):
    return IsolationForest(n_estimators=10, random_state=0).fit(X)


@pytest.fixture(scope="session")
def new(curved):
    """Samples that no model has seen, three of them outliers."""
    table = curved(80, seed=1)
    table[[7, 30, 55]] += [[3], [9], [6]]
    table.setflags(write=False)
    return table


@pytest.fixture(scope="session")
def unfitted_detector(quick):
    """A detector that fits a single small network."""
    return AutoencoderOutlierDetector(
        AutoencoderTransformer(2, **quick), n_splits=None, random_state=0
    )


@pytest.fixture(scope="session")
def detector(X, quick):
    return AutoencoderOutlierDetector(AutoencoderTransformer(2, **quick)).fit(X)


@pytest.fixture(scope="session")
def framed_detector(X, quick, names):
    detector = AutoencoderOutlierDetector(AutoencoderTransformer(2, **quick))
    frame = pd.DataFrame(np.array(X), columns=names)
    return detector.set_output(transform="pandas").fit(frame)
