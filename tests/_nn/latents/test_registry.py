from dataclasses import asdict

import pytest
from latent_cases import VARIANTS

from skae._nn.latents import LATENTS, PlainLatent, latent_from_name


@pytest.mark.parametrize("variant", VARIANTS)
def test_latent_from_name_returns_an_equal_latent(variant):
    latent = VARIANTS[variant]
    assert latent_from_name(latent.name, asdict(latent)) == latent


def test_latent_from_name_names_an_unknown_one():
    with pytest.raises(ValueError, match=r"no latent 'round'; there are \['gaussian'"):
        latent_from_name("round", {})


def test_registry_keys_are_the_names_of_the_classes():
    assert LATENTS["plain"] is PlainLatent
    assert all(latent.name == name for name, latent in LATENTS.items())
