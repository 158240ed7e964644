"""Descriptions of the parameters and attributes that autoencoders share.

The docstring of a class describes what it has of its own; :func:`complete_docstring`
fills in the rest.
"""

import inspect
import re
import textwrap
from collections.abc import Callable
from typing import Any, TypeVar

from .modules import copy_function

PARAMETERS = r"""
    n_components : int, float or None, default=None
        Number of latent codes. A float in (0, 1) selects the smallest number whose
        reconstruction explains that share of the variance of the validation samples,
        with one standard error of margin (PCA's number on the training samples if none
        are held out); the codes are then ordered: the first m can be used alone, though
        not as well as those of a model fitted with m codes. None takes as many as PCA
        needs for 95 % of the variance of the training samples.
    hidden_layer_sizes : array-like of int or "auto", default="auto"
        Widths of the encoder's hidden layers; the decoder mirrors them. "auto" is two
        layers whose widths grow with the size of the data.
    activation : {"silu", "gelu", "relu", "leaky_relu", "elu", "tanh", "logistic", \
            "identity"}, default="silu"
        Activation of the hidden layers.
    network : callable or None, default=None
        A network of your own: ``network(n_features, n_components)`` returns two new
        `torch.nn.Module`, encoder and decoder, at each call. Their inputs are the
        standardised features and the codes; gradients come from autograd. Any function
        or class that can be imported survives `clone` and pickle. `hidden_layer_sizes`
        and `activation` are then ignored.
    pretrain : {"layerwise"} or None, default=None
        "layerwise" first trains each hidden layer as a small denoising autoencoder of
        the output of the layer before (Bengio et al., 2007; Vincent et al., 2010).
    anchor : {"pca"} or None, default="pca"
        None gives an ordinary autoencoder without the linear path, which may have more
        codes than features and is never replaced by PCA.
    loss : {"squared_error", "absolute_error", "huber", "binary_cross_entropy"}, \
            default="squared_error"
        Loss for training and for the comparison with PCA on validation samples. "huber"
        is linear beyond 1.35 times PCA's residual; "binary_cross_entropy" needs
        features in [0, 1].
    whiten : bool, default=False
        Whether codes are uncorrelated with unit variance on the training samples; codes
        that are constant there stay so.
    alpha : float, default=1e-2
        Decoupled weight decay, on weights only.
    learning_rate_init : float or "auto", default="auto"
        Peak of the learning rate, which warms up over a tenth of the steps and then
        follows a cosine decay. The loss is relative to PCA's, so the rate does not
        depend on the scale of the data.
    batch_size : int or "auto", default="auto"
        Samples in a mini-batch. "auto" is 128, or all samples if there are fewer.
    max_iter : int or "auto", default="auto"
        Steps of the optimizer (mini-batches, not epochs). "auto" is 300 below 600
        samples, else 2,000 (3,000 from 4,000 samples and 256 features), growing with
        the square root of the number of samples from 50,000 samples. If the validation
        loss still falls when they are spent, `fit` issues a ConvergenceWarning.
    early_stopping : bool, default=True
        Whether samples are held out for validation. False trains for `max_iter` steps
        on all samples and keeps the network whether it is better than PCA or not, which
        is then not measured; groups and splitters have nothing to decide.
    validation_fraction : float or splitter, default=0.1
        Share of the samples to hold out if there are 600 distinct ones or more; at most
        2,000 samples, fewer with more than 500 features. Fewer samples, or fewer than
        600 groups, are held out in five folds. A splitter, such as `TimeSeriesSplit` or
        `GroupShuffleSplit(1)`, says what to hold out: of one split the training samples
        are all that is trained on; several choose the number of steps for a network
        that is trained on all samples, or with `warm_start` the first is used.
    n_iter_no_change : int or "auto", default="auto"
        Steps without an improvement of `tol` after which training stops. "auto" is 30 %
        of `max_iter`, at least 80.
    tol : float, default=1e-4
        Smallest improvement of the validation loss that counts, relative to PCA's.
    warm_start : bool, default=False
        Whether `fit` continues from the network of the previous fit, which is then the
        one to improve on, in the units of the first fit: a warning names columns with
        another scale or mean. The validation loss of a network that was trained on the
        validation samples is optimistically biased: keep `random_state` an integer, or
        pass new samples.
    random_state : int, RandomState instance or None, default=None
        Seed of the validation split, the initial weights and the batches. The global
        random states are neither used nor changed; None takes fresh entropy.
    verbose : int, default=0
        Whether to print the losses at each evaluation.
    device : str or torch.device, default="auto"
        Where to train and to predict: "auto", "cpu", "cuda", "cuda:1", "mps". "auto" is
        CUDA if available, else the CPU. A fitted model can be loaded on any machine; if
        its device is missing, it predicts on the CPU, with a warning.
"""
ATTRIBUTES = r"""
    n_components_ : int
        Number of latent codes.
    components_ : ndarray of shape (n_components_, n_features_in_)
        PCA's directions, the linear part of the encoder; zero without an anchor. If a
        network is kept they, like `mean_`, are those of the training split, for large
        data of a sample of 8,192.
    mean_ : ndarray of shape (n_features_in_,)
        Mean of the samples.
    explained_variance_ratio_ : ndarray of shape (n_components_,)
        Share of the variance of the validation samples that each further code
        reconstructs, in squared error; of the training samples if none were held out.
        From the thirteenth code it is interpolated between a few numbers of codes.
    pca_ratio_ : float
        Validation loss relative to PCA's with the same number of codes; exactly 1.0 if
        PCA was kept, NaN if no samples were held out or PCA is exact.
    best_step_ : int
        Step with the lowest validation loss, whose network is kept; 0 if the initial
        model is kept, as PCA; the last one if no samples were held out. On fewer than
        600 distinct samples it is the best step of the cross-validation folds, and a
        network that is trained on all samples for as many steps is kept.
    curve_steps_ : list of int
        Steps after which losses were evaluated, 0 first; empty if nothing was trained.
    loss_curve_ : list of float
        Mean training loss between evaluations, relative to PCA's validation loss. If no
        samples were held out, or PCA is exact, it is the loss itself, which is about
        one for PCA if it is a squared, absolute or Huber error.
    validation_curve_ : list of float
        Validation loss relative to PCA's, before the first step and at each evaluation.
    n_iter_ : int
        Total number of steps, those of the folds included; 1 if none were needed.
    device_ : str
        Device of the fit.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, if all are strings.
"""
PARAMETERS_HEAD = "    Parameters\n    ----------\n"
PLACE = "    {parameters}\n"
ATTRIBUTES_HEAD = "    Attributes\n    ----------\n"
C = TypeVar("C", bound=type)
F = TypeVar("F", bound=Callable[..., Any])


