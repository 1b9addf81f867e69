"""What a channel has delivered, behind a backlog and ahead of it, against a plain set."""

from hypothesis import given
from hypothesis import strategies as st

from banksman.store.delivered import AHEAD_MAX, Delivered, found_in, kept_as

NUMBERS = st.integers(0, 60)
STRETCHES = st.lists(st.tuples(NUMBERS, NUMBERS), max_size=25)


def told(stretches: list[tuple[int, int]]) -> tuple[Delivered, set[int]]:
    delivered, model = Delivered(), set()
    for after, upto in stretches:
        delivered = delivered.plus(upto, after)
        model |= set(range(after + 1, upto + 1))
    return delivered, model


def numbers_of(delivered: Delivered) -> set[int]:
    found = set(range(1, delivered.position + 1))
    for after, upto in delivered.ahead:
        found |= set(range(after + 1, upto + 1))
    return found


@given(STRETCHES)
def test_it_knows_exactly_what_it_was_told(stretches):
    delivered, model = told(stretches)
    assert numbers_of(delivered) == model
    edges = [edge for stretch in delivered.ahead for edge in stretch]
    assert edges == sorted(set(edges)), "stretches stand in order and apart"
    assert not edges or edges[0] > delivered.position


@given(STRETCHES, NUMBERS)
def test_without_a_begin_everything_up_to_there_is_delivered(stretches, upto):
    delivered, model = told(stretches)
    assert numbers_of(delivered.plus(upto)) == model | set(range(1, upto + 1))


@given(STRETCHES, NUMBERS)
def test_a_gap_is_where_the_next_undelivered_stand(stretches, after):
    delivered, model = told(stretches)
    begin, end = delivered.gap(after)
    skipped = set(range(after + 1, begin + 1))
    assert skipped <= numbers_of(delivered) or after < delivered.position
    if after >= delivered.position:
        assert begin + 1 not in model
        if end is not None:
            assert model.isdisjoint(range(begin + 1, end + 1))
            assert end + 1 in model


@given(STRETCHES)
def test_it_comes_back_as_it_was_kept(stretches):
    delivered, _ = told(stretches)
    key, value = kept_as("cloud", delivered)
    state = {key: value, "trip": b"latched"}
    assert found_in({"cloud": delivered.position}, state) == {"cloud": delivered}
    assert state == {"trip": b"latched"}


@given(st.binary(max_size=40))
def test_stretches_that_cannot_be_read_are_none(value):
    found = found_in({"cloud": 7}, {"ahead cloud": value})["cloud"]
    assert found.position >= 7
    assert len(found.ahead) <= AHEAD_MAX


def test_of_too_many_stretches_the_shortest_is_forgotten():
    delivered = Delivered()
    for number in range(1, AHEAD_MAX + 1):
        delivered = delivered.plus(100 * number + 10, 100 * number)
    delivered = delivered.plus(50, 49)
    assert len(delivered.ahead) == AHEAD_MAX
    assert delivered.ahead[0] == (100, 110)
