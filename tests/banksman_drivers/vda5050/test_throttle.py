from __future__ import annotations

import pytest

from banksman_drivers.vda5050_throttle import GAP_NS, NewestState


class Hand:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now_ns = 10**9

    def mono_ns(self) -> int:
        return self.now_ns


@pytest.fixture
def hand() -> Hand:
    return Hand()


@pytest.fixture
def taken() -> list[bytes]:
    return []


@pytest.fixture
def newest(hand, taken) -> NewestState:
    return NewestState(hand, taken.append)


async def test_states_at_a_vehicles_own_pace_are_taken_at_once(newest, hand, taken):
    for payload in (b"1", b"2", b"3"):
        newest.put(payload)
        hand.now_ns += GAP_NS
    assert taken == [b"1", b"2", b"3"]
    assert newest.replaced == 0


async def test_of_a_flood_the_first_and_the_newest_are_taken_and_the_rest_counted(
    newest, taken, until
):
    for number in range(10_000):
        newest.put(b"%d" % number)
    assert taken == [b"0"]
    await until(lambda: len(taken) == 2, "the end of the gap")
    assert taken == [b"0", b"9999"]
    assert newest.replaced == 9_998


async def test_what_waits_is_dropped_when_the_link_ends(newest, hand, taken, until):
    newest.put(b"1")
    newest.put(b"2")
    newest.forget()
    hand.now_ns += GAP_NS
    newest.put(b"3")
    assert taken == [b"1", b"3"]
    newest.put(b"4")
    await until(lambda: len(taken) == 3, "the slot still works")
    assert taken[-1] == b"4"
