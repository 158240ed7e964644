from dataclasses import replace

import numpy as np
import pytest
import torch

from skae._data.dataset import Dataset
from skae._nn.runtime import Placement, gradient_mode
from skae._outliers.calibration import ScoreScale
from skae._outliers.fit import DetectorFit
from skae._outliers.fitted import FittedDetector

pytestmark = pytest.mark.usefixtures("no_gradients", "small_blocks")

CPU = torch.device("cpu")
EXACT = Placement.exact(CPU)
VARIANTS = {
    "stored samples": {},
    "networks only": {"n_stored": 0},
    "contaminated": {"contaminated": True},
    "contaminated, networks only": {"n_stored": 0, "contaminated": True},
    "weighted": {"weight": np.arange(150) % 3 + 1.0},
}
DISTANCES = {
    "stored samples": {"energy", "core", "tenth", "first"},
    "networks only": {"energy", "blurred", "residual"},
    "contaminated": {"energy", "core"},
    "contaminated, networks only": {"energy"},
    "weighted": {"energy", "core", "tenth", "first"},
}
FAR = {"energy", "core"}


def fit(table, n_stored=50, contaminated=False, weight=None, n_steps=20):
    with gradient_mode(autograd=False):
        model, _ = DetectorFit(
            Dataset(table, weight=weight),
            n_stored=n_stored,
            contaminated=contaminated,
            n_steps=n_steps,
            seed=0,
            device=CPU,
        ).run(lambda *args: False)
    return model


@pytest.fixture(scope="module")
def table():
    return np.random.default_rng(0).normal(size=(150, 3))


@pytest.fixture(scope="module")
def models(table, small_blocks):
    return {name: fit(table, **params) for name, params in VARIANTS.items()}


@pytest.fixture(params=VARIANTS)
def model(request, models):
    return models[request.param]


# -- scores ----------------------------------------------------------------------------


def test_combine_distances_takes_the_larger_of_the_far_and_the_near(model):
    names = list(model.score_scales)
    model = replace(model, score_scales=dict.fromkeys(names, ScoreScale(0.0, 1.0)))
    values = {name: np.array([1.0, 2.0]) for name in names}
    np.testing.assert_allclose(model.combine_distances(values), [1.0, 2.0])
    for name in names:
        far = {other for other in names if other in FAR}
        group, rest = (far, {*names} - far) if name in far else ({*names} - far, far)
        scores = model.combine_distances({**values, name: np.array([5.0, -6.0])})
        # The mean of a group of one or two; the rest wins where it is larger.
        assert scores[0] == (3.0 if len(group) == 2 else 5.0)
        assert scores[1] == (2.0 if rest else -2.0 if len(group) == 2 else -6.0)


@pytest.mark.parametrize("name", VARIANTS)
def test_distances_depend_on_what_is_stored(models, name):
    assert set(models[name].score_scales) == DISTANCES[name]


def test_calibration_is_like_the_scores_of_new_samples(table):
    new = np.random.default_rng(1).normal(size=(2000, 3))
    model = fit(table, n_steps=200)
    shares = (0.25, 0.5, 0.75)
    np.testing.assert_allclose(
        np.quantile(model.calibration, shares),
        np.quantile(model.anomaly_scores(new, EXACT), shares),
        atol=0.35,
    )


def test_anomaly_scores_of_outliers_are_above_those_of_the_training_samples(
    model, table
):
    scores = model.anomaly_scores(table, EXACT)
    assert np.median(scores) < 0.5
    assert model.anomaly_scores(table[:20] + 20, EXACT).min() > scores.max()


def test_anomaly_scores_and_contributions_do_not_depend_on_slices(
    model, table, monkeypatch
):
    scores, shares = model.anomaly_scores(table, EXACT), model.explain(table, EXACT)
    monkeypatch.setattr(
        FittedDetector,
        "_slices",
        staticmethod(lambda x: [slice(0, 47), slice(47, 94), slice(94, 150)]),
    )
    np.testing.assert_allclose(model.anomaly_scores(table, EXACT), scores, rtol=1e-9)
    np.testing.assert_allclose(model.explain(table, EXACT), shares, atol=1e-12)


@pytest.mark.parametrize("d", [1, 3, 5000])
def test_slices_cover_the_table(d):
    table = np.broadcast_to(0.0, (9001, d))
    slices = list(FittedDetector._slices(table))
    assert len(slices) > 1
    covered = np.concatenate([np.arange(9001)[at] for at in slices])
    np.testing.assert_array_equal(covered, np.arange(9001))


def test_contributions_sum_to_the_distance_of_the_inliers_networks(model, table):
    shares = model.explain(table, EXACT)
    assert shares.min() >= 0
    distances = model.inlier_ensemble.distances(model.robust(table), EXACT)
    np.testing.assert_allclose(shares.sum(axis=1), distances)


# -- state -----------------------------------------------------------------------------


def test_state_gives_the_same_model(model, table):
    again = FittedDetector.from_state(model.to_state())
    np.testing.assert_array_equal(
        again.anomaly_scores(table, EXACT), model.anomaly_scores(table, EXACT)
    )
    np.testing.assert_array_equal(
        again.explain(table, EXACT), model.explain(table, EXACT)
    )
    np.testing.assert_equal(again.to_state(), model.to_state())


@pytest.mark.parametrize("found", [0, 2, None])
def test_state_of_another_format_is_refused(models, found):
    state = models["contaminated"].to_state() | {"format": found}
    with pytest.raises(ValueError, match=f"state format {found}; this version of skae"):
        FittedDetector.from_state(state)
    del state["format"]
    with pytest.raises(ValueError, match="state format None"):
        FittedDetector.from_state(state)
