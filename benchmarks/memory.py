"""Peak memory beyond X of fit and transform.

X is an array in memory (float32 or float64) or a float32 memmap on disk. Each case runs
in a new process, after a small fit and transform on other data, so that imports are not
counted. This process reads the other's anonymous memory every 5 ms. Both peaks are
differences to the memory just before fit, so that of transform includes the fitted
model and the codes that it returns. X must be unmodified afterwards, bit for bit.

    python benchmarks/memory.py
    python benchmarks/memory.py --rows 50000 --columns 784 --methods skae pca

If the system does not report a process's anonymous memory (only Linux does), the
results are the increase of the peak resident size, which includes pages of the memmap.
"""

import ctypes
import gc
import multiprocessing
import sys
import tempfile
import time
import zlib
from pathlib import Path

import numpy as np
from _common import machine_line, make_parser, print_table, write_csv

MIB = 2**20
BLOCK = 2000
N_COMPONENTS = 10
PAUSE = 0.005


def make_skae(max_iter):
    """Return a transformer with ten codes and the given number of steps."""
    from skae import AutoencoderTransformer

    return AutoencoderTransformer(N_COMPONENTS, max_iter=max_iter, random_state=0)


def make_pca(max_iter):
    """Return scikit-learn's PCA with ten components."""
    from sklearn.decomposition import PCA

    return PCA(N_COMPONENTS, random_state=0)


METHODS = {"skae": make_skae, "pca": make_pca}


def fill(X):
    """Write non-linear data of rank 20 with noise into X, a block at a time."""
    rng = np.random.default_rng(0)
    mixing = rng.standard_normal((20, X.shape[1]), dtype=np.float32)
    for start in range(0, len(X), BLOCK):
        block = X[start : start + BLOCK]
        latent = rng.standard_normal((len(block), 20), dtype=np.float32)
        noise = rng.standard_normal(block.shape, dtype=np.float32)
        block[:] = np.tanh(latent @ mixing) + 0.1 * noise


def make_data(kind, shape, folder):
    """Return X in memory, or mapped read-only from a file in the folder."""
    if kind != "memmap":
        X = np.empty(shape, dtype=kind)
        fill(X)
        return X
    path = folder / "X.npy"
    fill(np.lib.format.open_memmap(path, "w+", np.float32, shape))
    return np.load(path, mmap_mode="r")


def checksum(X):
    """Return a checksum of all bytes of X."""
    value = 0
    for start in range(0, len(X), BLOCK):
        value = zlib.crc32(X[start : start + BLOCK], value)
    return value


def highest_resident():
    """Return the highest resident size of this process so far, in bytes."""
    try:
        import resource
    except ImportError:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def anonymous(pid):
    """Return the anonymous memory of a process in bytes, None if not available."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return None
    found = [line.split()[1] for line in lines if line.startswith("RssAnon:")]
    return 1024 * int(found[0]) if found else None


def give_back():
    """Return freed memory to the system, so that it does not hide a later peak."""
    gc.collect()
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (AttributeError, OSError, TypeError):
        return


def work(pipe, kind, method, shape, max_iter, folder):
    """Fit and transform in the measured process, in step with the measuring process."""
    model = METHODS[method](max_iter=10)
    tiny = np.random.default_rng(1).standard_normal((1000, shape[1]))
    model.fit(tiny.astype(np.float32 if kind == "memmap" else kind)).transform(tiny)
    X = make_data(kind, shape, folder)
    before = checksum(X)
    model = METHODS[method](max_iter)
    del tiny
    for step in (model.fit, model.transform):
        give_back()
        pipe.send(highest_resident())
        pipe.recv()
        codes = step(X)
        pipe.send(highest_resident())
        pipe.recv()
    assert codes.shape == (len(X), 10)
    pipe.send(checksum(X) == before)


def watch(pipe, pid):
    """Return the highest anonymous memory (or resident size) until the next message."""
    peak = anonymous(pid)
    while not pipe.poll(PAUSE):
        now = anonymous(pid)
        if now is not None:
            peak = max(peak, now)
    resident = pipe.recv()
    return resident if peak is None else peak


def measure(kind, method, shape, max_iter, folder):
    """Return the peaks of fit and transform beyond X."""
    context = multiprocessing.get_context("spawn")
    pipe, theirs = context.Pipe()
    arguments = (theirs, kind, method, shape, max_iter, folder)
    process = context.Process(target=work, args=arguments)
    process.start()
    theirs.close()
    row = {"method": method, "X": kind, "rows": shape[0], "columns": shape[1]}
    row |= {"components": N_COMPONENTS, "steps": max_iter}
    baseline = None
    for name in ("fit", "transform"):
        resident = pipe.recv()
        if baseline is None:
            baseline = anonymous(process.pid) or resident
        start = time.perf_counter()
        pipe.send("go")
        peak = watch(pipe, process.pid)
        row[f"{name}_s"] = time.perf_counter() - start
        row[f"{name}_MiB"] = (peak - baseline) / MIB
        pipe.send("on")
    row["unmodified"] = pipe.recv()
    process.join()
    return row


def main():
    """Measure every case and print them."""
    parser = make_parser(__doc__)
    add = parser.add_argument
    add("--rows", type=int, default=350_000)
    add("--columns", type=int, default=784)
    add("--max-iter", type=int, default=200, help="training steps of skae")
    add("--methods", nargs="+", choices=METHODS, default=["skae"])
    kinds = ("float32", "float64", "memmap")
    add("--kinds", nargs="+", choices=kinds, default=kinds)
    add("--rounds", type=int, default=5, help="peaks vary by some MiB")
    add("--scratch", type=Path, help="folder for the memmap (default: the system's)")
    args = parser.parse_args()
    if args.quick:
        args.rows, args.columns, args.max_iter = 20_000, 100, 20
        args.rounds = 1

    print(machine_line())
    rows = []
    shape = (args.rows, args.columns)
    cases = [(method, kind) for method in args.methods for kind in args.kinds]
    for turn in range(args.rounds):
        for method, kind in cases:
            with tempfile.TemporaryDirectory(dir=args.scratch) as folder:
                row = measure(kind, method, shape, args.max_iter, Path(folder))
            rows.append({"round": turn} | row)
    print_table("Peak memory beyond X", rows)
    write_csv(args.output, "memory", rows)
    if not all(row["unmodified"] for row in rows):
        sys.exit("X was modified")


if __name__ == "__main__":
    main()
