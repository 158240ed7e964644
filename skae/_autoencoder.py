"""The plain autoencoder."""

from sklearn.base import _fit_context

from ._base import BaseAutoencoder


class AutoencoderTransformer(BaseAutoencoder):
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
        """Fit to X."""
        return self._fit(X, y, sample_weight)
