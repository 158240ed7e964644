"""How public methods run: what they restore, what interrupts them, what they raise."""

import signal
import subprocess
import sys
import threading

import pytest
import torch
from sklearn.decomposition import PCA

from skae import AutoencoderTransformer
from skae._sklearn.calls import computes, interrupts_deferred, restore_on_error
from skae._sklearn.validation import validate_table


def test_restore_on_error_puts_attributes_back(X):
    @restore_on_error
    def refit(pca, fail):
        validate_table(pca, X[:, :2], reset=True, unit_interval_for=None)
        pca.components_, pca.new_ = None, 1
        if fail:
            raise KeyError

    pca = PCA().fit(X)
    before = dict(vars(pca))
    with pytest.raises(KeyError):
        refit(pca, fail=True)
    assert vars(pca) == before
    refit(pca, fail=False)
    assert (pca.n_features_in_, pca.components_, pca.new_) == (2, None, 1)


# -- memory ----------------------------------------------------------------------------


def test_computes_raises_memory_error_if_pytorch_is_out_of_memory():
    @computes
    def allocate(n):
        return torch.empty(n, dtype=torch.uint8)

    assert len(allocate(3)) == 3
    with pytest.raises(MemoryError, match=r"Pass X as float32, .* fewer rows") as error:
        allocate(2**60)
    assert "memory" in str(error.value.__cause__)


@pytest.mark.parametrize("error", [RuntimeError("shapes differ"), MemoryError("NumPy")])
def test_computes_passes_other_errors_on(error):
    @computes
    def fail():
        raise error

    with pytest.raises(type(error)) as raised:
        fail()
    assert raised.value is error


@pytest.mark.parametrize("error", [MemoryError, torch.OutOfMemoryError])
def test_memory_error_of_an_own_network_is_one(X, error):
    def network(n_features, n_components):
        class Full(torch.nn.Module):
            def forward(self, x):
                raise error("CUDA out of memory")

        return Full(), Full()

    with pytest.raises(MemoryError):
        AutoencoderTransformer(2, network=network).fit(X)


# -- interrupts ------------------------------------------------------------------------


INTERRUPTED_IMPORT = """
import os, signal, sys
import skae

class Finder:  # stands for a user who types Ctrl-C while PyTorch is imported
    def find_spec(self, name, path, target=None):
        if name == "torch.nn":
            sys.meta_path.remove(self)
            os.kill(os.getpid(), signal.SIGINT)

assert "torch" not in sys.modules
sys.meta_path.insert(0, Finder())
X = [[i % 7, i % 5, i % 3] for i in range(40)]
model = skae.AutoencoderTransformer(1, max_iter=2, early_stopping=False)
try:
    model.fit(X)
except KeyboardInterrupt:
    print("interrupted")
assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
print(model.fit(X).transform(X).shape)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no SIGINT by kill")
def test_interrupt_while_torch_is_imported_leaves_a_process_that_works():
    command = [sys.executable, "-c", INTERRUPTED_IMPORT]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (run.stdout, run.stderr) == ("interrupted\n(40, 1)\n", "")


def test_interrupts_deferred_calls_the_handler_afterwards():
    received = []
    before = signal.signal(signal.SIGINT, lambda number, _: received.append(number))
    try:
        with interrupts_deferred():
            signal.raise_signal(signal.SIGINT)
            assert received == []
        assert received == [signal.SIGINT]
    finally:
        signal.signal(signal.SIGINT, before)


def test_interrupts_deferred_does_nothing_in_other_threads():
    handler, inside = signal.getsignal(signal.SIGINT), []

    def defer():
        with interrupts_deferred():
            inside.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=defer)
    thread.start()
    thread.join()
    assert inside == [handler]
