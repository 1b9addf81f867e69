"""GPIO lines, against a chip that speaks the kernel's v2 interface at the ioctl boundary."""

from __future__ import annotations

import socket
import struct
import time

import pytest

ESTOP, RESET, PERMIT = 17, 27, 22

# Flags of linux/gpio.h.
INPUT, OUTPUT, RISING, FALLING, PULL_DOWN = 1 << 2, 1 << 3, 1 << 4, 1 << 5, 1 << 9
ATTR_VALUES = 2
EVENT_RISING, EVENT_FALLING = 1, 2

# Evaluates each line of its input and prints the result: a guard by remote control.
CHILD = """
import asyncio, sys, time
from banksman_drivers.guard.driver import GuardDriver
from banksman_drivers.guard.native import Guard
from banksman_drivers.settings.guard import GuardSettings

class ticks:
    mono_ns = staticmethod(time.monotonic_ns)

settings = GuardSettings.model_validate({
    "lease_ms": 5000,
    "input": [
        {"name": "estop", "kind": "estop", "source": "gpio:/dev/gpiochip-fake:17",
         "debounce_ms": 0},
        {"name": "reset", "kind": "reset", "source": "gpio:/dev/gpiochip-fake:27"},
    ],
    "output": [{"name": "permit", "target": "gpio:/dev/gpiochip-fake:22", "safe": SAFE}],
})
guard = Guard(settings)

def to_safe():
    driver = GuardDriver(settings, ticks, print)
    asyncio.run(driver.to_safe())

for line in sys.stdin:
    try:
        print(eval(line), flush=True)
    except Exception as error:
        print(f"{type(error).__name__}: {error}", flush=True)
"""


class Line:
    """The far side of one GPIO line: what the fake chip and its test share."""

    def __init__(self, folder, number, level):
        self.level_file = folder / f"{number}.level"
        self.level_file.write_text(level)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(folder / f"{number}.sock"))
        self.listener.listen()
        self.listener.settimeout(30)
        self.number = number
        self.seqno = 0
        self.wire = None

    def requested(self):
        """Await the request; returns (flags, attribute id, attribute values)."""
        self.wire, _ = self.listener.accept()
        self.wire.settimeout(30)
        text = b""
        while not text.endswith(b"\n"):
            text += self.wire.recv(1)
        return tuple(map(int, text.split()))

    def edge(self, level, skip=0, at_ns=None):
        """The kernel's edge event; ``skip`` loses some before it."""
        self.seqno += 1 + skip
        self.level_file.write_text(str(level))
        kind = EVENT_RISING if level else EVENT_FALLING
        at_ns = time.monotonic_ns() if at_ns is None else at_ns
        self.wire.send(struct.pack("=QIIII24x", at_ns, kind, self.number, self.seqno, self.seqno))

    def close(self):
        self.listener.close()
        if self.wire is not None:
            self.wire.close()


@pytest.fixture(scope="session")
def fake_chip(compile_shared, here, tmp_path_factory):
    target = tmp_path_factory.mktemp("gpio") / "fake_gpio.so"
    return compile_shared([here / "fake_gpio.c"], target, "-ldl")


@pytest.fixture
def lines(tmp_path):
    made = {
        ESTOP: Line(tmp_path, ESTOP, "1"),
        RESET: Line(tmp_path, RESET, "0"),
        PERMIT: Line(tmp_path, PERMIT, "0"),
    }
    yield made
    for line in made.values():
        line.close()


@pytest.fixture
def ask(start_child, fake_chip, tmp_path):
    """A child with the fake chip; call it with an expression, get what it printed."""
    child = None

    def remote(expression, safe=False):
        nonlocal child
        if child is None:
            program = CHILD.replace("SAFE", str(safe))
            child = start_child(program, LD_PRELOAD=str(fake_chip), FAKE_GPIO=str(tmp_path))
        child.stdin.write(expression + "\n")
        child.stdin.flush()
        return child.stdout.readline().strip()

    return remote


@pytest.fixture
def started(ask, lines):
    """A running guard with its permit energised."""
    assert ask("guard.start()") == "None"
    for line in lines.values():
        line.requested()
    ask("guard.renew()")
    ask("guard.set('permit', True)")
    assert lines[PERMIT].wire.recv(1) == b"1"
    return ask


