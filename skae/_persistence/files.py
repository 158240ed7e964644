"""``skae.save`` and ``skae.load``: fitted models in files that run no code."""

import os
import shutil
import struct
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO
from uuid import uuid4

from skae._sklearn.modules import set_module

from .archive import check_archive, write_header
from .contents import check_estimators, trusted_types

UNREADABLE = (
    ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, OSError,
    RuntimeError, TypeError, ValueError, struct.error,
)  # fmt: skip


@set_module("skae")
def save(estimator, path):
    """Save an estimator in a file.

    The file is in the format of skops, with a header of skae. It is written beside
    `path` first, and takes its place when it is complete: if saving fails, a file that
    was there before is left as it was.

    Parameters
    ----------
    estimator : estimator
        Any estimator of skae, fitted or not, or a pipeline or search of scikit-learn
        that holds one.
    path : str or path-like
        Where to save it. The usual suffix is ``.skops``.

    See Also
    --------
    load : Load the estimator again.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import skae
    >>> from sklearn.datasets import load_iris
    >>> X = load_iris().data
    >>> model = skae.AutoencoderTransformer(2, max_iter=60, random_state=0).fit(X)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "model.skops"
    ...     skae.save(model, path)
    ...     loaded = skae.load(path)
    >>> bool((loaded.transform(X) == model.transform(X)).all())
    True
    """
    if isinstance(estimator, type) or not hasattr(estimator, "get_params"):
        raise TypeError(f"save takes an estimator, not {estimator!r:.100}.")
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".{uuid4().hex}.tmp")
    try:
        with temporary.open("x+b") as file:
            _write(estimator, file)
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            shutil.copymode(target, temporary)
        os.replace(temporary, target)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


def _write(estimator: Any, file: BinaryIO) -> None:
    import skops.io

    skops.io.dump(estimator, file)
    write_header(file, import_module("skae").__version__)


@set_module("skae")
def load(path, *, trusted: Sequence[str | type] = ()):
    """Load an estimator that :func:`skae.save` saved.

    Only objects of trusted types are made: those of skae, those of scikit-learn and
    NumPy that skops trusts or that searches need, and those in `trusted`. Sizes, shapes
    and names in the file are checked before they are used.

    Parameters
    ----------
    path : str or path-like
        The file.
    trusted : sequence of str or type, default=()
        More types and functions that the file may have, such as your own ``network``
        or ``noise``: ``["mynets.network"]``. Loading imports their modules, and
        predictions call a network: name only what you know.

    Returns
    -------
    estimator
        The estimator.

    Raises
    ------
    ValueError
        If the file is damaged, of an unknown format, or has types that are not trusted.

    See Also
    --------
    save : Save an estimator.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import skae
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "model.skops"
    ...     skae.save(skae.VAE(3), path)
    ...     skae.load(path)
    VAE(n_components=3)
    """
    if isinstance(trusted, (str, bool)):
        raise TypeError(f"trusted must be a list of names or types, not {trusted!r}.")
    with open(path, "rb") as file:
        try:
            check_archive(file)
            loaded = _read(file, [*trusted_types(), *trusted])
            check_estimators(loaded)
        except _Untrusted as error:
            raise ValueError(f"{path} {error}") from None
        except UNREADABLE as error:
            reason = str(error).rstrip(".") or type(error).__name__
            raise ValueError(f"{path} cannot be loaded: {reason}.") from error
    return loaded


class _Untrusted(Exception):
    """Types in a file that are not trusted."""


def _read(file: BinaryIO, trusted: Sequence[str | type]) -> Any:
    import skops.io
    from skops.io.exceptions import UntrustedTypesFoundException

    allowed = [
        f"{one.__module__}.{one.__qualname__}" if isinstance(one, type) else one
        for one in trusted
    ]
    try:
        return skops.io.load(file, trusted=allowed)
    except UntrustedTypesFoundException:
        archive: Any = file  # is as good as its path
        types = skops.io.get_untrusted_types(file=archive)
        names = sorted({*types} - {*allowed})
        raise _Untrusted(
            f"has types that are not trusted: {', '.join(names)}. They may run any "
            f"code: if you know them, load it with trusted={names}."
        ) from None
