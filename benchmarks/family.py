"""All autoencoders, evaluated on held-out data.

Every data set is split as in reconstruction.py: a third of the samples is held out,
features are standardised by the training data, and the size k is a quarter of the
number of features. Data sets with 64 features or more whose number is a square are
treated as images and keep their constant features. With ``--fashion`` the data are
10,000 training and 10,000 test images with pixels in [0, 1], and k is ten.

- ``reconstruction``: the error of each estimator with k codes relative to PCA(k)'s.
- ``denoising``: held-out data with noise of level 0.3, reconstructed and compared with
  the clean data, relative to PCA(k) fitted to training data with the same noise; also
  AutoencoderTransformer fitted to those noisy data, and PCA(k) fitted to the clean
  ones, as DenoisingAutoencoder is.
- ``sparsity``: the target of the mean activation (for "topk" the share of codes that
  are not zero) and its actual value, codes that are never above 0.1 on the training
  data ("dead"), the share of codes of held-out data that are not zero and that are
  above 0.1 ("active"), and the share of the variance that is lost.
- ``contraction``: mean squared norm of the Jacobian of the codes on held-out data
  relative to AutoencoderTransformer's, alone and divided by the variance of the codes
  (smaller codes have a smaller Jacobian without a benefit); the mean squared
  displacement of the codes by noise of a tenth of a feature's standard deviation
  ("moved"; "inside" if the noisy samples stay within the range of the training data),
  divided by that variance; and the ratio of the errors.
- ``likelihood``: VAE.score and PCA.score, in nats per feature.

    python benchmarks/family.py                            # scikit-learn's digits
    python benchmarks/family.py --data FOLDER --sections denoising contraction
    python benchmarks/family.py --fashion fashion_mnist.npz
    python benchmarks/family.py --fashion fashion_mnist.npz --components 32 \
        --sections denoising --noises gaussian
    python benchmarks/family.py --speed --fashion fashion_mnist.npz
    python benchmarks/family.py --pretrain --data FOLDER --seeds 3

``--speed`` times a training step of each estimator through the public fit, as the
difference of two numbers of steps, alternating with AutoencoderTransformer; the result
is the median of the ratios. ``--pretrain`` divides the held-out error with
pretrain="layerwise" by the error without, on the same data with the same seed.
"""

import sys
import time
import warnings
from math import isqrt
from pathlib import Path
from typing import NamedTuple

import numpy as np
from _common import (
    list_tables,
    load_fashion,
    load_table,
    machine_line,
    make_parser,
    print_table,
    write_csv,
)
from reconstruction import (
    geometric_mean,
    mean_squared_error,
    pca_error,
    split,
)
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import minmax_scale
from speed import CLOCKS, tabular_data
from threadpoolctl import threadpool_limits

from skae import (
    VAE,
    AutoencoderTransformer,
    ContractiveAutoencoder,
    ConvolutionalAutoencoder,
    DenoisingAutoencoder,
    SparseAutoencoder,
)

NOISES = ("gaussian", "masking", "salt_and_pepper", "swap")
PENALTIES = ("kl", "l1", "topk")
LEVEL = 0.3
SPARSE_SIZES, ASKED = (64, 1024), (0.05, 0.2)
CONTRACTIONS = (0.1, 1.0)
SHIFT = 0.1
ALIVE = 0.1
QUICK_STEPS = 20


class Data(NamedTuple):
    """Training and held-out data, and the size of the codes."""

    name: str
    seed: int
    X: np.ndarray
    X_test: np.ndarray
    k: int
    is_image: bool

    @property
    def key(self):
        """Return the fields that identify the data of a result."""
        n, d = self.X.shape
        return {"table": self.name, "seed": self.seed, "n_train": n, "d": d}


def prepare(name, path, seed, args):
    """Return a data set, or None if it has too few samples."""
    X = load_table(name, path)
    side = isqrt(X.shape[1])
    is_image = side >= 8 and side**2 == X.shape[1]
    X, X_test = split(X, seed, args.max_rows, False, keep_constant=is_image)
    k = max(1, round(0.25 * X.shape[1]))
    return Data(name, seed, X, X_test, k, is_image) if k < min(X.shape) else None


