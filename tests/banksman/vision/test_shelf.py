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
