"""Training speed: samples per second, time to quality, fits with default parameters.

Every method runs in its own process, on one thread; the processes alternate, method
after method, round after round, so that a machine that slows down slows all of them.
Machines are noisy: use the medians of the ratios within a round, and the range (lowest
to highest) next to them.

- ``throughput``: training samples per second with a batch size of 128, as the
  difference of two numbers of epochs, so that set-up (PCA, imports, the scoring after
  the fit) cancels. Two networks: tabular 30-64-32-8-32-64-30 on synthetic data, wide
  784-400-10-400-784 on images. ReLU hidden layers, Adam; the code is linear except in
  MLPRegressor and PyOD, which offer only ReLU. ``products`` runs only the matrix
  products of the network, each by the faster of torch.mm and oneDNN: the ratio to it is
  the share of that limit.
- ``quality``: seconds until the test error on Fashion-MNIST is 15 % below that of PCA
  with ten components. skae: the full public fit, PCA included, with the smallest
  sufficient ``max_iter`` of a grid. Plain loop: training only, with its test error
  evaluated every 50 steps while the clock is stopped.
- ``default``: ``AutoencoderTransformer().fit(X)`` and an ``MLPRegressor`` of the same
  shape, (256, 128, k, 128, 256), on 10,000 x 50 synthetic samples and on iris.

    pip install -c constraints.txt ".[bench]"
    python benchmarks/speed.py
    python benchmarks/speed.py --data FOLDER_WITH_FASHION --rounds 7
    python benchmarks/speed.py --sections throughput --methods skae mlp plain

``quality`` needs ``fashion_mnist.npz`` (X_train, X_test) in the ``--data`` folder;
without it, the wide network is timed on scikit-learn's digits, enlarged and repeated.
"""

import math
import multiprocessing
import os
import time
import timeit
import warnings
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
from _common import (
    load_fashion,
    machine_line,
    make_parser,
    print_table,
    require,
    write_csv,
)
from sklearn.datasets import load_digits, load_iris
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor

BATCH = 128
NETWORKS = {"tabular": (30, 64, 32, 8), "wide": (784, 400, 10)}
GRID = (25, 50, 75, 100, 150, 200, 300, 400, 600)
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}


# Data


def tabular_data(n, d, seed=0):
    """Return standardised float32 samples: six latent factors, tanh, and noise."""
    rng = np.random.default_rng(seed)
    hidden = np.tanh(rng.standard_normal((n, 6)) @ rng.standard_normal((6, 40)))
    X = hidden @ rng.standard_normal((40, d)) + 0.3 * rng.standard_normal((n, d))
    return ((X - X.mean(axis=0)) / X.std(axis=0)).astype(np.float32)


def image_data(n, fashion):
    """Return float32 images of 784 pixels in [0, 1]."""
    if fashion:
        return load_fashion(fashion)[0][:n]
    small = load_digits().images / 16
    large = np.kron(small, np.ones((4, 4)))[:, 2:30, 2:30].reshape(-1, 784)
    return np.resize(large, (n, 784)).astype(np.float32)


# Throughput: a method takes X and the widths of the encoder, and returns run(epochs).


def mirrored(widths):
    """Return the widths of all layers from those of the encoder."""
    return [*widths, *widths[-2::-1]]


def skae_runner(X, widths, anchor):
    """Train through the public fit of AutoencoderTransformer."""
    from skae import AutoencoderTransformer

    def run(epochs):
        AutoencoderTransformer(
            n_components=widths[-1],
            hidden_layer_sizes=widths[1:-1],
            activation="relu",
            anchor=anchor,
            batch_size=BATCH,
            max_iter=epochs * len(X) // BATCH,
            early_stopping=False,
            random_state=0,
        ).fit(X)

    return run


def skae_anchored(X, widths):
    """Train with PCA's linear path, as by default."""
    return skae_runner(X, widths, "pca")


def skae_ordinary(X, widths):
    """Train without it: the same network as the other methods."""
    return skae_runner(X, widths, None)


def pyod(X, widths):
    """Train PyOD's AutoEncoder without batch norm, dropout and scaling."""
    from pyod.models.auto_encoder import AutoEncoder

    def run(epochs):
        AutoEncoder(
            epoch_num=epochs,
            batch_size=BATCH,
            hidden_neuron_list=list(widths[1:]),
            batch_norm=False,
            dropout_rate=0,
            preprocessing=False,
            optimizer_params={},
            device="cpu",
            verbose=0,
        ).fit(X)

    return run


