"""What scikit-learn asks of every estimator."""

import pytest
import sklearn
from estimator_cases import CLASSES, PUBLIC, OwnNetwork, is_detector
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import (
    check_global_output_transform_pandas,
    check_global_set_output_transform_polars,
    check_set_output_transform,
    check_set_output_transform_pandas,
    check_set_output_transform_polars,
    parametrize_with_checks,
)

from skae import (
    VAE,
    AutoencoderOutlierDetector,
    AutoencoderTransformer,
    ContractiveAutoencoder,
    ConvolutionalAutoencoder,
    DenoisingAutoencoder,
    SparseAutoencoder,
)
from skae._fitting import hold_out

SHORT = {"max_iter": 4}
SMALL = {"hidden_layer_sizes": (8,), **SHORT}
with sklearn.config_context(enable_metadata_routing=True):
    WEIGHTED_SCALER = StandardScaler().set_fit_request(sample_weight=True)
# Each class once, and what else takes another path through the code.
CHECKED = [
    DenoisingAutoencoder(**SMALL),
    SparseAutoencoder(**SMALL),
    ContractiveAutoencoder(**SMALL),
    ConvolutionalAutoencoder(channels=(2,), **SHORT),
    VAE(**SMALL),
    AutoencoderTransformer(n_components=0.9, whiten=True, **SMALL),
    AutoencoderTransformer(
        anchor=None, loss="absolute_error", pretrain="layerwise", **SMALL
    ),
    AutoencoderTransformer(network=OwnNetwork(), early_stopping=False, **SHORT),
    AutoencoderOutlierDetector(**SHORT),
    AutoencoderOutlierDetector(memory=False, contamination=0.1, **SHORT),
    AutoencoderOutlierDetector(AutoencoderTransformer(1, **SMALL), n_splits=2),
    AutoencoderOutlierDetector(
        make_pipeline(WEIGHTED_SCALER, AutoencoderTransformer(1, **SMALL)), n_splits=2
    ),
]
SET_OUTPUT = [
    check_set_output_transform,
    check_set_output_transform_pandas,
    check_global_output_transform_pandas,
    check_set_output_transform_polars,
    check_global_set_output_transform_polars,
]
TRANSFORMERS = [name for name, model in CLASSES.items() if not is_detector(model)]


@parametrize_with_checks(CHECKED)
def test_estimator_passes_scikit_learns_checks(estimator, check):
    check(estimator)


@parametrize_with_checks([AutoencoderTransformer(**SMALL)])
def test_estimator_passes_the_checks_with_held_out_samples(
    estimator, check, monkeypatch
):
    monkeypatch.setattr(hold_out, "SMALL", 10)  # tables of the checks are small
    check(estimator)


@pytest.mark.filterwarnings("ignore:X (does not have valid|has) feature names")
@pytest.mark.parametrize("check", SET_OUTPUT, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", TRANSFORMERS)
def test_transformer_passes_the_checks_of_set_output(name, check):
    model = clone(CLASSES[name]).set_params(max_iter=2, early_stopping=False)
    if isinstance(model, ConvolutionalAutoencoder):
        model.set_params(image_shape=None)  # the tables have five features
    check(name, model)


def test_every_public_estimator_is_checked():
    assert {type(estimator).__name__ for estimator in CHECKED} == PUBLIC
    assert {type(estimator).__name__ for estimator in CLASSES.values()} == PUBLIC
