"""Attacks on the guard's lines, one a test. Whatever comes, the answer is a stop."""

from __future__ import annotations

import os
import socket

import pytest

from banksman_drivers.guard import _native
from banksman_drivers.guard.values import SetResult


@pytest.mark.parametrize("garbage", [b"\x00", b"2", b"\xff\xfe", b"1\n", b"open", b"1" * 63 + b"?"])
def test_garbage_on_an_estop_is_an_open_circuit(rig, garbage):
    rig.energise()
    rig.tell("estop", garbage)
    rig.until_out("permit", lambda seen: seen == b"010")
    assert rig.guard.state().counters["garbage_bytes"] > 0


def test_garbage_on_the_reset_input_resets_nothing(rig):
    rig.close_all()
    rig.guard.trip("test")
    rig.until(lambda state: state.latched)
    rig.tell("reset", b"1x0\x00" * 200)
    assert rig.guard.state().latched


def test_a_flood_of_edges_on_the_reset_input_resets_nothing_while_open(rig):
    rig.tell("estop", b"0")
    for _ in range(50):
        rig.tell("reset", b"10" * 1000)
    assert rig.guard.state().latched


def test_a_flood_on_one_input_does_not_starve_another(make_rig):
    rig = make_rig(estops={"noisy": {"debounce_ms": 0}, "quiet": {"debounce_ms": 0}})
    rig.start()
    rig.energise()
    rig.put("noisy", b"1" * 60_000)  # harmless bytes, hundreds of helpings
    rig.put("quiet", b"0")
    assert rig.until_event("tripped").name == "quiet"
    # The trip came before the flood was eaten up, or at least in spite of it.
    rig.until_out("permit", lambda seen: seen == b"010")


FLOODED = """
import os, resource, sys, threading
from banksman_drivers.guard.native import Guard
from banksman_drivers.settings.guard import GuardSettings

resource.setrlimit(resource.RLIMIT_RTTIME, (50_000, 50_000))
path = sys.argv[1]
guard = Guard(GuardSettings.model_validate({
    "priority": 1, "input": [{"name": "estop", "kind": "estop", "source": f"fifo:{path}"}]
}))
guard.start()
plant = os.open(path, os.O_WRONLY)
for _ in range(300):
    os.write(plant, b"01" * 30_000)
print(guard.state().realtime, guard.state().counters["edges"] > 0)
"""


def test_a_flood_does_not_use_up_the_real_time_allowance(start_child, tmp_path):
    """systemd's LimitRTTIME= would end the daemon: the guard rests between helpings."""
    child = start_child(FLOODED, str(tmp_path / "estop"))
    told, _ = child.communicate(timeout=60)
    assert child.returncode == 0
    if told.split() == ["False", "True"]:
        pytest.skip("this user may not use SCHED_FIFO")
    assert told.split() == ["True", "True"]


def test_thousands_of_edges_are_all_counted_and_end_in_the_last_level(rig):
    rig.close_all()
    before = rig.guard.state().counters["edges"]
    for _ in range(100):
        rig.put("estop", b"01" * 500)
        rig.until(lambda state: True)
    state = rig.until(lambda state: state.counters["edges"] - before == 100_000)
    assert state.inputs["estop"] is True
    assert state.latched


def test_events_that_python_does_not_take_are_dropped_and_counted(rig, eventually):
    rig.close_all()
    rig.put("estop", b"01" * 5000)
    eventually(lambda: rig.guard.state().counters["edges"] >= 10_000)
    assert rig.guard.state().counters["events_dropped"] > 0
    assert len(rig.guard.take_events()) == 1024


def test_a_full_output_pipe_blocks_nobody_and_gets_the_newest_level_when_it_empties(make_rig):
    rig = make_rig(outputs={"permit": {"toggle_ms": 0.01}, "lamp": {}})
    rig.start()
    rig.energise("lamp")
    assert rig.set("permit", True) is not SetResult.PENDING
    rig.until(lambda state: "permit" in state.failing)
    rig.tell("estop", b"0")
    rig.until_out("lamp", lambda seen: seen == b"010")  # the other output went safe all the same
    assert rig.guard.state().outputs["permit"] is None
    rig.until_out("permit", lambda seen: len(seen) > 4000)
    state = rig.until(lambda state: state.failing == {})
    rig.until_out("permit", lambda seen: len(seen) == state.counters["writes"] - 3)
    assert rig.seen["permit"].endswith(b"0")
    assert state.outputs["permit"] is False


def test_an_output_that_cannot_be_left_safe_is_named_by_stop(make_rig):
    rig = make_rig(outputs={"permit": {"toggle_ms": 0.01}})
    rig.start()
    rig.energise()
    rig.until(lambda state: "permit" in state.failing)
    assert rig.guard.stop() == ("permit",)


def test_an_input_closed_underneath_the_guard_is_an_open_circuit(rig):
    rig.energise()
    os.close(rig.guard_fd("estop"))
    rig.until_out("permit", lambda seen: seen == b"010")
    assert rig.until(lambda state: state.inputs["estop"] is None).latched


