import itertools
import math

import numpy as np
import pytest
import torch
from training_cases import parameter_buffer

from skae._training.loop import LATE, LATE_FALL, LATE_STEPS, TrainingPlan, train
from skae._training.optimizer import Optimizer, cosine_schedule

START = 2.0


class EachStep(TrainingPlan):
    """A plan that measures after every step."""

    eval_interval = 1


class Bowl:
    """Half the squared distance from zero, and a script of validation losses."""

    def __init__(self, script=None, raise_at=None):
        self.params = parameter_buffer(fill=START)
        self.grads = self.params.zeros_like()
        self.script, self.raise_at = script, raise_at
        self.n_steps, self.seen, self.reports = 0, [], []

    def step(self, batch):
        if self.n_steps == self.raise_at:
            raise KeyboardInterrupt
        self.n_steps += 1
        self.grads.flat.copy_(self.params.flat)
        return self.params.flat.square().sum() / 2

    def evaluate(self):
        self.seen.append(self.params.flat.clone())
        if self.script is None:
            return self.params.flat.square().numpy() / 2
        at = min(len(self.seen), len(self.script)) - 1
        return np.full(5, float(self.script[at]))

    def report(self, *what):
        self.reports.append(what)
        return False

    def train(self, plan, evaluated=True, optimizer=None, **options):
        return train(
            optimizer or Optimizer(self.params, self.grads, plan.weight_decay),
            self.step,
            itertools.repeat(None),
            plan,
            evaluate=self.evaluate if evaluated else None,
            **{"report": self.report, **options},
        )


def assert_identical(one, other):
    torch.testing.assert_close(one, other, rtol=0, atol=0)


# -- plan ------------------------------------------------------------------------------


@pytest.mark.parametrize("n_steps", [1, 39, 40, 100, 2000])
def test_plan_counts_its_evaluations(n_steps):
    plan = TrainingPlan(n_steps, learning_rate=0.1)
    assert plan.n_evaluations <= 80
    history = Bowl().train(plan)
    assert len(history.steps) == plan.n_evaluations + 1
    assert history.steps[0] == 0
    assert history.steps[-1] == history.n_steps == n_steps


@pytest.mark.parametrize("stop", [None, 0, 3, 1000])
def test_plan_ends_at_its_stop_within_the_budget(stop):
    plan = EachStep(5, 0.1, stop=stop)
    assert plan.last_step == min(5, 5 if stop is None else stop)
    assert Bowl().train(plan).n_steps == plan.last_step


# -- curves ----------------------------------------------------------------------------


def test_history_has_the_mean_loss_since_the_last_evaluation():
    bowl = Bowl()
    history = bowl.train(EachStep(40, 1e-9), samples_per_step=5)
    loss = 15 * START**2 / 2
    assert math.isnan(history.training[0])
    assert history.training[1:] == pytest.approx([loss / 5] * 40, rel=1e-5)
    assert history.validation == pytest.approx([START**2 / 2] * 41, rel=1e-5)
    np.testing.assert_allclose(history.start_losses, np.full(15, START**2 / 2))


def test_history_weighs_validation_samples():
    bowl = Bowl()
    bowl.evaluate = lambda: np.array([1.0, 3.0])
    history = bowl.train(EachStep(2, 0.1), weight=np.array([3.0, 1.0]))
    assert history.validation == [1.5] * 3


def test_train_reduces_the_loss():
    history = Bowl().train(EachStep(400, 0.05))
    assert history.validation[-1] < 1e-3 * history.validation[0]
    assert history.best_step == 400


# -- what is kept ----------------------------------------------------------------------


def test_train_restores_the_best_parameters():
    bowl = Bowl(script=[9, 8, 7, 3, 4, 5, 6])
    history = bowl.train(EachStep(6, 0.1))
    assert history.best_step == 3
    assert history.n_steps == 6
    np.testing.assert_array_equal(history.start_losses, np.full(5, 9.0))
    np.testing.assert_array_equal(history.best_losses, np.full(5, 3.0))
    assert_identical(bowl.params.flat, bowl.seen[3])


def test_train_keeps_the_last_parameters_without_validation():
    bowl = Bowl()
    history = bowl.train(EachStep(10, 0.1), evaluated=False)
    assert history.validation == []
    assert history.best_losses is None
    assert history.best_step == history.n_steps == 10
    assert bowl.params.flat.max() < START


# -- the end of a run ------------------------------------------------------------------


