"""Checks of an archive before its contents are read.

A model file is a ZIP archive: ``schema.json`` and the arrays of skops, and a header of
skae. Nothing in it is compressed, so no file makes more memory necessary than its own
size, if every size that it declares is true. That is what is checked.
"""

import json
import math
import os
from typing import Any, BinaryIO
from zipfile import ZIP_STORED, BadZipFile, ZipFile, ZipInfo

import numpy as np

FILE_FORMAT = 1
HEADER, SCHEMA = "skae.json", "schema.json"
MAX_HEADER = 4096  # bytes
MAX_EXPANSION = 100  # of a sparse matrix, which scipy compresses
HEADER_READERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def write_header(file: BinaryIO, version: str) -> None:
    """Add the header to the archive that skops wrote."""
    header = {"format": FILE_FORMAT, "skae": version}
    with ZipFile(file, "a") as archive:
        archive.writestr(HEADER, json.dumps(header))


def check_archive(file: BinaryIO) -> None:
    """Raise ValueError unless it is a file of this format whose sizes are true."""
    size = file.seek(0, os.SEEK_END)
    try:
        with ZipFile(file) as archive:
            _check_members(archive.infolist(), size)
            _check_header(archive)
            for info in archive.infolist():
                if info.filename.endswith(".npy"):
                    _check_array(archive, info)
                elif info.filename.endswith(".npz"):
                    _check_sparse_matrix(archive, info)
            if SCHEMA not in archive.namelist():
                raise ValueError(f"it has no {SCHEMA}")
            _check_references(json.loads(archive.read(SCHEMA)))
    except BadZipFile as error:
        raise ValueError(f"it is no intact ZIP archive: {error}") from error
    finally:
        file.seek(0)


def _check_members(members: list[ZipInfo], size: int) -> None:
    names = [info.filename for info in members]
    if len({*names}) < len(names):
        raise ValueError("it has two members of one name")
    for info in members:
        stored = info.compress_type == ZIP_STORED
        if not stored or info.compress_size != info.file_size or info.flag_bits & 1:
            raise ValueError(f"{info.filename} is compressed or encrypted")
    if sum(info.file_size for info in members) > size:
        raise ValueError("its members are larger than the file")


def _check_header(archive: ZipFile) -> None:
    if HEADER not in archive.namelist():
        raise ValueError(
            f"it has no {HEADER}: skae.save did not write it. A file of skops.io.dump "
            "is read by skops.io.load"
        )
    if archive.getinfo(HEADER).file_size > MAX_HEADER:
        raise ValueError(f"{HEADER} is too large")
    header = json.loads(archive.read(HEADER))
    found = header.get("format") if isinstance(header, dict) else None
    if found != FILE_FORMAT or isinstance(found, bool):
        by = header.get("skae") if isinstance(header, dict) else None
        raise ValueError(
            f"it has file format {found!r:.50} (saved by skae {by!s:.50}); this "
            f"version of skae reads format {FILE_FORMAT}. Load it with the version "
            "that saved it, or fit the model again"
        )


def _check_array(archive: ZipFile, info: ZipInfo) -> None:
    """Raise ValueError unless an array takes as many bytes as its shape says."""
    with archive.open(info) as member:
        version = np.lib.format.read_magic(member)
        if version not in HEADER_READERS:
            raise ValueError(f"{info.filename} has NumPy's format {version}")
        shape, _, dtype = HEADER_READERS[version](member)
        at = member.tell()
    if dtype.hasobject or not dtype.itemsize:
        raise ValueError(f"{info.filename} has values of type {dtype}")
    if any(n < 0 for n in shape) or math.prod(shape) * dtype.itemsize != (
        info.file_size - at
    ):
        raise ValueError(
            f"{info.filename} declares shape {shape!s:.80} of {dtype}, but has "
            f"{info.file_size - at} bytes"
        )


def _check_sparse_matrix(archive: ZipFile, info: ZipInfo) -> None:
    """Raise ValueError if a sparse matrix, itself an archive, expands too far."""
    with archive.open(info) as member, ZipFile(member) as inner:
        total = sum(part.file_size for part in inner.infolist())
        if total > MAX_EXPANSION * info.file_size:
            raise ValueError(f"{info.filename} expands to {total} bytes")
        for part in inner.infolist():
            _check_array(inner, part)


def _check_references(schema: Any) -> None:
    """Raise ValueError if objects share a member, which would be read for each."""
    owners: dict[str, Any] = {}
    stack = [schema]
    while stack:
        node = stack.pop()
        if isinstance(node, list):
            stack += node
        elif isinstance(node, dict):
            name = node.get("file")
            if isinstance(name, str) and "__loader__" in node:
                owner = node.get("__id__")
                if owner is None or owners.setdefault(name, owner) != owner:
                    raise ValueError(f"several objects have the array {name}")
            stack += node.values()
