"""Validation samples that are given: groups, X_val and splitters."""

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.decomposition import PCA
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    GroupShuffleSplit,
    KFold,
    PredefinedSplit,
    ShuffleSplit,
    StratifiedShuffleSplit,
    TimeSeriesSplit,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skae import VAE, AutoencoderTransformer, DenoisingAutoencoder
from skae.metrics import reconstruction_error

SHORT = {"hidden_layer_sizes": (16,), "max_iter": 60, "random_state": 0}


def persons(n_persons=40, n_visits=20, seed=0):
    """Visits of persons who differ in twenty ways, and hardly from visit to visit."""
    rng = np.random.default_rng(seed)
    mixing = np.random.default_rng(42).normal(size=(20, 20))
    visits = np.repeat(rng.normal(size=(n_persons, 20)) @ mixing, n_visits, axis=0)
    return visits + 0.1 * rng.normal(size=visits.shape)


GROUPS = np.repeat(np.arange(40), 20)


def new_ratio(model, train, new):
    pca = PCA(model.n_components_).fit(train)
    return reconstruction_error(model, new) / reconstruction_error(pca, new)


@pytest.mark.parametrize("Estimator", [AutoencoderTransformer, DenoisingAutoencoder])
def test_with_groups_the_ratio_is_that_of_new_groups_or_pca_is_kept(Estimator):
    train, new = persons(), persons(300, 1, seed=1)
    with pytest.warns(UserWarning, match=r"of the rows of X .*pass groups="):
        fooled = Estimator(4, max_iter=200, random_state=0).fit(train)
    assert fooled.pca_ratio_ < 0.7 < 1.1 < new_ratio(fooled, train, new)
    model = Estimator(4, max_iter=200, random_state=0).fit(train, groups=GROUPS)
    assert new_ratio(model, train, new) < 1.02
    assert model.pca_ratio_ == 1 or model.pca_ratio_ == pytest.approx(
        new_ratio(model, train, new), rel=0.15
    )


def test_groups_keep_a_network_that_is_better_for_new_groups(curved):
    table, new = curved(900), curved(500, seed=1)
    groups = np.random.default_rng(0).integers(0, 60, size=900)
    model = AutoencoderTransformer(2, max_iter=400, random_state=0)
    model.fit(table, groups=groups)
    assert model.pca_ratio_ < 0.8
    assert model.pca_ratio_ == pytest.approx(new_ratio(model, table, new), rel=0.2)


@pytest.mark.parametrize("n_rows", [90, 900])
def test_labels_of_any_type_are_the_same_groups(curved, n_rows):
    table, numbers = curved(n_rows), np.arange(n_rows) // 9

    def fitted(groups):
        model = AutoencoderTransformer(2, **SHORT).fit(table, groups=groups)
        return model.transform(table)

    expected = fitted(numbers)
    names = np.array([f"person {i:03d}" for i in numbers])
    for groups in (
        list(numbers),
        numbers.astype(float),
        names,
        names.astype(object),
        pd.Series(names, dtype="category"),
        pd.Series(names, dtype="string"),
        pd.Series(pd.Timestamp("2020-01-01") + pd.to_timedelta(numbers, unit="D")),
    ):
        np.testing.assert_array_equal(fitted(groups), expected)


def test_samples_without_weight_have_no_group(curved):
    table, groups = curved(300), np.arange(300) // 10
    weight = np.where(groups < 20, 1.0, 0.0)
    model = AutoencoderTransformer(2, **SHORT)
    weighted = model.fit(table, sample_weight=weight, groups=groups).transform(table)
    model.fit(table[:200], groups=groups[:200])
    np.testing.assert_allclose(model.transform(table), weighted)
    with pytest.raises(ValueError, match="of one group"):
        model.fit(table, sample_weight=groups == 3, groups=groups)


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (np.arange(89), "one label for each of the 90 samples"),
        ("person", "one label for each of the 90 samples"),
        (np.zeros((90, 2)), "one label for each of the 90 samples"),
        ([None, *range(89)], r"no label in row 0\. Give each sample one"),
        ([*range(89), np.nan], r"no label in row 89"),
        (pd.array([*range(89), pd.NA], dtype="Int64"), r"no label in row 89"),
        (np.zeros(90), "of one group"),
    ],
)
def test_groups_that_cannot_be_used_are_refused(curved, groups, message):
    model = AutoencoderTransformer(2, **SHORT)
    with pytest.raises(ValueError, match=message):
        model.fit(curved(90), groups=groups)
    assert not hasattr(model, "n_features_in_")


def test_x_val_is_what_is_validated_on(curved):
    """A network is kept or not by X_val alone."""
    table = curved(700)
    model = AutoencoderTransformer(2, max_iter=300, random_state=0)
    model.fit(table, X_val=curved(200, seed=1))
    assert model.pca_ratio_ < 0.9
    nonsense = np.random.default_rng(0).normal(size=(200, 6))
    assert model.fit(table, X_val=nonsense).pca_ratio_ == 1
    # All of X is for training, and for PCA where that is kept.
    pca = PCA(2).fit(table)
    np.testing.assert_allclose(model.mean_, pca.mean_)
    np.testing.assert_allclose(model.components_, pca.components_, atol=1e-9)


