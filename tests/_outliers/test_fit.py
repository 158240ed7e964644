import numpy as np
import pytest
import torch
from detectors import assert_finite_results
from sklearn.base import clone

from skae._data.dataset import Dataset
from skae._nn.runtime import Placement
from skae._outliers import fit as fit_module
from skae._outliers.ensemble import membership_masks
from skae._outliers.fit import DetectorFit

pytestmark = pytest.mark.usefixtures("no_gradients", "small_blocks")

CPU = torch.device("cpu")
EXACT = Placement.exact(CPU)
VARIANTS = {
    "stored samples": {},
    "networks only": {"n_stored": 0},
    "contaminated": {"contaminated": True},
    "weighted": {"weight": np.arange(150) % 3 + 1.0},
}


def detector_fit(
    table, n_stored=50, contaminated=False, weight=None, n_steps=20, seed=0
):
    return DetectorFit(
        Dataset(table, weight=weight),
        n_stored=n_stored,
        contaminated=contaminated,
        n_steps=n_steps,
        seed=seed,
        device=CPU,
    )


@pytest.fixture(scope="module")
def table():
    return np.random.default_rng(0).normal(size=(150, 3))


# -- networks --------------------------------------------------------------------------


def test_parts_leave_each_sample_out_of_some_networks(table):
    prepared = detector_fit(table)
    for positions in (np.arange(150), np.array([3, 9, 27]), np.arange(0, 150, 7)):
        masks = membership_masks(prepared._parts(positions), 150)
        share = masks[:, positions].mean(axis=0)
        assert ((share > 0) & (share < 1)).all()
        assert not np.delete(masks, positions, axis=1).any()


def test_parts_of_two_samples_have_both(table):
    parts = detector_fit(table)._parts(np.array([3, 9]))
    assert all(part.tolist() == [3, 9] for part in parts)


@pytest.mark.parametrize("name", VARIANTS)
def test_run_reports_as_often_as_announced(table, name):
    reports = []

    def report(phase, step, loss, validation, model):
        reports.append((phase, step))
        scores = model().anomaly_scores(table[:5], EXACT)
        assert np.isfinite(scores).all()
        assert np.isfinite(loss)
        assert validation is None
        return False

    prepared = detector_fit(table, n_steps=40, **VARIANTS[name])
    _, histories = prepared.run(report)
    assert len(reports) == prepared.n_reports
    assert len({phase for phase, _ in reports}) == len(histories)


@pytest.mark.parametrize("n_samples", [1, 2, 3, 4])
@pytest.mark.parametrize("n_stored", [0, 1, 50])
def test_run_with_a_handful_of_samples(table, n_samples, n_stored):
    model, _ = detector_fit(table[:n_samples], n_stored).run(lambda *args: False)
    assert len(model.calibration) == n_samples
    assert np.isfinite(model.anomaly_scores(table, EXACT)).all()


# -- sizes -----------------------------------------------------------------------------


def test_fit_stores_as_many_samples_as_are_allowed(default, X):
    for memory in (1, 20):
        state = default.set_params(memory=memory).fit(X)._state
        for name in ("inlier_neighbors", "neighbors"):
            assert len(state[name]["samples"]) == memory
        assert np.isfinite(default.score_samples(X)).all()
    state = default.set_params(memory=10_000).fit(X)._state
    inliers, stored = (
        len(state[name]["samples"]) for name in ("inlier_neighbors", "neighbors")
    )
    assert inliers < stored == len(X)
    state = default.set_params(memory=False).fit(X)._state
    assert state["inlier_neighbors"] is state["neighbors"] is None


def test_fit_stores_fewer_samples_of_wide_tables(default, X, monkeypatch):
    monkeypatch.setattr(fit_module, "STORED_VALUES", 300 * X.shape[1])
    steps = np.random.default_rng(0).permutation(360)
    state = default.fit(np.tile(X, (3, 1)) + steps[:, None])._state
    assert len(state["neighbors"]["samples"]) == 300


def test_fit_uses_a_choice_of_large_tables(default, X_large):
    default.set_params(max_samples=100).fit(X_large)
    assert len(default._state["calibration"]) == 100
    assert_finite_results(default, X_large)
    assert (default.predict(X_large) == -1).mean() < 0.2


def test_fit_uses_fewer_samples_of_wide_tables(default, X_large, monkeypatch):
    monkeypatch.setattr(fit_module, "MAX_VALUES", 200 * X_large.shape[1])
    monkeypatch.setattr(fit_module, "MIN_SAMPLES", 50)
    assert len(default.fit(X_large)._state["calibration"]) == 200
    monkeypatch.setattr(fit_module, "MIN_SAMPLES", 300)
    assert len(default.fit(X_large)._state["calibration"]) == 300


@pytest.mark.parametrize(("memory", "n_iter"), [(True, 17), (False, 34)])
def test_fit_has_as_many_steps_as_are_allowed(default, X, memory, n_iter):
    model = clone(default).set_params(max_iter=17, memory=memory)
    assert model.fit(X).n_iter_ == n_iter
