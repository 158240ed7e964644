"""What an error advises works: followed to the letter, it does not lead to another."""

import datetime

import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib import pyplot as plt
from scipy import sparse
from sklearn.compose import make_column_transformer
from sklearn.covariance import EmpiricalCovariance
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler

import skae
from skae import (
    VAE,
    AutoencoderOutlierDetector,
    AutoencoderTransformer,
    ContractiveAutoencoder,
    ConvolutionalAutoencoder,
    DenoisingAutoencoder,
)
from skae import plotting as show
from skae.noise import Chain, Corruption, Gaussian, Masking, Swap

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4))
PIXELS = RNG.uniform(size=(30, 6 * 5 * 3))
GAPS = np.where(X > 2, np.nan, X)
WORDS = pd.DataFrame({"a": X[:, 0], "b": [f"word {i % 20}" for i in range(60)]})
DATES = pd.DataFrame(
    {"a": X[:, 0], "b": X[:, 1], "c": [datetime.date(2020, 1, 1)] * 60}
)
FRAME = pd.DataFrame(X, columns=list("abcd"))
MASKED = np.ma.masked_greater((10 * X).astype(int), 15)
QUICK = {"max_iter": 5, "random_state": 0}


def dense(n_features, n_components):
    encoder = torch.nn.Linear(n_features, n_components)
    return encoder, torch.nn.Linear(n_components, n_features)


def plain(k=2, X=X, **params):
    """Fit; `transform` and `reconstruct` must work, too."""
    return used(AutoencoderTransformer(k, **QUICK | params).fit(X), X)


def used(model, X):
    assert np.isfinite(model.transform(X)).all()
    assert np.isfinite(skae.call_method(model, "reconstruct", X)).all()
    return model


def of(cls, *args, X=X, **params):
    return used(cls(*args, **QUICK | params).fit(X), X)


def imputed(X):
    model = make_pipeline(SimpleImputer(), AutoencoderTransformer(2, **QUICK))
    assert np.isfinite(model.fit(X).transform(X)).all()


def scaled_bernoulli(scaler):
    model = make_pipeline(scaler, VAE(2, likelihood="bernoulli", **QUICK)).fit(X[:30])
    return used(model, 2 * X)


def far(values, method="score_samples"):
    getattr(plain(), method)(values)


def tiny_units(dtype):
    units = 1e-25 * X
    return of(ContractiveAutoencoder, 2, X=units, anchor=None).jacobian_norm(
        units.astype(dtype)
    )


def warm(**params):
    """Fit without an anchor, where a network is always kept, and fit again."""
    model = plain(anchor=None, warm_start=True)
    return used(model.set_params(n_components=1, **params).fit(X), X)


def clean(y):
    DenoisingAutoencoder(2, **QUICK).fit(FRAME, y)


def detect(estimator, X=X):
    return AutoencoderOutlierDetector(estimator, n_splits=None).fit(X).predict(X)


def draw(display, *args):
    getattr(show, display).from_estimator(*args)
    plt.close("all")


def without_transform():
    """A pipeline whose last step predicts: it has no codes."""
    return make_pipeline(StandardScaler(), PCA(2), EmpiricalCovariance()).fit(X)