def _entries(text: str) -> dict[str, str]:
    """Return the entries of a numpydoc section by name."""
    text = re.sub(r" \\\n +", " ", text)
    parts = re.split(r"^    (?=[\w, ]+ : )", text.strip("\n"), flags=re.MULTILINE)
    return {part.split(" : ")[0]: f"    {part.rstrip()}\n" for part in parts if part}


def complete_docstring(cls: C) -> C:
    """Fill ``{parameters}`` and ``{attributes}`` in the docstring of an autoencoder.

    Parameters come in the order of the signature. Descriptions in the docstring itself
    have precedence over the shared ones. A section of attributes may be left out where
    there are none but the shared ones.
    """
    if cls.__doc__ is None:  # python -OO
        return cls
    doc = cls.__doc__
    if ATTRIBUTES_HEAD not in doc:
        doc = doc.replace(PLACE, f"{PLACE}\n{ATTRIBUTES_HEAD}    {{attributes}}\n")
    before, rest = doc.split(PARAMETERS_HEAD)
    text, after = rest.split(PLACE)
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


def described(method: F, **parameters: str) -> F:
    """Return a copy of a method whose docstring describes some parameters otherwise.

    Parameters
    ----------
    method : function
        The method, whose docstring is in numpydoc's form.
    **parameters : str
        By name, the type of a parameter and on further lines its description.
    """
    copy = copy_function(method)
    if method.__doc__ is None:  # python -OO
        return copy
    doc = inspect.cleandoc(method.__doc__)
    for name, text in parameters.items():
        entry = re.compile(rf"^{name} : .*\n(?: +.*\n)+", re.MULTILINE)
        first, _, rest = text.partition("\n")
        rest = textwrap.indent(textwrap.dedent(rest).strip(), "    ")
        before, after = entry.split(doc)
        doc = f"{before}{name} : {first}\n{rest}\n{after}"
    copy.__doc__ = f"{doc}\n"
    return copy
