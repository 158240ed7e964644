"""Public names: where they say they are from, and when they are loaded."""

import importlib
import inspect
import pickle
import pickletools
import subprocess
import sys
from pathlib import Path

import pytest
import skops.io
from estimator_cases import PUBLIC as ESTIMATORS
from sklearn.decomposition import PCA

import skae

ROOT = Path(__file__).parents[1]
SUBMODULES = ["metrics", "noise", "plotting"]
MODULES = ["skae", *(f"skae.{name}" for name in SUBMODULES)]


def public(module):
    """The public names of a module."""
    return [(module, name) for name in importlib.import_module(module).__all__]


NAMES = [pair for module in MODULES for pair in public(module)]


# Run in a new interpreter: prints a line for each statement, and then which of the slow
# libraries have been loaded so far.
SCRIPT = """
import sys
from sklearn.decomposition import PCA

def show(*words):
    print(*words, *{"torch", "matplotlib"} & {*sys.modules})

import skae
show(*dir(skae))
for name in sys.argv[1:]:
    show(getattr(skae, name).__name__)
X = [[1.0, 2.0], [3.0, 5.0]]
show(round(skae.metrics.reconstruction_r2(PCA(1).fit(X), X), 6))
"""


def modules_in(pickled):
    """The modules of skae that a pickle refers to."""
    strings = [arg for _, arg, _ in pickletools.genops(pickled) if type(arg) is str]
    return {text for text in strings if text.split(".")[0] == "skae"}


@pytest.mark.parametrize(("module", "name"), NAMES)
def test_public_names_are_from_the_public_module(module, name):
    value = getattr(sys.modules[module], name)
    assert modules_in(pickle.dumps(value)) == {module}
    if inspect.isclass(value) or inspect.isroutine(value):
        assert (value.__module__, value.__qualname__) == (module, name)
        assert pickle.loads(pickle.dumps(value)) is value


@pytest.mark.parametrize("name", sorted(ESTIMATORS))
def test_pickles_of_estimators_refer_to_skae(name):
    model = getattr(skae, name)()
    assert modules_in(pickle.dumps(model)) == {"skae"}
    assert type(pickle.loads(pickle.dumps(model))) is type(model)
    assert skops.io.get_untrusted_types(data=skops.io.dumps(model)) == [f"skae.{name}"]


def test_pickles_of_a_fitted_estimator_refer_to_skae(model, X):
    pickled = pickle.dumps(model.fit(X))
    assert modules_in(pickled) == {"skae"}
    data = skops.io.dumps(model)
    assert skops.io.get_untrusted_types(data=data) == ["skae.AutoencoderTransformer"]


def test_pickles_of_a_fitted_detector_refer_to_skae(X):
    detector = skae.AutoencoderOutlierDetector(max_iter=20, random_state=0).fit(X)
    name = "skae.AutoencoderOutlierDetector"
    assert modules_in(pickle.dumps(detector)) == {"skae"}
    assert skops.io.get_untrusted_types(data=skops.io.dumps(detector)) == [name]


def test_pickles_of_displays_refer_to_plotting(no_windows, X):
    display = skae.plotting.ReconstructionDisplay(X, {"PCA": X}, errors={"PCA": 0.0})
    assert modules_in(pickle.dumps(display)) == {"skae.plotting"}


def test_submodules_are_loaded_when_they_are_used():
    """Nothing but a fit loads torch, and nothing but a drawing matplotlib."""
    names, *modules, r2 = subprocess.run(
        [sys.executable, "-c", SCRIPT, *SUBMODULES],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
    ).stdout.splitlines()
    assert names.split() == sorted([*skae.__all__, *SUBMODULES, "__version__"])
    assert modules == [f"skae.{name}" for name in SUBMODULES]
    assert r2 == "1.0"


@pytest.mark.parametrize("name", SUBMODULES)
def test_submodules_are_attributes(name):
    assert getattr(skae, name) is sys.modules[f"skae.{name}"]
    assert name in dir(skae)


def test_other_attributes_are_missing():
    with pytest.raises(AttributeError, match="module 'skae' has no attribute 'metric'"):
        _ = skae.metric
    assert not hasattr(skae, "Autoencoder")


def test_scorers_of_older_pickles_are_found():
    scorer, X = skae.metrics.reconstruction_r2_scorer, [[1.0, 2], [3, 5]]
    assert type(scorer) is skae.metrics._ReconstructionScorer
    assert scorer(PCA(1).fit(X), X) == pytest.approx(1)
