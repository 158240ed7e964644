"""
A network of your own in a grid search
======================================

`network` takes a function that makes an encoder and a decoder in PyTorch. Here a grid
search chooses between two of them and the built-in layers, in a pipeline with a scaler,
by the reconstruction error in the units of the pixels. The script prints what each one
reached and draws what the best one, and PCA, make of digits that they have not seen.
"""

from _drawing import digits, draw_digits, first_of_each, read_output
from sklearn.decomposition import PCA
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from skae import AutoencoderTransformer
from skae.metrics import neg_reconstruction_error_scorer, reconstruction_error

N_COMPONENTS = 8


def normalised(n_features, n_components):
    """Return wide layers with layer normalisation."""
    encoder = nn.Sequential(
        *(nn.Linear(n_features, 128), nn.LayerNorm(128), nn.GELU()),
        nn.Linear(128, n_components),
    )
    decoder = nn.Sequential(
        *(nn.Linear(n_components, 128), nn.LayerNorm(128), nn.GELU()),
        nn.Linear(128, n_features),
    )
    return encoder, decoder


def lopsided(n_features, n_components):
    """Return a linear encoder and a deep decoder."""
    decoder = nn.Sequential(
        *(nn.Linear(n_components, 128), nn.SiLU(), nn.Linear(128, 128), nn.SiLU()),
        nn.Linear(128, n_features),
    )
    return nn.Linear(n_features, n_components), decoder


def main():
    output = read_output(__doc__, "own_network")
    X_train, X_test, y_test = digits()

    pipeline = Pipeline(
        [
            ("scale", StandardScaler()),
            ("code", AutoencoderTransformer(N_COMPONENTS, random_state=0)),
        ]
    )
    search = GridSearchCV(
        pipeline,
        {"code__network": [None, normalised, lopsided]},
        scoring=neg_reconstruction_error_scorer,
        cv=3,
    )
    search.fit(X_train)

    print("Mean squared error of the pixels, three folds:")
    results = search.cv_results_
    for network, score in zip(
        results["param_code__network"], results["mean_test_score"], strict=True
    ):
        print(f"{network.__name__ if network else 'built in':12}{-score:.4f}")
    print(f"Best on held-out digits: {reconstruction_error(search, X_test):.4f}")

    shown = X_test[first_of_each(y_test)]
    pca = PCA(N_COMPONENTS, random_state=0).fit(X_train)
    pictures = {"original": shown}
    for name, model in {"PCA": pca, "best": search}.items():
        pictures[name] = model.inverse_transform(model.transform(shown))
    draw_digits(pictures, output)


if __name__ == "__main__":
    main()
