"""sync.first_critical_after_*: how soon a critical row arrives when a broken link is good again.

Over mutual TLS, as a box in the field: the endpoint as it ships, the box enrolled by EST, between
them a relay of 5 Mbit/s and 40 ms. The box has been up; then the link goes bad under it, for a time
that a seeded generator draws, a critical alarm is raised meanwhile, and the link is good again:

``blackhole``  connections are taken and every byte is gone; those that were made before or
               meanwhile never carry anything again
``resets``     every connection is reset after some bytes, in its handshake or within the request
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import sqlite3
import ssl
import time
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from banksman.config.schema_sync import SyncSettings
from banksman.security.identity import client_context, parse
from banksman.sync.enrol import Trust, enrol
from benchmarks.cloud.nodes_mtls import new_tokens
from benchmarks.cloud.running import RunningEndpoint
from benchmarks.context import Context
from benchmarks.figure import Figure, Target, figure
from benchmarks.pressure import REST_S, Pressure, loaded_note
from benchmarks.sync.box import NODE, Box, Server, until
from benchmarks.sync.relay import Relay

FAULTS = ("blackhole", "resets")
TRIES = 6
TRIES_QUICK = 2
BAD_S = (1.0, 7.0)
LIFE_BYTES = (400, 1_900)  # of a connection: a handshake with a certificate takes about 1 800 up
MBIT = 5.0
DELAY_S = 0.02
SEED = 20_260
TARGET_S = 2.0
READY_WITHIN_S = 30.0
ARRIVES_WITHIN_S = 60.0


class Waited(msgspec.Struct, frozen=True):
    """Of each try: from the link's return until the row was durable at the endpoint."""

    blackhole: list[float]
    resets: list[float]


def measure(context: Context) -> list[Figure]:
    """All tries after one another, over one uplink."""
    idle, loaded = Pressure(), Pressure()
    tries = TRIES_QUICK if context.quick else TRIES
    context.say(f"links that break: {len(FAULTS)} x {tries} tries, seed {SEED}")
    idle.rest(REST_S)
    with loaded:
        waited = asyncio.run(tried(context.work / "breaks", tries, SEED))
    own = loaded_note(loaded.pct)
    return figures(waited, idle.pct, own)


async def tried(folder: Path, tries: int, seed: int) -> Waited:
    """Break the link so many times each way."""
    cloud = folder / "cloud"
    cloud.mkdir(parents=True)
    (token,) = await new_tokens(cloud / "cloud.db", 1)
    chance, line = random.Random(seed), Server()
    box = Box(folder / "store", SyncSettings(enabled=True, heartbeat_s=5))
    try:
        with RunningEndpoint(cloud, "--tls", "127.0.0.1:0", "--name", "127.0.0.1") as endpoint:
            tls = await enrolled(endpoint.secured_url, token, folder)
            port = urlsplit(endpoint.secured_url).port or 0
            relay = Relay(port, MBIT, DELAY_S)
            await line.call(relay.__aenter__())
            try:
                box.start_uplink(relay.port, tls)
                waits: dict[str, list[float]] = {fault: [] for fault in FAULTS}
                for number in range(tries * len(FAULTS)):
                    fault = FAULTS[number % len(FAULTS)]
                    waits[fault].append(await broken(box, relay, line, fault, cloud, chance))
                return msgspec.convert(waits, Waited)
            finally:
                await box.stop_uplink()
                await line.call(relay.__aexit__(None, None, None))
    finally:
        line.stop()
        await box.close()


async def enrolled(url: str, token: str, folder: Path) -> ssl.SSLContext:
    """The box's own certificate, and the context that shows it."""
    file = folder / "identity.pem"
    anchors = await asyncio.to_thread((folder / "cloud" / "ca" / "ca.pem").read_bytes)
    await enrol(url, NODE, token, Trust(anchors, "", accept=False), file)
    return client_context(parse(await asyncio.to_thread(file.read_bytes)), file)


async def broken(
    box: Box, relay: Relay, line: Server, fault: str, cloud: Path, chance: random.Random
) -> float:
    """One try: seconds from the link's return until the alarm is there."""
    first = box.put_alarm("before")
    await until(lambda: arrived_ns(cloud, first) is not None, READY_WITHIN_S, "the link carries")
    if fault == "blackhole":
        relay.swallow = True
    else:
        relay.lasts = lambda: chance.randint(*LIFE_BYTES)
        await line.call(relay.flap())
    bad_s = chance.uniform(*BAD_S)
    raised_s = bad_s * chance.random()
    await asyncio.sleep(raised_s)
    alarm = box.put_alarm(fault)
    await asyncio.sleep(bad_s - raised_s)
    relay.swallow, relay.lasts = False, None
    returned_ns = time.time_ns()
    await until(lambda: arrived_ns(cloud, alarm) is not None, ARRIVES_WITHIN_S, "it arrives")
    return max(0.0, ((arrived_ns(cloud, alarm) or returned_ns) - returned_ns) / 1e9)


def arrived_ns(cloud: Path, name: str) -> int | None:
    """When a row became durable at the endpoint, by its wall clock; None: it is not there."""
    database = f"file:{cloud / 'cloud.db'}?mode=ro"
    with contextlib.closing(sqlite3.connect(database, uri=True)) as connection:
        row = connection.execute("SELECT arrived_ns FROM record WHERE id = ?", (name,)).fetchone()
    return None if row is None else int(row[0])


def figures(waited: Waited, pressure_pct: float | None, own: str) -> list[Figure]:
    """The table's lines."""
    told = {
        "blackhole": "bytes vanished, and for ever on connections made by then",
        "resets": f"connections were reset after {LIFE_BYTES[0]} to {LIFE_BYTES[1]} bytes",
    }
    return [
        figure(
            f"sync.first_critical_after_{fault}", "s", waits, direction="lower", n=len(waits),
            pressure_pct=pressure_pct, target=Target("value", TARGET_S), worst=True,
            note=f"over mutual TLS, {MBIT:g} Mbit/s, {2e3 * DELAY_S:g} ms: from the link's return "
            f"until a critical row is durable at the endpoint; for {BAD_S[0]:g} to {BAD_S[1]:g} s "
            f"{told[fault]}; seed {SEED}; {own}",
        )
        for fault, waits in (("blackhole", waited.blackhole), ("resets", waited.resets))
    ]  # fmt: skip
