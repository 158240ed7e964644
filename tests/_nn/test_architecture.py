import numpy as np
import pytest
import torch
from dense_networks import CPU

from skae._nn.activations import ACTIVATIONS
from skae._nn.architecture import DenseArchitecture
from skae._nn.parameters import ParameterBuffer


def test_zero_initialized_is_all_that_zero_changes():
    architecture = DenseArchitecture(9, 3, (7, 5))
    params = ParameterBuffer(architecture.shapes(), dtype=torch.float64, device=CPU)
    generator = torch.Generator().manual_seed(0)
    architecture.initialize(params, generator, zero=False)
    before = params.flat.clone()
    for view in architecture.zero_initialized(params):
        view.zero_()
    changed = {n for n, v in params.views.items() if not v.any()}
    assert {"encoder.2.weight", "decoder.2.weight"} <= changed
    assert not params.views["encoder.0.weight"][:, 7:].any()
    assert params.views["encoder.0.weight"][:, :7].all()
    torch.testing.assert_close(params.flat[before == 0], before[before == 0])


@pytest.mark.parametrize("activation", ["relu", "silu"])
def test_initialize_draws_weights_with_the_variance_of_their_gain(activation):
    architecture = DenseArchitecture(200, 50, (300, 100), activation, skip=False)
    params = ParameterBuffer(
        architecture.shapes(), n_models=2, dtype=torch.float32, device=CPU
    )
    architecture.initialize(params, torch.Generator().manual_seed(0), zero=False)
    for name, view in params.views.items():
        if name.endswith("bias"):
            assert not view.any()
            continue
        gain = 1.0 if ".0." in name else ACTIVATIONS[activation].gain
        std = gain / np.sqrt(view.shape[-2])
        assert float(view.std()) == pytest.approx(std, rel=0.03)
        assert float(view.abs().max()) <= std * 3**0.5
