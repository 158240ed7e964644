"""Files that are damaged or made by hand: a clear error, and no memory for nothing."""

import copy
import io
import json
import os
import tracemalloc
import zipfile
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

import numpy as np
import pytest
import skops.io
from estimator_cases import CLASSES, ESTIMATORS, OwnNetwork
from scipy import sparse
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

import skae

LITTLE = 20_000_000  # bytes, where files are small and declare gigabytes


@pytest.fixture(scope="module")
def X(curved):
    return MinMaxScaler().fit_transform(curved(120))


@pytest.fixture(scope="module")
def models(X):
    names = {**CLASSES, "whitened": ESTIMATORS["whitened"]}
    names["networks only"] = ESTIMATORS["detector, networks only"]
    images = clone(CLASSES["ConvolutionalAutoencoder"]).set_params(anchor=None)
    names["ConvolutionalAutoencoder"] = images
    return {name: clone(model).fit(X) for name, model in names.items()}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.skops"


@pytest.fixture
def members(models, path):
    skae.save(models["AutoencoderTransformer"], path)
    with ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write(path, members, compression=ZIP_STORED):
    with ZipFile(path, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)


def error_of(path):
    """Return the message of a load, which takes little memory."""
    skops.io.loads(skops.io.dumps(1))  # imports
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="cannot be loaded: ") as caught:
            skae.load(path)
        assert tracemalloc.get_traced_memory()[1] < LITTLE
    finally:
        tracemalloc.stop()
    return str(caught.value)


def array_of(members):
    return next(name for name in members if name.endswith(".npy"))


# -- archives --------------------------------------------------------------------------


@pytest.mark.parametrize("data", [b"", b"text", bytes(1000)])
def test_other_files_are_no_archives(path, data):
    path.write_bytes(data)
    assert "it is no intact ZIP archive" in error_of(path)


def test_cut_file_is_no_archive(members, path):
    write(path, members)
    path.write_bytes(path.read_bytes()[:-100])
    assert "it is no intact ZIP archive" in error_of(path)


def test_changed_bit_is_found(members, path):
    write(path, members)
    data = bytearray(path.read_bytes())
    data[data.index(members[array_of(members)]) + 140] ^= 1
    path.write_bytes(data)
    assert "Bad CRC-32" in error_of(path)


def test_file_of_skops_alone_has_no_header(models, path):
    skops.io.dump(models["VAE"], path)
    message = error_of(path)
    assert "has no skae.json: skae.save did not write it" in message
    assert "is read by skops.io.load" in message


@pytest.mark.parametrize("found", [0, 2, "1", None, True])
def test_other_file_formats_are_refused_with_what_to_do(members, path, found):
    members["skae.json"] = json.dumps({"format": found, "skae": "9.1"})
    write(path, members)
    message = error_of(path)
    assert f"file format {found!r} (saved by skae 9.1)" in message
    assert "reads format 1. Load it with the version that saved it" in message


@pytest.mark.parametrize("header", ["[]", "{}", "{", "", '"1"', "[" * 4000])
def test_headers_of_other_forms_are_refused(members, path, header):
    write(path, {**members, "skae.json": header})
    error_of(path)


def test_header_is_short(members, path):
    write(path, {**members, "skae.json": " " * 5000})
    assert "skae.json is too large" in error_of(path)


def test_compressed_members_are_refused(members, path):
    write(path, {**members, "0.npy": bytes(30_000_000)}, ZIP_DEFLATED)
    assert path.stat().st_size < 200_000
    assert "is compressed or encrypted" in error_of(path)


def test_declared_sizes_are_those_of_the_file(members, path, monkeypatch):
    write(path, members)
    real = zipfile.ZipFile.infolist

    def infolist(self):
        for info in real(self):
            info.file_size = info.compress_size = 1 << 40
        return real(self)

    monkeypatch.setattr(zipfile.ZipFile, "infolist", infolist)
    assert "its members are larger than the file" in error_of(path)


def test_names_are_unique(members, path):
    write(path, members)
    with pytest.warns(UserWarning, match="Duplicate name"), ZipFile(path, "a") as file:
        file.writestr("schema.json", "{}")
    assert "has two members of one name" in error_of(path)


@pytest.mark.parametrize("shape", ["(1000000, 1000000)", "(-3,)", "()", "(10**12,)"])
def test_arrays_have_as_many_bytes_as_their_shape_says(members, path, shape):
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}"
    header = header.ljust(117) + "\n"
    data = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode()
    write(path, {**members, array_of(members): data + bytes(24)})
    error_of(path)