def torch_network(widths):
    """Return the network as a ``torch.nn.Sequential``."""
    from torch import nn

    layers = []
    for i, (a, b) in enumerate(pairwise(mirrored(widths))):
        layers.append(nn.Linear(a, b))
        if i != len(widths) - 2:  # the code is linear
            layers.append(nn.ReLU())
    return nn.Sequential(*layers[:-1])


def skorch(X, widths):
    """Train skorch's regressor to predict its own input."""
    import torch
    from skorch import NeuralNetRegressor

    def run(epochs):
        NeuralNetRegressor(
            torch_network(widths),
            optimizer=torch.optim.Adam,
            lr=1e-3,
            max_epochs=epochs,
            batch_size=BATCH,
            train_split=None,
            device="cpu",
            verbose=0,
        ).fit(X, X)

    return run


def mlp(X, widths):
    """Train scikit-learn's regressor to predict its own input."""

    def run(epochs):
        MLPRegressor(
            hidden_layer_sizes=mirrored(widths)[1:-1],
            batch_size=BATCH,
            max_iter=epochs,
            tol=0,
            n_iter_no_change=10_000,
            random_state=0,
        ).fit(X, X)

    return run


def plain_training(X, widths, seed=0):
    """Yield the network after each step of a plain PyTorch loop."""
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    torch.manual_seed(seed)
    network = torch_network(widths)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    criterion = torch.nn.MSELoss()
    loader = DataLoader(
        TensorDataset(torch.from_numpy(X)), batch_size=BATCH, shuffle=True
    )
    while True:
        total = 0.0
        for (batch,) in loader:
            optimizer.zero_grad()
            loss = criterion(network(batch), batch)
            loss.backward()
            optimizer.step()
            total += loss.item()
            yield network


