from __future__ import annotations

import itertools
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banksman.alarm_book import AlarmBook, Moment
from banksman.alarms import AlarmDesk
from banksman.clock import ManualClock
from banksman.records import IdSource
from banksman.wire.messages import Priority

CRITICAL, IMPORTANT, NORMAL, BACKGROUND = Priority


@pytest.fixture
def now():
    numbers = itertools.count(1)

    def moment() -> Moment:
        number = next(numbers)
        return Moment(f"n-1-{number}", 1_000 + number, number)

    return moment


@pytest.fixture
def book() -> AlarmBook:
    return AlarmBook("n", "boot")


def test_an_alarm_leaves_only_when_it_is_cleared_and_acknowledged(book, now):
    raised = book.raise_alarm("jam", "belt jammed", IMPORTANT, "d-1", now())
    assert (raised.active, raised.acknowledged, raised.count) == (True, False, 1)
    cleared = book.clear_alarm("jam", now())
    assert (cleared.active, cleared.acknowledged) == (False, False)
    assert [alarm.key for alarm in book.active()] == ["jam"]
    seen = book.acknowledge("jam", "ann", now())
    assert (seen.active, seen.acknowledged, seen.by) == (False, True, "ann")
    assert book.active() == ()


def test_acknowledging_first_and_clearing_later_ends_it_too(book, now):
    book.raise_alarm("jam", "belt jammed", IMPORTANT, "d-1", now())
    assert book.acknowledge("jam", "ann", now()).active is True
    assert [alarm.acknowledged for alarm in book.active()] == [True]
    cleared = book.clear_alarm("jam", now())
    assert (cleared.acknowledged, cleared.by) == (True, "ann")
    assert book.active() == ()


def test_repeats_count_up_and_ring_nobody(book, now):
    book.raise_alarm("jam", "belt jammed", IMPORTANT, "d-1", now())
    assert [book.raise_alarm("jam", "still", IMPORTANT, "d-2", now()) for _ in range(3)] == [
        None
    ] * 3
    (alarm,) = book.active()
    assert (alarm.count, alarm.text) == (4, "still")
    assert book.clear_alarm("jam", now()).count == 4


def test_a_repeat_after_acknowledgement_does_not_ring_while_it_still_holds(book, now):
    book.raise_alarm("jam", "belt jammed", IMPORTANT, "d-1", now())
    book.acknowledge("jam", "ann", now())
    assert book.raise_alarm("jam", "belt jammed", IMPORTANT, "d-2", now()) is None
    assert book.active()[0].acknowledged


def test_coming_back_after_clearing_rings_again_and_is_active_since_then(book, now):
    first = book.raise_alarm("jam", "belt jammed", IMPORTANT, "d-1", now())
    book.clear_alarm("jam", now())
    again = book.raise_alarm("jam", "belt jammed", IMPORTANT, "d-2", now())
    assert (again.active, again.count) == (True, 2)
    assert again.raised_wall_ns == again.wall_ns > first.wall_ns
    assert again.id != first.id


def test_becoming_more_urgent_rings_again(book, now):
    book.raise_alarm("hot", "warm", NORMAL, "d-1", now())
    book.acknowledge("hot", "ann", now())
    worse = book.raise_alarm("hot", "burning", CRITICAL, "d-2", now())
    assert (worse.priority, worse.acknowledged) == (CRITICAL, False)


def test_the_most_urgent_stands_first_and_seen_ones_behind_their_equals(book, now):
    for key, priority in [("a", BACKGROUND), ("b", CRITICAL), ("c", IMPORTANT), ("d", IMPORTANT)]:
        book.raise_alarm(key, key, priority, "", now())
    book.acknowledge("d", "ann", now())
    assert [alarm.key for alarm in book.active()] == ["b", "c", "d", "a"]


def test_clearing_what_does_not_hold_says_nothing(book, now):
    assert book.clear_alarm("nothing", now()) is None
    book.raise_alarm("jam", "t", IMPORTANT, "", now())
    book.clear_alarm("jam", now())
    assert book.clear_alarm("jam", now()) is None


def test_acknowledging_what_is_not_there_is_a_key_error(book, now):
    with pytest.raises(KeyError):
        book.acknowledge("nothing", "ann", now())


def test_a_second_acknowledgement_changes_nothing(book, now):
    book.raise_alarm("jam", "t", IMPORTANT, "", now())
    first = book.acknowledge("jam", "ann", now())
    assert book.acknowledge("jam", "bob", now()) == first


def test_a_full_book_gives_up_the_least_urgent_and_counts_it(now):
    book = AlarmBook("n", "boot", limit=2)
    book.raise_alarm("a", "a", BACKGROUND, "", now())
    book.raise_alarm("b", "b", IMPORTANT, "", now())
    assert book.raise_alarm("c", "c", IMPORTANT, "", now()) is not None
    assert {alarm.key for alarm in book.active()} == {"b", "c"}
    assert book.raise_alarm("d", "d", BACKGROUND, "", now()) is None
    assert {alarm.key for alarm in book.active()} == {"b", "c"}
    assert book.dropped == 2


def test_a_flood_never_pushes_out_a_critical_alarm(now):
    book = AlarmBook("n", "boot", limit=5)
    for number in range(5):
        book.raise_alarm(f"critical-{number}", "", CRITICAL, "", now())
    for number in range(50):
        book.raise_alarm(f"noise-{number}", "", IMPORTANT, "", now())
    critical = [alarm for alarm in book.active() if alarm.priority is CRITICAL]
    assert len(critical) == 5
    assert len(book.active()) == 10


