"""What a detector knows: members that are asked, levels, and calibration."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from skae._data.dataset import Dataset
from skae._nn.runtime import Placement, gradient_mode
from skae._outliers.calibration import ScoreScale
from skae._outliers.cross_fitting import cross_fitted_scores, n_folds
from skae._outliers.ensemble import CalibratedEnsemble, membership_masks
from skae._outliers.fit import DetectorFit, detector_settings
from skae._outliers.fitted import FittedDetector

CPU = torch.device("cpu")
EXACT = Placement.exact(CPU)


@pytest.fixture(autouse=True)
def _no_gradients():
    with gradient_mode(autograd=False):
        yield


def recipe(table, memory=50, contaminated=False, weight=None, n_steps=20):
    rows = Dataset(table, weight=weight)
    return DetectorFit(rows, memory, contaminated, detector_settings(n_steps, 0, CPU))


def unheard(*args):
    return False


@pytest.fixture(scope="module")
def table():
    return np.random.default_rng(0).normal(size=(150, 3))


LATENTS = {
    "memory": {},
    "networks only": {"memory": 0},
    "contaminated": {"contaminated": True},
    "weighted": {"weight": np.arange(150) % 3 + 1.0},
}


@pytest.fixture(params=LATENTS)
def fitted(request, table):
    return recipe(table, **LATENTS[request.param]).fit(unheard)


# -- members ---------------------------------------------------------------------------


@dataclass
class Say:
    """Stands for networks that say what they are told to."""

    scores: np.ndarray

    def distances(self, x, where):
        return self.scores[:, : len(x)]

    def sizes(self, x, where):
        return 10 * self.scores[:, : len(x)]


def test_a_mask_tells_what_is_inside():
    mask = membership_masks([np.array([0, 2]), np.array([1])], 4)
    assert mask.tolist() == [[True, False, True, False], [False, True, False, False]]


def test_members_that_know_a_row_are_not_asked():
    scores = np.array([[1.0, 2.0, 3.0], [8.0, 10.0, 12.0]])
    committee = CalibratedEnsemble(
        Say(scores), np.array([1.0, 2.0]), np.array([10.0, 20.0])
    )
    x = np.zeros((3, 1))
    known = np.array([[True, False, True], [False, False, True]])
    for say in (committee.distances, committee.sizes):
        np.testing.assert_allclose(say(x, EXACT), [2.5, 3.5, 4.5])
        # The last row is known to all, so all are asked.
        np.testing.assert_allclose(say(x, EXACT, known), [4.0, 3.5, 4.5])


@pytest.mark.parametrize("weight", [None, np.array([1.0, 1.0, 1.0, 5.0])])
def test_members_are_measured_on_rows_that_they_do_not_know(weight):
    scores = np.array([[1.0, 2.0, 3.0, 9.0], [1.0, 2.0, 3.0, 9.0]])
    known = np.array([[True, True, False, False], [True, True, True, True]])
    rows = Dataset(np.zeros((4, 1), np.float32), weight=weight)
    committee = CalibratedEnsemble.of(Say(scores), rows, known, EXACT)
    expected = [3.0, 2.0] if weight is None else [9.0, 9.0]
    np.testing.assert_allclose(committee.distance, expected)
    np.testing.assert_allclose(committee.size, 10 * np.array(expected))


def test_members_that_say_nothing_do_no_harm():
    rows = Dataset(np.zeros((4, 1), np.float32))
    silent = Say(np.zeros((2, 4)))
    committee = CalibratedEnsemble.of(silent, rows, np.zeros((2, 4), bool), EXACT)
    assert committee.distances(rows.table, EXACT).tolist() == [0.0] * 4


# -- all together ----------------------------------------------------------------------


def test_a_row_is_as_odd_as_the_far_or_the_near_distances_say(fitted):
    model, _ = fitted
    terms = {name: np.array([1.0, 2.0]) for name in model.levels}
    model = replace(model, levels=dict.fromkeys(terms, ScoreScale(0.0, 1.0)))
    np.testing.assert_allclose(model.combine(terms), [1.0, 2.0])
    for name in terms:  # one of two or two of them: the mean, and the other's is less
        changed = {**terms, name: np.array([5.0, -6.0])}
        odd = model.combine(changed)
        assert odd[0] == (3.0 if len(terms) > 1 and _partners(terms, name) else 5.0)
        assert odd[1] == (2.0 if len(terms) > 2 else -2.0)


def _partners(terms, name):
    far = {"energy", "core"}
    return [n for n in terms if n != name and (n in far) == (name in far)]


def test_what_is_measured_depends_on_what_there_is(table):
    expected = {
        "memory": {"energy", "core", "tenth", "first"},
        "networks only": {"energy", "blurred", "residual"},
        "contaminated": {"energy", "core"},
    }
    for kind, names in expected.items():
        model, _ = recipe(table, **LATENTS[kind]).fit(unheard)
        assert set(model.levels) == names
    model, _ = recipe(table, 0, contaminated=True).fit(unheard)
    assert set(model.levels) == {"energy"}


def test_calibration_is_like_the_scores_of_fresh_rows(table):
    fresh = np.random.default_rng(1).normal(size=(2000, 3))
    model, _ = recipe(table, n_steps=200).fit(unheard)
    shares = (0.25, 0.5, 0.75)
    np.testing.assert_allclose(
        np.quantile(model.calibration, shares),
        np.quantile(model.oddness(fresh, EXACT), shares),
        atol=0.35,
    )


def test_odd_rows_are_odd(fitted, table):
    model, _ = fitted
    usual = model.oddness(table, EXACT)
    assert np.median(usual) < 0.5
    assert model.oddness(table[:20] + 20, EXACT).min() > usual.max()


def test_long_tables_are_scored_in_parts(fitted, table, monkeypatch):
    model, _ = fitted
    whole, shares = model.oddness(table, EXACT), model.explain(table, EXACT)
    assert len(model._slices(np.empty((10_000, 3)))) > 1
    monkeypatch.setattr(
        FittedDetector,
        "_slices",
        staticmethod(lambda x: [slice(0, 47), slice(47, 94), slice(94, 150)]),
    )
    np.testing.assert_allclose(model.oddness(table, EXACT), whole, rtol=1e-9)
    np.testing.assert_allclose(model.explain(table, EXACT), shares, atol=1e-12)


@pytest.mark.parametrize("d", [1, 3, 5000])
def test_parts_cover_the_table(d):
    class Shape:
        shape = (9001, d)

    parts = FittedDetector._slices(Shape)
    covered = np.concatenate([np.arange(9001)[part] for part in parts])
    np.testing.assert_array_equal(covered, np.arange(9001))


def test_shares_of_columns_sum_to_the_distance(fitted, table):
    model, _ = fitted
    shares = model.explain(table, EXACT)
    assert shares.min() >= 0
    whole = model.usual.distances(model.robust(table), EXACT)
    np.testing.assert_allclose(shares.sum(axis=1), whole)


def test_a_state_is_the_model(fitted, table):
    model, _ = fitted
    again = FittedDetector.from_state(model.state())
    np.testing.assert_array_equal(
        again.oddness(table, EXACT), model.oddness(table, EXACT)
    )
    np.testing.assert_array_equal(
        again.explain(table, EXACT), model.explain(table, EXACT)
    )
    np.testing.assert_equal(again.state(), model.state())


# -- the recipe ------------------------------------------------------------------------


def test_each_row_is_known_to_some_networks_and_not_to_others(table):
    made = recipe(table)
    for positions in (np.arange(150), np.array([3, 9, 27]), np.arange(0, 150, 7)):
        known = membership_masks(made._parts(positions), 150)
        share = known[:, positions].mean(axis=0)
        assert ((share > 0) & (share < 1)).all()
        assert not np.delete(known, positions, axis=1).any()


def test_of_two_rows_all_networks_see_both(table):
    parts = recipe(table)._parts(np.array([3, 9]))
    assert all(part.tolist() == [3, 9] for part in parts)


@pytest.mark.parametrize("kind", LATENTS)
def test_reports_come_as_often_as_announced(table, kind):
    reports = []

    def report(phase, step, loss, held, model):
        reports.append((phase, step))
        odd = model().oddness(table[:5], EXACT)
        assert np.isfinite(odd).all()
        return False

    made = recipe(table, n_steps=40, **LATENTS[kind])
    _, histories = made.fit(report)
    assert len(reports) == made.n_reports
    assert len({phase for phase, _ in reports}) == len(histories)


@pytest.mark.parametrize("n_rows", [1, 2, 3, 4])
@pytest.mark.parametrize("memory", [0, 1, 50])
def test_a_handful_of_rows_is_enough(table, n_rows, memory):
    model, _ = recipe(table[:n_rows], memory).fit(unheard)
    assert len(model.calibration) == n_rows
    assert np.isfinite(model.oddness(table, EXACT)).all()


# -- scores by those that have not seen a row ------------------------------------------


class Remembering:
    def __init__(self, rows):
        self.rows = rows

    def score_samples(self, X):
        seen = {tuple(row) for row in self.rows.gathered()}
        assert not any(tuple(row) in seen for row in X)
        self.scored = X
        return X[:, 0]


@pytest.mark.parametrize(
    ("n", "asked", "folds"),
    [(100, 5, 5), (4, 5, 4), (4, 2, 2), (3, 5, 3), (3, 2, 3), (2, 5, 0), (9, 0, 0)],
)
def test_each_fold_leaves_two_rows_to_fit(n, asked, folds):
    assert n_folds(n, asked) == folds
    sizes = n - np.bincount(np.arange(n) % folds) if folds else np.array([2])
    assert sizes.min() >= 2


@pytest.mark.parametrize("folds", [2, 3, 5, 50])
@pytest.mark.parametrize("weighted", [True, False])
def test_each_row_is_scored_by_one_that_has_not_seen_it(table, folds, weighted):
    index = np.arange(0, 150, 3)
    weight = np.arange(50.0) + 1 if weighted else None
    rows, fits = Dataset(table, index, weight), []

    def fit(i, part):
        assert i == len(fits)
        fits.append(Remembering(part))
        return fits[-1]

    scores = cross_fitted_scores(rows, folds, fit)
    np.testing.assert_array_equal(scores, table[index, 0])
    assert len(fits) == folds
    for one in fits:
        assert len(one.rows) + len(one.scored) == 50
        assert len(one.scored) in (50 // len(fits), -(-50 // len(fits)))
        if weighted:
            lost = weight.sum() - one.rows.weight.sum()
            assert lost == weight[np.isin(table[index, 0], one.scored[:, 0])].sum()