def prepare_fashion(path, k, seed, quick):
    """Return the images."""
    n = 500 if quick else 10_000
    X, X_test = load_fashion(path)
    rows = np.random.default_rng(seed).permutation(len(X))[:n]
    return Data("fashion", seed, X[rows], X_test[:n], k, True)


def fitted(estimator, X, seed, quick):
    """Return the fitted estimator and the seconds of the fit."""
    estimator.set_params(random_state=seed)
    if quick:
        estimator.set_params(max_iter=QUICK_STEPS)
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        estimator.fit(X)
    return estimator, time.perf_counter() - start


def warm_up():
    """Run the imports of the first fits, so that they are not timed."""
    X = np.random.default_rng(0).normal(size=(100, 64))
    for cls in (AutoencoderTransformer, ConvolutionalAutoencoder):
        fitted(cls(n_components=2), X, 0, quick=True)


def error_of(model, X):
    """Return the error of a reconstruction."""
    return mean_squared_error(X, model.inverse_transform(model.transform(X)))


# Sections: each returns results for one data set and one seed.


def reconstruction(data, args):
    """Compare the error of every estimator with PCA's at the same size."""
    k, X, X_test = data.k, data.X, data.X_test
    estimators = [
        AutoencoderTransformer(k),
        DenoisingAutoencoder(k, noise_level=LEVEL),
        SparseAutoencoder(k),
        ContractiveAutoencoder(k),
        VAE(k),
    ]
    if data.is_image:
        estimators.append(ConvolutionalAutoencoder(n_components=k))
    reference = pca_error(X, X_test, k)
    rows = []
    for estimator in estimators:
        model, seconds = fitted(estimator, X, data.seed, args.quick)
        error = error_of(model, X_test)
        row = {"k": k, "estimator": type(model).__name__, "error": error}
        row |= {"pca_error": reference, "ratio": error / reference}
        row |= {"steps": model.n_iter_, "seconds": seconds}
        rows.append(data.key | row)
    return rows


def denoising(data, args):
    """Compare the error of each reconstruction of noisy data."""
    k, X, X_test = data.k, data.X, data.X_test
    rows = []
    for noise in args.noises:
        denoiser = DenoisingAutoencoder(k, noise=noise, noise_level=LEVEL)
        denoiser, seconds = fitted(denoiser, X, data.seed, args.quick)
        noisy = denoiser.corrupt(X, random_state=2 * data.seed)
        noisy_test = denoiser.corrupt(X_test, random_state=2 * data.seed + 1)
        plain, _ = fitted(AutoencoderTransformer(k), noisy, data.seed, args.quick)
        models = {
            "denoising": denoiser,
            "plain": plain,
            "pca": PCA(k, random_state=0).fit(noisy),
            "clean_pca": PCA(k, random_state=0).fit(X),
        }
        errors = {
            name: mean_squared_error(
                X_test, model.inverse_transform(model.transform(noisy_test))
            )
            for name, model in models.items()
        }
        row = {"k": k, "noise": noise, "level": LEVEL}
        row |= {"noise_error": mean_squared_error(X_test, noisy_test)}
        row |= {"pca_error": errors["pca"]}
        names = ("clean_pca", "plain", "denoising")
        row |= {f"{name}/pca": errors[name] / errors["pca"] for name in names}
        row["denoising/plain"] = errors["denoising"] / errors["plain"]
        rows.append(data.key | row | {"steps": denoiser.n_iter_, "seconds": seconds})
    return rows


def sparsity(data, args):
    """Measure the sparsity of the codes, and the reconstruction error."""
    total = mean_squared_error(data.X_test, data.X.mean(axis=0))
    rows = []
    for penalty in PENALTIES:
        for size in SPARSE_SIZES:
            for asked in ASKED:
                model = SparseAutoencoder(size, penalty=penalty, sparsity=asked)
                model, seconds = fitted(model, data.X, data.seed, args.quick)
                codes = model.transform(data.X_test)
                highest = model.transform(data.X).max(axis=0)
                activation = model.mean_activation_
                row = {"penalty": penalty, "size": size, "asked": asked}
                row |= {
                    "reached": float(activation.mean()),
                    "held_out": float(codes.mean()),
                    "lowest_unit": float(activation.min()),
                    "highest_unit": float(activation.max()),
                    "dead": int((highest <= ALIVE).sum()),
                    "nonzero": float((codes != 0).mean()),
                    "active": float((codes > ALIVE).mean()),
                    "lost": error_of(model, data.X_test) / total,
                }
                rows.append(
                    data.key | row | {"steps": model.n_iter_, "seconds": seconds}
                )
    return rows


