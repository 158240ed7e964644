"""skae.save and skae.load: there and back, nothing lost on the way, trusted types."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
import skops.io
from estimator_cases import ESTIMATORS, OwnNetwork, OwnNoise, assert_same_model
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

import skae
from skae import AutoencoderTransformer, DenoisingAutoencoder, noise
from skae._persistence.contents import trusted_types

OWN = [OwnNetwork, OwnNoise]
SHORT = {"max_iter": 10, "hidden_layer_sizes": (4,), "random_state": 0}


@pytest.fixture(scope="module")
def X(curved):
    """Few samples, with features in [0, 1] because some likelihoods need it."""
    return MinMaxScaler().fit_transform(curved(120))


@pytest.fixture
def short(X):
    return AutoencoderTransformer(2, **SHORT).fit(X)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.skops"


def own_types(model):
    return [cls for cls in OWN if any(isinstance(v, cls) for v in vars(model).values())]


# -- there and back --------------------------------------------------------------------


@pytest.mark.parametrize("name", ESTIMATORS)
def test_model_is_the_same_bit_for_bit(X, path, name):
    model = clone(ESTIMATORS[name]).fit(X)
    skae.save(model, path)
    assert_same_model(model, skae.load(path, trusted=own_types(model)), X)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_unfitted_estimator_is_the_same(path, name):
    model = ESTIMATORS[name]
    skae.save(model, path)
    assert repr(skae.load(path, trusted=own_types(model))) == repr(model)


@pytest.mark.parametrize("corruption", sorted({*noise.__all__} - {"Corruption"}))
def test_noises_are_trusted(path, corruption):
    cls = getattr(noise, corruption)
    given = cls((noise.Masking(0.1),)) if corruption == "Chain" else cls()
    skae.save(DenoisingAutoencoder(2, noise=given), path)
    assert skae.load(path).noise == given


@pytest.mark.parametrize(
    "search",
    [
        lambda model: make_pipeline(StandardScaler(), model, LogisticRegression()),
        lambda model: GridSearchCV(model, {"n_components": [1, 2]}, cv=2),
        lambda model: GridSearchCV(
            model,
            {"n_components": [1, 2]},
            cv=2,
            scoring=skae.metrics.reconstruction_r2_scorer,
        ),
        lambda model: RandomizedSearchCV(
            make_pipeline(StandardScaler(), model, LogisticRegression()),
            {"autoencodertransformer__n_components": [1, 2]},
            n_iter=2,
            cv=2,
            random_state=0,
        ),
    ],
    ids=["pipeline", "search", "search with a scorer", "search of a pipeline"],
)
def test_pipelines_and_searches_are_the_same(X, path, search):
    model = search(AutoencoderTransformer(1, **SHORT)).fit(X, X[:, 0] > X[:, 0].mean())
    skae.save(model, path)
    loaded = skae.load(path)
    method = "predict" if hasattr(model, "predict") else "transform"
    np.testing.assert_array_equal(getattr(loaded, method)(X), getattr(model, method)(X))


def test_file_is_one_of_skops_with_a_header(short, path):
    skae.save(short, str(path))
    with ZipFile(path) as archive:
        assert json.loads(archive.read("skae.json")) == {
            "format": 1,
            "skae": skae.__version__,
        }
    types = skops.io.get_untrusted_types(file=path)
    assert types == ["skae.AutoencoderTransformer"]
    assert skops.io.load(path, trusted=types).n_components_ == 2


def test_import_loads_no_skops():
    code = "import sys, skae; sys.exit('skops' in sys.modules)"
    root = Path(skae.__file__).parents[1]
    subprocess.run([sys.executable, "-c", code], check=True, cwd=root)


# -- types -----------------------------------------------------------------------------


def test_public_classes_and_scorers_are_trusted():
    classes = {name for name in skae.__all__ if isinstance(getattr(skae, name), type)}
    trusted = trusted_types()
    assert {f"skae.{name}" for name in classes} <= {*trusted}
    assert {f"skae.noise.{name}" for name in noise.__all__} <= {*trusted}
    for name in trusted:
        module, _, member = name.rpartition(".")
        assert hasattr(sys.modules[module], member) or module.startswith("sklearn")


@pytest.mark.parametrize("form", ["name", "type"])
def test_types_of_others_are_named_with_the_cure(X, path, form):
    model = AutoencoderTransformer(2, network=OwnNetwork(), max_iter=5).fit(X)
    skae.save(model, path)
    name = "estimator_cases.OwnNetwork"
    with pytest.raises(ValueError, match="has types that are not trusted") as caught:
        skae.load(path)
    assert f"trusted: {name}. They may" in str(caught.value)
    assert f"load it with trusted={[name]}" in str(caught.value)
    skae.load(path, trusted=[name if form == "name" else OwnNetwork])


@pytest.mark.parametrize("trusted", [True, "estimator_cases.OwnNetwork"])
def test_trusted_is_a_list(short, path, trusted):
    skae.save(short, path)
    with pytest.raises(TypeError, match="must be a list of names or types"):
        skae.load(path, trusted=trusted)


@pytest.mark.parametrize("value", [AutoencoderTransformer, 3, {"a": 1}])
def test_other_objects_are_not_saved(path, value):
    with pytest.raises(TypeError, match="save takes an estimator, not"):
        skae.save(value, path)
    assert not path.exists()


# -- nothing lost ----------------------------------------------------------------------


@pytest.mark.parametrize("error", [OSError("full"), KeyboardInterrupt()])
@pytest.mark.parametrize("at", ["fsync", "replace"])
def test_failed_save_leaves_the_old_file(short, path, monkeypatch, at, error):
    skae.save(short, path)
    before = path.read_bytes()

    def fail(*args):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(os, at, fail)
        with pytest.raises(type(error)):
            skae.save(skae.VAE(3), path)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


def test_save_that_fails_half_way_leaves_the_old_file(short, path, monkeypatch):
    skae.save(short, path)
    before = path.read_bytes()

    def half(obj, file):
        file.write(b"half")
        raise TypeError("not this one")

    with monkeypatch.context() as patch:
        patch.setattr(skops.io, "dump", half)
        with pytest.raises(TypeError, match="not this one"):
            skae.save(skae.VAE(3), path)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


def test_save_follows_links_and_keeps_the_mode(short, path):
    skae.save(skae.VAE(3), path)
    path.chmod(0o640)
    link = path.with_name("link.skops")
    link.symlink_to(path)
    skae.save(short, link)
    assert link.is_symlink()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert skae.load(path).n_components_ == 2


def test_missing_file_is_missing(path):
    with pytest.raises(FileNotFoundError):
        skae.load(path)
