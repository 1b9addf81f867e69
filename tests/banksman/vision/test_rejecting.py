from hypothesis import given
from hypothesis import strategies as st

from banksman.vision.rejecting import Rejecting


def belt(most=10, distance=100.0, length=20.0):
    rejecting = Rejecting(distance, length, most)
    rejecting.move(0.0)
    return rejecting


def states(rejecting, *positions):
    seen = []
    for position in positions:
        rejecting.move(position)
        seen.append(rejecting.state)
    return seen


def test_a_marked_part_is_told_while_it_passes_the_gate():
    rejecting = belt()
    assert rejecting.mark(0.0) == "marked"
    assert states(rejecting, 99, 100, 119, 120) == [False, True, True, False]
    assert (rejecting.passed, rejecting.lost, len(rejecting)) == (1, 0, 0)


def test_a_part_is_marked_where_it_was_when_it_was_filmed():
    rejecting = belt()
    rejecting.move(30.0)
    rejecting.mark(10.0)
    assert states(rejecting, 109, 110) == [False, True]


def test_sightings_closer_than_a_part_are_one_part():
    rejecting = belt()
    rejecting.mark(0.0)
    assert rejecting.mark(19.0) == "same part"
    assert rejecting.mark(20.0) == "marked"
    assert len(rejecting) == 2


def test_two_parts_in_a_row_keep_the_gate_open_throughout():
    rejecting = belt()
    rejecting.mark(0.0)
    rejecting.mark(20.0)
    assert states(rejecting, 100, 119, 121, 139, 140) == [True, True, True, True, False]


def test_a_belt_that_turns_back_takes_the_part_to_the_camera_again():
    rejecting = belt()
    rejecting.move(50.0)
    rejecting.mark(50.0)
    rejecting.move(40.0)
    assert len(rejecting) == 0
    rejecting.move(50.0)
    rejecting.mark(50.0)
    assert states(rejecting, 149, 150) == [False, True]


def test_one_part_too_many_cannot_be_told_until_all_have_passed():
    rejecting = belt(most=1)
    rejecting.mark(0.0)
    rejecting.move(40.0)
    assert rejecting.mark(40.0) == "full"
    assert states(rejecting, 41, 100, 159, 160) == [None, None, None, False]
    assert rejecting.lost == 1


def test_a_mark_that_comes_after_the_gate_is_told_as_unknown():
    rejecting = belt()
    rejecting.move(200.0)
    assert rejecting.mark(10.0) == "late"
    assert rejecting.state is None
    assert states(rejecting, 219, 220) == [None, False]


def test_a_lost_position_is_unknown_until_everything_has_passed():
    rejecting = belt()
    rejecting.mark(0.0)
    assert states(rejecting, None, 500, 619, 620) == [None, None, None, False]
    assert rejecting.lost == 1


def test_a_position_lost_over_an_empty_belt_harms_nobody():
    rejecting = belt()
    assert states(rejecting, None, 500) == [False, False]


def test_a_part_without_a_position_is_unknown_until_everything_has_passed():
    rejecting = belt()
    assert rejecting.mark(None) == "nowhere"
    assert rejecting.state is None
    assert states(rejecting, 5, 124, 125) == [None, None, False]


def test_a_part_that_goes_by_between_two_positions_was_not_rejected_and_is_told():
    """The belt is faster than its encoder tells: the gate never had its turn."""
    rejecting = belt()
    rejecting.mark(0.0)
    assert states(rejecting, 99, 125, 144, 145) == [False, None, None, False]
    assert (rejecting.passed, rejecting.lost) == (0, 1)
    assert "went by" in rejecting.reason


def test_before_the_first_position_a_mark_is_nowhere():
    rejecting = Rejecting(100.0, 20.0)
    assert rejecting.mark(0.0) == "nowhere"
    assert rejecting.state is None


def test_the_next_change_is_where_the_gate_opens_and_then_where_it_shuts():
    rejecting = belt()
    assert rejecting.next_change() is None
    rejecting.mark(0.0)
    assert rejecting.next_change() == 100.0
    rejecting.move(100.0)
    assert rejecting.next_change() == 120.0


@given(st.lists(st.tuples(st.floats(0.1, 50), st.booleans()), max_size=60), st.integers(1, 5))
def test_every_marked_part_is_told_or_the_gate_says_unknown(steps, most):
    """The belt runs forwards; a part marked anywhere never slips by as "the way is free"."""
    rejecting = belt(most=most)
    position, marked = 0.0, []
    for step, defect in [*steps, *[(9.0, False)] * 30]:
        position += step
        rejecting.move(position)
        if defect:
            rejecting.mark(position)
            marked.append(position)
        at_gate = any(mark + 100.0 <= position < mark + 120.0 for mark in marked)
        near = any(80.0 <= position - mark < 140.0 for mark in marked)
        if rejecting.state is True:
            assert near
        # A sighting taken as the same part leaves with it, up to a length before its own turn.
        firm = [mark for mark in marked if mark + 100.0 <= position < mark + 120.0]
        if at_gate and rejecting.state is False:
            merged = [m for m in firm if any(0 < m - other < 20.0 for other in marked)]
            assert merged == firm


@given(
    st.lists(
        st.one_of(st.none(), st.floats(-1e4, 1e4), st.just("mark"), st.just("nowhere")),
        max_size=80,
    )
)
def test_whatever_happens_the_book_stays_bounded_and_balanced(events):
    rejecting = belt(most=3)
    position, marks = 0.0, 0
    for event in events:
        if event == "mark":
            marks += rejecting.mark(position) == "marked"
        elif event == "nowhere":
            rejecting.mark(None)
        else:
            position = event
            rejecting.move(event)
        assert len(rejecting) <= 3
        change = rejecting.next_change()
        if change is not None and position is not None:
            assert change > position
    assert rejecting.passed <= marks
