import copy
import pickle
import threading
from types import SimpleNamespace
from weakref import ref

import numpy as np
import pytest
import torch
from model_cases import (
    MODELS,
    codec_of,
    model_of,
    network_of,
    objective_of,
    table_of,
)
from module_factories import dense

from skae import AutoencoderTransformer
from skae._model import inference
from skae._model.blocks import SIZES
from skae._model.fitted import FittedModel
from skae._model.inference import build_once
from skae._nn.modules.architecture import ModuleArchitecture

N_SAMPLES = SIZES[-1] + 44
# Around the sizes of blocks.
COUNTS = [1, 2, 7, 8, 9, 63, 64, 65, 255, 256, 257, N_SAMPLES]


@pytest.fixture(scope="module")
def table():
    return table_of(N_SAMPLES)


@pytest.fixture(scope="module", params=MODELS)
def model(request, table):
    return MODELS[request.param](table)


# -- samples ---------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_result_of_a_sample_does_not_depend_on_those_beside_it(model, table, dtype):
    X, codec = table.astype(dtype), codec_of(model, dtype)
    codes, errors = codec.encode(X), codec.squared_error(X)
    assert codes.dtype == errors.dtype == dtype
    close = {"rtol": 1e-4, "atol": 1e-6} if dtype == np.float32 else {"rtol": 1e-9}
    decoded = codec.decode(codes)
    for count in COUNTS:
        for at in (slice(count), slice(N_SAMPLES - count, N_SAMPLES)):
            np.testing.assert_allclose(codec.encode(X[at]), codes[at], **close)
            np.testing.assert_allclose(codec.squared_error(X[at]), errors[at], **close)
            np.testing.assert_allclose(codec.decode(codes[at]), decoded[at], **close)
    order = np.random.default_rng(0).permutation(len(X))
    np.testing.assert_allclose(codec.encode(X[order]), codes[order], **close)
    np.testing.assert_allclose(codec.squared_error(X[order]), errors[order], **close)


@pytest.mark.parametrize("count", COUNTS)
def test_same_call_gives_the_same_bits(model, table, count):
    codec, X = codec_of(model), table[:count]
    first = codec.encode(X), codec.squared_error(X)
    codec.encode(table[::-1])
    np.testing.assert_equal((codec.encode(X), codec.squared_error(X)), first)


def test_round_trip_is_encoding_and_decoding(model, table):
    codec = codec_of(model)
    round_trip = codec.reconstruct(table)
    np.testing.assert_array_equal(codec.decode(codec.encode(table)), round_trip)
    np.testing.assert_allclose(
        codec.squared_error(table), np.mean((round_trip - table) ** 2, axis=1)
    )


def test_single_precision_is_enough(model, table):
    single, double = codec_of(model, np.float32), codec_of(model)
    np.testing.assert_allclose(single.encode(table), double.encode(table), atol=1e-4)
    np.testing.assert_allclose(
        single.reconstruct(table), double.reconstruct(table), atol=1e-4
    )


def test_shapes_are_those_of_samples_codes_and_features(model, table):
    codec = codec_of(model)
    assert codec.encode(table).shape == (N_SAMPLES, 3)
    assert codec.decode(np.zeros((5, 3))).shape == (5, 6)
    assert codec.squared_jacobian(table).shape == (N_SAMPLES,)
    assert codec.encode(table[:0]).shape == (0, 3)


def test_squared_jacobian_is_that_of_differences(model):
    X = 0.9 * table_of(40, seed=1) + 0.05  # not on the edge of the training range
    codec, total, step = codec_of(model), np.zeros(40), 1e-6
    for move in step * np.eye(6):
        change = codec.encode(X + move) - codec.encode(X - move)
        total += np.square(change / (2 * step)).sum(axis=1)
    np.testing.assert_allclose(codec.squared_jacobian(X), total, rtol=1e-5, atol=1e-9)


def test_codec_uses_the_network_s_forward_path(table):
    network = network_of(objective_of(), table)
    codec = codec_of(model_of(objective_of(), table, decoder_range=False))
    far = table.copy()
    far[3], far[4, 0] = 90.0, -5.0
    centred = network.preprocessor.center(far)
    codes = network.encode(centred) * torch.from_numpy(network.anchors[0].score_std)
    np.testing.assert_allclose(codec.encode(far), codes, rtol=1e-12)
    errors = network.squared_errors(network.preprocess(far), 3)
    np.testing.assert_allclose(
        codec.squared_error(far) * 6 / network.output_scale.scale**2, errors
    )


