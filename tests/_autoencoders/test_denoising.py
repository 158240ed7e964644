import numpy as np
import pytest
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError

from skae import AutoencoderTransformer, DenoisingAutoencoder
from skae._data.corruption import FunctionCorruption
from skae.noise import NAMES, Chain, Gaussian, Masking, Swap


def shifted(X, rng):
    return X + rng.choice([-0.5, 0.5], size=X.shape)


LATENTS = [*NAMES, Swap(0.5), Chain((Swap(0.1), Gaussian(0.2))), shifted]
NAMED = pytest.mark.parametrize(
    "noise", LATENTS, ids=lambda noise: getattr(noise, "__name__", str(noise))
)


@pytest.fixture
def model(quick):
    return DenoisingAutoencoder(2, **quick)


@pytest.fixture
def learner():
    return DenoisingAutoencoder(
        2, hidden_layer_sizes=(32,), max_iter=250, random_state=0
    )


def error(samples, clean):
    return np.mean((samples - clean) ** 2)


# -- learning --------------------------------------------------------------------------


@NAMED
def test_noise_is_removed_better_than_by_pca(learner, curved, n_samples, noise):
    X, new = curved(n_samples), curved(1000, seed=1)
    learner.set_params(noise=noise).fit(X)
    noisy = learner.corrupt(new, random_state=0)
    pca = PCA(2).fit(X)
    by_pca = error(pca.inverse_transform(pca.transform(noisy)), new)
    assert error(learner.reconstruct(noisy), new) < min(by_pca, error(noisy, new))
    assert learner.pca_ratio_ < 1


def test_denoising_beats_an_autoencoder_that_never_saw_noise(learner, curved):
    X, new = curved(700), curved(1000, seed=1)
    learner.set_params(n_components=4, noise_level=0.5)
    plain = AutoencoderTransformer(
        4, hidden_layer_sizes=(32,), max_iter=250, random_state=0
    ).fit(X)
    noisy = learner.fit(X).corrupt(new, random_state=0)
    assert error(learner.reconstruct(noisy), new) < 0.9 * error(
        plain.reconstruct(noisy), new
    )


def test_without_noise_the_model_is_the_plain_autoencoder(curved, n_samples, quick):
    X = curved(n_samples)
    longer = {**quick, "max_iter": 100}
    plain = AutoencoderTransformer(2, **longer).fit(X)
    for noise in ("gaussian", "masking"):
        quiet = DenoisingAutoencoder(2, noise=noise, noise_level=0.0, **longer).fit(X)
        assert quiet.pca_ratio_ == pytest.approx(plain.pca_ratio_, abs=0.02)
        np.testing.assert_allclose(quiet.transform(X), plain.transform(X), atol=0.05)


def test_pca_is_kept_where_it_denoises_as_well(model, linear, n_samples):
    X = linear(n_samples)
    model.set_params(learning_rate_init=1e-12).fit(X)
    assert model.pca_ratio_ == 1.0
    np.testing.assert_allclose(model.transform(X), PCA(2).fit_transform(X), atol=1e-5)


@pytest.mark.parametrize(
    "params", [{"anchor": None}, {"early_stopping": False}, {"n_components": 0.8}]
)
def test_fit_works_in_every_mode(model, curved, n_samples, params):
    X = curved(n_samples)
    codes = model.set_params(**params).fit_transform(X)
    assert np.isfinite(codes).all()
    assert model.reconstruct(X).shape == X.shape


def test_noise_name_and_noise_level_are_the_object(model, X):
    named = model.set_params(noise="masking", noise_level=0.2).fit(X)
    given = clone(model).set_params(noise=Masking(0.2), noise_level=7.0).fit(X)
    np.testing.assert_array_equal(named.transform(X), given.transform(X))


def test_denoised_probabilities_are_probabilities(learner):
    rng = np.random.default_rng(0)
    X = (rng.random((700, 1)) > np.linspace(0.1, 0.9, 8)).astype(float)
    learner.set_params(loss="binary_cross_entropy", noise="salt_and_pepper").fit(X)
    noisy = learner.corrupt(X, random_state=0)
    reconstruction = learner.reconstruct(noisy)
    assert reconstruction.min() >= 0
    assert reconstruction.max() <= 1
    assert ((reconstruction > 0.5) == X).mean() > (noisy.round() == X).mean()


