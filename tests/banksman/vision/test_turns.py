"""Several stations on one accelerator: everybody gets a turn, and one's error is one's own."""

import gc
import threading

import pytest

from banksman.vision.turns import TurnLooker
from banksman_inference.accelerator import SharedAccelerator
from banksman_inference.ports import InferenceError


class Looker:
    def __init__(self, says):
        self.says = says
        self.threads = set()

    def inspect(self, picture):
        self.threads.add(threading.current_thread().name)
        if isinstance(self.says, Exception):
            raise self.says
        return self.says


@pytest.fixture
def shared():
    made = SharedAccelerator("infer-0")
    made.start()
    yield made
    assert made.stop(20.0)


def test_each_gets_its_own_answer_on_the_accelerators_thread(shared):
    lookers = [Looker(f"answer {number}") for number in range(3)]
    turns = [TurnLooker(f"cam{n}", looker, shared) for n, looker in enumerate(lookers)]
    answers = {}

    def ask(number):
        answers[number] = [turns[number].inspect(None) for _ in range(20)]

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert answers == {number: [f"answer {number}"] * 20 for number in range(3)}
    assert set().union(*(looker.threads for looker in lookers)) == {"infer-0"}


def test_an_error_reaches_who_asked_and_nobody_else(shared):
    broken = TurnLooker("broken", Looker(InferenceError("it fell off")), shared)
    well = TurnLooker("well", Looker("seen"), shared)
    with pytest.raises(InferenceError, match="fell off"):
        broken.inspect(None)
    assert well.inspect(None) == "seen"


def test_no_turn_in_time_is_an_error_and_not_a_wait_for_ever(shared, monkeypatch):
    monkeypatch.setattr("banksman.vision.turns.PATIENCE_S", 0.05)
    held = threading.Event()

    class Slow:
        def inspect(self, picture):
            held.wait(20)

    slow = TurnLooker("slow", Slow(), shared)
    try:
        with pytest.raises(InferenceError, match="no turn"):
            slow.inspect(None)
    finally:
        held.set()


def test_a_bundle_that_was_replaced_leaves_its_place(shared):
    first = TurnLooker("caps", Looker("old"), shared)
    second = TurnLooker("caps", Looker("new"), shared)
    assert second.inspect(None) == "new"
    assert len(shared.counts()) == 2
    del first
    gc.collect()
    assert len(shared.counts()) == 1


def test_who_waits_for_a_turn_is_sent_home_when_the_accelerator_stops():
    shared = SharedAccelerator("infer-0")
    shared.start()
    begun, held, told = threading.Event(), threading.Event(), []

    class Slow:
        def inspect(self, picture):
            begun.set()
            held.wait(60)

    def ask(turns):
        try:
            turns.inspect(None)
        except InferenceError as error:
            told.append(str(error))

    asking = []
    for looker in (Slow(), Looker("seen")):
        turns = TurnLooker("caps", looker, shared)
        asking.append(threading.Thread(target=ask, args=(turns,)))
        asking[-1].start()
        assert begun.wait(60)
    stopping = threading.Thread(target=shared.stop, args=(60.0,))
    stopping.start()
    asking[1].join(60)
    assert told[-1] == "the accelerator has stopped"
    held.set()
    for thread in (*asking, stopping):
        thread.join(60)
        assert not thread.is_alive()
