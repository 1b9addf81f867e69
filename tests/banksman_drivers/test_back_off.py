from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from banksman_drivers.back_off import BackOff


def test_waits_double_up_to_the_ceiling_and_start_over_after_success():
    back_off = BackOff(1.0, 5.0, chance=lambda: 1.0)
    assert [back_off.next_s() for _ in range(5)] == [1.0, 2.0, 4.0, 5.0, 5.0]
    back_off.reset()
    assert back_off.next_s() == 1.0


@given(st.floats(0, 1), st.integers(1, 20))
def test_jitter_keeps_every_wait_between_half_and_the_whole(chance, tries):
    back_off = BackOff(0.5, 8.0, chance=lambda: chance)
    for turn in range(tries):
        whole = min(8.0, 0.5 * 2**turn)
        assert whole / 2 <= back_off.next_s() <= whole