def test_an_input_replaced_underneath_the_guard_is_not_believed(rig, tmp_path):
    """Its number is reused by a file full of ones: nothing of that is ever read."""
    rig.energise()
    fd = rig.guard_fd("estop")
    ones = tmp_path / "ones"
    ones.write_bytes(b"1" * 1000)
    with ones.open("rb") as stranger:
        os.dup2(stranger.fileno(), fd)
        rig.until(lambda state: state.latched)
        assert os.lseek(fd, 0, os.SEEK_CUR) == 0
        rig.guard.stop()
        assert os.fstat(fd).st_ino == ones.stat().st_ino  # it was not ours to close
    os.close(fd)


def test_an_output_closed_underneath_the_guard_is_told(rig):
    rig.energise()
    os.close(rig.guard_fd("permit"))
    assert rig.until_event("output_failed").name == "permit"
    assert rig.guard.state().outputs["permit"] is None
    assert rig.set("permit", False) is SetResult.NOT_WRITTEN


def test_a_stranger_on_an_outputs_number_gets_nothing_written(rig, tmp_path):
    rig.energise()
    fd = rig.guard_fd("permit")
    with (tmp_path / "database").open("wb") as stranger:
        os.dup2(stranger.fileno(), fd)
        rig.tell("estop", b"0")
        rig.until_event("output_failed")
        rig.guard.stop()
    os.close(fd)
    assert (tmp_path / "database").read_bytes() == b""


@pytest.fixture
def bare():
    """A native guard on sockets instead of FIFOs: (guard, plant's input end, its output end)."""
    made = []

    def make():
        ours_in, plant_in = socket.socketpair()
        ours_out, plant_out = socket.socketpair()
        plant_in.send(b"1")
        guard = _native.Guard(
            inputs=((ours_in.fileno(), False, 0, -1, 0, 500_000_000),),
            outputs=((ours_out.fileno(), False, False, 0),),
            lease_ns=60_000_000_000,
            priority=0,
            latched=False,
        )
        ours_in.close()
        ours_out.close()
        made.extend((guard.stop, plant_in.close, plant_out.close))
        for end in (plant_in, plant_out):
            end.settimeout(30)
        guard.renew()
        guard.set(0, True)
        assert plant_out.recv(1) + plant_out.recv(1) == b"01"
        return guard, plant_in, plant_out

    yield make
    for undo in made:
        undo()


def test_a_socket_whose_peer_is_gone_is_an_open_circuit(bare):
    _, plant_in, plant_out = bare()
    plant_in.close()
    assert plant_out.recv(1) == b"0"


def test_a_reset_connection_is_an_open_circuit(bare, eventually):
    guard, plant_in, plant_out = bare()
    plant_in.shutdown(socket.SHUT_RDWR)
    assert plant_out.recv(1) == b"0"
    eventually(lambda: guard.state()[5] == 1)  # it is written first and published then


def test_an_output_whose_reader_is_gone_kills_nothing(bare, eventually):
    """A write into it raises SIGPIPE; the guard counts it and goes on."""
    guard, plant_in, plant_out = bare()
    plant_out.close()
    plant_in.send(b"0")
    eventually(lambda: guard.state()[4] != (0,))
    assert os.strerror(guard.state()[4][0]) == "Broken pipe"


def test_a_terminal_that_hangs_up_is_an_open_circuit(eventually):
    plant, ours = os.openpty()
    guard = _native.Guard(
        inputs=((ours, False, 0, -1, 0, 0),), outputs=(), lease_ns=1, priority=0, latched=False
    )
    os.close(ours)
    os.close(plant)
    eventually(lambda: guard.state()[0] == (-1,))
    eventually(lambda: guard.state()[5] == 1)
    guard.stop()


@pytest.mark.parametrize("fd", [-1, 10_000])
def test_a_descriptor_that_is_none_is_an_error_at_start(fd):
    with pytest.raises(OSError, match="Bad file descriptor"):
        _native.Guard(
            inputs=((fd, False, 0, -1, 0, 0),), outputs=(), lease_ns=1, priority=0, latched=False
        )


def test_a_regular_file_cannot_be_watched(tmp_path):
    with (tmp_path / "file").open("w+b") as file, pytest.raises(PermissionError):
        _native.Guard(
            inputs=((file.fileno(), False, 0, -1, 0, 0),),
            outputs=(),
            lease_ns=1,
            priority=0,
            latched=False,
        )


@pytest.mark.parametrize("pair", [0, 1, 5])
def test_a_pair_that_points_nowhere_is_an_error_at_start(pair):
    ours, plant = socket.socketpair()
    with ours, plant, pytest.raises(ValueError, match="name each other"):
        _native.Guard(
            inputs=((ours.fileno(), False, 0, pair, 0, 0),) * 1,
            outputs=(),
            lease_ns=1,
            priority=0,
            latched=False,
        )


def test_more_lines_than_there_is_room_for_are_an_error_at_start():
    ours, plant = socket.socketpair()
    with ours, plant, pytest.raises(OSError, match="too long"):
        _native.Guard(
            inputs=(),
            outputs=((ours.fileno(), False, False, 0),) * 17,
            lease_ns=1,
            priority=0,
            latched=False,
        )