def contraction(data, args):
    """Compare the Jacobian of the codes with that of the plain autoencoder."""
    low, high = data.X.min(axis=0), data.X.max(axis=0)
    noise = np.random.default_rng(data.seed).normal(size=data.X_test.shape)
    moved = data.X_test + SHIFT * data.X.std(axis=0) * noise
    found = []
    for weight in (0.0, *CONTRACTIONS):
        estimator = (
            ContractiveAutoencoder(data.k, contraction=weight)
            if weight
            else AutoencoderTransformer(data.k)
        )
        model, seconds = fitted(estimator, data.X, data.seed, args.quick)
        codes = model.transform(data.X_test)
        variance = float(codes.var(axis=0).sum())
        # Mean squared displacement of the codes by noise, relative to their variance.
        clipped = model.transform(data.X_test.clip(low, high))
        shift, inside = (
            float(np.mean(np.sum((model.transform(noisy) - before) ** 2, axis=1)))
            / variance
            for noisy, before in ((moved, codes), (moved.clip(low, high), clipped))
        )
        norm = float(model.jacobian_norm(data.X_test).mean())
        error = error_of(model, data.X_test)
        found.append(
            (weight, norm, variance, shift, inside, error, model.n_iter_, seconds)
        )
    _, norm0, variance0, shift0, inside0, error0, *_ = found[0]
    return [
        data.key
        | {
            "k": data.k,
            "contraction": weight,
            "norm": norm,
            "norm_ratio": norm / norm0,
            "variance_ratio": variance / variance0,
            "norm/variance_ratio": norm / norm0 / (variance / variance0),
            "moved_ratio": shift / shift0,
            "inside_ratio": inside / inside0,
            "error_ratio": error / error0,
            "steps": steps,
            "seconds": seconds,
        }
        for weight, norm, variance, shift, inside, error, steps, seconds in found
    ]


def likelihood(data, args):
    """Compare the log-likelihood of held-out data with probabilistic PCA's."""
    model, seconds = fitted(VAE(data.k), data.X, data.seed, args.quick)
    d = data.X.shape[1]
    reference = PCA(data.k, random_state=0).fit(data.X).score(data.X_test) / d
    score = model.score(data.X_test) / d
    row = {"k": data.k, "pca": reference, "vae": score, "gain": score - reference}
    row |= {"elbo": float(model.elbo(data.X_test).mean()) / d}
    return [data.key | row | {"steps": model.n_iter_, "seconds": seconds}]


SECTIONS = {
    "reconstruction": (reconstruction, "Held-out error relative to PCA's"),
    "denoising": (denoising, "Error after denoising relative to PCA's"),
    "sparsity": (sparsity, "Sparse codes"),
    "contraction": (contraction, "Contraction relative to AutoencoderTransformer"),
    "likelihood": (likelihood, "Log-likelihood of held-out data, nats per feature"),
}


def averaged(rows, keys, values):
    """Return the geometric means of the values over all results with the same keys."""
    groups = {}
    for row in rows:
        groups.setdefault(tuple(row[key] for key in keys), []).append(row)
    return [
        dict(zip(keys, key, strict=True))
        | {"fits": len(group)}
        | {value: geometric_mean([row[value] for row in group]) for value in values}
        for key, group in groups.items()
    ]


MEANS = {
    "reconstruction": (("estimator",), ("ratio", "seconds")),
    "denoising": (("noise",), ("clean_pca/pca", "plain/pca", "denoising/pca")),
    "contraction": (
        ("contraction",),
        (
            "norm_ratio",
            "norm/variance_ratio",
            "moved_ratio",
            "inside_ratio",
            "error_ratio",
        ),
    ),
}


