"""A clock that was set is noticed once, and one that drifts is not."""

from hypothesis import given
from hypothesis import strategies as st

from banksman.clock_watch import JUMP_NS, ClockWatch

START_NS = 1_700_000_000_000_000_000
S = 1_000_000_000


def test_a_jump_is_told_once_with_its_size():
    watch = ClockWatch(0, START_NS)
    assert watch.look(S, START_NS + S) is None
    assert watch.look(2 * S, START_NS + 2 * S - 3600 * S) == -3600.0
    assert watch.look(3 * S, START_NS + 3 * S - 3600 * S) is None
    assert watch.jumps == 1


@given(st.lists(st.integers(0, 500_000), max_size=200))
def test_slewing_is_never_a_jump_however_long_it_lasts(slews_ns):
    watch = ClockWatch(0, START_NS)
    wall_ns = START_NS
    for second, slew_ns in enumerate(slews_ns, 1):
        wall_ns += S + slew_ns
        assert watch.look(second * S, wall_ns) is None


@given(st.integers(JUMP_NS, 10**18), st.booleans())
def test_every_jump_of_two_seconds_or_more_is_told_with_its_sign(size_ns, back):
    jump_ns = -size_ns if back else size_ns
    watch = ClockWatch(0, START_NS)
    assert watch.look(S, START_NS + S + jump_ns) == jump_ns / 1e9
