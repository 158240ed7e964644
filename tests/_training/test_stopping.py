import math

import pytest
import torch

from skae._training.stopping import BestCheckpoint, EarlyStopping


@pytest.fixture
def flat():
    return torch.zeros(3)


def updates(checkpoint, flat, losses):
    """Fill the parameters with the number of each loss; return what was kept."""
    kept = []
    for i, loss in enumerate(losses, 1):
        flat.fill_(i)
        kept.append(checkpoint.update(loss))
    return kept


# -- best checkpoint -------------------------------------------------------------------


def test_checkpoint_keeps_the_parameters_of_the_lowest_loss(flat):
    checkpoint = BestCheckpoint(flat)
    kept = updates(checkpoint, flat, [9.0, 3.0, 5.0, 2.0, 4.0])
    assert kept == [True, True, False, True, False]
    checkpoint.restore()
    assert flat.tolist() == [4.0] * 3


def test_checkpoint_keeps_the_first_of_equal_losses(flat):
    checkpoint = BestCheckpoint(flat)
    assert updates(checkpoint, flat, [2.0, 2.0]) == [True, False]
    checkpoint.restore()
    assert flat.tolist() == [1.0] * 3


def test_checkpoint_keeps_the_last_parameters_without_losses(flat):
    checkpoint = BestCheckpoint(flat)
    assert updates(checkpoint, flat, [None, None]) == [True, True]
    flat.fill_(math.nan)
    checkpoint.restore()
    assert flat.tolist() == [2.0] * 3


@pytest.mark.parametrize("losses", [[], [math.nan], [math.inf]], ids=str)
def test_checkpoint_restores_what_it_started_with(flat, losses):
    checkpoint = BestCheckpoint(flat)
    assert not any(updates(checkpoint, flat, losses))
    flat.fill_(7)
    checkpoint.restore()
    assert flat.tolist() == [0.0] * 3


def test_checkpoint_restores_in_place(flat):
    checkpoint, view = BestCheckpoint(flat), flat[1:]
    flat.fill_(7)
    checkpoint.restore()
    assert view.tolist() == [0.0] * 2


# -- early stopping --------------------------------------------------------------------


def last_step(stopping, losses):
    """Return the step at which a run of these losses, one a step, ends."""
    for step, loss in enumerate(losses):
        if not stopping.update(step, loss):
            return step
    return None


@pytest.mark.parametrize("patience", [1, 2, 5])
def test_early_stopping_waits_for_its_patience(patience):
    losses = [5.0, 4.0, 3.0] + [3.0] * 9
    assert last_step(EarlyStopping(patience, 0.0, 0), losses) == 2 + patience


def test_early_stopping_goes_on_while_the_loss_falls():
    assert last_step(EarlyStopping(1, 0.0, 0), [5.0, 4.0, 3.0, 2.0]) is None


def test_early_stopping_without_patience_never_ends():
    assert last_step(EarlyStopping(None, 0.0, 0), [1.0] * 100) is None


def test_early_stopping_without_losses_never_ends():
    assert last_step(EarlyStopping(1, 0.0, 0), [None] * 100) is None


def test_early_stopping_counts_gains_above_the_tolerance_only():
    losses = [9.0, 8.9, 8.8, 8.7, 8.6]
    assert last_step(EarlyStopping(3, 1.0, 0), losses) == 3
    assert last_step(EarlyStopping(3, 0.05, 0), losses) is None


def test_early_stopping_adds_up_small_gains():
    losses = [9 - 0.4 * step for step in range(20)]
    assert last_step(EarlyStopping(3, 1.0, 0), losses) is None
    assert last_step(EarlyStopping(2, 1.0, 0), losses) == 2


def test_early_stopping_counts_from_its_start():
    assert last_step(EarlyStopping(3, 0.0, 10), [1.0] * 20) == 13
    losses = [1.0] * 12 + [0.5] * 20  # a gain after the start counts from there
    assert last_step(EarlyStopping(3, 0.0, 10), losses) == 15


def test_early_stopping_counts_steps_not_measurements():
    stopping = EarlyStopping(10, 0.0, 0)
    assert [stopping.update(step, 1.0) for step in (0, 8, 9, 10)] == [True] * 3 + [
        False
    ]
