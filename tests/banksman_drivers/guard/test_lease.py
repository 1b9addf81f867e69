"""What holds when the process blocks, is stopped, or dies: a child is the daemon, we the plant."""

from __future__ import annotations

import os
import select
import signal

import pytest

# Starts a guard whose e-stop is closed, energises the permit, says so, then does `sys.argv[2]`.
CHILD = """
import ctypes, os, sys, threading, time
from banksman_drivers.guard.native import Guard
from banksman_drivers.guard.values import SetResult
from banksman_drivers.settings.guard import GuardSettings

folder, then, lease_ms, toggle_ms = sys.argv[1], sys.argv[2], *map(float, sys.argv[3:5])
os.mkfifo(f"{folder}/estop")
plant = os.open(f"{folder}/estop", os.O_RDWR)
os.write(plant, b"1")
guard = Guard(GuardSettings.model_validate({
    "lease_ms": lease_ms,
    "input": [{"name": "estop", "kind": "estop", "source": f"fifo:{folder}/estop"}],
    "output": [{"name": "permit", "target": f"fifo:{folder}/permit", "toggle_ms": toggle_ms}],
}))
guard.start()
guard.renew()
ticket = guard.set("permit", True)
while guard.result(ticket) is SetResult.PENDING:
    pass
assert guard.result(ticket) is SetResult.DONE
print("held", flush=True)
if then == "hold the interpreter lock":
    ctypes.PyDLL(None).pause()       # a C call that never lets go of it
if then == "spin":
    while True:
        pass
while True:                          # renew: the control loop of a healthy daemon
    guard.renew()
    time.sleep(lease_ms / 4000)
"""


class Plant:
    """The far end of the permit line. End of file means that its writer is dead: a stop."""

    def __init__(self, folder):
        os.mkfifo(folder / "permit")
        self.fd = os.open(folder / "permit", os.O_RDONLY | os.O_NONBLOCK)
        self.seen = b""

    def read(self, timeout_s=30.0):
        """Append what comes next; False at end of file or silence."""
        if not select.select([self.fd], [], [], timeout_s)[0]:
            return False
        new = os.read(self.fd, 4096)
        self.seen += new
        return bool(new)

    def read_until(self, holds):
        while not holds(self.seen):
            assert self.read(), f"the line ended or fell silent: {self.seen}"


@pytest.fixture
def plant(tmp_path):
    made = Plant(tmp_path)
    yield made
    os.close(made.fd)


@pytest.fixture
def daemon(start_child, tmp_path):
    """Starts the child and returns it once its output is held."""

    def start(then, lease_ms=200, toggle_ms=0):
        child = start_child(CHILD, str(tmp_path), then, str(lease_ms), str(toggle_ms))
        assert child.stdout.readline() == "held\n"
        return child

    return start


def test_a_blocked_interpreter_loses_its_outputs(plant, daemon):
    """A C call holds the interpreter lock for ever; the guard needs no lock."""
    child = daemon("hold the interpreter lock")
    plant.read_until(lambda seen: seen == b"010")
    assert child.poll() is None


def test_a_control_loop_that_spins_loses_its_outputs(plant, daemon):
    child = daemon("spin")
    plant.read_until(lambda seen: seen == b"010")
    assert child.poll() is None


def test_an_estop_stops_the_plant_while_the_interpreter_is_blocked(plant, daemon, tmp_path):
    child = daemon("hold the interpreter lock", lease_ms=5000)
    plant.read_until(lambda seen: seen == b"01")
    with (tmp_path / "estop").open("wb", buffering=0) as estop:
        estop.write(b"0")
    plant.read_until(lambda seen: seen == b"010")
    assert child.poll() is None


def test_a_killed_process_is_end_of_file_on_the_permit_line(plant, daemon):
    """Nothing can write after SIGKILL: the plant must take the end of its line as a stop."""
    child = daemon("renew")
    plant.read_until(lambda seen: seen == b"01")
    child.kill()
    child.wait()
    assert not plant.read()
    assert plant.seen == b"01"


def test_a_stopped_process_moves_its_permit_line_no_more(plant, daemon):
    """SIGSTOP stops the guard too, and a level stays as it is: only the missing toggle shows it.

    This is what the external watchdog relay is for.
    """
    child = daemon("renew", toggle_ms=5, lease_ms=1000)
    plant.read_until(lambda seen: len(seen) > 10)
    child.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, child.pid, os.WSTOPPED | os.WNOWAIT)
    while plant.read(timeout_s=0):
        pass
    assert not plant.read(timeout_s=0.2)


def test_a_process_that_was_stopped_for_longer_than_its_lease_wakes_up_safe(plant, daemon):
    """Even though its renewals go on at once: outputs must be commanded anew."""
    child = daemon("renew", lease_ms=50)
    plant.read_until(lambda seen: seen == b"01")
    child.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, child.pid, os.WSTOPPED | os.WNOWAIT)
    assert not plant.read(timeout_s=0.2)  # four leases go by; nobody is awake to act on it
    child.send_signal(signal.SIGCONT)
    plant.read_until(lambda seen: seen == b"010")


def test_a_healthy_process_keeps_its_output_over_many_leases(plant, daemon):
    daemon("renew", lease_ms=2000, toggle_ms=20)
    plant.read_until(lambda seen: len(seen) > 150)
    assert plant.seen.startswith(b"01" * 70)
