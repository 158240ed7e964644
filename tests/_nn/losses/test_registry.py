import math

import pytest

from skae._nn.losses import (
    HUBER_DELTA,
    LOSSES,
    AbsoluteError,
    Bernoulli,
    BinaryCrossEntropy,
    GaussianNLL,
    Huber,
    SquaredError,
    loss_from_name,
)

WEIGHTED = {
    "squared_error": SquaredError(),
    "absolute_error": AbsoluteError(),
    "huber": Huber(weight=2 / 5, delta=HUBER_DELTA),
    "binary_cross_entropy": BinaryCrossEntropy(weight=1 / 5),
    "normal": GaussianNLL(),
    "bernoulli": Bernoulli(),
}
SCALES = {
    "squared_error": 6.0,
    "absolute_error": 180**0.5 * (2 / math.pi) ** 0.5,
    "huber": (36 / 5) ** 0.5,
    "binary_cross_entropy": 1.0,
    "normal": 0.5,
    "bernoulli": 1.0,
}


@pytest.mark.parametrize("name", LOSSES)
def test_loss_from_name_is_weighted(name):
    loss = loss_from_name(name, 5)
    assert loss == WEIGHTED[name]
    assert loss.name == name


def test_loss_from_name_names_an_unknown_one():
    with pytest.raises(ValueError, match=r"no loss 'hinge'; there are \['absolute"):
        loss_from_name("hinge", 5)


@pytest.mark.parametrize("name", LOSSES)
def test_target_scale_is_that_of_the_loss(name):
    assert WEIGHTED[name].target_scale(36.0, 0.25, 5) == SCALES[name]


def test_nll_constant_is_what_the_normal_density_adds():
    constants = {name: loss.nll_constant(0.5) for name, loss in WEIGHTED.items()}
    expected = 0.5 * math.log(2 * math.pi) + math.log(0.5)
    assert constants.pop("normal") == pytest.approx(expected)
    assert set(constants.values()) == {0.0}


def test_class_attributes_tell_losses_apart():
    def named(attribute):
        return {name for name, loss in LOSSES.items() if getattr(loss, attribute)}

    assert named("in_nats") == {"normal", "bernoulli"}
    assert named("is_logit") == {"binary_cross_entropy", "bernoulli"}
    assert named("learns_variance") == {"normal"}


def test_losses_are_values():
    assert SquaredError(weight=2) == SquaredError(weight=2) != AbsoluteError(weight=2)
    assert BinaryCrossEntropy() != Bernoulli()
    assert repr(Huber(delta=2)) == "Huber(weight=1.0, delta=2)"
    assert len({*WEIGHTED.values(), *(loss_from_name(name, 5) for name in LOSSES)}) == 6