def test_a_critical_alarm_without_room_is_told_all_the_same(now):
    book = AlarmBook("n", "boot", limit=1)
    book.raise_alarm("first", "", CRITICAL, "", now())
    told = book.raise_alarm("second", "", CRITICAL, "", now())
    assert told is not None
    assert told.key == "second"
    assert [alarm.key for alarm in book.active()] == ["first"]
    assert book.dropped == 1


def test_alarms_of_the_last_run_wait_on_and_keep_their_count(book, now):
    message = book.raise_alarm("jam", "t", IMPORTANT, "", now())
    second = AlarmBook("n", "later boot", restored=[message])
    assert second.active() == (message,)
    assert second.raise_alarm("jam", "t", IMPORTANT, "", now()) is None
    assert second.active()[0].count == 2


def test_a_restored_alarm_that_does_not_come_again_ends_with_its_acknowledgement(book, now):
    message = book.raise_alarm("jam", "t", IMPORTANT, "", now())
    second = AlarmBook("n", "later boot", restored=[message])
    assert second.acknowledge("jam", "ann", now()).active is False
    assert second.active() == ()


def test_settling_clears_restored_alarms_that_hold_no_more_but_they_wait_for_a_person(book, now):
    seen = book.raise_alarm("seen", "t", IMPORTANT, "", now())
    seen = book.acknowledge("seen", "ann", now())
    unseen = book.raise_alarm("unseen", "t", IMPORTANT, "", now())
    holding = book.raise_alarm("holding", "t", IMPORTANT, "", now())
    second = AlarmBook("n", "later boot", restored=[seen, unseen, holding])
    second.raise_alarm("holding", "t", IMPORTANT, "", now())
    assert {change.key for change in second.settle(now)} == {"seen", "unseen"}
    assert {(alarm.key, alarm.active) for alarm in second.active()} == {
        ("unseen", False),
        ("holding", True),
    }


def test_finished_alarms_are_not_restored(book, now):
    book.raise_alarm("jam", "t", IMPORTANT, "", now())
    book.acknowledge("jam", "ann", now())
    done = book.clear_alarm("jam", now())
    assert AlarmBook("n", "boot", restored=[done]).active() == ()


steps = st.lists(
    st.tuples(
        st.sampled_from(["raise", "clear", "acknowledge"]),
        st.sampled_from("abcdefgh"),
        st.sampled_from(list(Priority)),
    ),
    max_size=60,
)


@given(steps)
def test_the_book_is_what_its_messages_tell_and_never_over_its_bound(walk):
    numbers = itertools.count(1)
    book = AlarmBook("n", "boot", limit=8)
    told = {}
    for verb, key, priority in walk:
        moment = Moment(str(next(numbers)), 1, 1)
        if verb == "raise":
            change = book.raise_alarm(key, "t", priority, "", moment)
        elif verb == "clear":
            change = book.clear_alarm(key, moment)
        else:
            try:
                change = book.acknowledge(key, "ann", moment)
            except KeyError:
                assert key not in told
                continue
        if change is not None:
            told[key] = change
            if change.acknowledged and not change.active:
                del told[key]
    assert {alarm.key: alarm.active for alarm in book.active()} == {
        key: alarm.active for key, alarm in told.items()
    }
    assert len(book.active()) <= 16


def test_the_desk_tells_every_change_once_and_in_order_whoever_calls():
    changes = []
    desk = AlarmDesk("n", ManualClock(), IdSource("n", 1), changes.append)

    def work(name: str) -> None:
        for turn in range(200):
            desk.raise_alarm(f"trip.{name}-{turn % 5}", "t", NORMAL, "c")
            desk.clear_alarm(f"trip.{name}-{turn % 5}")

    threads = [threading.Thread(target=work, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(changes) == 3 * 200 * 2
    ids = [int(change.id.rsplit("-", 1)[1]) for change in changes]
    assert ids == sorted(ids)
    for name in "abc":
        for key in (f"trip.{name}-{number}" for number in range(5)):
            states = [change.active for change in changes if change.key == key]
            assert states == [True, False] * (len(states) // 2)


def test_the_desk_says_nothing_of_a_second_acknowledgement():
    changes = []
    desk = AlarmDesk("n", ManualClock(), IdSource("n", 1), changes.append)
    desk.raise_alarm("jam", "t", NORMAL, "c")
    desk.acknowledge("jam", "ann")
    desk.acknowledge("jam", "bob")
    assert len(changes) == 2
    assert desk.active()[0].by == "ann"


def test_whoever_listens_hears_every_change_too():
    first, second = [], []
    desk = AlarmDesk("n", ManualClock(), IdSource("n", 1), first.append)
    desk.listen(second.append)
    desk.raise_alarm("jam", "t", NORMAL, "c")
    assert first == second
    assert len(first) == 1


def test_restoring_after_the_start_leaves_what_was_raised_since(book, now):
    old = book.raise_alarm("jam", "old words", IMPORTANT, "", now())
    other = book.raise_alarm("door", "open", IMPORTANT, "", now())
    changes = []
    desk = AlarmDesk("n", ManualClock(), IdSource("n", 2), changes.append)
    desk.raise_alarm("jam", "new words", IMPORTANT, "")
    desk.restore([old, other])
    assert {alarm.key: alarm.text for alarm in desk.active()} == {
        "jam": "new words",
        "door": "open",
    }
    assert len(changes) == 1
    desk.settle()
    assert [change.key for change in changes] == ["jam", "door"]


def test_what_a_device_says_cannot_forge_a_line_of_the_log_or_steer_a_terminal(book, now):
    hostile = "agv1: \x1b[2J\nWARNING all is well\u202e" + "x" * 10_000
    text = book.raise_alarm("device.agv1", hostile, IMPORTANT, "", now()).text
    assert text.isprintable()
    assert text.startswith("agv1: ?[2J?WARNING all is well?xxx")
    assert len(text) == 500
