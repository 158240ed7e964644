"""Tables and numbers of `benchmarks/reconstruction.py`."""

import pandas as pd

from .results import between, geometric_mean, read

ENOUGH = 5  # data sets for a mean
SAME = 1e-6  # ratios of errors this close to one are those of the same model


def reconstruction():
    """Compare the error on held-out data with PCA's."""
    scaled, raw = read("reconstruction"), read("raw/reconstruction")
    found = {
        f"{scaled.table.nunique()} data sets, standardised": scaled,
        f"{raw.table.nunique()} data sets, unscaled": raw,
        "Fashion-MNIST, ten codes": read("reconstruction_fashion"),
    }
    return pd.DataFrame(
        {
            "data": name,
            "fits": str(len(fits)),
            "error / PCA's": f"{geometric_mean(fits.ratio):.3f}",
            "worst": f"{fits.ratio.max():.3f}",
            "PCA kept": str(kept(fits)),
            "fit (s)": f"{fits.seconds.median():.1f}",
        }
        for name, fits in found.items()
    )


def kept(fits):
    """Return the number of fits that ended with PCA."""
    return int((abs(fits.ratio - 1) < SAME).sum())


def reconstruction_tables():
    """Tell the mean ratio over the seeds of each data set."""
    rows = []
    for name, fits in read("reconstruction").groupby("table", sort=False):
        by_size = fits.groupby("k").ratio.mean()
        others = [f"{by_size[k]:.3f}" for k in by_size.index if k != 2]
        rows.append(
            {
                "data set": name,
                "samples x features": f"{fits.n_train.max():,} x {fits.d.max():,}",
                "two codes": f"{by_size[2]:.3f}" if 2 in by_size else "",
                "a quarter": others[0] if others else "",
            }
        )
    return pd.DataFrame(rows)


def reconstruction_numbers():
    """Return the single numbers of reconstruction."""
    fits, fashion = read("reconstruction"), read("reconstruction_fashion").iloc[0]
    worst = fits.loc[fits.ratio.idxmax()]
    share, ordered = read("nested_share"), read("nested_codes")
    by_length = ordered.groupby("m").ratio
    means = by_length.agg(geometric_mean)[by_length.size() >= ENOUGH]
    reached = share.points_short <= 0
    return {
        "reconstruction_seeds": fits.seed.nunique(),
        "reconstruction_fits": len(fits),
        "reconstruction_kept": kept(fits),
        "reconstruction_near": f"{100 * (fits.ratio <= 1.01).mean():.1f}",
        "reconstruction_worst": f"{worst.ratio:.3f}",
        "reconstruction_worst_table": worst.table,
        "reconstruction_worst_rows": worst.n_train,
        "reconstruction_worse": int((fits.ratio > 1.001).sum()),
        "fashion_error": f"{fashion.error:.4f}",
        "fashion_pca": f"{fashion.pca_error:.4f}",
        "nested_enough": ENOUGH,
        "nested_means": between(means),
        "nested_worst": f"{ordered.ratio.max():.2f}",
        "share_asked": share.asked[0],
        "share_tables": len(share),
        "share_reached": int(reached.sum()),
        "share_short": f"{share.points_short.max():.1f}",
        "share_short_table": share.table[share.points_short.idxmax()],
    }