WIDE = ("n_components=9 must be", lambda: plain(9))
ADVICE = {
    "fewer codes": (*WIDE, lambda: plain(4)),
    "no anchor": (*WIDE, lambda: plain(9, anchor=None)),
    "fewer codes of few samples": (
        "n_components=4 must be .*=3",
        lambda: plain(4, X=X[:3]),
        lambda: plain(3, X=X[:3]),
    ),
    "no anchor of few samples": (
        "anchor=None",
        lambda: plain(9, X=X[:3]),
        lambda: plain(9, X=X[:3], anchor=None),
    ),
    **{
        f"no anchor of {cls.__name__}": (
            "anchor=None",
            lambda cls=cls: of(cls, n_components=9),
            lambda cls=cls: of(cls, n_components=9, anchor=None),
        )
        for cls in (
            ContractiveAutoencoder,
            ConvolutionalAutoencoder,
            DenoisingAutoencoder,
            VAE,
        )
    },
    "no anchor of bits": (
        "anchor=None",
        lambda: of(VAE, 9, likelihood="bernoulli", X=(X > 0) * 1.0),
        lambda: of(VAE, 9, likelihood="bernoulli", X=(X > 0) * 1.0, anchor=None),
    ),
    "no anchor beside a network": (
        "anchor=None",
        lambda: plain(9, network=dense),
        lambda: plain(9, network=dense, anchor=None),
    ),
    "an int beside a network": (
        "Give an int beside network",
        lambda: plain(0.9, network=dense),
        lambda: plain(2, network=dense),
    ),
    "no pretraining of a network": (
        "Leave one of them None",
        lambda: plain(network=dense, pretrain="layerwise"),
        lambda: (plain(network=dense), plain(pretrain="layerwise")),
    ),
    "layers to pretrain": (
        r"for instance to \(128, 64\)",
        lambda: plain(hidden_layer_sizes=(), pretrain="layerwise"),
        lambda: plain(hidden_layer_sizes=(128, 64), pretrain="layerwise"),
    ),
    "a fit from the start": (
        "Set warm_start=False",
        warm,
        lambda: warm(warm_start=False),
    ),
    "another device": (
        "device='auto' or device='cpu'",
        lambda: plain(device="cuda:99"),
        lambda: (plain(device="auto"), plain(device="cpu")),
    ),
    "scaling to the unit interval": (
        r"MinMaxScaler\(clip=True\)",
        lambda: of(VAE, 2, likelihood="bernoulli"),
        lambda: scaled_bernoulli(MinMaxScaler(clip=True)),
    ),
    "scaling new samples, too": (
        r"MinMaxScaler\(clip=True\)",
        lambda: scaled_bernoulli(MinMaxScaler()),
        lambda: scaled_bernoulli(MinMaxScaler(clip=True)),
    ),
    "another loss": (
        "choose another loss",
        lambda: plain(loss="binary_cross_entropy"),
        lambda: plain(loss="huber"),
    ),
    "another likelihood": (
        "choose another likelihood",
        lambda: of(VAE, 2, likelihood="bernoulli"),
        lambda: of(VAE, 2, likelihood="gaussian"),
    ),
    "double precision": (
        "Pass float64 or clip",
        lambda: far(np.full((1, 4), 1e25, np.float32)),
        lambda: far(np.full((1, 4), 1e25)),
    ),
    "clipping": (
        "Pass float64 or clip",
        lambda: far(np.full((1, 4), 1e25, np.float32)),
        lambda: far(np.full((1, 4), 1e25, np.float32).clip(X.min(0), X.max(0))),
    ),
    "double precision of tiny units": (
        "for the units of X are tiny or huge. Pass float64",
        lambda: tiny_units(np.float32),
        lambda: tiny_units(np.float64),
    ),
    "smaller values": (
        "Rescale or clip",
        lambda: plain(X=1e31 * X),
        lambda: (plain(X=1e31 * X / 1e10), plain(X=(1e31 * X).clip(-1e30, 1e30))),
    ),
    "imputing": (
        "with SimpleImputer",
        lambda: plain(X=GAPS),
        lambda: imputed(GAPS),
    ),
    "imputing masked values": (
        r"X.astype\(float\).filled\(np.nan\) with SimpleImputer",
        lambda: plain(X=MASKED),
        lambda: imputed(MASKED.astype(float).filled(np.nan)),
    ),
    "a dense table": (
        r"X.toarray\(\)",
        lambda: plain(X=sparse.csr_array(X)),
        lambda: plain(X=sparse.csr_array(X).toarray()),
    ),
    "a reduced table": (
        "TruncatedSVD",
        lambda: plain(X=sparse.csr_array(X)),
        lambda: AutoencoderTransformer(2, **QUICK).fit(
            TruncatedSVD(3).fit_transform(sparse.csr_array(X))
        ),
    ),
    "encoding words": (
        r"OneHotEncoder\(sparse_output=False\)",
        lambda: plain(X=WORDS),
        lambda: make_pipeline(
            make_column_transformer((OneHotEncoder(sparse_output=False), ["b"])),
            AutoencoderTransformer(2, **QUICK),
        ).fit(WORDS),
    ),
    "leaving dates out": (
        "leave them out with a ColumnTransformer",
        lambda: plain(X=DATES),
        lambda: make_pipeline(
            make_column_transformer(("passthrough", ["a", "b"])),
            AutoencoderTransformer(2, **QUICK),
        ).fit(DATES),
    ),
    "days": (
        "days since a date",
        lambda: plain(X=DATES),
        lambda: plain(
            X=DATES.assign(c=[(c - datetime.date(2000, 1, 1)).days for c in DATES["c"]])
        ),
    ),
    "channels first": (
        r"pass image_shape=\(3, 6, 5\) .* X.reshape\(-1, 6, 5, 3\).transpose"
        r"\(0, 3, 1, 2\).reshape\(len\(X\), -1\)",
        lambda: of(ConvolutionalAutoencoder, (6, 5, 3), n_components=2, X=PIXELS),
        lambda: of(
            ConvolutionalAutoencoder,
            (3, 6, 5),
            n_components=2,
            X=PIXELS.reshape(-1, 6, 5, 3)
            .transpose(0, 3, 1, 2)
            .reshape(len(PIXELS), -1),
        ),
    ),
    "a share of the values": (
        "must be at most 1",
        lambda: of(DenoisingAutoencoder, 2, noise="masking", noise_level=30),
        lambda: of(DenoisingAutoencoder, 2, noise="masking", noise_level=1),
    ),
    **{
        f"an object of {cls.__name__}": (
            rf"such as {type(made).__name__}\(0.3\)",
            lambda cls=cls: of(DenoisingAutoencoder, 2, noise=cls),
            lambda made=made: of(DenoisingAutoencoder, 2, noise=made),
        )
        for cls, made in {
            Masking: Masking(0.3),
            Chain: Gaussian(0.3),
            Corruption: Gaussian(0.3),
        }.items()
    },
    "a tuple of corruptions": (
        r"such as \(Swap\(0.2\), Gaussian\(0.5\)\)",
        lambda: Chain(0.3),
        lambda: of(DenoisingAutoencoder, 2, noise=Chain((Swap(0.2), Gaussian(0.5)))),
    ),
    "clean samples in the order of X": (
        r"Pass y\[X.columns\]",
        lambda: clean(FRAME[list("dcba")]),
        lambda: clean(FRAME[list("dcba")][FRAME.columns]),
    ),
    "clean samples without names": (
        "Rename them, or pass y as an array",
        lambda: clean((0.5 * FRAME).add_suffix("_clean")),
        lambda: (
            clean((0.5 * FRAME).add_suffix("_clean").to_numpy()),
            clean((0.5 * FRAME).add_suffix("_clean").set_axis(FRAME.columns, axis=1)),
        ),
    ),
    **{
        f"an object of {cls.__name__} to detect with": (
            rf"such as {cls.__name__}\(\)",
            lambda cls=cls: detect(cls),
            lambda cls=cls: detect(cls().set_params(**QUICK)),
        )
        for cls in (AutoencoderTransformer, ConvolutionalAutoencoder, VAE)
    },
    "an autoencoder last": (
        "Put an autoencoder last",
        lambda: detect(make_pipeline(AutoencoderTransformer(2, **QUICK), PCA(2))),
        lambda: detect(make_pipeline(PCA(2), AutoencoderTransformer(2, **QUICK))),
    ),
    "n_samples by name": (
        "pass n_samples by name",
        lambda: skae.call_method(of(VAE, 2), "sample", 5),
        lambda: skae.call_method(of(VAE, 2), "sample", n_samples=5),
    ),
    "the codes of a pipeline": (
        r"pipeline\[:-1\]",
        lambda: draw("LatentDisplay", without_transform(), X),
        lambda: draw("LatentDisplay", without_transform()[:-1], X),
    ),
    "samples instead of a prior": (
        "Pass samples as X",
        lambda: draw("ManifoldDisplay", plain()),
        lambda: draw("ManifoldDisplay", plain(), X),
    ),
    "the estimator of a detector": (
        "estimator_ of a detector that was given one",
        lambda: draw("LossCurveDisplay", PCA(2).fit(X)),
        lambda: draw(
            "LossCurveDisplay",
            AutoencoderOutlierDetector(plain(), n_splits=None).fit(X).estimator_,
        ),
    ),
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(("message", "wrong", "advised"), ADVICE.values(), ids=ADVICE)
def test_advice_of_an_error_works(message, wrong, advised):
    with pytest.raises((TypeError, ValueError), match=message):
        wrong()
    advised()