@pytest.mark.parametrize("Estimator", [AutoencoderTransformer, VAE])
def test_x_val_is_checked_like_x_and_named(curved, Estimator):
    table = pd.DataFrame(curved(90), columns=list("abcdef"))
    holes = table.copy()
    holes.iloc[3, 1] = np.nan
    for bad, message in (
        (table[list("abc")], "feature names"),
        (holes, "X_val contains NaN in column 'b'"),
        (holes.fillna(np.inf), "X_val contains infinity in column 'b'"),
        (holes.fillna(1e35), "X_val has values above"),
    ):
        model = Estimator(2, **SHORT)
        with pytest.raises(ValueError, match=message):
            model.fit(table, X_val=bad)
        assert not hasattr(model, "n_features_in_")
    model = AutoencoderTransformer(2, loss="binary_cross_entropy", **SHORT)
    inside = (table - table.min()) / (table.max() - table.min())
    with pytest.raises(ValueError, match=r"needs features in \[0, 1\]"):
        model.fit(inside, X_val=inside + 2)


@pytest.mark.parametrize(
    ("parameters", "arguments", "message"),
    [
        ({"early_stopping": False}, {}, "early_stopping=False contradicts"),
        ({"validation_fraction": KFold(2)}, {}, "KFold.* contradicts"),
        ({}, {"groups": np.arange(90)}, "groups contradicts"),
    ],
)
def test_x_val_beside_what_contradicts_it_is_refused(
    curved, parameters, arguments, message
):
    table = curved(90)
    model = AutoencoderTransformer(2, **SHORT, **parameters)
    with pytest.raises(ValueError, match=message):
        model.fit(table, X_val=table, **arguments)


def test_a_splitter_of_one_split_trains_on_its_training_samples_only(curved):
    table = curved(700)
    fold = np.where(np.arange(700) < 600, -1, 0)
    model = AutoencoderTransformer(2, max_iter=300, random_state=0)
    model.set_params(validation_fraction=PredefinedSplit(fold)).fit(table)
    given = AutoencoderTransformer(2, max_iter=300, random_state=0)
    given.fit(table[:600], X_val=table[600:])
    assert given.pca_ratio_ < 1
    assert model.pca_ratio_ == given.pca_ratio_
    assert model.validation_curve_ == given.validation_curve_


