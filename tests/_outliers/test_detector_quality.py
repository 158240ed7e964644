"""Which outliers the detector finds, and how often it is wrong."""

import numpy as np
import pytest
from detectors import QUICK, auc, clusters, planted
from scipy.stats import false_discovery_control

from skae import AutoencoderOutlierDetector, AutoencoderTransformer

# -- scores ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "params",
    [{}, {"memory": False}, {"memory": 100}, {"contamination": 0.05}],
    ids=str,
)
def test_outliers_that_are_far_away_are_found(params):
    inliers, (far, _) = clusters(300), planted()
    model = AutoencoderOutlierDetector(max_iter=100, random_state=0, **params)
    scores = model.fit(np.concatenate([inliers, far])).score_samples
    assert auc(scores(inliers), scores(far)) > 0.97
    assert auc(scores(clusters(300, seed=1)), scores(far)) > 0.97
    assert (model.predict(far) == -1).all()


@pytest.mark.parametrize(
    "params",
    [{"max_iter": 100}, {"max_iter": 100, "memory": 100}, {"memory": False}],
    ids=str,
)
def test_outliers_in_a_gap_are_found(params):
    inliers, (_, gap) = clusters(300), planted()
    model = AutoencoderOutlierDetector(random_state=0, **params).fit(inliers)
    scores = model.score_samples
    assert auc(scores(inliers), scores(gap)) > 0.9
    assert auc(scores(clusters(300, seed=1)), scores(gap)) > 0.9


def test_outliers_among_the_training_samples_are_found():
    inliers, (far, gap) = clusters(300), planted()
    samples = np.concatenate([inliers, far, gap[:4]])
    model = AutoencoderOutlierDetector(max_iter=100, random_state=0).fit(samples)
    scores = model.score_samples(samples)
    assert auc(scores[:300], scores[300:]) > 0.97


def test_a_training_sample_is_not_its_own_neighbor():
    rng = np.random.default_rng(0)
    samples = rng.normal(size=(200, 3))
    model = AutoencoderOutlierDetector(**QUICK).fit(samples)
    # If it were, training samples would be closer to stored ones than new ones are.
    new = model.score_samples(rng.normal(size=(2000, 3)))
    share = np.mean(new < np.median(model.score_samples(samples)))
    assert share == pytest.approx(0.5, abs=0.08)
    lonely = np.concatenate([samples, [[5.0, 5.0, 5.0]]])
    model.fit(lonely)
    near = model.score_samples(lonely[-1:] + np.array([1e-4, 0, 0]))
    assert model.score_samples(lonely[-1:]) < near


# -- false alarms ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"memory": False},
        {"contamination": 0.1},
        {"estimator": AutoencoderTransformer(2, max_iter=60), "n_splits": 3},
    ],
    ids=str,
)
def test_p_values_of_new_samples_are_valid(params):
    p = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        table, new = rng.normal(size=(600, 4)), rng.normal(size=(2000, 4))
        model = AutoencoderOutlierDetector(random_state=seed, **params).fit(table)
        p.append(model.p_values(new))
    p = np.concatenate(p)
    assert (p <= 0.1).mean() == pytest.approx(0.1, abs=0.03)
    for share in (0.25, 0.5):
        assert 0.5 * share < (p <= share).mean() < share + 0.03


def test_false_discovery_control_finds_what_was_planted():
    rng = np.random.default_rng(0)
    table, new = rng.normal(size=(300, 3)), rng.normal(size=(100, 3))
    model = AutoencoderOutlierDetector(max_iter=100, random_state=0).fit(table)
    adjusted = false_discovery_control(model.p_values(np.vstack([new, new + 9])))
    discovered = adjusted <= 0.1
    assert discovered[100:].all()
    assert discovered[:100].mean() < 0.2


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("memory", [True, False])
def test_categories_are_no_outliers_by_rounding(memory):
    rng = np.random.default_rng(0)
    train, new = ((rng.random((n, 1)) < 0.3) * 1.0 for n in (300, 1000))
    model = AutoencoderOutlierDetector(memory=memory, max_iter=40, random_state=0)
    model.fit(train)
    assert (model.p_values(new) <= 0.05).mean() < 0.1
    assert (model.predict(new) == -1).mean() < 0.1


@pytest.mark.usefixtures("small_blocks")
def test_a_detector_of_a_few_samples_flags_few():
    rng = np.random.default_rng(0)
    flagged = [
        AutoencoderOutlierDetector(max_iter=40, random_state=seed)
        .fit(rng.normal(size=(10, 3)))
        .predict(rng.normal(size=(100, 3)))
        == -1
        for seed in range(5)
    ]
    assert np.mean(flagged) < 0.15


# -- extreme values --------------------------------------------------------------------


def test_one_sentinel_does_not_hide_a_feature():
    table = np.random.default_rng(0).normal(size=(300, 3))
    table[0, 0] = 1e10
    new = np.random.default_rng(1).normal(size=(50, 3))
    new[:, 0] = 1000
    model = AutoencoderOutlierDetector(max_iter=40, random_state=0).fit(table)
    assert (model.predict(new) == -1).mean() > 0.9


# -- explanations ----------------------------------------------------------------------


def test_contributions_of_new_inliers_sum_to_about_one(curved):
    model = AutoencoderOutlierDetector(max_iter=100, random_state=0).fit(curved(300))
    assert 0.4 < np.median(model.explain(curved(300, seed=1)).sum(axis=1)) < 1.6


@pytest.mark.parametrize("params", [{}, {"memory": False}], ids=str)
def test_contributions_are_largest_of_the_feature_that_is_wrong(curved, params):
    model = AutoencoderOutlierDetector(max_iter=200, random_state=0, **params)
    model.fit(curved(300))
    samples = curved(60, seed=1)
    feature = np.arange(60) % 6
    samples[np.arange(60), feature] += 6
    shares = model.explain(samples)
    assert (shares.argmax(axis=1) == feature).mean() > 0.95
