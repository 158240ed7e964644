"""The detector on samples of which several are of one person."""

import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.model_selection import KFold, PredefinedSplit, TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skae import AutoencoderOutlierDetector, AutoencoderTransformer
from skae._data.dataset import Dataset
from skae._outliers.neighbors import StoredNeighbors

N_PERSONS, N_VISITS = 60, 10
GROUPS = np.repeat(np.arange(N_PERSONS), N_VISITS)
SMALL = AutoencoderTransformer(2, hidden_layer_sizes=(8,), max_iter=30)
DETECTORS = {
    "default": AutoencoderOutlierDetector(random_state=0, max_iter=60),
    "networks only": AutoencoderOutlierDetector(
        random_state=0, max_iter=60, memory=False
    ),
    "of an estimator": AutoencoderOutlierDetector(SMALL, random_state=0),
    "of a pipeline": AutoencoderOutlierDetector(
        make_pipeline(StandardScaler(), SMALL), random_state=0
    ),
}


def persons(n_persons, n_visits, seed=0):
    rng = np.random.default_rng(seed)
    mixing = np.random.default_rng(42).normal(size=(12, 12))
    visits = np.repeat(rng.normal(size=(n_persons, 12)) @ mixing, n_visits, axis=0)
    return visits + 0.1 * rng.normal(size=visits.shape)


@pytest.mark.parametrize("name", DETECTORS)
def test_p_values_are_uniform_for_new_persons(name):
    new = persons(500, 1, seed=100)
    shares = []
    for seed in range(3):
        detector = DETECTORS[name].fit(persons(60, 10, seed), groups=GROUPS)
        shares.append(detector.p_values(new))
    for level in (0.1, 0.5):
        # The spread over training samples of 60 persons is about .04 and .065 for one.
        assert (np.concatenate(shares) <= level).mean() == pytest.approx(
            level, abs=0.08 if level < 0.2 else 0.15
        )


def test_without_groups_new_persons_are_all_outliers_and_that_is_said():
    detector = DETECTORS["default"]
    with pytest.warns(UserWarning, match=r"p-values of rows of new .* groups="):
        detector.fit(persons(60, 10))
    assert (detector.predict(persons(200, 1, seed=1)) == -1).mean() > 0.9
    with pytest.warns(UserWarning, match="groups="):
        DETECTORS["of an estimator"].fit(persons(60, 10))


def test_groups_of_one_sample_change_nothing_but_their_order(curved):
    table = curved(150)
    detector = AutoencoderOutlierDetector(random_state=0, max_iter=30)
    alone = detector.fit(table).p_values(curved(300, seed=1))
    groups = np.random.default_rng(0).permutation(150)
    grouped = detector.fit(table, groups=groups).p_values(curved(300, seed=1))
    # The hashes, and with them the order and the networks, are others.
    assert np.corrcoef(alone, grouped)[0, 1] > 0.9


@pytest.mark.parametrize("name", DETECTORS)
def test_two_groups_are_enough(name, curved):
    groups = np.repeat(["a", "b"], 60)
    detector = DETECTORS[name].fit(curved(120), groups=groups)
    assert np.isfinite(detector.score_samples(curved(120))).all()


def test_one_group_is_refused(curved):
    detector = AutoencoderOutlierDetector()
    with pytest.raises(ValueError, match="of one group"):
        detector.fit(curved(120), groups=np.zeros(120))
    assert not hasattr(detector, "n_features_in_")


def test_groups_are_routed():
    table = persons(60, 10)
    direct = DETECTORS["default"].fit(table, groups=GROUPS).score_samples(table)
    with config_context(enable_metadata_routing=True):
        detector = DETECTORS["default"].set_fit_request(groups=True)
        pipeline = make_pipeline("passthrough", detector).fit(table, groups=GROUPS)
    np.testing.assert_array_equal(pipeline.score_samples(table), direct)


def test_samples_of_the_same_group_are_no_neighbors():
    line = np.array([0.0, 1.0, 2.0, 10.0, 11.0, 30.0])[:, None]
    groups = np.array([0, 0, 0, 1, 1, 2])
    stored = StoredNeighbors.store(
        Dataset(line, groups=groups), np.arange(6), size=10, seed=0
    )
    first, second = stored.distances(line, (1, 2), groups)
    np.testing.assert_array_equal(first, [10, 9, 8, 8, 9, 19])
    np.testing.assert_array_equal(second, [11, 10, 9, 9, 10, 20])
    (alone,) = stored.distances(line, (1,))
    np.testing.assert_array_equal(alone, [1, 1, 1, 1, 1, 19])


def test_splitters_of_the_estimator_are_for_all_samples(curved):
    fold = np.where(np.arange(100) < 80, -1, 0)
    for splitter in (PredefinedSplit(fold), TimeSeriesSplit(3), KFold(3)):
        inner = clone(SMALL).set_params(validation_fraction=splitter, random_state=0)
        detector = AutoencoderOutlierDetector(inner).fit(curved(100))
        np.testing.assert_array_equal(
            detector.estimator_.validation_curve_,
            clone(inner).fit(curved(100)).validation_curve_,
        )
        assert repr(detector.estimator_.validation_fraction) == repr(splitter)
