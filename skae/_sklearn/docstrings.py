"""What the parameters and attributes mean that the autoencoders have in common.

A class says in its docstring what is its own; :func:`describe` fills in the rest.
"""

import inspect
import re
from typing import TypeVar

PARAMETERS = r"""
    n_components : int, float or None, default=None
        Number of codes. A float in (0, 1) asks for the fewest whose reconstruction
        explains that share of the variance of held-out rows, a standard error to
        spare (PCA's number on the training rows where none are held out); the codes are
        then ordered: the first m work on their own, though not as well as m codes that
        were asked for. None takes as many as PCA needs for 95 % of the variance of the
        training rows.
    hidden_layer_sizes : array-like of int or "auto", default="auto"
        Widths of the encoder's hidden layers; the decoder mirrors them. "auto" is two
        layers that grow with the table.
    activation : {"silu", "gelu", "relu", "leaky_relu", "elu", "tanh", "logistic", \
            "identity"}, default="silu"
        Activation of the hidden layers.
    network : callable or None, default=None
        A network of your own: ``network(n_features, n_components)`` returns two new
        `torch.nn.Module`, encoder and decoder, whenever it is called. They read the
        standardised features and the codes, and are trained by autograd. Any function
        or class that can be imported survives `clone` and pickle. `hidden_layer_sizes`
        and `activation` then have no meaning.
    pretrain : {"layerwise"} or None, default=None
        "layerwise" first trains each hidden layer as a small denoising autoencoder of
        what the layer before gives (Bengio et al., 2007; Vincent et al., 2010).
    anchor : {"pca"} or None, default="pca"
        None gives an ordinary autoencoder without the linear path, which may have more
        codes than features and is never replaced by PCA.
    loss : {"squared_error", "absolute_error", "huber", "binary_cross_entropy"}, \
            default="squared_error"
        What training and the held-out comparison measure. "huber" turns linear at 1.35
        times PCA's residual; "binary_cross_entropy" needs features in [0, 1].
    whiten : bool, default=False
        Whether codes are uncorrelated with unit variance on the training rows; codes
        that are constant there stay so.
    alpha : float, default=1e-2
        Decoupled weight decay, on weights only.
    learning_rate_init : float or "auto", default="auto"
        Peak of the learning rate, which warms up over a tenth of the steps and then
        falls as a cosine. The loss is in units of PCA's, so the rate need not fit the
        scale of the data.
    batch_size : int or "auto", default="auto"
        Rows of a step. "auto" is 128, or all rows if there are fewer.
    max_iter : int or "auto", default="auto"
        Steps of the optimizer (mini-batches, not epochs). "auto" is 300 below 600
        rows, else 2,000 (3,000 from 4,000 rows and 256 columns), growing with the
        square root of the rows from 50,000 rows.
    early_stopping : bool, default=True
        Whether rows are held out. False trains for `max_iter` steps on all rows and
        keeps the network whether it is better than PCA or not.
    validation_fraction : float, default=0.1
        Share of the rows to hold out where there are 600 distinct ones or more; at most
        2,000 rows, fewer of tables with more than 500 columns.
    n_iter_no_change : int or "auto", default="auto"
        Steps without a gain of `tol` after which training stops. "auto" is 30 % of
        `max_iter`, at least 80.
    tol : float, default=1e-4
        Gain in the held-out loss that counts, relative to PCA's.
    warm_start : bool, default=False
        Whether `fit` goes on with the network of the previous fit, which is then the
        one to beat. A network that has seen the rows to be held out flatters itself:
        keep `random_state` an integer, and give new rows.
    random_state : int, RandomState instance or None, default=None
        Seed of the held-out rows, the first weights and the batches. The global random
        states are neither used nor changed; None takes fresh entropy.
    verbose : int, default=0
        Whether to print the losses at each measurement.
    device : str or torch.device, default="auto"
        Where to train and to predict: "auto", "cpu", "cuda", "cuda:1", "mps". "auto" is
        CUDA where there is some, else the CPU. A fitted model loads anywhere; without
        its device it predicts on the CPU, with a warning.
"""
ATTRIBUTES = r"""
    n_components_ : int
        Number of codes.
    components_ : ndarray of shape (n_components_, n_features_in_)
        PCA's directions, the linear part of the encoder; zero without an anchor. Where
        a network is kept they, like `mean_`, come from the rows that were not held out,
        in large tables from a sample of 8,192.
    mean_ : ndarray of shape (n_features_in_,)
        Mean of the rows.
    explained_variance_ratio_ : ndarray of shape (n_components_,)
        Share of the variance of held-out rows that each further code reconstructs, in
        squared error; of training rows where none were held out. From the thirteenth
        code it is interpolated between a few numbers of codes.
    pca_ratio_ : float
        Held-out loss relative to PCA's with the same number of codes; exactly 1.0 where
        PCA was kept, NaN where no rows were held out or PCA is exact.
    best_step_ : int
        Step after which the held-out loss was lowest, whose network is kept; 0 where
        what it started from is kept, as PCA; the last one where no rows were held out.
        On fewer than 600 different rows it is the best step of the folds, and a network
        that is trained on all rows for as many steps is kept.
    curve_steps_ : list of int
        Steps after which losses were measured, 0 first; empty if nothing was trained.
    loss_curve_ : list of float
        Mean training loss between measurements, in units of PCA's held-out loss. Where
        no rows were held out, or PCA is exact, it is the loss itself, of which PCA's
        is about one if it is a squared, absolute or Huber error.
    validation_curve_ : list of float
        Held-out loss relative to PCA's, before the first step and at each measurement.
    n_iter_ : int
        Steps that ran, those of the folds included; 1 if none were needed.
    device_ : str
        Where it was fitted.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, where all are strings.
"""
PARAMETERS_HEAD = "    Parameters\n    ----------\n"
ATTRIBUTES_HEAD = "    Attributes\n    ----------\n"
C = TypeVar("C", bound=type)


def _entries(text: str) -> dict[str, str]:
    """Return the entries of a numpydoc section by name."""
    text = re.sub(r" \\\n +", " ", text)
    found = re.split(r"^    (?=[\w, ]+ : )", text.strip("\n"), flags=re.MULTILINE)
    return {
        entry.split(" : ")[0]: f"    {entry.rstrip()}\n" for entry in found if entry
    }


def complete_docstring(cls: C) -> C:
    """Fill ``{parameters}`` and ``{attributes}`` in the docstring of an autoencoder.

    Parameters come in the order of the signature; what the docstring itself describes
    is taken from there.
    """
    if cls.__doc__ is None:  # python -OO
        return cls
    before, rest = cls.__doc__.split(PARAMETERS_HEAD)
    text, after = rest.split("    {parameters}\n")
    entries = _entries(PARAMETERS) | _entries(text)
    parameters = [entries[name] for name in inspect.signature(cls).parameters]
    between, rest = after.split(ATTRIBUTES_HEAD)
    own, after = rest.split("    {attributes}\n")
    attributes = _entries(own)
    named = {name for key in attributes for name in key.split(", ")}
    common = {k: v for k, v in _entries(ATTRIBUTES).items() if k not in named}
    parts = [before, PARAMETERS_HEAD, *parameters]
    parts += [between, ATTRIBUTES_HEAD, *attributes.values(), *common.values(), after]
    cls.__doc__ = "".join(parts)
    return cls


class DocLinkMixin:
    """Link to the page of the class in the API reference."""

    _doc_link_module = "skae"

    @property
    def _doc_link_template(self) -> str:
        return (
            "https://skae.readthedocs.io/en/stable/api/"
            "{estimator_module}.{estimator_name}.html"
        )
