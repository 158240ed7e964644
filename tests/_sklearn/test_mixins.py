"""What estimators show of themselves: PCA that was kept is a note."""

import html
import pickle

import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_html_repr

import skae
from skae import AutoencoderOutlierDetector, AutoencoderTransformer

NOTE = "PCA was kept: no network was better on held-out samples"
CAPTION = f'<div class="caption">{NOTE}</div>'
LONG = {
    "hidden_layer_sizes": (100, 50),
    "alpha": 0.3,
    "batch_size": 32,
    "n_iter_no_change": 3,
    "tol": 0.1,
    "max_iter": 10,
    "random_state": 0,
}


@pytest.fixture
def as_pca(model, linear):
    """Return a model that is fitted and no better than PCA."""
    model.fit(linear(120))
    assert model.pca_ratio_ == 1
    return model


def test_repr_says_that_pca_was_kept(as_pca):
    plain = repr(clone(as_pca))
    assert "#" not in plain
    assert repr(as_pca) == str(as_pca) == f"{plain}  # {NOTE}"
    assert repr(pickle.loads(pickle.dumps(as_pca))) == repr(as_pca)
    with config_context(print_changed_only=False):
        assert repr(as_pca).endswith(f"warm_start=False, whiten=False)  # {NOTE}")


def test_repr_is_code_for_the_unfitted_estimator(as_pca):
    made = eval(repr(as_pca), vars(skae).copy())
    assert made.get_params() == as_pca.get_params()


def test_repr_has_no_note_where_a_network_was_kept(learner, curved):
    learner.fit(curved(700))
    assert learner.pca_ratio_ < 1
    assert repr(learner) == repr(clone(learner))
    assert 'class="caption"' not in estimator_html_repr(learner)


def test_repr_says_why_nothing_was_trained(curved):
    X = curved(60)
    exact = AutoencoderTransformer(6, random_state=0).fit(X)
    assert repr(exact).endswith("# PCA was kept: it leaves nothing to learn")
    few = AutoencoderTransformer(2, random_state=0).fit(X[:8])
    assert repr(few).endswith("# PCA was kept: no network was trained")


def test_repr_breaks_lines_as_scikit_learn_does(linear):
    model = AutoencoderTransformer(2, **LONG)
    lines = repr(model).splitlines()
    assert lines[1].startswith(" " * len("AutoencoderTransformer("))
    fitted = repr(model.fit(linear(120))).splitlines()
    assert fitted == [*lines[:-1], f"{lines[-1]}  # {NOTE}"]
    inside = repr(make_pipeline(model)).splitlines()
    assert max(map(len, inside)) <= 80
    assert len(inside) > len(lines)


def test_pipelines_and_searches_show_their_parameters(as_pca, linear):
    pipeline = make_pipeline(StandardScaler(), as_pca)
    assert eval(repr(pipeline), {**vars(skae), **globals(), "Pipeline": type(pipeline)})
    search = GridSearchCV(as_pca, {"n_components": [1, 2]}, cv=2).fit(linear(60))
    assert "#" not in repr(search)
    assert repr(search.best_estimator_).endswith(NOTE)


def test_diagrams_say_that_pca_was_kept(as_pca, linear):
    assert estimator_html_repr(as_pca).count(CAPTION) == 1
    assert as_pca._repr_html_().count(CAPTION) == 1
    assert CAPTION not in estimator_html_repr(clone(as_pca))
    X = linear(120)
    for whole in (
        make_pipeline(StandardScaler(), clone(as_pca)),
        GridSearchCV(clone(as_pca), {"n_components": [1, 2]}, cv=2),
    ):
        assert CAPTION not in estimator_html_repr(whole)
        assert CAPTION in estimator_html_repr(whole.fit(X))


def test_diagrams_show_parameters_and_attributes_as_before(as_pca):
    shown = estimator_html_repr(as_pca)
    for part in ("max_iter", "pca_ratio_", as_pca._get_doc_link()):
        assert html.escape(part) in shown


def test_links_lead_to_the_page_of_the_class():
    page = "https://skae.readthedocs.io/en/stable/api/skae.{}.html"
    for cls in (AutoencoderTransformer, AutoencoderOutlierDetector):
        assert cls()._get_doc_link() == page.format(cls.__name__)


def test_subclasses_of_users_have_the_note(linear, quick):
    class Mine(AutoencoderTransformer):
        pass

    mine = Mine(2, **quick).fit(linear(120))
    assert repr(mine).startswith("Mine(")
    assert repr(mine).endswith(NOTE)
