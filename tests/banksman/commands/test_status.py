"""`banksman status`: what it tells people of the uplink."""

from __future__ import annotations

import asyncio
import json

import msgspec
import pytest

from banksman.cli import main
from banksman.clock import SystemClock
from banksman.commands.status import lines
from banksman.status import OldestRow, SyncStatus, ThinnedPeriod
from banksman.web.fake_page import FakePage


@pytest.fixture
async def status(tmp_path, capsys):
    """The status of a served daemon."""
    async with FakePage(SystemClock(), tmp_path) as served:
        await asyncio.to_thread(main, ["status", "--json", "--url", served.url])
    return json.loads(capsys.readouterr().out)


def told(status, sync: SyncStatus) -> str:
    return "\n".join(lines(status | {"sync": msgspec.to_builtins(sync)}))


def test_an_uplink_that_is_down_is_told_with_its_reason_and_what_waits(status):
    sync = SyncStatus(
        state="down",
        peer="cloud.plant",
        message="cannot be reached",
        profile="thin",
        goodput_mbit=0.43210,
        rows_waiting={"critical": 2, "important": 0, "normal": 7},
        readings_waiting=12,
    )

    text = told(status, sync)

    assert "uplink: down cloud.plant cannot be reached, 0.432 Mbit/s, profile thin" in text
    assert "waiting: 2 critical, 7 normal, 12 readings" in text


def test_a_box_without_an_endpoint_is_told_of_none(status):
    assert "uplink" not in told(status, SyncStatus())


def test_readings_that_went_up_thinned_are_told_with_their_time(status):
    day_ns = 86_400 * 10**9
    sync = SyncStatus(
        state="up", readings_thinned=9000, thinned=(ThinnedPeriod(day_ns, 3 * day_ns, 8000),)
    )
    text = told(status, sync)
    assert "9000 readings went up thinned:" in text
    assert "1970-01-02 00:00Z to 1970-01-04 00:00Z: 8000" in text
    assert "thinned" not in told(status, SyncStatus(state="up"))


def test_the_row_of_a_class_that_waits_longest_is_told_with_its_tries_and_its_end(status):
    oldest = {
        "critical": OldestRow("press-1-7", "decision", "cloud", 10_900, 4, 900, -7300),
        "normal": OldestRow("", "", "mqtt", 7300, 0, 0, None, 86_400 * 80),
        "background": OldestRow("press-1-9", "decision", "cloud", 3, 0, 900),
    }
    store = status["store"] | {"oldest": msgspec.to_builtins(oldest)}
    text = "\n".join(lines(status | {"store": store}))
    assert (
        "oldest critical: decision press-1-7 for cloud, waits 3 h, 4 tries in vain, "
        "2 h over its deadline" in text
    )
    assert "oldest normal: a bundled row for mqtt, waits 2 h, lives 80 days more" in text
    assert "oldest background" not in text, "it is on its way"
