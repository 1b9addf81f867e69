"""`banksman sync record`: what the daemon measures becomes a trace that `simulate` reads."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import msgspec
import pytest

from banksman.cli import main
from banksman.clock import SystemClock
from banksman.commands.sync import point_of
from banksman.status import SyncStatus
from banksman.sync.trace import COLUMNS, read_trace
from banksman.web.fake_page import FakePage


@dataclass
class Told:
    code: int
    lines: list[str]


@pytest.fixture
async def record(tmp_path, capsys):
    """Record one line of a daemon without an uplink."""

    async with FakePage(SystemClock(), tmp_path) as page:
        words = ["sync", "record", "--count", "1", "--url", page.url]
        code = await asyncio.to_thread(main, words)
    return Told(code, capsys.readouterr().out.splitlines())


def point(**fields):
    return point_of(msgspec.to_builtins(SyncStatus(**fields)), 5.0)


def test_a_daemon_is_asked_and_the_columns_are_named(record):
    assert record.code == 0
    assert record.lines[0] == "time_s,mbit,round_trip_ms,loss,metered"


def test_what_was_measured_is_a_line_that_simulate_reads():
    found = point(state="up", goodput_mbit=12.3456, round_trip_ms=41.23, reliability=0.9)
    assert found == (5.0, 12.346, 41.2, 0.1, 0)
    (read,) = read_trace([",".join(COLUMNS), ",".join(map(str, found))])
    assert (read.at_s, read.mbit, read.round_trip_ms, read.loss, read.metered) == found


@pytest.mark.parametrize("state", ["down", "denied"])
def test_while_the_uplink_is_down_the_line_carries_nothing(state):
    found = point(state=state, goodput_mbit=12.0, round_trip_ms=40.0, reliability=0.5)
    assert found == (5.0, 0.0, 40.0, 0.0, 0)


def test_an_uplink_on_which_nothing_ever_arrived_lost_everything():
    found = point(state="up", goodput_mbit=1.0, round_trip_ms=1.0, reliability=0.0)
    assert found == (5.0, 1.0, 1.0, 1.0, 0)


def test_a_metered_link_is_told_so():
    found = point(state="up", goodput_mbit=1.0, round_trip_ms=1.0, reliability=1.0, metered=True)
    (read,) = read_trace([",".join(map(str, found))])
    assert read.metered


def test_before_anything_was_measured_there_is_no_line():
    assert point(state="connecting") is None