@pytest.mark.parametrize("dtype", ["O", "V0"])
def test_arrays_are_of_numbers(members, path, dtype):
    header = (
        f"{{'descr': '|{dtype}', 'fortran_order': False, 'shape': (9999999999,), }}"
    )
    header = header.ljust(117) + "\n"
    data = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode()
    write(path, {**members, array_of(members): data})
    assert "has values of type" in error_of(path)


def test_objects_share_no_array(members, path):
    schema = json.loads(members["schema.json"])
    text = json.dumps(schema)
    names = [name for name in members if name.endswith(".npy")]
    write(path, {**members, "schema.json": text.replace(names[0], names[1])})
    assert f"several objects have the array {names[1]}" in error_of(path)


def test_sparse_matrices_do_not_expand(members, path):
    buffer = io.BytesIO()
    zeros = sparse.csr_array(
        (np.zeros(4_000_000), np.arange(4_000_000), [0, 4_000_000])
    )
    zeros.indices[:] = 0
    sparse.save_npz(buffer, zeros)
    write(path, {**members, "0.npz": buffer.getvalue()})
    del zeros, buffer
    assert "0.npz expands to" in error_of(path)


@pytest.mark.parametrize("schema", ["", "[]", "{}", '{"protocol": 2}', "[" * 100_000])
def test_schemas_of_other_forms_are_refused(members, path, schema):
    write(path, {**members, "schema.json": schema})
    error_of(path)


@pytest.mark.parametrize("name", ["schema.json", "an array"])
def test_missing_members_are_refused(members, path, name):
    del members[array_of(members) if name == "an array" else name]
    write(path, members)
    error_of(path)


# -- states ----------------------------------------------------------------------------


def change(model, keys, value):
    """Return a copy with another value at a place of its state; None deletes it."""
    model = copy.deepcopy(model)
    place = model._state
    for key in keys[:-1]:
        if isinstance(place[key], tuple):
            place[key] = list(place[key])
        place = place[key]
    if value is None:
        del place[keys[-1]]
    else:
        place[keys[-1]] = value(place[keys[-1]]) if callable(value) else value
    return model


def longer(array):
    return np.concatenate([array, array[:1]])


ARRAYS = ["mean", "scale", "components", "score_std", "variances", "input_range",
          "code_range", "column_range", "residual_scale", "shrinkage"]  # fmt: skip
