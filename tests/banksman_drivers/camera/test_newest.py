"""The slot for the newest frame."""

import threading

import numpy as np

from banksman_drivers.camera.newest import NewestFrame
from banksman_drivers.ports import Frame, Quality

IMAGE = np.zeros((2, 2, 3), np.uint8)


def frame(number):
    return Frame("line", IMAGE, number, Quality.GOOD, number)


def test_the_newest_frame_wins_over_those_that_nobody_took():
    slot = NewestFrame()
    for number in (1, 2, 3):
        slot.put(frame(number))
    assert slot.wait(0, 0).number == 3


def test_nobody_is_given_a_frame_twice():
    slot = NewestFrame()
    slot.put(frame(7))
    assert slot.wait(7, 0) is None


def test_all_who_wait_are_given_the_next_frame():
    slot, got, ready = NewestFrame(), [], threading.Barrier(4)

    def wait():
        ready.wait()
        got.append(slot.wait(0, 15))

    threads = [threading.Thread(target=wait) for _ in range(3)]
    for thread in threads:
        thread.start()
    ready.wait()
    slot.put(frame(1))
    for thread in threads:
        thread.join(15)
    assert [each.number for each in got] == [1, 1, 1]


def test_a_cleared_slot_shows_no_old_picture():
    slot = NewestFrame()
    slot.put(frame(1))
    slot.clear()
    assert slot.wait(0, 0) is None
    slot.put(frame(2))
    assert slot.wait(0, 0).number == 2