def test_whitened_codes_are_uncorrelated(table):
    plain = model_of(objective_of(), table)
    whitened = codec_of(model_of(objective_of(), table, whiten=True))
    codes = whitened.encode(table)
    np.testing.assert_allclose(np.cov(codes.T), np.eye(3), atol=1e-9)
    np.testing.assert_allclose(
        whitened.reconstruct(table), codec_of(plain).reconstruct(table), atol=1e-9
    )


def test_decoder_range_attenuates_the_correction_of_codes_outside(table):
    model = model_of(objective_of(), table)
    codec, anchor = codec_of(model), model.anchor
    codes = codec.encode(table)
    free = codec_of(model_of(objective_of(), table, decoder_range=False))
    np.testing.assert_array_equal(codec.decode(codes), free.decode(codes))
    far = 1e6 * anchor.score_std * np.ones((1, 3))
    pca = far @ anchor.components + anchor.mean
    attenuated, full = (it.decode(far) - pca for it in (codec, free))
    assert np.abs(attenuated).max() < 1e-3 * np.abs(full).max()


def test_samples_far_out_are_reconstructed_about_as_by_the_anchor(table):
    model = model_of(objective_of(), table)
    far = 1e4 * np.random.default_rng(0).normal(size=(50, 6))
    pca = FittedModel(model.anchor, model.output_scale, model.objective)
    np.testing.assert_allclose(
        codec_of(model).squared_error(far), codec_of(pca).squared_error(far), rtol=0.01
    )


@pytest.mark.parametrize("name", ["probabilities", "bernoulli"])
def test_probabilities_stay_between_zero_and_one(name, table):
    codec = codec_of(MODELS[name](table))
    decoded = codec.decode(np.array([[50.0, -50.0, 0.0], [0.0, 0.0, 1e3]]))
    for X in (codec.reconstruct(table), decoded):
        assert ((X >= 0) & (X <= 1)).all()


def test_apple_s_gpus_leave_float64_to_the_cpu(model, table):
    there = codec_of(model, np.float64, torch.device("mps"))
    np.testing.assert_array_equal(there.encode(table), codec_of(model).encode(table))


def model_of_modules(table, factory):
    architecture = ModuleArchitecture(6, 3, factory)
    network = network_of(objective_of(), table, architecture=architecture)
    return FittedModel(
        network.anchors[0],
        network.output_scale,
        objective_of(),
        network.architecture,
        network.weights(),
    )


def test_mode_is_inference_unless_modules_need_autograd(table):
    def modes_of(model):
        """Whether inference mode and gradients are on while samples pass through."""
        seen = []

        def note(x):
            seen.append((torch.is_inference_mode_enabled(), torch.is_grad_enabled()))
            return x[:, 0]

        with torch.enable_grad():
            codec_of(model).apply(note, table)
        return set(seen)

    assert modes_of(model_of(objective_of(), table)) == {(True, False)}
    model = model_of_modules(table, dense)
    assert modes_of(model) == {(False, False)}


def test_modules_are_made_once_and_see_two_samples_or_more(table):
    sizes, made = set(), []

    def factory(n_features, n_components):
        encoder, decoder = dense(n_features, n_components)
        made.append(encoder)
        encoder.register_forward_pre_hook(lambda _, x: sizes.add(len(x[0])))
        return encoder, decoder

    model = model_of_modules(table, factory)
    codec = codec_of(model)
    sizes.clear()
    made.clear()
    codes = codec.encode(table)
    for count in COUNTS:
        np.testing.assert_allclose(codec.encode(table[:count]), codes[:count])
    assert sizes == set(SIZES[1:])
    assert not made


# -- build_once ------------------------------------------------------------------------


class Owner:
    """Anything that a fitted model belongs to."""


@pytest.fixture
def builds():
    """Return what counts how often it built; each time something else."""
    count = SimpleNamespace(n=0)

    def build():
        count.n += 1
        return object()

    count.build = build
    return count


def in_thread(function):
    result = []
    thread = threading.Thread(target=lambda: result.append(function()))
    thread.start()
    thread.join()
    return result[0]


def test_build_once_builds_once_for_each_owner_state_and_key(builds):
    owner, other, state = Owner(), Owner(), {}
    first = build_once(owner, state, "a", builds.build)
    assert build_once(owner, state, "a", builds.build) is first
    assert builds.n == 1
    assert build_once(owner, state, "b", builds.build) is not first
    assert build_once(other, state, "a", builds.build) is not first
    assert build_once(owner, state, "a", builds.build) is first
    assert builds.n == 3


