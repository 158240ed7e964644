"""Tables and single numbers of README and the site, from ``benchmarks/results``.

There is a file for each benchmark, and in it a function for each table, which returns
it as text, ready to be printed: the first column labels the row, the others have
numbers. Backticks mark code.
"""

from . import family, likelihood, outliers, reconstruction, speed

TABLES = {
    "reconstruction": reconstruction.reconstruction,
    "reconstruction_tables": reconstruction.reconstruction_tables,
    "speed_throughput": speed.speed_throughput,
    "speed_ratios": speed.speed_ratios,
    "speed_default": speed.speed_default,
    "speed_quality": speed.speed_quality,
    "speed_family": speed.speed_family,
    "memory": speed.memory,
    "family": family.family,
    "denoising": family.denoising,
    "sparsity": family.sparsity,
    "contraction": family.contraction,
    "pretraining": family.pretraining,
    "likelihood": likelihood.likelihood,
    "likelihood_images": likelihood.likelihood_images,
    "outliers_detection": outliers.detection,
    "outliers_pvalues": outliers.pvalues,
    "outliers_explain": outliers.attribution,
    "outliers_fit": outliers.fit_times,
    "outliers_memory": outliers.scoring_memory,
}


def numbers():
    """Return all single numbers by their names."""
    return (
        reconstruction.reconstruction_numbers()
        | speed.speed_numbers()
        | family.family_numbers()
        | family.contraction_numbers()
        | likelihood.likelihood_numbers()
        | outliers.outlier_numbers()
    )
