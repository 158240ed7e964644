"""The plain autoencoder."""

from sklearn.base import _fit_context

from ._base import BaseAutoencoder


class AutoencoderTransformer(BaseAutoencoder):
    r"""Dimensionality reduction with an autoencoder that starts at PCA.

    With PCA's mean :math:`\mu`, directions :math:`V` and standard deviations :math:`s`,
    codes and reconstructions are

    .. math::

        z = s^{-1} V^\top (x - \mu) + f(x), \qquad
        \hat x = \mu + V (s \odot z) + r \odot g(z),

    where the networks :math:`f` and :math:`g` start at zero and :math:`r` is the scale
    of what PCA leaves. At the first step the model is PCA. Rows that are held out
    decide when training stops and whether the networks are kept: if the gain over PCA
    does not exceed its standard error (twice that below 300 rows), the model is PCA,
    fitted to all rows. Below 600 distinct rows five folds decide, and the model is then
    fitted to all rows; below ten it is PCA.

    Columns need no scaling for training to work, but as in PCA those of large variance
    count most in the squared error.

    Parameters
    ----------
    n_components : int, float or None, default=None
        Number of codes. A float in (0, 1) asks for the fewest whose reconstruction
        explains that share of the variance of held-out rows, a standard error to
        spare (PCA's number on the training rows where none are held out); the codes are
        then ordered, the first m reconstructing on their own as well as they can. None
        takes as many as PCA needs for 95 % of the variance of the training rows.
    hidden_layer_sizes : array-like of int or "auto", default="auto"
        Widths of the encoder's hidden layers; the decoder mirrors them. "auto" is two
        layers that grow with the table.
    activation : {"silu", "gelu", "relu", "leaky_relu", "elu", "tanh", "logistic", \
            "identity"}, default="silu"
        Activation of the hidden layers.
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

    Attributes
    ----------
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
    loss_curve_ : list of float
        Mean training loss between measurements, in units of PCA's held-out loss.
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

    See Also
    --------
    sklearn.decomposition.PCA : The linear model that this one starts from.
    skae.metrics.reconstruction_error : Compares both on new rows.

    Notes
    -----
    The arithmetic is float32; predictions for float64 rows are computed in float64.
    With the anchor, rows far from the training rows are reconstructed nearly as PCA
    does: the networks see them clipped to the range of the training rows and are
    believed less the farther out a row is.

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

    def __init__(
        self,
        n_components=None,
        *,
        hidden_layer_sizes="auto",
        activation="silu",
        anchor="pca",
        loss="squared_error",
        whiten=False,
        alpha=1e-2,
        learning_rate_init="auto",
        batch_size="auto",
        max_iter="auto",
        early_stopping=True,
        validation_fraction=0.1,
        n_iter_no_change="auto",
        tol=1e-4,
        warm_start=False,
        random_state=None,
        verbose=0,
        device="auto",
    ):
        self.n_components = n_components
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.anchor = anchor
        self.loss = loss
        self.whiten = whiten
        self.alpha = alpha
        self.learning_rate_init = learning_rate_init
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose
        self.device = device

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, sample_weight=None):
        """Fit the autoencoder to X.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training rows, dense numbers of any type. They are read in chunks, neither
            copied whole nor changed.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows; zero leaves a row out.

        Returns
        -------
        AutoencoderTransformer
            The fitted estimator.

        Raises
        ------
        ValueError
            If X has missing, infinite or huge values (the columns are named), fewer
            than two rows, or fewer rows or columns than `n_components`.
        TypeError
            If X is sparse or holds dates.
        """
        return self._fit(X, y, sample_weight)
