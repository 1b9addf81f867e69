"""`banksman analyse`: files in, findings, pages and exit codes out."""

import json

import numpy as np
import pytest
from vibrations import shaft, struck_bearing

from banksman.cli import main
from banksman.maintenance.bearings import bearing_orders

ORDERS = bearing_orders("6205")


@pytest.fixture
def recording(tmp_path):
    random = np.random.default_rng(1)
    struck = 0.1 * struck_bearing(random, "inner_race", ORDERS, seconds=3.0)
    path = tmp_path / "motor.npz"
    np.savez(path, de=struck.astype(np.float32), calm=0.1 * random.standard_normal(36_000))
    return path


def run(capsys, *arguments):
    """The exit code and what was printed."""
    code = main(["analyse", *map(str, arguments)])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def test_a_fault_is_told_with_exit_code_1(recording, capsys):
    code, out, _ = run(capsys, recording, "--fs", 12000, "--rpm", 1740, "--bearing", "6205-2RS")
    assert code == 1
    assert "bearing, inner race" in out
    assert "BPFI" in out


def test_a_healthy_channel_ends_with_0(recording, capsys):
    options = ("--fs", 12000, "--rpm", 1740, "--bearing", "6205", "--channel", "calm")
    code, out, _ = run(capsys, recording, *options)
    assert code == 0
    assert "no fault found" in out


def test_json_is_one_object(recording, capsys):
    options = ("--fs", 12000, "--rpm", 1740, "--bearing", "9,7.94,39.04", "--json")
    code, out, _ = run(capsys, recording, *options)
    assert code == 1
    assert json.loads(out)["bearing"]["fault"] == "inner_race"


def test_orders_do_instead_of_a_bearing(recording, capsys):
    orders = f"{ORDERS.bpfi},{ORDERS.bpfo},{ORDERS.bsf},{ORDERS.ftf}"
    code, out, _ = run(capsys, recording, "--fs", 12000, "--rpm", 1740, "--orders", orders)
    assert code == 1
    assert "inner race" in out


def test_the_page_is_written(recording, tmp_path, capsys):
    page = tmp_path / "report.html"
    options = ("--fs", 12000, "--rpm", 1740, "--bearing", "6205", "--html", page)
    _, _, err = run(capsys, recording, *options)
    assert page.read_text().startswith("<!doctype html>")
    assert str(page) in err


def test_a_tacho_makes_orders_of_a_changing_speed(tmp_path, capsys):
    t = np.arange(36_000) / 12_000
    turns = 24.0 * t + 1.0 * t * t
    samples = 20.0 * np.sin(2 * np.pi * turns)
    samples = samples + 0.05 * np.random.default_rng(2).standard_normal(len(t))
    path = tmp_path / "run_up.npz"
    np.savez(path, x=samples, tacho=(turns % 1.0 < 0.2).astype(np.float64), fs=12_000)
    options = ("--unit", "m/s2", "--tacho", "tacho", "--group", 2, "--foundation", "rigid")
    code, out, _ = run(capsys, path, *options, "--json")
    told = json.loads(out)
    assert told["shaft_hz"] == pytest.approx(27.0, abs=0.3)
    assert (told["rotor"]["fault"], told["rotor"]["certainty"]) == ("imbalance", "named")
    assert code == 1


def test_marks_of_a_shaft_are_counted_for_a_turn(tmp_path, capsys):
    turns = 25.0 * np.arange(24_000) / 12_000
    path = tmp_path / "marks.npz"
    np.savez(path, x=np.sin(turns), tacho=((4 * turns) % 1.0 < 0.2).astype(np.float64), fs=12_000)
    _, out, _ = run(capsys, path, "--tacho", "tacho", "--pulses-per-turn", 4, "--json")
    assert json.loads(out)["shaft_hz"] == pytest.approx(25.0, rel=1e-3)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ((), "--fs"),
        (("--fs", 12000, "--channel", "none"), "no channel none; it has de, calm"),
        (("--fs", 12000, "--bearing", "7777"), "not in the table"),
        (("--fs", 12000, "--orders", "1,2,3"), "BPFI,BPFO,BSF,FTF"),
        (("--fs", 12000, "--orders", "1,2,3,x"), "x"),
        (("--fs", 12000, "--tacho", "calm", "--channel", "nope"), "no channel nope"),
        (("--fs", 12000, "--pulses-per-turn", 4), "--pulses-per-turn 4: from 1 to 1000, and of a"),
        (("--fs", 12000, "--html", "/proc/none/x.html"), "cannot be written"),
    ],
)
def test_what_is_wrong_is_said_with_exit_code_2(recording, capsys, options, told):
    code, _, err = run(capsys, recording, *options)
    assert code == 2
    assert told in err


def test_a_short_record_is_told(tmp_path, capsys):
    path = tmp_path / "short.npy"
    np.save(path, np.zeros(50))
    code, _, err = run(capsys, path, "--fs", 12000)
    assert code == 2
    assert "too few" in err


def test_a_tacho_without_pulses_is_told(tmp_path, capsys):
    path = tmp_path / "still.npz"
    lines = shaft({1.0: 1.0}, rate_hz=12_000.0, seconds=1.0, shaft_hz=25.0)
    np.savez(path, x=lines, tacho=np.zeros(12_000), fs=12_000)
    code, _, err = run(capsys, path, "--tacho", "tacho")
    assert code == 2
    assert "tacho" in err


@pytest.mark.parametrize(
    "option", [("--fs", "0"), ("--rpm", "-3"), ("--fs", "nan"), ("--group", "3")]
)
def test_numbers_that_cannot_be_are_refused_by_their_option(recording, capsys, option):
    with pytest.raises(SystemExit) as refused:
        main(["analyse", str(recording), *option])
    assert refused.value.code == 2
    assert option[0] in capsys.readouterr().err
