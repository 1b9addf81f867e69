"""Pins: safe before they drive, never a blip, read back, and never driven in observe mode."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from banksman_drivers.fake.i2c_chips import ByteChip, FakeMcp23017
from banksman_drivers.i2c.chip import ChipReset, WrongChip
from banksman_drivers.i2c.mcp23017 import Mcp23017, Pin
from banksman_drivers.ports import CommandFailed, DeviceLost, Unsupported
from banksman_drivers.settings.i2c_chips import MCP_PINS


@pytest.fixture
def model(bench):
    model = FakeMcp23017()
    bench.put(model)
    return model


def history(model, pin):
    return [level for number, level in model.history if number == pin]


@pytest.mark.parametrize("safe", [False, True])
@pytest.mark.parametrize("active_low", [False, True])
def test_a_pin_begins_to_drive_at_its_safe_level_and_at_no_other(bench, model, safe, active_low):
    bench.run(Mcp23017({"gpb7": Pin(safe, active_low)}).start())
    assert history(model, 15) == [safe != active_low]


def test_an_output_that_still_drives_is_never_let_go_when_it_is_started_anew(bench, model):
    bench.run(Mcp23017({"gpa3": Pin(False)}).start())
    model.history.clear()
    bench.run(Mcp23017({"gpa3": Pin(False)}).start())
    assert history(model, 3) == []


def test_a_restart_takes_an_output_that_was_on_to_its_safe_state_in_one_step(bench, model):
    chip = Mcp23017({"gpa3": Pin(False)})
    bench.run(chip.start())
    bench.run(chip.write("gpa3", True))
    model.history.clear()
    bench.run(Mcp23017({"gpa3": Pin(False)}).start())
    assert history(model, 3) == [False]


def test_a_pin_that_is_ours_no_more_is_let_go_without_a_pulse(bench, model):
    bench.run(Mcp23017({"gpa3": Pin(True), "gpa4": Pin(False)}).start())
    model.history.clear()
    bench.run(Mcp23017({"gpa4": Pin(False)}).start())
    assert list(model.history) == [(3, None)]


def test_a_command_changes_its_pin_and_no_other(bench, model):
    chip = Mcp23017({"gpa0": Pin(False), "gpa1": Pin(True), "gpb0": Pin(False)})
    bench.run(chip.start())
    model.history.clear()
    bench.run(chip.write("gpb0", True))
    assert list(model.history) == [(8, True)]


def test_a_latch_that_keeps_its_value_fails_the_command(bench, model):
    chip = Mcp23017({"gpa0": Pin(False)})
    bench.run(chip.start())
    model.keeps_latch = True
    with pytest.raises(CommandFailed, match="outputs are unknown"):
        bench.run(chip.write("gpa0", True))


def test_in_observe_mode_no_direction_and_no_latch_is_written(bench, model):
    chip = Mcp23017({"gpa0": Pin(True)}, drive=False)
    bench.run(chip.start())
    bench.run(chip.poll())
    assert not {register for _, register, _ in bench.bus.writes} & {0x00, 0x01, 0x12, 0x13, 0x14}
    with pytest.raises(Unsupported, match="observe"):
        bench.run(chip.write("gpa0", True))


def test_pins_that_another_drove_stay_driven_in_observe_mode(bench, model):
    bench.run(Mcp23017({"gpa0": Pin(True)}).start())
    model.history.clear()
    chip = Mcp23017({"gpa0": Pin(True)}, drive=False)
    bench.run(chip.start())
    assert bench.run(chip.poll()).values["gpa0"] == 1.0
    assert not model.history


def test_inputs_tell_the_outside_world_active_low_inverted(bench, model):
    chip = Mcp23017({}, pull_ups=frozenset({"gpb1"}), active_low=frozenset({"gpb1"}))
    bench.run(chip.start())
    model.levels = 0b0000_0010_0000_0100
    values = bench.run(chip.poll()).values
    assert (values["gpa2"], values["gpb1"], values["gpa0"]) == (1.0, 0.0, 0.0)
    assert model.registers[0x0C:0x0E] == bytes((0, 2))


def test_a_brown_out_is_noticed_by_its_directions(bench, model):
    chip = Mcp23017({"gpa0": Pin(False)})
    bench.run(chip.start())
    model.power_cycle()
    with pytest.raises(ChipReset, match="directions"):
        bench.run(chip.poll())


def test_somebody_else_who_writes_the_latch_is_noticed(bench, model):
    chip = Mcp23017({"gpa0": Pin(False)})
    bench.run(chip.start())
    model.registers[0x14] = 1
    with pytest.raises(ChipReset, match="latch"):
        bench.run(chip.poll())


def test_a_pca9555_at_the_same_address_is_told_from_it(bench):
    other = ByteChip({0x0A: 0xFF, 0x0B: 0xFF})  # its eight registers repeat: 0x0A is an output port
    bench.put(other)
    with pytest.raises(WrongChip, match="MCP23017"):
        bench.run(Mcp23017({"gpa0": Pin(False)}).start())
    assert not bench.bus.writes


def test_registers_in_another_order_are_refused_not_guessed(bench, model):
    model.registers[0x0A] = 0x80
    with pytest.raises(DeviceLost, match="BANK"):
        bench.run(Mcp23017({"gpa0": Pin(False)}).start())


pins = st.dictionaries(
    st.sampled_from(MCP_PINS), st.builds(Pin, safe=st.booleans(), active_low=st.booleans())
)


@given(pins, st.lists(st.tuples(st.sampled_from(MCP_PINS), st.booleans()), max_size=20))
@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_whatever_is_commanded_each_pin_shows_its_last_command(make_bench, outputs, commands):
    bench = make_bench()
    model = FakeMcp23017()
    bench.put(model)
    chip = Mcp23017(outputs)
    bench.run(chip.start())
    wanted = {name: pin.safe for name, pin in outputs.items()}
    for name, on in commands:
        if name in outputs:
            bench.run(chip.write(name, on))
            wanted[name] = on
    for place, name in enumerate(MCP_PINS):
        on = wanted.get(name)
        level = None if on is None else on != outputs[name].active_low
        assert model.drives(place) is level
