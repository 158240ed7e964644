"""Tables and numbers of `benchmarks/likelihood.py`."""

import pandas as pd

from .results import read

SAME = 1e-6  # nats per feature that count as no difference
DENSITIES = {"vae": "`VAE`", "fa": "`FactorAnalysis`", "gmm": "`GaussianMixture`"}


def likelihood():
    """Compare densities with probabilistic PCA."""
    fits = read("likelihood")
    rows = []
    for method, label in DENSITIES.items():
        gain = fits[f"{method}-pca"]
        rows.append(
            {
                "density": label,
                "above PCA": str((gain > SAME).sum()),
                "equal": str((gain.abs() <= SAME).sum()),
                "below": str((gain < -SAME).sum()),
                "median gain": f"{gain.median():.2f}",
                "fit (s)": f"{fits[f'{method}_s'].median():.2f}",
            }
        )
    return pd.DataFrame(rows)


def likelihood_images():
    """Tell the log-likelihood of binarised images."""
    return pd.DataFrame(
        {
            "steps": f"{row.steps:,}",
            "nats": f"{row.nats:.1f}",
            "bound": f"{row.elbo:.1f}",
            "active codes": str(row.active),
            "fit (s)": f"{row.fit_s:.0f}",
        }
        for row in read("likelihood_images").itertuples()
    )


def likelihood_numbers():
    """Return the single numbers of likelihoods."""
    fits = read("likelihood")
    gain, images = fits["vae-pca"], next(read("likelihood_images").itertuples())
    return {
        "images_codes": images.codes,
        "images_rows": f"{images.rows:,}",
        "images_test_rows": f"{images.test_rows:,}",
        "images_draws": f"{images.draws:,}",
        "images_independent": f"{images.independent:.1f}",
        "likelihood_tables": fits.table.nunique(),
        "likelihood_fits": len(fits),
        "likelihood_above": int((gain > SAME).sum()),
        "likelihood_equal": int((gain.abs() <= SAME).sum()),
        "likelihood_mixture": int((fits.gmm > fits.vae).sum()),
        "likelihood_factors": int((fits.fa > fits.vae).sum()),
        "likelihood_far": int((fits["gmm-pca"] < -1).sum()),
        "likelihood_failed": int(fits.gmm.isna().sum()),
    }