@NAMED
def test_random_state_gives_one_model(model, X, noise):
    model.set_params(noise=noise)
    first, again = (clone(model).fit(X).reconstruct(X) for _ in range(2))
    np.testing.assert_array_equal(first, again)


# -- corrupt ---------------------------------------------------------------------------


@NAMED
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_corrupt_returns_noisy_samples_of_the_same_type(model, X, noise, dtype):
    samples = X.astype(dtype)
    samples.setflags(write=False)
    model.set_params(noise=noise).fit(X)
    noisy = model.corrupt(samples, random_state=0)
    assert noisy.dtype == dtype
    assert noisy.shape == samples.shape
    assert not np.array_equal(noisy, samples)
    np.testing.assert_array_equal(model.corrupt(samples, random_state=0), noisy)
    assert not np.array_equal(model.corrupt(samples, random_state=1), noisy)
    state = np.random.RandomState(0)
    assert not np.array_equal(*(model.corrupt(samples, state) for _ in range(2)))


def test_corrupt_turns_integers_into_floats(model):
    X = np.random.default_rng(0).integers(0, 9, size=(60, 4))
    noisy = model.fit(X).corrupt(X, random_state=0)
    assert noisy.dtype == np.float64
    assert (noisy != noisy.round()).any()


def test_corrupt_adds_noise_in_the_units_of_the_samples(model, curved):
    X = 100 + 50 * curved(2000)
    change = model.set_params(noise_level=3.0).fit(X).corrupt(X, random_state=0) - X
    np.testing.assert_allclose(change.mean(0), 0, atol=0.3)
    np.testing.assert_allclose(change.std(0), 3.0, rtol=0.1)


@pytest.mark.parametrize("noise", ["masking", "salt_and_pepper"])
def test_corrupt_replaces_values_by_those_of_the_training_samples(model, curved, noise):
    X, new = curved(700), curved(200, seed=1)
    model.set_params(noise=noise, noise_level=0.4).fit(X)
    noisy = model.corrupt(new, random_state=0)
    changed = ~np.isclose(noisy, new)
    assert changed.mean() == pytest.approx(0.4, abs=0.05)
    ends = [X.mean(0)] if noise == "masking" else [X.min(0), X.max(0)]
    distance = np.abs(noisy - np.stack(ends)[:, None]).min(0)
    assert distance[changed].max() < 0.1


def test_corrupt_needs_a_fit(model, X):
    with pytest.raises(NotFittedError):
        model.corrupt(X)


def test_corrupt_does_not_change_the_global_random_states(model, X, global_states):
    model.fit(X)
    before = global_states()
    model.corrupt(X, random_state=0)
    np.testing.assert_equal(global_states(), before)


# -- parameters ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"noise": "pink"}, "'noise' parameter"),
        ({"noise": None}, "'noise' parameter"),
        ({"noise_level": -1.0}, "'noise_level' parameter"),
        ({"noise": "masking", "noise_level": 1.5}, "noise_level=1.5 must be at most 1"),
        ({"noise": lambda X, rng: X[:3]}, "passed as noise must return"),
    ],
)
def test_noise_is_checked(model, X, params, message):
    with pytest.raises((ValueError, TypeError), match=message):
        model.set_params(**params).fit(X)
    assert not hasattr(model, "n_features_in_")


def test_noise_may_be_a_function(model, X):
    function = model.set_params(noise=shifted).fit(X)
    corruption = clone(model).set_params(noise=FunctionCorruption(shifted)).fit(X)
    np.testing.assert_array_equal(function.transform(X), corruption.transform(X))


def test_noise_must_be_an_object(X):
    with pytest.raises(TypeError, match=r"an object of it, such as Masking\(0.3\)"):
        DenoisingAutoencoder(2, noise=Masking).fit(X)


def test_corrupt_keeps_unmasked_values_exactly(X):
    model = DenoisingAutoencoder(2, noise="masking", max_iter=20).fit(X)
    same = model.corrupt(X, random_state=0) == X
    assert 0.6 < same.mean() < 0.8
