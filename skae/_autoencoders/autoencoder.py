"""The plain autoencoder."""

from skae._sklearn.docstrings import complete_docstring
from skae._sklearn.modules import set_module

from .base import BaseAutoencoder


@set_module("skae")
@complete_docstring
class AutoencoderTransformer(BaseAutoencoder):
    r"""Dimensionality reduction with an autoencoder that starts at PCA.

    With PCA's mean :math:`\mu`, directions :math:`V` and standard deviations :math:`s`,
    latent codes and reconstructions are

    .. math::

        z = s^{-1} V^\top (x - \mu) + f(x), \qquad
        \hat x = \mu + V (s \odot z) + r \odot g(z),

    where the networks :math:`f` and :math:`g` start at zero and :math:`r` is the scale
    of PCA's residual. At the first step the model is PCA. Held-out samples decide when
    training stops and whether the networks are kept: if the gain over PCA does not
    exceed its standard error (twice that below 300 samples, thrice below 100, where the
    correction is also kept as small as these samples allow), the model is PCA, fitted
    to all samples. Below 600 distinct samples five folds decide, and the model is then
    fitted to all samples; below ten it is PCA. Where these are patterns with twenty
    copies or more on average, all are trained on and compared: new samples repeat them.

    Features need no scaling for training to work, but as in PCA those of large variance
    count most in the squared error.

    Parameters
    ----------
    {parameters}

    See Also
    --------
    sklearn.decomposition.PCA : The linear model that this one starts from.
    skae.metrics.reconstruction_error : Compares both on new samples.

    Notes
    -----
    Training is in float32; predictions for float64 samples are computed in float64.
    With the anchor, samples far from the training samples are reconstructed nearly as
    by PCA: the networks see them clipped to the range of the training samples, and
    their correction is attenuated the farther out a sample is.

    References
    ----------
    Hinton, G. E. and Salakhutdinov, R. R. (2006). Reducing the dimensionality of data
    with neural networks. Science 313, 504-507.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from skae import AutoencoderTransformer
    >>> from skae.metrics import reconstruction_error
    >>> X = load_digits().data
    >>> ae = AutoencoderTransformer(n_components=4, max_iter=300, random_state=0)
    >>> codes = ae.fit_transform(X[:1500])
    >>> codes.shape
    (1500, 4)
    >>> pca = PCA(n_components=4).fit(X[:1500])
    >>> bool(reconstruction_error(ae, X[1500:]) < reconstruction_error(pca, X[1500:]))
    True
    """
