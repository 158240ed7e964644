"""Docstrings as they are when the package runs: complete, and in numpydoc's form."""

import doctest
import inspect
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from numpydoc.validate import ERROR_MSGS, validate
from sklearn.base import BaseEstimator

import skae
from skae import metrics, noise, plotting
from skae._sklearn.docstrings import complete_docstring

ROOT = Path(__file__).parents[2]
PUBLIC = {
    f"{module.__name__}.{name}": value
    for module in (skae, noise, plotting)
    for name in module.__all__
    if inspect.isclass(value := getattr(module, name))
}
ESTIMATORS = [cls for cls in PUBLIC.values() if issubclass(cls, BaseEstimator)]
DISPLAYS = [cls for name, cls in PUBLIC.items() if name.startswith("skae.plotting.")]
# Each public method once, under a class that has it. Methods of scikit-learn's are
# documented there, and those of corruptions in their base class.
METHODS = {
    (inspect.unwrap(method).__code__, method.__doc__): f"{owner}.{name}"
    for owner, cls in PUBLIC.items()
    if cls in ESTIMATORS + DISPLAYS
    for name, method in inspect.getmembers(cls, inspect.isroutine)
    if not name.startswith("_") and method.__module__.split(".")[0] == "skae"
}


def validation():
    """What pyproject.toml asks of numpydoc."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    return project["tool"]["numpydoc_validation"]


def checked():
    """The checks that the project asks for: all but those that it excludes."""
    excluded = set(validation()["checks"])
    assert "all" in excluded
    return set(ERROR_MSGS) - excluded


@pytest.mark.parametrize(
    "name",
    [
        *PUBLIC,
        *METHODS.values(),
        "skae.noise.Corruption.apply",
        "skae.load",
        "skae.save",
    ],
)
def test_docstrings_are_valid(name):
    wrong = [
        f"{code}: {message}"
        for code, message in validate(name)["errors"]
        if code in checked()
    ]
    assert wrong == []


def source_of(function):
    """The file of a function, relative to the root of the repository."""
    path = inspect.getsourcefile(inspect.unwrap(function))
    return str(Path(path).relative_to(ROOT))


def test_the_linter_sees_every_file_with_literal_docstrings():
    functions = [
        *(display.plot for display in DISPLAYS),
        *(skae.AutoencoderOutlierDetector.fit, skae.AutoencoderTransformer.fit),
        *(skae.VAE.sample, metrics.reconstruction_error, skae.load),
        *(skae.AutoencoderOutlierDetector.predict, skae.VAE.score),
    ]
    skipped = re.compile("|".join(validation()["exclude_files"]))
    paths = [str(path.relative_to(ROOT)) for path in ROOT.glob("skae/**/*.py")]
    assert {path for path in paths if not skipped.match(path)} == {
        *("skae/__init__.py", "skae/metrics/__init__.py", "skae/plotting/__init__.py"),
        *map(source_of, functions),
    }


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_defaults_are_those_of_the_signature(cls):
    for name, parameter in inspect.signature(cls).parameters.items():
        (said,) = re.findall(
            rf"^    {name} : .*default=(.+)$", cls.__doc__, re.MULTILINE
        )
        assert eval(said) == parameter.default


@pytest.mark.parametrize("cls", DISPLAYS)
def test_defaults_of_displays_are_those_of_the_signatures(cls):
    made = {name for name in dir(cls) if name.startswith("from_")}
    assert "from_estimator" in made
    for said, function in [
        (cls.__doc__, cls),
        *[(getattr(cls, name).__doc__, getattr(cls, name)) for name in [*made, "plot"]],
    ]:
        described = dict(
            re.findall(r"^ *(\w+) : .*default=(.+)$", said, flags=re.MULTILINE)
        )
        parameters = inspect.signature(function).parameters.values()
        defaults = {p.name: p.default for p in parameters if p.default is not p.empty}
        defaults.pop("self", None)
        assert {name: eval(value) for name, value in described.items()} == defaults


@pytest.mark.parametrize("cls", DISPLAYS)
def test_attributes_of_displays_are_described(cls):
    own = filter(inspect.isfunction, vars(cls).values())
    source = "".join(map(inspect.getsource, own))
    attributes = set(re.findall(r"self\.(\w+_)\b", source))
    _, described = cls.__doc__.split("Attributes\n")
    described, *_ = described.split("See Also\n")
    assert set(re.findall(r"^    (\w+_) : ", described, re.MULTILINE)) == attributes


@pytest.mark.parametrize("cls", PUBLIC.values())
def test_examples_of_methods_run(cls):
    """Pytest finds those of classes, but not of methods whose file is another one."""
    finder, runner = doctest.DocTestFinder(recurse=False), doctest.DocTestRunner()
    for name, method in inspect.getmembers(cls, inspect.isfunction):
        if method.__module__.startswith("skae."):
            for test in finder.find(method, name, module=False, globs={}):
                assert runner.run(test).failed == 0


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_nothing_is_left_to_fill_in(cls):
    assert "{parameters}" not in cls.__doc__
    assert "{attributes}" not in cls.__doc__
    assert "\\\n" not in cls.__doc__


# -- describe --------------------------------------------------------------------------


class Example:
    """Example.

    Parameters
    ----------
    alpha : float, default=2.0
        What it means here.
    {parameters}

    Attributes
    ----------
    n_iter_ : int
        Counted in another way.
    loss_curve_, validation_curve_ : list of float
        Two at once.
    {attributes}
    """

    def __init__(self, verbose=0, *, alpha=2.0, activation="silu", tol=1e-4):
        pass


@pytest.fixture
def described():
    return complete_docstring(type("Copy", (), {**vars(Example)})).__doc__


def names(text):
    return re.findall(r"^    (\w+) : ", text, flags=re.MULTILINE)


def test_parameters_come_in_the_order_of_the_signature(described):
    parameters, attributes = described.split("Attributes")
    assert names(parameters) == ["verbose", "alpha", "activation", "tol"]
    assert names(attributes)[:2] == ["n_iter_", "n_components_"]
    assert "feature_names_in_" in names(attributes)


def test_what_a_class_says_of_its_own_wins(described):
    assert described.count("alpha : ") == described.count("n_iter_ : ") == 1
    assert "What it means here." in described
    assert "Decoupled weight decay" not in described
    assert "Counted in another way." in described
    assert "Total number of steps" not in described
    assert described.count("loss_curve_") == described.count("validation_curve_") == 1


def test_what_is_no_parameter_is_not_described(described):
    assert "warm_start" not in described


def test_long_lists_of_options_are_put_on_one_line(described):
    line = next(line for line in described.split("\n") if "activation : " in line)
    assert line.endswith('default="silu"')
    assert '"identity"}' in line


def test_a_parameter_that_nobody_describes_is_an_error():
    def init(self, unheard_of=0):
        pass

    with pytest.raises(KeyError, match="unheard_of"):
        complete_docstring(type("Copy", (), {**vars(Example), "__init__": init}))


def test_without_a_docstring_there_is_nothing_to_do():
    class Bare:
        pass

    Bare.__doc__ = None
    assert complete_docstring(Bare) is Bare
    assert Bare.__doc__ is None


def test_it_works_where_python_drops_docstrings():
    code = "import skae; assert skae.VAE.__doc__ is None; print(skae.VAE(beta=2.0))"
    result = subprocess.run(
        [sys.executable, "-OO", "-c", code],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert result.stdout.strip() == "VAE(beta=2.0)"
