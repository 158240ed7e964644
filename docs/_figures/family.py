"""Tables and numbers of `benchmarks/family.py`."""

import pandas as pd

from .results import between, constant, geometric_mean, read


def family():
    """Tell the error of each estimator relative to PCA's."""
    tables = read("family_reconstruction").groupby("estimator")
    fashion = read("family_reconstruction_fashion").set_index("estimator")
    n_tables = tables.size().max()

    def mean(name):
        complete = tables.size()[name] == n_tables
        return f"{geometric_mean(tables.get_group(name).ratio):.2f}" if complete else ""

    return pd.DataFrame(
        {
            "error / PCA's": f"`{name}`",
            f"{n_tables} data sets": mean(name),
            "Fashion-MNIST": f"{row.ratio:.2f}",
            "test error": f"{row.error:.4f}",
            "fit (s)": f"{row.seconds:.0f}",
        }
        for name, row in fashion.iterrows()
    )


def denoising():
    """Tell the error after denoising, relative to PCA fitted to noisy data."""
    tables, fashion = read("family_denoising"), read("family_denoising_fashion")
    found = {
        f"{noise}, {len(fits)} data sets": fits
        for noise, fits in tables.groupby("noise", sort=False)
    }
    found |= {
        f"{noise}, Fashion-MNIST": fits for noise, fits in fashion.groupby("noise")
    }
    columns = {
        "clean_pca/pca": "PCA of clean data",
        "plain/pca": "plain autoencoder",
        "denoising/pca": "denoising",
    }
    return pd.DataFrame(
        {"noise": name.replace("_and_", " and ")}
        | {
            label: f"{geometric_mean(fits[column]):.2f}"
            for column, label in columns.items()
        }
        for name, fits in found.items()
    )


def sparsity():
    """Tell the target and the actual sparsity on test images."""
    rows = []
    for row in read("family_sparsity_fashion").itertuples():
        # "topk" has a share of codes that are not zero, the others a mean activation.
        reached = row.nonzero if row.penalty == "topk" else row.held_out
        rows.append(
            {
                "penalty, codes": f'`"{row.penalty}"`, {row.size:,}',
                "target": f"{row.asked:.2f}",
                "test data": f"{reached:.3f}",
                "dead": str(row.dead),
                "variance lost": f"{row.lost:.3f}",
            }
        )
    return pd.DataFrame(rows)


def contractive_fits():
    """Return the fits of the lower of both weights."""
    fits = pd.concat([read("family_contraction"), read("family_contraction_fashion")])
    return fits[fits.contraction == weights(fits)[0]]


def weights(fits):
    """Return the weights of the penalty that were tried."""
    return sorted(set(fits.contraction) - {0})


def contraction():
    """Tell the effect of contraction, relative to AutoencoderTransformer."""
    columns = {
        "norm_ratio": "Jacobian",
        "norm/variance_ratio": "over variance",
        "moved_ratio": "moved",
        "inside_ratio": "moved inside",
        "error_ratio": "error",
    }
    return pd.DataFrame(
        {"data set": row["table"]}
        | {label: f"{row[column]:.3f}" for column, label in columns.items()}
        for _, row in contractive_fits().iterrows()
    )


def pretraining():
    """Tell the effect of layerwise pretraining on the error."""
    return pd.DataFrame(
        {
            "network": row["network"],
            "error": f"{row['geometric_mean']:.2f}",
            "best": f"{row['best']:.2f}",
            "worst": f"{row['worst']:.2f}",
            "time": f"{row['time']:.1f}",
        }
        for _, row in read("family_pretrain_summary").iterrows()
    )


def family_numbers():
    """Return the single numbers of all autoencoders."""
    tables = read("family_reconstruction")
    fashion = read("family_reconstruction_fashion").set_index("estimator")
    digits = tables[tables.table == "digits"].set_index("estimator").ratio
    noisy = read("family_denoising_fashion").iloc[0]
    default = read("family_pretrain_summary").set_index("network").loc["default"]
    return {
        "family_tables": tables.table.nunique(),
        "family_rows": f"{fashion.n_train.max():,}",
        "family_codes": fashion.k.max(),
        "convolution_error": f"{fashion.error['ConvolutionalAutoencoder']:.4f}",
        "convolution_seconds": f"{fashion.seconds['ConvolutionalAutoencoder']:.0f}",
        "convolution_digits": f"{digits['ConvolutionalAutoencoder']:.2f}",
        "plain_digits": f"{digits['AutoencoderTransformer']:.2f}",
        "noise_level": noisy.level,
        "pretrain_fits": int(default.fits),
        "pretrain_default": f"{default.geometric_mean:.2f}",
        "pretrain_time": between(read("family_pretrain_summary").time, 1),
    }


def contraction_numbers():
    """Return the single numbers of contraction."""
    tables, fashion = read("family_contraction"), contractive_fits().iloc[-1]
    low, high = weights(tables)
    images = read("family_contraction_fashion")
    heavy = images[images.contraction == high].iloc[0]
    mean = {
        weight: tables[tables.contraction == weight][["norm_ratio", "error_ratio"]]
        for weight in (low, high)
    }
    return {
        "contraction_low": low,
        "contraction_high": high,
        "contraction_high_norm": f"{geometric_mean(mean[high].norm_ratio):.3f}",
        "contraction_high_error": f"{geometric_mean(mean[high].error_ratio):.2f}",
        "contraction_high_error_images": f"{heavy.error_ratio:.2f}",
        "contraction_high_moved": f"{heavy.moved_ratio:.0f}",
        "contraction_high_inside": f"{heavy.inside_ratio:.2f}",
        "contraction_error": between(mean[low].error_ratio),
        "contraction_moved": f"{fashion.moved_ratio:.1f}",
        "contraction_inside": f"{fashion.inside_ratio:.2f}",
        "shift": constant("family", "SHIFT"),
    }