def test_build_once_builds_anew_for_another_state(builds):
    owner, state = Owner(), {}
    first = build_once(owner, state, "a", builds.build)
    second = build_once(owner, {}, "a", builds.build)  # equal, but not the same
    assert second is not first
    third = build_once(owner, state, "a", builds.build)
    assert third is not first
    assert builds.n == 3


def test_build_once_builds_once_for_each_thread(builds):
    owner, state = Owner(), {}

    def twice():
        built = [build_once(owner, state, "a", builds.build) for _ in range(2)]
        assert built[0] is built[1]
        return built[0]

    here = twice()
    there = in_thread(twice)
    assert there is not here
    assert builds.n == 2


def test_build_once_keeps_nothing_beyond_the_owner(builds):
    owner, state = Owner(), {}
    built = build_once(owner, state, "a", Owner)
    assert vars(owner) == {}
    kept = ref(built)
    del built
    assert kept() is not None
    del owner
    assert kept() is None


def test_build_once_keeps_nothing_of_an_older_state():
    owner = Owner()
    kept = ref(build_once(owner, {}, "a", Owner))
    build_once(owner, {}, "a", Owner)
    assert kept() is None


def test_build_once_keeps_nothing_where_building_fails(builds):
    owner, state = Owner(), {}

    def fail():
        raise RuntimeError

    with pytest.raises(RuntimeError):
        build_once(owner, state, "a", fail)
    build_once(owner, state, "a", builds.build)
    assert builds.n == 1


# -- one build for each fitted estimator and thread ------------------------------------


@pytest.fixture
def codecs(monkeypatch):
    """Return the codecs that are made from now on."""
    made, old = [], inference.Codec.__init__

    def remember(self, *args):
        made.append(self)
        old(self, *args)

    monkeypatch.setattr(inference.Codec, "__init__", remember)
    return made


@pytest.fixture(scope="module")
def fitted(table):
    params = {"hidden_layer_sizes": (8,), "max_iter": 150, "random_state": 0}
    estimator = AutoencoderTransformer(2, early_stopping=False, **params).fit(table)
    assert estimator._state["weights"]
    return estimator


def use(estimator, X):
    codes = estimator.transform(X)
    return estimator.inverse_transform(codes), estimator.score_samples(X)


def test_estimator_builds_once_for_each_precision_and_thread(fitted, table, codecs):
    estimator = pickle.loads(pickle.dumps(fitted))
    expected = use(estimator, table)
    for _ in range(2):
        np.testing.assert_equal(use(estimator, table), expected)
    assert len(codecs) == 1
    use(estimator, table.astype(np.float32))
    assert len(codecs) == 2
    np.testing.assert_equal(in_thread(lambda: use(estimator, table)), expected)
    assert len(codecs) == 3


def test_fit_builds_for_the_calls_that_follow(table, codecs, quick):
    estimator = AutoencoderTransformer(2, **quick).fit(table)
    codecs.clear()
    use(estimator, table)
    assert not codecs


def test_second_fit_builds_anew(table, codecs, quick):
    estimator = AutoencoderTransformer(2, **quick, early_stopping=False).fit(table)
    first = estimator.transform(table)
    estimator.fit(table[::-1] ** 2)
    codecs.clear()
    second = estimator.transform(table)
    assert not np.allclose(first, second)
    fresh = pickle.loads(pickle.dumps(estimator)).transform(table)
    np.testing.assert_array_equal(second, fresh)
    assert len(codecs) == 1


@pytest.mark.parametrize(
    "again", [lambda it: pickle.loads(pickle.dumps(it)), copy.deepcopy, copy.copy]
)
def test_nothing_that_was_built_is_copied(fitted, table, codecs, again):
    attributes, pickled = set(vars(fitted)), pickle.dumps(fitted)
    expected = use(fitted, table)
    assert set(vars(fitted)) == attributes
    assert pickle.dumps(fitted) == pickled
    assert b"Codec" not in pickled
    codecs.clear()
    np.testing.assert_equal(use(again(fitted), table), expected)
    assert len(codecs) == 1


def test_threads_that_share_an_estimator_do_not_share_buffers(fitted, table):
    parts = [table[:200], table[100:]]
    expected = [fitted.transform(part) for part in parts]
    start, agree = threading.Barrier(4), []

    def work(part, codes):
        start.wait()
        for _ in range(20):
            agree.append(np.array_equal(fitted.transform(part), codes))

    cases = zip(2 * parts, 2 * expected, strict=True)
    threads = [threading.Thread(target=work, args=case) for case in cases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert agree == [True] * 80