@pytest.mark.parametrize("patience", [1, 5, 30])
def test_patience_is_in_steps_without_a_gain(patience):
    history = Bowl(script=[9, 8, 1]).train(EachStep(40, 0.1, patience=patience))
    assert history.best_step == 2
    assert history.n_steps == 2 + patience


def test_patience_is_counted_from_its_start():
    plan = EachStep(40, 0.1, patience=5, patience_start=10)
    assert Bowl(script=[9, 8, 1]).train(plan).n_steps == 15


def test_gains_below_the_tolerance_do_not_count_but_are_kept():
    script = [9.0, 8.9, 8.8, 8.7, 8.6, 8.5]
    history = Bowl(script).train(EachStep(40, 0.1, patience=3, tolerance=1.0))
    assert history.n_steps == 3
    assert history.best_step == 3


def test_small_gains_add_up_to_one_that_counts():
    script = 9 - 0.4 * np.arange(21)
    history = Bowl(script).train(EachStep(20, 0.1, patience=4, tolerance=1.0))
    assert history.n_steps == 20


def test_stop_leaves_the_schedule_as_it_is():
    total, stopped = Bowl(), Bowl()
    total.train(EachStep(100, 0.1))
    history = stopped.train(EachStep(100, 0.1, stop=7), evaluated=False)
    assert history.n_steps == 7
    assert_identical(stopped.params.flat, total.seen[7])


def test_the_last_step_of_a_stopped_run_is_evaluated():
    interval = TrainingPlan(10_000, 0.1).eval_interval
    plan = TrainingPlan(10_000, 0.1, stop=interval + 1)
    assert Bowl().train(plan).steps == [0, interval, interval + 1]


@pytest.mark.parametrize("evaluated", [True, False])
def test_divergence_ends_the_run_and_keeps_what_was_finite(evaluated):
    bowl = Bowl()
    history = bowl.train(EachStep(40, math.inf), evaluated)
    assert history.diverged
    assert history.n_steps == 1
    torch.testing.assert_close(bowl.params.flat, torch.full((15,), START))


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_validation_loss_that_is_not_finite_is_divergence(loss):
    bowl = Bowl(script=[9, 8, loss])
    history = bowl.train(EachStep(40, 0.1))
    assert history.diverged
    assert history.validation == [9, 8]
    assert_identical(bowl.params.flat, bowl.seen[1])


def test_an_infinite_start_leaves_no_best():
    history = Bowl(script=[math.inf]).train(EachStep(40, 0.1))
    assert history.diverged
    assert history.n_steps == 0
    assert history.best_losses is None


def test_an_interrupt_keeps_the_best_so_far():
    bowl = Bowl(script=[9, 8, 3, 5, 6], raise_at=4)
    history = bowl.train(EachStep(40, 0.1))
    assert history.interrupted
    assert history.n_steps == 4
    assert_identical(bowl.params.flat, bowl.seen[2])


# -- reports ---------------------------------------------------------------------------


def test_each_evaluation_is_reported():
    bowl = Bowl(script=[9, 8, 7])
    history = bowl.train(EachStep(2, 0.1))
    assert bowl.reports == [(1, history.training[1], 8), (2, history.training[2], 7)]


def test_a_report_without_validation_has_no_validation_loss():
    bowl = Bowl()
    history = bowl.train(EachStep(1, 0.1), evaluated=False)
    assert bowl.reports == [(1, history.training[1], None)]


def test_a_report_may_end_the_run():
    def stop_at_three(step, training, validation):
        return step == 3

    assert Bowl().train(EachStep(40, 0.1), report=stop_at_three).n_steps == 3


def test_a_report_is_optional():
    assert Bowl().train(EachStep(3, 0.1), report=None).n_steps == 3


# -- a budget that was too short -------------------------------------------------------


def script_of(late_fall, n_steps=20, last=1.0):
    """Return losses that fall to the last one, at the end by a share of it."""
    n_early = int(LATE * n_steps) + 1
    early = np.linspace(3 * last, last + late_fall * last, n_early)
    return [*early, *np.linspace(early[-1], last, n_steps + 2 - n_early)[1:]]


# Of 20 steps six are late, of 500 more than count.
BUDGETS = [(20, LATE_FALL * 6 / LATE_STEPS), (500, LATE_FALL)]


