from dataclasses import dataclass

import numpy as np
import pytest
import torch

from skae._data.dataset import Dataset
from skae._nn.runtime import Placement
from skae._outliers.ensemble import N_MEASURED, CalibratedEnsemble, membership_masks

CPU = Placement(torch.device("cpu"))


@dataclass
class Constant:
    """Networks whose distances of the first samples are given."""

    scores: np.ndarray

    def distances(self, x, placement):
        return self.scores[:, : len(x)]

    def residual_magnitudes(self, x, placement):
        return 10 * self.scores[:, : len(x)]


def test_membership_masks_have_the_samples_of_each_part():
    masks = membership_masks([np.array([0, 2]), np.array([1])], 4)
    assert masks.tolist() == [[True, False, True, False], [False, True, False, False]]


def test_distances_leave_out_members_that_were_trained_on_a_sample():
    scores = np.array([[1.0, 2.0, 3.0], [8.0, 10.0, 12.0]])
    ensemble = CalibratedEnsemble(
        Constant(scores), np.array([1.0, 2.0]), np.array([10.0, 20.0])
    )
    x = np.zeros((3, 1))
    trained_on = np.array([[True, False, True], [False, False, True]])
    for score in (ensemble.distances, ensemble.residual_magnitudes):
        np.testing.assert_allclose(score(x, CPU), [2.5, 3.5, 4.5])
        # All were trained on the last sample, so all are asked.
        np.testing.assert_allclose(score(x, CPU, trained_on), [4.0, 3.5, 4.5])


@pytest.mark.parametrize("weight", [None, np.array([1.0, 1.0, 1.0, 5.0])])
def test_calibrate_measures_samples_that_members_were_not_trained_on(weight):
    scores = np.array([[1.0, 2.0, 3.0, 9.0], [1.0, 2.0, 3.0, 9.0]])
    trained_on = np.array([[True, True, False, False], [True, True, True, True]])
    data = Dataset(np.zeros((4, 1), np.float32), weight=weight)
    ensemble = CalibratedEnsemble.calibrate(Constant(scores), data, trained_on, CPU)
    expected = [3.0, 2.0] if weight is None else [9.0, 9.0]
    np.testing.assert_allclose(ensemble.distance, expected)
    np.testing.assert_allclose(ensemble.magnitude, 10 * np.array(expected))


def test_calibrate_measures_the_first_samples_only():
    n = N_MEASURED + 50
    scores = np.concatenate([np.ones(N_MEASURED), np.full(50, 1e9)])[None]
    data = Dataset(np.zeros((n, 1), np.float32))
    ensemble = CalibratedEnsemble.calibrate(
        Constant(scores), data, np.zeros((1, n), bool), CPU
    )
    assert ensemble.distance.tolist() == [1.0]


def test_calibrate_of_members_at_no_distance():
    data = Dataset(np.zeros((4, 1), np.float32))
    silent, none = Constant(np.zeros((2, 4))), np.zeros((2, 4), bool)
    ensemble = CalibratedEnsemble.calibrate(silent, data, none, CPU)
    assert ensemble.distances(data.to_array(), CPU).tolist() == [0.0] * 4


def test_calibrate_of_a_member_with_half_of_the_samples_at_no_distance():
    scores = np.array([[0.0, 0.0, 0.0, 5.0]])
    data = Dataset(np.zeros((4, 1), np.float32))
    ensemble = CalibratedEnsemble.calibrate(
        Constant(scores), data, np.zeros((1, 4), bool), CPU
    )
    assert ensemble.distance.tolist() == [0.5]