def run_sections(args):
    """Run the sections on every data set, and print a table for each."""
    if args.fashion:
        found = [
            prepare_fashion(args.fashion, args.components, seed, args.quick)
            for seed in range(args.seeds)
        ]
    else:
        tables = list_tables(args.data) if args.data else {"digits": None}
        found = [
            prepare(name, path, seed, args)
            for seed in range(args.seeds)
            for name, path in tables.items()
        ]
    suffix = "_fashion" if args.fashion else ""
    for section in args.sections:
        function, title = SECTIONS[section]
        rows = []
        for data in filter(None, found):
            print(f"  {section}: {data.name}, seed {data.seed}", file=sys.stderr)
            rows += function(data, args)
        print_table(title, rows)
        if section in MEANS and len(found) > 1:
            print_table(f"{title}: geometric means", averaged(rows, *MEANS[section]))
        write_csv(args.output, f"family_{section}{suffix}", rows)


# Speed


def timed(build, X, steps, clock):
    """Return the seconds of a fit with the given number of steps."""
    model = build().set_params(
        max_iter=steps, early_stopping=False, batch_size=128, random_state=0
    )
    start = CLOCKS[clock]()
    model.fit(X)
    return CLOCKS[clock]() - start


def budgets(build, X, args):
    """Return two numbers of steps whose difference takes about ``args.seconds``."""
    timed(build, X, 10, args.clock)
    extra = timed(build, X, 210, args.clock) - timed(build, X, 10, args.clock)
    steps = int(200 * args.seconds / max(extra, 1e-3))
    return 10, 10 + min(max(steps, 50), 20_000)


def variants(k, hidden):
    """Return functions that build the estimators, and whether X is in [0, 1]."""

    def builder(cls, **options):
        return lambda: cls(k, hidden_layer_sizes=hidden, **options)

    found = {"anchor=None": (builder(AutoencoderTransformer, anchor=None), False)}
    for noise in NOISES:
        build = builder(DenoisingAutoencoder, noise=noise, noise_level=LEVEL)
        found[f"denoising, {noise}"] = build, False
    for penalty in PENALTIES:
        build = builder(SparseAutoencoder, penalty=penalty)
        found[f"sparse, {penalty}"] = build, False
    found["contractive"] = builder(ContractiveAutoencoder), False
    found["vae, gaussian"] = builder(VAE), False
    found["vae, bernoulli"] = builder(VAE, likelihood="bernoulli"), True
    return builder(AutoencoderTransformer), found


def run_speed(args):
    """Print the time of a step of each estimator relative to the plain one's."""
    n = 2_000 if args.quick else 20_000
    tasks = {"30-64-32-8": (tabular_data(n, 30), 8, (64, 32))}
    if args.fashion:
        tasks["784-400-10"] = (load_fashion(args.fashion)[0][:n], 10, (400,))
    rows = []
    for network, (X, k, hidden) in tasks.items():
        # In single precision the maximum may be rounded to above one.
        scaled = minmax_scale(X.astype(np.float64)).clip(0, 1).astype(np.float32)
        plain, estimators = variants(k, hidden)
        table = []
        for name, (build, in_unit_interval) in estimators.items():
            used = scaled if in_unit_interval else X
            short, long = budgets(plain, used, args)
            timed(build, used, short, args.clock)
            steps = []
            for number in range(args.rounds):
                seconds = [
                    [timed(f, used, count, args.clock) for f in (plain, build)]
                    for count in (short, long)
                ]
                steps.append(np.diff(seconds, axis=0)[0] / (long - short))
                row = {"network": network, "estimator": name, "round": number}
                row |= {"plain_us": 1e6 * steps[-1][0], "step_us": 1e6 * steps[-1][1]}
                rows.append(row | {"ratio": steps[-1][1] / steps[-1][0]})
            ratios = [step / reference for reference, step in steps]
            table.append(
                {
                    "estimator": name,
                    "plain_us": 1e6 * float(np.median([a for a, _ in steps])),
                    "step_us": 1e6 * float(np.median([b for _, b in steps])),
                    "ratio": float(np.median(ratios)),
                    "lowest": float(min(ratios)),
                    "highest": float(max(ratios)),
                }
            )
            print(f"  {network}: {name}", file=sys.stderr, flush=True)
        print_table(
            f"A step relative to AutoencoderTransformer's: {network}, batch 128, "
            f"{args.clock} seconds",
            table,
        )
    write_csv(args.output, "family_speed", rows)