@pytest.mark.parametrize("last", [0.01, 1.0, 50.0])
@pytest.mark.parametrize(("n_steps", "small"), BUDGETS)
def test_a_budget_is_short_if_the_loss_still_fell_by_a_share(n_steps, small, last):
    for factor, expected in [(1.1, True), (0.9, False), (0.0, False)]:
        script = script_of(factor * small, n_steps, last)
        history = Bowl(script).train(EachStep(n_steps, 0.1))
        assert history.exhausted
        assert history.is_unfinished() == expected


@pytest.mark.parametrize("last", [-2.0, 1e-9, 3.0])
@pytest.mark.parametrize(("n_steps", "small"), BUDGETS)
def test_a_budget_of_a_likelihood_is_short_if_nats_were_gained(n_steps, small, last):
    for factor, expected in [(1.1, True), (0.9, False)]:
        script = np.array(script_of(factor * small, n_steps)) + (last - 1)
        history = Bowl(script).train(EachStep(n_steps, 0.1))
        assert history.is_unfinished(in_nats=True) == expected


def test_a_budget_between_two_evaluations_is_compared_with_the_start():
    history = Bowl([1.0, 0.9]).train(TrainingPlan(5, 0.1))
    assert history.steps == [0, 5]
    assert history.is_unfinished()


def test_a_budget_is_not_short_where_hardly_anything_is_left():
    script = [1.0, *[0.004] * 12, *[0.002] * 8]
    history = Bowl(script).train(EachStep(len(script) - 1, 0.1))
    assert history.exhausted
    assert not history.is_unfinished()


def test_a_budget_that_did_not_end_with_the_best_loss_is_not_short():
    script = [*script_of(1.0)[:-1], 1.5]
    assert not Bowl(script).train(EachStep(20, 0.1)).is_unfinished()


@pytest.mark.parametrize(
    "options",
    [
        {"report": lambda step, *_: step == 20},
        {"evaluated": False},
        {"plan": EachStep(20, 0.1, patience=20, patience_start=0, tolerance=9.0)},
        {"plan": EachStep(40, 0.1, stop=0)},
    ],
    ids=["ended by a report", "no validation samples", "out of patience", "no steps"],
)
def test_a_budget_is_not_short_unless_it_ended_the_run(options):
    plan = options.pop("plan", EachStep(20, 0.1))
    assert not Bowl(script_of(1.0)).train(plan, **options).is_unfinished()


def test_a_budget_is_not_short_if_the_run_was_broken_off():
    for bowl in [Bowl(script_of(1.0), raise_at=19), Bowl([3.0, 2.0, math.inf])]:
        history = bowl.train(EachStep(20, 0.1))
        assert not history.exhausted
        assert not history.is_unfinished()


# -- an optimizer in two runs ----------------------------------------------------------


def optimizer_of(bowl, plan):
    return Optimizer(bowl.params, bowl.grads, plan.weight_decay)


def test_the_optimizer_keeps_its_moments_in_a_second_run():
    plan = TrainingPlan(13, 0.05, weight_decay=0.5)  # decay is pending in between
    bowl, expected = Bowl(), Bowl()
    optimizer, by_hand = optimizer_of(bowl, plan), optimizer_of(expected, plan)
    for _ in range(2):
        bowl.train(plan, evaluated=False, optimizer=optimizer)
        for step in range(13):
            expected.step(None)
            by_hand.step(cosine_schedule(step, 13, 0.05))
    assert_identical(bowl.params.flat, expected.params.flat)


def test_a_new_optimizer_forgets_the_moments():
    plan = TrainingPlan(13, 0.05)
    kept, forgotten = Bowl(), Bowl()
    optimizer = optimizer_of(kept, plan)
    for _ in range(2):
        kept.train(plan, evaluated=False, optimizer=optimizer)
        forgotten.train(plan, evaluated=False)
    assert (kept.params.flat - forgotten.params.flat).abs().min() > 1e-3


def test_the_optimizer_knows_usual_gradients_in_a_second_run():
    plan, bowl = TrainingPlan(20, 1e-6), Bowl()
    optimizer = optimizer_of(bowl, plan)
    bowl.train(plan, evaluated=False, optimizer=optimizer)
    usual = bowl.grads.flat.norm()
    bowl.params.flat.mul_(100)
    bowl.train(TrainingPlan(1, 1e-6), evaluated=False, optimizer=optimizer)
    torch.testing.assert_close(bowl.grads.flat.norm(), 1.5 * usual, rtol=1e-4, atol=0)