def await_reply(ask, expression, wanted):
    deadline_s = time.monotonic() + 30
    while (got := ask(expression)) != wanted:
        assert time.monotonic() < deadline_s, f"{expression}: {got}"


@pytest.mark.parametrize("safe", [False, True])
def test_an_output_gets_direction_and_safe_level_in_one_request(ask, lines, safe):
    assert ask("guard.start()", safe=safe) == "None"
    assert lines[PERMIT].requested() == (OUTPUT, ATTR_VALUES, int(safe))
    assert ask("guard.state().outputs") == f"{{'permit': {safe}}}"


def test_an_input_is_pulled_down_so_that_a_loose_wire_reads_open(ask, lines):
    ask("guard.start()")
    assert lines[ESTOP].requested() == (INPUT | RISING | FALLING | PULL_DOWN, 0, 0)


@pytest.mark.parametrize(("level", "latched"), [("1", "False"), ("0", "True"), ("", "True")])
def test_the_first_level_is_read_and_is_no_edge(ask, lines, level, latched):
    lines[ESTOP].level_file.write_text(level)
    ask("guard.start()")
    assert ask("guard.state().latched") == latched
    assert ask("guard.take_events()") == "[]"


def test_a_falling_edge_stops(started, lines):
    lines[ESTOP].edge(0)
    assert lines[PERMIT].wire.recv(1) == b"0"
    await_reply(started, "guard.state().cause", "estop is open")


def test_the_latency_counts_from_the_kernels_edge(started, lines):
    lines[ESTOP].edge(0, at_ns=time.monotonic_ns() - 1_000_000_000)
    assert lines[PERMIT].wire.recv(1) == b"0"
    await_reply(started, "guard.state().latched and guard.state().latency.count", "1")
    assert float(started("guard.state().latency.max_us")) >= 1_000_000


def test_an_edge_that_the_kernel_lost_counts_as_an_opening(started, lines):
    """Its buffer ran over: between two closings there was an opening that nobody saw."""
    lines[ESTOP].edge(1, skip=1)
    assert lines[PERMIT].wire.recv(1) == b"0"
    await_reply(started, "guard.state().counters['edges_lost']", "1")


def test_a_level_that_no_edge_told_is_found_by_the_periodic_check(started, lines):
    lines[ESTOP].level_file.write_text("0")
    assert lines[PERMIT].wire.recv(1) == b"0"


def test_a_chip_that_was_unplugged_is_an_open_circuit(started, lines):
    lines[ESTOP].level_file.unlink()
    assert lines[PERMIT].wire.recv(1) == b"0"
    await_reply(started, "'cannot be read' in guard.state().cause", "True")


def test_a_reset_button_on_gpio_clears_the_latch_on_release(started, lines):
    lines[ESTOP].edge(0)
    assert lines[PERMIT].wire.recv(1) == b"0"
    lines[ESTOP].edge(1)
    await_reply(started, "guard.state().inputs['estop']", "True")
    lines[RESET].edge(1)
    await_reply(started, "guard.state().inputs['reset']", "True")
    assert started("guard.state().latched") == "True"
    lines[RESET].edge(0)
    await_reply(started, "guard.state().latched", "False")
    assert started("guard.state().commanded") == "{'permit': False}"


def test_stop_leaves_the_line_safe(started, lines):
    assert started("guard.stop()") == "()"
    assert lines[PERMIT].wire.recv(1) == b"0"


def test_a_line_that_another_program_holds_is_a_lost_device_that_says_so(ask, lines, tmp_path):
    (tmp_path / f"{PERMIT}.sock").unlink()
    answer = ask("guard.start()")
    assert answer.startswith("DeviceLost: gpio:/dev/gpiochip-fake:22")
    assert "another program holds this line" in answer


def test_to_safe_in_a_fresh_process_requests_the_line_at_its_safe_level(ask, lines):
    assert ask("to_safe()", safe=True) == "None"
    assert lines[PERMIT].requested() == (OUTPUT, ATTR_VALUES, 1)
    assert lines[PERMIT].wire.recv(1) == b""  # released at once


def test_to_safe_names_the_line_that_it_could_not_reach(ask, lines, tmp_path):
    (tmp_path / f"{PERMIT}.sock").unlink()
    answer = ask("to_safe()")
    assert answer.startswith("CommandFailed: not put in their safe state: guard.permit")