# Layerwise pretraining

DEEP = (128, 64, 32)
NETWORKS = {
    "default": {},
    "default, unanchored": {"anchor": None},
    "deep": {"hidden_layer_sizes": DEEP},
    "deep, unanchored": {"hidden_layer_sizes": DEEP, "anchor": None},
    "logistic, unanchored": {"activation": "logistic", "anchor": None},
    "deep logistic, unanchored": {
        "activation": "logistic",
        "hidden_layer_sizes": DEEP,
        "anchor": None,
    },
}


def run_pretrain(args):
    """Print the errors with pretraining relative to those without."""
    tables = list_tables(args.data) if args.data else {"digits": None}
    rows = []
    for seed in range(args.seeds):
        for table, path in tables.items():
            data = prepare(table, path, seed, args)
            for network, options in NETWORKS.items() if data else ():
                errors, seconds = [], []
                for pretrain in (None, "layerwise"):
                    model = AutoencoderTransformer(data.k, pretrain=pretrain, **options)
                    model, spent = fitted(model, data.X, seed, args.quick)
                    errors.append(error_of(model, data.X_test))
                    seconds.append(spent)
                row = {"k": data.k, "network": network}
                row |= {"without": errors[0], "layerwise": errors[1]}
                row |= {"ratio": errors[1] / errors[0]}
                row |= {"time_ratio": seconds[1] / seconds[0]}
                rows.append(data.key | row)
            print(f"  {table}, seed {seed}", file=sys.stderr, flush=True)
    print_table("Error with layerwise pretraining relative to none", rows)
    totals = []
    for network in NETWORKS:
        mine = [row for row in rows if row["network"] == network]
        ratio = np.array([row["ratio"] for row in mine])
        totals.append(
            {
                "network": network,
                "fits": len(mine),
                "geometric_mean": geometric_mean(ratio),
                "best": float(ratio.min()),
                "worst": float(ratio.max()),
                "wins(<0.99)": int((ratio < 0.99).sum()),
                "losses(>1.01)": int((ratio > 1.01).sum()),
                "time": geometric_mean([row["time_ratio"] for row in mine]),
            }
        )
    print_table("All data sets", totals)
    write_csv(args.output, "family_pretrain", rows)
    write_csv(args.output, "family_pretrain_summary", totals)


def main():
    """Run the benchmark of the command line."""
    parser = make_parser(__doc__)
    add = parser.add_argument
    add("--data", type=Path, metavar="FOLDER", help=".npz files, each with X")
    add("--fashion", type=Path, metavar="FILE", help="Fashion-MNIST only, from FILE")
    add("--components", type=int, default=10, help="codes for --fashion")
    add("--sections", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    add("--noises", nargs="+", choices=NOISES, default=list(NOISES))
    add("--seeds", type=int, default=1, metavar="N", help="seeds 0 to N - 1")
    add("--max-rows", type=int, default=10_000, help="maximum number of samples")
    add("--speed", action="store_true", help="time a step of each estimator")
    add("--rounds", type=int, default=7, help="measurements of --speed")
    add("--seconds", type=float, default=1.0, help="length of a measurement")
    add("--clock", choices=CLOCKS, default="wall", help="wall or CPU seconds")
    add(
        "--pretrain", action="store_true", help="with layerwise pretraining and without"
    )
    args = parser.parse_args()
    if args.quick:
        args.seeds, args.max_rows = 1, min(args.max_rows, 300)
        args.rounds, args.seconds = 2, 0.02

    print(machine_line())
    run = run_speed if args.speed else run_pretrain if args.pretrain else run_sections
    with threadpool_limits(1):
        warm_up()
        run(args)


if __name__ == "__main__":
    main()
