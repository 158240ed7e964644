import itertools
import math

import numpy as np
import pytest
import torch

from skae._nn.parameters import ParameterBuffer
from skae._training.loop import TrainingPlan, train
from skae._training.optimizer import AdamW, AdaptiveGradientClipping, cosine_schedule

SHAPES = {"a.weight": (4, 3), "a.bias": (1, 3)}
START = 2.0


class EachStep(TrainingPlan):
    """A plan that measures after every step."""

    every = 1


def parameters(n_models=None, fill=0.0, device="cpu"):
    params = ParameterBuffer(
        SHAPES, n_models=n_models, dtype=torch.float32, device=torch.device(device)
    )
    params.flat.fill_(fill)
    return params


def same(x):
    return pytest.approx(x, rel=1e-5)


class Bowl:
    """Half the squared distance from zero, and a script of held-out losses."""

    def __init__(self, script=None, raise_at=None):
        self.params = parameters(fill=START)
        self.grads = self.params.zeros_like()
        self.script, self.raise_at = script, raise_at
        self.n_steps, self.seen, self.reports = 0, [], []

    def step(self, batch):
        if self.n_steps == self.raise_at:
            raise KeyboardInterrupt
        self.n_steps += 1
        self.grads.flat.copy_(self.params.flat)
        return self.params.flat.square().sum() / 2

    def measure(self):
        self.seen.append(self.params.flat.clone())
        if self.script is None:
            return self.params.flat.square().numpy() / 2
        at = min(len(self.seen), len(self.script)) - 1
        return np.full(5, float(self.script[at]))

    def report(self, *what):
        self.reports.append(what)
        return False

    def train(self, plan, measured=True, **options):
        options = {"report": self.report, **options}
        measure = self.measure if measured else None
        batches = itertools.repeat(None)
        return train(
            self.params,
            self.grads,
            self.step,
            batches,
            plan,
            measure=measure,
            **options,
        )


# -- schedule --------------------------------------------------------------------------


