from hypothesis import given
from hypothesis import strategies as st

from banksman.vision.shelf import Kept, Shelf
from banksman.wire.messages import Priority

STOP, WARNING, PASS = Priority.IMPORTANT, Priority.NORMAL, Priority.BACKGROUND


def test_the_least_urgent_goes_first_and_then_the_oldest():
    shelf = Shelf(2, 1000)
    assert shelf.put(Kept("stop", STOP, 1, 10)) == []
    assert shelf.put(Kept("warning", WARNING, 2, 10)) == []
    assert shelf.put(Kept("newer", WARNING, 3, 10)) == ["warning"]
    assert shelf.put(Kept("second stop", STOP, 4, 10)) == ["newer"]
    assert shelf.put(Kept("third stop", STOP, 5, 10)) == ["stop"]


def test_a_pass_never_pushes_out_a_stop():
    shelf = Shelf(1, 1000)
    shelf.put(Kept("stop", STOP, 1, 10))
    assert shelf.put(Kept("pass", PASS, 2, 10)) == ["pass"]
    assert shelf.dropped == 1


def test_bytes_are_bounded_too_and_one_that_is_too_large_is_not_kept():
    shelf = Shelf(10, 100)
    shelf.put(Kept("a", WARNING, 1, 60))
    assert shelf.put(Kept("b", WARNING, 2, 60)) == ["a"]
    assert shelf.put(Kept("c", STOP, 3, 101)) == ["b", "c"]
    assert (len(shelf), shelf.size_bytes) == (0, 0)


def test_an_answered_picture_stays_longer_than_its_like():
    shelf = Shelf(2, 1000)
    shelf.put(Kept("a", WARNING, 1, 10))
    shelf.put(Kept("a", WARNING, 1, 10, answered=True))
    shelf.put(Kept("b", WARNING, 2, 10))
    assert shelf.put(Kept("c", WARNING, 3, 10)) == ["b"]


def test_a_tenth_of_the_places_is_kept_for_passes_that_chance_drew():
    """A shelf is full of warnings after some weeks, and stays so."""
    shelf = Shelf(20, 10_000)
    for number in range(20):
        shelf.put(Kept(f"warning {number}", WARNING, number, 10))
    for number in range(20, 24):
        assert f"drawn {number}" not in shelf.put(
            Kept(f"drawn {number}", PASS, number, 10, drawn=True)
        )
    assert shelf.put(Kept("stop", STOP, 30, 10)) == ["warning 2"]
    assert shelf.put(Kept("pass", PASS, 31, 10)) == ["pass"]
    assert len(shelf) == 20


def test_on_a_small_shelf_a_drawn_pass_never_pushes_out_a_stop():
    shelf = Shelf(1, 1000)
    shelf.put(Kept("stop", STOP, 1, 10))
    assert shelf.put(Kept("drawn", PASS, 2, 10, drawn=True)) == ["drawn"]


@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.sampled_from(Priority), st.integers(1, 60), st.booleans())
    )
)
def test_whatever_comes_the_bounds_hold_and_the_book_balances(pictures):
    shelf, there = Shelf(4, 100), {}
    for number, (name, priority, size, answered) in enumerate(pictures):
        gone = shelf.put(Kept(str(name), priority, number, size, answered))
        there[str(name)] = size
        for each in gone:
            del there[each]
        assert len(shelf) == len(there) <= 4
        assert shelf.size_bytes == sum(there.values()) <= 100


def full_of(count: int, sent: bool) -> Shelf:
    shelf = Shelf(10, 1000)
    for number in range(count):
        assert shelf.put(Kept(str(number), WARNING, number, 10, sent=sent), times=1.5) == []
    return shelf


def test_over_an_unreliable_link_the_bounds_hold_several_times():
    shelf = full_of(15, sent=False)
    assert shelf.put(Kept("more", WARNING, 20, 10), times=1.5) == ["0"]


def test_when_the_link_is_well_again_what_was_sent_goes_at_once():
    shelf = full_of(15, sent=True)
    gone = shelf.put(Kept("more", WARNING, 20, 10), times=1.0)
    assert gone == [str(number) for number in range(6)]
    assert len(shelf) == 10


def test_what_was_not_sent_keeps_its_room_until_it_fits():
    shelf = full_of(14, sent=False)
    assert shelf.put(Kept("more", WARNING, 20, 10), times=1.0) == []
    for number in range(4):  # each goes up, and then it may go
        assert shelf.put(Kept(str(number), WARNING, number, 10, sent=True)) == [str(number)]
    assert shelf.put(Kept("4", WARNING, 4, 10, sent=True)) == ["4"]
    assert len(shelf) == 10
    assert shelf.put(Kept("newest", WARNING, 30, 10)) == ["5"], "from here on as ever"


def test_at_the_floor_of_the_disk_the_bounds_hold_once_and_at_once():
    shelf = full_of(15, sent=False)
    gone = shelf.put(Kept("more", WARNING, 20, 10), times=None)
    assert gone == [str(number) for number in range(6)]


@given(st.integers(0, 40), st.floats(1.0, 3.0), st.sampled_from([1.0, 1.5]))
def test_what_an_earlier_run_kept_stays_within_what_may_ever_be(count, most, times):
    shelf = Shelf(10, 1000)
    shelf.fill([Kept(str(n), WARNING, n, 10) for n in range(count)], times, most)
    assert len(shelf) == min(count, int(10 * max(most, times) + 1e-6))