@pytest.mark.parametrize(
    "splitter",
    [
        KFold(3),
        TimeSeriesSplit(3, gap=5),
        ShuffleSplit(1, random_state=0),
        StratifiedShuffleSplit(2, random_state=0),
        GroupKFold(3),
        GroupShuffleSplit(1, random_state=0),
    ],
    ids=lambda splitter: type(splitter).__name__,
)
@pytest.mark.parametrize("weighted", [False, True])
def test_splitters_say_what_is_held_out(curved, splitter, weighted):
    table = curved(200)
    y, weight = np.arange(200) % 2, np.arange(200) % 5 > 0
    arguments = {"groups": np.arange(200) // 5} if "Group" in repr(splitter) else {}
    model = AutoencoderTransformer(2, validation_fraction=splitter, **SHORT)
    model.fit(table, y, sample_weight=weight if weighted else None, **arguments)
    assert model.pca_ratio_ <= 1
    assert np.isfinite(model.transform(table)).all()


class Splits:
    """A splitter that returns what it was made of."""

    def __init__(self, *splits):
        self.splits = splits

    def split(self, X, y=None, groups=None):
        yield from self.splits


@pytest.mark.parametrize(
    ("splits", "message"),
    [
        ([], "gives no split"),
        ([(range(50), range(40, 90))], "training and validation at once"),
        ([(range(1), range(40, 90))], "leaves 1 training and 50 validation"),
        ([(range(50), [])], "leaves 50 training and 0 validation"),
    ],
)
def test_splits_that_cannot_be_used_are_refused(curved, splits, message):
    model = AutoencoderTransformer(2, **SHORT)
    model.set_params(validation_fraction=Splits(*splits))
    with pytest.raises(ValueError, match=message):
        model.fit(curved(90))


def test_warm_starts_take_groups_and_splitters(curved):
    table = curved(200)
    model = AutoencoderTransformer(2, warm_start=True, **SHORT).fit(table)
    model.fit(table, groups=np.arange(200) // 5)
    assert model.validation_curve_
    model.set_params(validation_fraction=KFold(3)).fit(table)
    assert model.validation_curve_


# -- metadata routing ------------------------------------------------------------------


def test_pipelines_pass_groups_on():
    train = persons()
    steps = StandardScaler(), AutoencoderTransformer(4, **SHORT)
    by_name = make_pipeline(*steps)
    by_name.fit(train, autoencodertransformer__groups=GROUPS)
    with config_context(enable_metadata_routing=True):
        steps[1].set_fit_request(groups=True)
        routed = make_pipeline(*steps).fit(train, groups=GROUPS)
    direct = AutoencoderTransformer(4, **SHORT)
    direct.fit(StandardScaler().fit_transform(train), groups=GROUPS)
    for pipeline in (by_name, routed):
        assert pipeline[-1].validation_curve_ == direct.validation_curve_


def test_searches_pass_groups_to_splits_and_autoencoder():
    train = persons(20, 10)
    groups = np.repeat(np.arange(20), 10)
    with config_context(enable_metadata_routing=True):
        model = AutoencoderTransformer(**SHORT).set_fit_request(groups=True)
        search = GridSearchCV(
            make_pipeline(StandardScaler(), model),
            {"autoencodertransformer__n_components": [2, 4]},
            cv=GroupKFold(2),
        ).fit(train, groups=groups)
    best = search.best_estimator_[-1]
    assert best.n_components_ == 4
    direct = AutoencoderTransformer(4, **SHORT)
    direct.fit(StandardScaler().fit_transform(train), groups=groups)
    assert best.validation_curve_ == direct.validation_curve_


def test_pipelines_transform_x_val_by_the_steps_before():
    train, later = persons(10, 9), persons(5, 9, seed=1)
    with config_context(enable_metadata_routing=True):
        model = AutoencoderTransformer(4, **SHORT).set_fit_request(X_val=True)
        pipeline = make_pipeline(StandardScaler(), model, transform_input=["X_val"])
        pipeline.fit(train, X_val=later)
    scaler = StandardScaler().fit(train)
    direct = AutoencoderTransformer(4, **SHORT)
    direct.fit(scaler.transform(train), X_val=scaler.transform(later))
    assert pipeline[-1].validation_curve_ == direct.validation_curve_


def test_x_val_beside_pairs_is_refused(curved):
    table = curved(90)
    model = DenoisingAutoencoder(2, **SHORT)
    with pytest.raises(ValueError, match="X_val has no clean samples"):
        model.fit(table + 0.1, table, X_val=table)
    fold = np.where(np.arange(90) < 60, -1, 0)
    model.set_params(validation_fraction=PredefinedSplit(fold))
    assert model.fit(table + 0.1, table).pca_ratio_ <= 1


@pytest.mark.parametrize("n_val", [1, 2, 3])
def test_a_few_rows_of_x_val_do_not_replace_pca_by_chance(n_val):
    kept = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        model = AutoencoderTransformer(2, **SHORT)
        model.fit(rng.normal(size=(60, 8)), X_val=rng.normal(size=(n_val, 8)))
        kept.append(model.pca_ratio_ == 1)
    assert all(kept)


def test_x_val_in_other_units_is_said(curved):
    table = curved(120)
    model = AutoencoderTransformer(2, **SHORT)
    for other in (1000 * table, table / 1000, table + 100):
        with pytest.warns(UserWarning, match="X_val has other units"):
            model.fit(table, X_val=other)
    model.fit(table, X_val=table[:1])
    model.fit(table, X_val=0.5 * table)


@pytest.mark.parametrize(
    ("X_val", "message"),
    [
        (np.ones((5, 4)), "X_val: X has 4 features"),
        (np.ones((0, 6)), "X_val: Found array with 0 sample"),
        (np.ones(6), "X_val: Expected 2D array"),
    ],
)
def test_errors_of_x_val_name_it(curved, X_val, message):
    with pytest.raises(ValueError, match=message):
        AutoencoderTransformer(2, **SHORT).fit(curved(90), X_val=X_val)


@pytest.mark.parametrize(
    ("splitter", "error", "message"),
    [
        ("0.1", (TypeError, ValueError), "validation_fraction"),
        (KFold, TypeError, "is no splitter; pass an object such as KFold"),
        (StratifiedShuffleSplit(), ValueError, "cannot split X .*Pass y or groups"),
        (GroupKFold(3), ValueError, "cannot split X .*Pass y or groups"),
        (KFold(100), ValueError, "cannot split X"),
    ],
)
def test_splitters_that_fail_are_named(curved, splitter, error, message):
    model = AutoencoderTransformer(2, validation_fraction=splitter, **SHORT)
    with pytest.raises(error, match=message):
        model.fit(curved(90))


def test_labels_of_several_types_are_different_groups(curved):
    groups = [1 if i < 45 else "1" for i in range(90)]
    model = AutoencoderTransformer(2, **SHORT).fit(curved(90), groups=groups)
    expected = AutoencoderTransformer(2, **SHORT)
    expected.fit(curved(90), groups=np.arange(90) // 45)
    assert model.validation_curve_ == expected.validation_curve_


def test_groups_decide_nothing_where_nothing_is_held_out(curved):
    table = curved(90)
    model = AutoencoderTransformer(2, early_stopping=False, **SHORT)
    expected = model.fit(table).transform(table)
    model.fit(table, groups=np.arange(90) // 9)
    np.testing.assert_array_equal(model.transform(table), expected)