@pytest.mark.parametrize("n_steps", [1, 2, 10, 600, 2000])
def test_rate_warms_up_and_falls_along_a_cosine(n_steps):
    rates = np.array(
        [cosine_schedule(step, n_steps, 3e-3) for step in range(n_steps + 1)]
    )
    warm = max(1, n_steps // 10)
    assert rates.max() == rates[warm - 1] == same(3e-3)
    assert (np.diff(rates[:warm]) > 0).all()
    assert (np.diff(rates[warm:]) < 0).all()
    assert (rates[:-1] > 0).all()


@pytest.mark.parametrize("n_steps", [2, 10, 600])
def test_the_schedule_ends_at_zero(n_steps):
    assert cosine_schedule(n_steps, n_steps, 1.0) == pytest.approx(0)


def test_middle_of_the_cosine_is_half_the_peak():
    assert cosine_schedule(550, 1000, 1.0) == pytest.approx(0.5)


@pytest.mark.parametrize("n_steps", [1, 39, 40, 100, 2000])
def test_a_plan_knows_how_often_it_checks(n_steps):
    plan = TrainingPlan(n_steps, peak=0.1, decay=0.0)
    assert plan.checks <= 80
    history = Bowl().train(plan)
    assert len(history.steps) == plan.checks + 1
    assert history.steps[0] == 0
    assert history.steps[-1] == history.n_steps == n_steps


# -- optimizer -------------------------------------------------------------------------


def adam_by_hand(start, gradients, rates, decay):
    """Write AdamW as its paper does, one parameter vector in float64."""
    x, mean, square, owed = start.copy(), 0.0, 0.0, 0.0
    for t, (gradient, rate) in enumerate(zip(gradients, rates, strict=True), 1):
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.999 * square + 0.001 * gradient**2
        step = mean / (1 - 0.9**t) / (np.sqrt(square / (1 - 0.999**t)) + 1e-8)
        owed += rate * decay
        x -= rate * step
    return x * math.exp(-owed)


@pytest.mark.parametrize("n_models", [None, 2])
@pytest.mark.parametrize("fused", [True, False], ids=["fused", "plain"])
def test_adam_is_the_paper_s(monkeypatch, device, fused, n_models):
    if not fused:
        monkeypatch.delattr(torch, "_fused_adam_")
    params = parameters(n_models, fill=1.0, device=device)
    grads = params.zeros_like()
    adam = AdamW(params, grads, decay=0.0)
    rng = np.random.default_rng(0)
    gradients = (
        rng.normal(size=(30, params.flat.numel())) * np.tile([1e-3, 1, 50], 10)[:, None]
    )
    rates = [cosine_schedule(t, 30, 1e-2) for t in range(30)]
    for gradient, rate in zip(gradients, rates, strict=True):
        grads.flat.copy_(torch.from_numpy(gradient).float())
        adam.step(rate)
    expected = adam_by_hand(np.ones(params.flat.numel()), gradients, rates, 0.0)
    np.testing.assert_allclose(params.flat.cpu(), expected, rtol=1e-4)


@pytest.mark.parametrize("fused", [True, False], ids=["fused", "plain"])
def test_decay_shrinks_weights_only(monkeypatch, fused):
    if not fused:
        monkeypatch.delattr(torch, "_fused_adam_")
    params = parameters(fill=1.0)
    adam = AdamW(params, params.zeros_like(), decay=0.5)
    for _ in range(80):
        adam.step(0.01)
    assert params.views["a.bias"].unique().tolist() == [1.0]
    torch.testing.assert_close(
        params.views["a.weight"], torch.full((4, 3), math.exp(-80 * 0.01 * 0.5))
    )


def test_fused_and_plain_steps_agree(monkeypatch):
    results = []
    for fused in (True, False):
        if not fused:
            monkeypatch.delattr(torch, "_fused_adam_")
        bowl = Bowl()
        bowl.train(TrainingPlan(50, peak=0.05, decay=0.1), measured=False)
        results.append(bowl.params.flat)
    torch.testing.assert_close(*results, rtol=1e-5, atol=1e-6)


def test_torch_still_has_the_private_optimizer():
    assert hasattr(torch, "_fused_adam_"), (
        "torch._fused_adam_ is gone. Nothing breaks: skae falls back to plain tensor "
        "operations, which are slower for small networks. Look for its successor."
    )


# -- clipping --------------------------------------------------------------------------


def lengths(grads):
    squares = sum(group.square().sum(1) for group in grads.groups.values())
    return squares.sqrt()


@pytest.mark.parametrize("n_models", [None, 1, 3])
def test_long_gradients_are_shrunk_to_the_limit(device, n_models):
    grads = parameters(n_models, device=device)
    clip = AdaptiveGradientClipping(grads, factor=1.5)
    grads.flat.fill_(1.0)
    usual = lengths(grads)
    clip.apply()  # the first one says what is usual
    grads.flat.fill_(1.4)
    clip.apply()
    assert grads.flat.unique().tolist() == same([1.4])  # shorter than the limit
    usual = usual * (1 + 0.05 * 0.4)
    grads.flat.fill_(100.0)
    clip.apply()
    torch.testing.assert_close(lengths(grads), 1.5 * usual)


def test_each_model_of_a_stack_is_clipped_as_if_it_were_alone():
    rng = np.random.default_rng(0)
    scale = np.exp(rng.normal(size=(20, 3)))
    drawn = rng.normal(size=(20, 15))
    stack = parameters(3)
    stacked = AdaptiveGradientClipping(stack)
    alone = [parameters() for _ in range(3)]
    clips = [AdaptiveGradientClipping(grads) for grads in alone]
    for gradient, sizes in zip(drawn, scale, strict=True):
        for m, size in enumerate(sizes):
            alone[m].flat.copy_(torch.from_numpy(gradient * size))
            for name, view in stack.views.items():
                view[m] = alone[m].views[name]
            clips[m].apply()
        stacked.apply()
        for m in range(3):
            for name, view in stack.views.items():
                torch.testing.assert_close(view[m], alone[m].views[name])


@pytest.mark.parametrize("n_models", [None, 2])
def test_zero_gradients_stay_zero(device, n_models):
    grads = parameters(n_models, device=device)
    clip = AdaptiveGradientClipping(grads)
    for _ in range(3):
        clip.apply()
    assert not grads.flat.any()


# -- the loop --------------------------------------------------------------------------


def test_curves_tell_the_mean_loss_since_the_last_check():
    bowl = Bowl()
    history = bowl.train(EachStep(40, peak=1e-9, decay=0.0), rows_per_step=5)
    loss = 15 * START**2 / 2
    assert math.isnan(history.training[0])
    assert history.training[1:] == same([loss / 5] * 40)
    assert history.validation == same([START**2 / 2] * 41)
    np.testing.assert_allclose(history.start_rows, np.full(15, START**2 / 2))


def test_weights_of_held_out_rows_count():
    bowl = Bowl()
    bowl.measure = lambda: np.array([1.0, 3.0])
    history = bowl.train(EachStep(2, 0.1, 0.0), weight=np.array([3.0, 1.0]))
    assert history.validation == [1.5] * 3


def test_training_goes_down():
    bowl = Bowl()
    history = bowl.train(EachStep(400, peak=0.05, decay=0.0))
    assert history.validation[-1] < 1e-3 * history.validation[0]
    assert history.best_step == 400


def test_the_best_parameters_are_restored():
    bowl = Bowl(script=[9, 8, 7, 3, 4, 5, 6])
    history = bowl.train(EachStep(6, peak=0.1, decay=0.0))
    assert history.best_step == 3
    assert history.n_steps == 6
    np.testing.assert_array_equal(history.best_rows, np.full(5, 3.0))
    torch.testing.assert_close(bowl.params.flat, bowl.seen[3], rtol=0, atol=0)


def test_without_held_out_rows_the_last_parameters_stay():
    bowl = Bowl()
    history = bowl.train(EachStep(10, peak=0.1, decay=0.0), measured=False)
    assert history.validation == []
    assert history.best_rows is None
    assert history.best_step == history.n_steps == 10
    assert bowl.params.flat.max() < START


@pytest.mark.parametrize("patience", [1, 5, 30])
def test_patience_is_in_steps_without_a_gain(patience):
    history = Bowl(script=[9, 8, 1]).train(EachStep(40, 0.1, 0.0, patience=patience))
    assert history.best_step == 2
    assert history.n_steps == 2 + patience


def test_gains_below_the_tolerance_do_not_count_but_are_kept():
    script = [9.0, 8.9, 8.8, 8.7, 8.6, 8.5]
    history = Bowl(script).train(EachStep(40, 0.1, 0.0, patience=3, tolerance=1.0))
    assert history.n_steps == 3
    assert history.best_step == 3


def test_small_gains_add_up_to_one_that_counts():
    script = 9 - 0.4 * np.arange(21)
    history = Bowl(script).train(EachStep(20, 0.1, 0.0, patience=4, tolerance=1.0))
    assert history.n_steps == 20


def test_stop_ends_a_run_before_its_schedule_does():
    whole, part = Bowl(), Bowl()
    whole.train(EachStep(100, 0.1, 0.0))
    history = part.train(EachStep(100, 0.1, 0.0, stop=7), measured=False)
    assert history.n_steps == 7
    # The rates are those of the long schedule: both pass through the same place.
    torch.testing.assert_close(part.params.flat, whole.seen[7], rtol=0, atol=0)


def test_the_last_step_of_a_stopped_run_is_measured():
    every = TrainingPlan(10_000, 0.1, 0.0).every
    plan = TrainingPlan(10_000, 0.1, 0.0, stop=every + 1)
    assert Bowl().train(plan).steps == [0, every, every + 1]


@pytest.mark.parametrize("stop", [0, 1000])
def test_stop_is_within_the_budget(stop):
    assert Bowl().train(EachStep(5, 0.1, 0.0, stop=stop)).n_steps == min(5, stop)


@pytest.mark.parametrize("measured", [True, False])
def test_divergence_ends_the_run_and_keeps_what_was_finite(measured):
    bowl = Bowl()
    history = bowl.train(EachStep(40, peak=math.inf, decay=0.0), measured)
    assert history.diverged
    assert history.n_steps == 1
    torch.testing.assert_close(bowl.params.flat, torch.full((15,), START))


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_held_out_loss_that_is_not_finite_is_divergence(loss):
    bowl = Bowl(script=[9, 8, loss])
    history = bowl.train(EachStep(40, 0.1, 0.0))
    assert history.diverged
    assert history.validation == [9, 8]
    torch.testing.assert_close(bowl.params.flat, bowl.seen[1], rtol=0, atol=0)


def test_an_infinite_start_leaves_no_best():
    history = Bowl(script=[math.inf]).train(EachStep(40, 0.1, 0.0))
    assert history.diverged
    assert history.n_steps == 0
    assert history.best_rows is None


def test_an_interrupt_keeps_the_best_so_far():
    bowl = Bowl(script=[9, 8, 3, 5, 6], raise_at=4)
    history = bowl.train(EachStep(40, 0.1, 0.0))
    assert history.interrupted
    assert history.n_steps == 4
    torch.testing.assert_close(bowl.params.flat, bowl.seen[2], rtol=0, atol=0)


def test_each_check_is_reported():
    bowl = Bowl(script=[9, 8, 7])
    history = bowl.train(EachStep(2, 0.1, 0.0))
    assert bowl.reports == [(1, history.training[1], 8), (2, history.training[2], 7)]


def test_a_report_may_end_the_run():
    def stop_at_three(step, training, held):
        return step == 3

    assert Bowl().train(EachStep(40, 0.1, 0.0), report=stop_at_three).n_steps == 3


def test_nobody_need_listen():
    assert Bowl().train(EachStep(3, 0.1, 0.0), report=None).n_steps == 3
