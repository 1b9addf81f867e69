"""sync.goodput_*: what an idle box reads of links whose rate is known.

The box's own uplink with nothing to say measures each link by its probes: over relays of 1, 5 and
10 Mbit/s with a round trip of 40 ms, and of 60 Mbit/s with 80 ms. The relay is the rate and the
delay (the kernels we test on have no netem), so TCP's slow start is not in it; that it is read
through is a law of the tests (tests/banksman/sync/test_goodput.py).
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from banksman.config.schema_sync import SyncSettings
from benchmarks.cloud.running import RunningEndpoint
from benchmarks.context import Context
from benchmarks.figure import Figure, Target, figure
from benchmarks.pressure import REST_S, Pressure, loaded_note
from benchmarks.sync.box import Box, Server, until
from benchmarks.sync.relay import Relay

THIN_MBIT = (1.0, 5.0, 10.0)
THIN_DELAY_S = 0.02
WIDE_MBIT = 60.0
WIDE_DELAY_S = 0.04
WIDE_ENOUGH_MBIT = 25.0  # the table's best row
OFF_PCT = 20.0
WITHIN_S = 75.0


def measure(context: Context) -> list[Figure]:
    """One look at each link; in a quick run only at the fastest thin one."""
    idle, loaded = Pressure(), Pressure()
    thin = THIN_MBIT[-1:] if context.quick else THIN_MBIT
    off: list[float] = []
    idle.rest(REST_S)
    with loaded:
        for mbit in thin:
            context.say(f"a link of {mbit:g} Mbit/s")
            read_mbit = asyncio.run(read(context.work / f"link-{mbit:g}", mbit, THIN_DELAY_S))
            off.append(abs(read_mbit / mbit - 1) * 100)
        context.say(f"a link of {WIDE_MBIT:g} Mbit/s")
        wide = asyncio.run(
            read(context.work / "wide", WIDE_MBIT, WIDE_DELAY_S, WIDE_ENOUGH_MBIT)
        )  # fmt: skip
    own = loaded_note(loaded.pct)
    links = ", ".join(f"{mbit:g}" for mbit in thin)
    return [
        figure(
            "sync.goodput_thin_off", "%", off, direction="lower", n=len(off), worst=True,
            pressure_pct=idle.pct, target=Target("value", OFF_PCT),
            note=f"what is read of links of {links} Mbit/s and {2e3 * THIN_DELAY_S:g} ms; {own}",
        ),
        figure(
            "sync.goodput_wide", "Mbit/s", [wide], direction="higher", n=1,
            pressure_pct=idle.pct, target=Target("value", WIDE_ENOUGH_MBIT),
            note=f"read of a link of {WIDE_MBIT:g} Mbit/s and {2e3 * WIDE_DELAY_S:g} ms: a bound, "
            f"enough for the table's best row; {own}",
        ),
    ]  # fmt: skip


async def read(folder: Path, mbit: float, delay_s: float, enough_mbit: float = 0.0) -> float:
    """What the box says of a link, Mbit/s: its first word, or the first over ``enough_mbit``.

    Raises TimeoutError where it never says so.
    """
    box, line = Box(folder / "store", SyncSettings(enabled=True, heartbeat_s=1)), Server()
    try:
        with RunningEndpoint(folder / "cloud") as endpoint:
            relay = Relay(int(endpoint.url.rstrip("/").rpartition(":")[2]), mbit, delay_s)
            await line.call(relay.__aenter__())
            try:
                box.start_uplink(relay.port)
                await until(
                    lambda: (box.status.goodput_mbit or 0.0) > enough_mbit, WITHIN_S,
                    f"a link of {mbit:g} Mbit/s is read",
                )  # fmt: skip
                return box.status.goodput_mbit or 0.0
            finally:
                await box.stop_uplink()
                await line.call(relay.__aexit__(None, None, None))
    finally:
        line.stop()
        await box.close()
