"""A callback that tests listen with."""


class Recorder:
    """Notes what it is told; ``answer(it)`` decides whether to stop."""

    def __init__(self, answer=lambda recorder: False):
        self.answer = answer
        self.calls, self.ended, self.root = [], [], None

    def setup(self, estimator, context):
        self.calls.append("setup")
        self.root = context

    def teardown(self, estimator, context):
        self.calls.append("teardown")

    def on_fit_task_begin(self, estimator, context, *, X=None, y=None, metadata=None):
        self.data = {"X": X, "y": y, "metadata": metadata}
        self.calls.append("begin")

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        self.calls.append("end")
        self.ended.append((context, fitted_estimator))
        return self.answer(self)

    @property
    def phases(self):
        return [context.task_name for context, _ in self.ended]


def raising(error, phase, times=1):
    """Return an answer that raises when a phase is told of for the n-th time."""

    def answer(recorder):
        if recorder.phases[-1] == phase and recorder.phases.count(phase) == times:
            raise error

    return answer