TRANSFORMER = {
    **{f"anchor {key}": (("anchor", key), longer) for key in ARRAYS},
    **{f"anchor without {key}": (("anchor", key), None) for key in ARRAYS},
    "anchor of text": (("anchor", "scale"), np.array(["a"] * 6)),
    "anchor with more": (("anchor",), lambda a: a | {"more": 1}),
    "no anchor": (("anchor",), 3),
    "residual": (("anchor", "residual_variance"), "1"),
    "weight": (("weights", "encoder.0.weight"), longer),
    "transposed": (("weights", "encoder.0.weight"), lambda w: w.T),
    "bias": (("weights", "decoder.1.bias"), lambda b: b[0]),
    "missing weight": (("weights", "decoder.1.bias"), None),
    "another weight": (("weights",), lambda w: w | {"decoder.9.bias": np.ones(3)}),
    "no weights": (("weights",), 3),
    "decoder_range": (("decoder_range",), longer),
    "whitening": (("whitening",), (np.zeros(3), np.eye(3))),
    "whitening alone": (("whitening",), np.eye(2)),
    "wide": (("architecture", "hidden_layer_sizes"), (1_000_000,)),
    "wider": (("architecture", "hidden_layer_sizes"), (10**18,)),
    "deep": (("architecture", "hidden_layer_sizes"), (8,) * 1000),
    "negative": (("architecture", "hidden_layer_sizes"), (-8,)),
    "sizes": (("architecture", "hidden_layer_sizes"), "8"),
    "activation": (("architecture", "activation"), "sine"),
    "kind": (("architecture", "kind"), "attention"),
    "no architecture": (("architecture",), {}),
    "not callable": (("architecture",), {"kind": "modules", "factory": 3, "seed": 0}),
    "loss": (("loss",), "poisson"),
    "loss of numbers": (("loss",), [1]),
    "latent": (("latent", 0), "round"),
    "latent alone": (("latent",), "plain"),
    "latent values": (("latent", 1), {"nested": 0.1, "more": 1}),
    "latent list": (("latent", 1), {"nested": [0.1]}),
    "scale": (("output_scale",), 0.0),
    "format": (("format",), 2),
    "no format": (("format",), None),
    "no loss": (("loss",), None),
}
CASES = [("AutoencoderTransformer", *case) for case in TRANSFORMER.values()] + [
    ("whitened", ("whitening", 0), longer),
    ("whitened", ("whitening", 1), longer),
    ("VAE", ("fallback", "components"), lambda c: c[:, :3]),
    ("VAE", ("weights", "noise.bias"), lambda b: b[:, :3]),
    ("SparseAutoencoder", ("latent", 1, "penalty"), "l3"),
    ("ConvolutionalAutoencoder", ("architecture", "factory", "channels"), (10**9,)),
    ("ConvolutionalAutoencoder", ("architecture", "factory", "channels"), (10**18,)),
    ("ConvolutionalAutoencoder", ("architecture", "factory", "channels"), (4,) * 1000),
    ("ConvolutionalAutoencoder", ("architecture", "factory", "shape"), (1, 1, 10**9)),
    ("ConvolutionalAutoencoder", ("architecture", "factory", "shape"), (6,)),
    ("ConvolutionalAutoencoder", ("architecture", "factory", "activation"), "sine"),
    ("ConvolutionalAutoencoder", ("architecture", "seed"), "0"),
]
DETECTOR = [
    (("robust", "mean"), longer),
    (("plain", "spread"), longer),
    (("plain", "robust"), None),
    (("imputers", "anchor", "mean"), longer),
    (("imputers", "weights", "encoder.0.weight"), lambda w: w[:, :3]),
    (("imputers", "weights", "encoder.0.bias"), lambda w: w[:1]),
    (("inlier_ensemble", "distance"), longer),
    (("inlier_ensemble", "networks", "weights", "decoder.1.bias"), None),
    (("inlier_neighbors", "samples"), lambda s: s[:, :3]),
    (("neighbors", "samples"), lambda s: s[:0]),
    (("neighbors", "weight"), np.ones(3)),
    (("score_scales", "core"), None),
    (("score_scales", "energy", "spread"), 0.0),
    (("calibration",), None),
    (("calibration",), np.ones((3, 2))),
    (("weight",), np.ones(3)),
    (("format",), 3),
]
CASES += [("AutoencoderOutlierDetector", *case) for case in DETECTOR]
CASES += [
    ("networks only", ("full_ensemble", "magnitude"), longer),
    ("networks only", ("score_scales", "residual"), None),
    ("networks only", ("inlier_ensemble",), lambda e: {}),
]


@pytest.mark.parametrize(("name", "keys", "value"), CASES)
def test_states_that_do_not_fit_are_refused(models, path, name, keys, value):
    skae.save(change(models[name], keys, value), path)
    assert os.stat(path).st_size < 2_000_000
    message = error_of(path)
    expected = ["The state of this model is invalid: ", "There is no ", "this version"]
    assert any(text.lower() in message.lower() for text in expected), message


@pytest.mark.parametrize(("name", "keys", "value"), CASES)
def test_predictions_refuse_them_too(models, X, name, keys, value):
    model = change(models[name], keys, value)
    method = "p_values" if "Outlier" in name or "networks" in name else "transform"
    with pytest.raises((ValueError, KeyError)):
        getattr(model, method)(X)


@pytest.mark.parametrize(
    ("attribute", "value"),
    [("n_features_in_", 5), ("n_components_", 1), ("mean_", np.zeros(1)),
     ("components_", np.zeros((2, 1))), ("_state", 3)],
)  # fmt: skip
def test_attributes_fit_the_state(models, path, attribute, value):
    model = copy.deepcopy(models["AutoencoderTransformer"])
    setattr(model, attribute, value)
    skae.save(model, path)
    assert "The state of this model is invalid: " in error_of(path)
    delattr(model, attribute)
    skae.save(model, path)
    assert "the estimator has no" in error_of(path)


def test_models_in_pipelines_are_checked(models, path):
    broken = change(models["AutoencoderTransformer"], ("weights",), 3)
    skae.save(make_pipeline(MinMaxScaler(), broken), path)
    assert "weights is no dictionary but int" in error_of(path)


def test_network_of_another_shape_is_refused(X, path):
    model = skae.AutoencoderTransformer(
        2, network=OwnNetwork(), max_iter=5, anchor=None
    ).fit(X)
    model._state["architecture"]["factory"] = OwnNetwork(width=9)
    skae.save(model, path)
    loaded = skae.load(path, trusted=[OwnNetwork])
    with pytest.raises(ValueError, match=r"The weights 'encoder.* have shape .* needs"):
        loaded.transform(X)
