"""What can wait does wait, in order, and nothing of it is lost."""

import pytest

from banksman.control.afterwards import Afterwards


class Timer:
    def __init__(self):
        self.armed = []

    def __call__(self, seconds, function):
        assert seconds > 0
        self.armed.append(function)

    def fire(self):
        functions, self.armed = self.armed, []
        for function in functions:
            function()


@pytest.fixture
def timer():
    return Timer()


@pytest.fixture
def done():
    return []


def test_nothing_runs_before_the_moment_and_then_all_in_order(timer, done):
    afterwards = Afterwards(timer)
    afterwards.put(done.append, 1)
    afterwards.put(done.append, 2)
    assert done == []
    timer.fire()
    assert done == [1, 2]


def test_one_timer_serves_all_that_waits(timer, done):
    afterwards = Afterwards(timer)
    afterwards.put(done.append, 1)
    afterwards.put(done.append, 2)
    assert len(timer.armed) == 1


def test_what_is_put_by_what_runs_runs_too(timer, done):
    afterwards = Afterwards(timer)
    afterwards.put(lambda: afterwards.put(done.append, 2))
    timer.fire()
    timer.fire()
    assert done == [2]


def test_one_that_raises_does_not_hold_up_the_others(timer, done):
    afterwards = Afterwards(timer)
    afterwards.put(lambda: 1 / 0)
    afterwards.put(done.append, 2)
    with pytest.raises(ZeroDivisionError):
        timer.fire()
    timer.fire()
    assert done == [2]


def test_at_the_end_what_waits_is_done_at_once(timer, done):
    afterwards = Afterwards(timer)
    afterwards.put(done.append, 1)
    afterwards.run()
    assert done == [1]
    timer.fire()
    assert done == [1]
