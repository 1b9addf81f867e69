"""A dual-channel e-stop on two lines of a kernel's GPIO chip."""

import pytest

from banksman_drivers.guard.values import SetResult

pytestmark = pytest.mark.vm

ESTOP_A, ESTOP_B, PERMIT = 1, 2, 4


def test_both_channels_open_together_trip_without_a_discrepancy(make_floor, chip):
    floor = make_floor(pair=True)
    floor.energise()
    floor.events.clear()
    chip.drive(ESTOP_A, 0)
    chip.drive(ESTOP_B, 0)
    floor.until_event("tripped")
    floor.until(lambda state: not any((state.inputs["estop_a"], state.inputs["estop_b"])))
    assert floor.guard.state().discrepant == ()
    assert chip.level(PERMIT) == 0


@pytest.mark.parametrize("channel", [ESTOP_A, ESTOP_B])
def test_one_channel_alone_takes_the_permit_at_once_and_is_then_reported(make_floor, chip, channel):
    floor = make_floor(pair=True)
    floor.energise()
    floor.events.clear()
    chip.drive(channel, 0)
    tripped = floor.until_event("tripped")
    floor.until(lambda state: state.outputs["permit"] is False)
    assert chip.level(PERMIT) == 0
    discrepancy = floor.until_event("discrepancy")
    assert discrepancy.mono_ns - tripped.mono_ns >= 290_000_000, "only after discrepancy_ms"
    assert "estop_a and estop_b disagree" in discrepancy.text


def test_a_welded_contact_refuses_the_reset_until_both_were_seen_open(make_floor, chip):
    floor = make_floor(pair=True)
    floor.energise()
    floor.events.clear()
    chip.drive(ESTOP_A, 0)  # ESTOP_B is welded: it stays closed
    floor.until_event("discrepancy")
    chip.drive(ESTOP_A, 1)
    floor.until(lambda state: state.inputs["estop_a"] is True)
    floor.press_reset()
    floor.until_event("reset_refused")
    assert floor.set(True) is SetResult.REFUSED_LATCHED

    for line in (ESTOP_A, ESTOP_B):  # mended
        chip.drive(line, 0)
    floor.until_event("agreed")
    floor.energise()
    assert chip.level(PERMIT) == 1


def test_a_pair_of_which_one_channel_is_open_at_the_start_does_not_start(make_floor, chip):
    floor = make_floor(pair=True)
    chip.drive(ESTOP_B, 1)
    floor.until(lambda state: state.discrepant)
    floor.guard.renew()
    assert floor.set(True) is SetResult.REFUSED_LATCHED
    assert chip.level(PERMIT) == 0