def plain(X, widths):
    """Train with a plain PyTorch loop over a DataLoader."""

    def run(epochs):
        training = plain_training(X, widths)
        for _ in range(epochs * len(X) // BATCH):
            next(training)

    return run


def fastest_product(a, b, out):
    """Return the faster matrix product of torch.mm and oneDNN."""
    import torch

    ways = [partial(torch.mm, a, b, out=out)]
    linear = getattr(torch.ops.mkldnn, "_linear_pointwise", None)  # private
    if linear is not None:
        ways.append(partial(linear, a, b.T, None, "none", [], ""))
    return min(ways, key=lambda way: min(timeit.repeat(way, number=20, repeat=5)))


def products(X, widths):
    """Run only the matrix products of a training step, each the fastest way."""
    import torch

    shapes = []
    for i, (a, b) in enumerate(pairwise(mirrored(widths))):
        x, grad, weight = torch.rand(BATCH, a), torch.rand(BATCH, b), torch.rand(a, b)
        shapes.append((x, weight, torch.empty(BATCH, b)))
        shapes.append((x.T, grad, torch.empty(a, b)))
        if i:
            shapes.append((grad, weight.T, torch.empty(BATCH, a)))
    with torch.inference_mode():
        calls = [fastest_product(*shape) for shape in shapes]

    @torch.inference_mode()
    def run(epochs):
        for _ in range(epochs * len(X) // BATCH):
            for call in calls:
                call()

    return run


RUNNERS = {
    "skae": skae_anchored,
    "skae, anchor=None": skae_ordinary,
    "pyod": pyod,
    "skorch": skorch,
    "mlp": mlp,
    "plain": plain,
    "products": products,
}
NEEDS = {"pyod": "pyod", "skorch": "skorch"}


# Tasks of the workers: each factory returns task(job), which returns the result.


def throughput_task(method, network, n, fashion, clock):
    """Return a task that measures a fit with the given number of epochs."""
    widths = NETWORKS[network]
    X = image_data(n, fashion) if network == "wide" else tabular_data(n, widths[0])
    run, now = RUNNERS[method](X, widths), CLOCKS[clock]

    def task(epochs):
        start = now()
        run(epochs)
        return now() - start

    return task


def quality_skae(fashion, n, target, clock):
    """Return a task that tries the grid until the target is reached."""
    from skae import AutoencoderTransformer

    X, X_test = load_fashion(fashion)
    X, now = X[:n], CLOCKS[clock]

    def build(steps, seed):
        return AutoencoderTransformer(
            n_components=10,
            hidden_layer_sizes=(400,),
            activation="relu",
            batch_size=BATCH,
            max_iter=steps,
            early_stopping=False,
            random_state=seed,
        )

    build(10, 0).fit(X[:1000])  # imports are not counted

    def task(seed):
        for steps in GRID:
            start = now()
            model = build(steps, seed).fit(X)
            seconds = now() - start
            found = model.inverse_transform(model.transform(X_test))
            error = float(np.mean((found - X_test) ** 2))
            if error <= target:
                break
        return steps, seconds, error

    return task


def quality_plain(fashion, n, target, clock):
    """Return a task that trains until the target is reached, for at most 40 epochs."""
    import torch

    X, X_test = load_fashion(fashion)
    X, test, now = X[:n], torch.from_numpy(X_test), CLOCKS[clock]
    next(plain_training(X, NETWORKS["wide"]))  # imports are not counted

    def task(seed):
        training, steps, seconds, error = None, 0, 0.0, math.inf
        while error > target and steps < 40 * len(X) // BATCH:
            start = now()
            training = training or plain_training(X, NETWORKS["wide"], seed)
            for _ in range(50):
                network = next(training)
            seconds += now() - start
            steps += 50
            with torch.no_grad():
                error = float(((network(test) - test) ** 2).mean())
        return steps, seconds, error

    return task


def default_task(method, table, n, clock):
    """Return a task that measures a fit with default parameters."""
    X = load_iris().data if table == "iris" else tabular_data(n, 50).astype(np.float64)
    k, now = int(PCA(0.95).fit(X).n_components_), CLOCKS[clock]

    def build(seed):
        if method == "mlp":
            widths = (256, 128, k, 128, 256)
            return MLPRegressor(hidden_layer_sizes=widths, random_state=seed)
        from skae import AutoencoderTransformer

        return AutoencoderTransformer(random_state=seed)

    build(0).fit(X[:50], X[:50])  # imports are not counted

    def task(seed):
        model = build(seed)
        start = now()
        model.fit(X, X)
        return now() - start

    return task


# Workers


def serve(pipe, factory, arguments):
    """Run jobs until None is received."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    try:
        task = factory(*arguments)
        for job in iter(pipe.recv, None):
            pipe.send(task(job))
    except Exception as problem:
        pipe.send(problem)
        raise


class Worker:
    """A process with its own data and model that runs jobs on request."""

    def __init__(self, factory, *arguments):
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(
            target=serve, args=(theirs, factory, arguments), daemon=True
        )
        self.process.start()

    def ask(self, job):
        """Send a job and return its result."""
        self.pipe.send(job)
        answer = self.pipe.recv()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def stop(self):
        """End the process."""
        self.pipe.send(None)
        self.process.join()


def stop(workers):
    """End all the processes."""
    for worker in workers.values():
        worker.stop()


# Sections


def spread(values):
    """Return a median with its lowest and highest value, as text."""
    low, high = (f"{bound(values):.2f}" for bound in (min, max))
    return f"{np.median(values):.2f} ({low} to {high})"


def throughput(args, fashion):
    """Time the methods on both networks; return one result per round and method."""
    found = []
    for network in args.networks:
        n = 1280 if args.quick else 49_920 if network == "tabular" else 12_800
        workers = {
            method: Worker(throughput_task, method, network, n, fashion, args.clock)
            for method in args.methods
        }
        epochs = {}
        for method, worker in workers.items():
            worker.ask(1)
            per_epoch = max(worker.ask(2) - worker.ask(1), 1e-4)
            epochs[method] = min(math.ceil(args.seconds / per_epoch), 200)
        rounds = []
        for number in range(args.rounds):
            speeds = {}
            for method, worker in workers.items():
                short, long = worker.ask(1), worker.ask(1 + epochs[method])
                speeds[method] = epochs[method] * n / max(long - short, 1e-9)
                row = {"network": network, "round": number, "method": method}
                found.append(row | {"rows_per_second": speeds[method]})
            rounds.append(speeds)
        stop(workers)
        show_throughput(network, rounds)
    return found


def show_throughput(network, rounds):
    """Print samples per second, and the ratios of skae to each method."""
    table = []
    for method in rounds[0]:
        speeds = [speeds[method] for speeds in rounds]
        row = {"method": method, "samples/s": float(np.median(speeds))}
        row |= {"lowest": min(speeds), "highest": max(speeds)}
        for ours in ("skae", "skae, anchor=None"):
            if ours in rounds[0]:
                ratios = [speeds[ours] / speeds[method] for speeds in rounds]
                row[f"{ours} / it"] = spread(ratios)
        table.append(row)
    widths = "-".join(map(str, mirrored(NETWORKS[network])))
    print_table(f"Samples per second: {network} network {widths}, batch {BATCH}", table)


def quality(args, fashion):
    """Time both methods to 85 % of PCA's error; return one result per method."""
    if fashion is None:
        print("\nTime to quality: skipped, no fashion_mnist.npz in the --data folder")
        return []
    X, X_test = load_fashion(fashion)
    X = X[: 2000 if args.quick else None]
    pca = PCA(10, random_state=0).fit(X)
    reference = np.mean((pca.inverse_transform(pca.transform(X_test)) - X_test) ** 2)
    target = float(0.85 * reference)
    factories = {"skae": quality_skae, "plain": quality_plain}
    workers = {
        method: Worker(factory, fashion, len(X), target, args.clock)
        for method, factory in factories.items()
        if method in args.methods
    }
    found = []
    for seed in range(args.rounds):
        for method, worker in workers.items():
            steps, seconds, error = worker.ask(seed)
            row = {"seed": seed, "method": method, "steps": steps, "seconds": seconds}
            found.append(row | {"test_error": error, "reached": error <= target})
    stop(workers)
    print_table(
        f"Time to test error {target:.5f}, PCA(10)'s {reference:.5f} less 15 %", found
    )
    show_ratio(found, "plain")
    return found


def default(args, fashion):
    """Time default fits; return one result per data set, round and method."""
    found = []
    for table in ("10,000 x 50", "iris"):
        n = 500 if args.quick else 10_000
        workers = {
            method: Worker(default_task, method, table, n, args.clock)
            for method in ("skae", "mlp")
            if method in args.methods
        }
        rows = []
        for seed in range(args.rounds):
            for method, worker in workers.items():
                row = {"table": table, "seed": seed, "method": method}
                rows.append(row | {"seconds": worker.ask(seed)})
        stop(workers)
        print_table(f"Fit with default parameters: {table}", rows)
        show_ratio(rows, "mlp")
        found += rows
    return found


def show_ratio(rows, peer):
    """Print the ratios of the seconds of skae and of another method in each round."""
    seconds = {
        method: [row["seconds"] for row in rows if row["method"] == method]
        for method in ("skae", peer)
    }
    if not all(row.get("reached", True) for row in rows):
        print("\n  The target was not always reached: no ratio")
    elif all(seconds.values()):
        ratios = [a / b for a, b in zip(*seconds.values(), strict=True)]
        print(f"\n  skae's time / {peer}'s: {spread(ratios)}")


SECTIONS = {"throughput": throughput, "quality": quality, "default": default}


def main():
    """Run the requested sections."""
    parser = make_parser(__doc__)
    add = parser.add_argument
    add("--data", type=Path, metavar="FOLDER", help="with fashion_mnist.npz")
    add("--sections", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    add("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    add("--methods", nargs="+", choices=RUNNERS, default=list(RUNNERS))
    add("--rounds", type=int, default=5)
    add("--seconds", type=float, default=1.0, help="minimum length of a measurement")
    add("--clock", choices=CLOCKS, default="wall", help="wall or CPU seconds")
    add("--threads", type=int, default=1, help="threads of each process")
    args = parser.parse_args()
    if args.quick:
        args.rounds, args.seconds = 2, 0.05
    require(*(NEEDS[method] for method in args.methods if method in NEEDS))
    fashion = args.data / "fashion_mnist.npz" if args.data else None
    if fashion and not fashion.exists():
        fashion = None
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = str(args.threads)  # read by the workers when they start

    print(f"{machine_line()}; {args.threads} thread(s), {args.clock} seconds")
    for name in args.sections:
        rows = SECTIONS[name](args, fashion)
        if rows:
            write_csv(args.output, f"speed_{name}", rows)


if __name__ == "__main__":
    main()
