"""cloud.nodes_mtls_*: a thousand boxes, each with its own certificate, connected by mutual TLS.

They enrol by EST with a token each, connect all at once and stay connected, and send decisions of
600 bytes in batches of 50 until all is acknowledged. The endpoint is one process on SQLite as it
ships; the boxes are another process on the same cores. Every request's certificate is looked up
in the registry, as revocation asks for.

``nodes_mtls_wrong`` is told by the database afterwards: acknowledged records that are missing, and
any that are there twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import msgspec

from banksman_cloud.ca import tokens
from banksman_cloud.storage.port import Session
from banksman_cloud.storage.sqlite import SqliteEngine
from benchmarks.cloud.crowd import Result
from benchmarks.cloud.running import NotReady, RunningEndpoint, read_line
from benchmarks.context import Context
from benchmarks.figure import Figure, Target, figure
from benchmarks.pressure import REST_S, Pressure, loaded_note

NODES = 1_000
NODES_QUICK = 60
ITEMS = 50
BATCHES = 10
PER_S = 20_000
GROWTH_MB = 20.0
LOOK_S = 0.2
GO_WITHIN_S = 180.0
FILES = 8_192  # a connection each, in either process


def measure(context: Context) -> list[Figure]:
    """One crowd: what it does takes long enough to be a run of its own."""
    idle, loaded = Pressure(), Pressure()
    _allow_files()
    nodes, batches = (NODES_QUICK, 3) if context.quick else (NODES, BATCHES)
    folder = context.work / "nodes-mtls"
    folder.mkdir(parents=True)
    context.say(f"nodes: {nodes} enrol, connect by mutual TLS and send")
    told = folder / "tokens"
    told.write_text("\n".join(asyncio.run(new_tokens(folder / "cloud.db", nodes))))
    idle.rest(REST_S)
    with loaded, RunningEndpoint(folder, "--tls", "127.0.0.1:0") as endpoint:
        result, sizes_mb = watch(endpoint, folder, told, batches)
    wrong = wrong_records(folder / "cloud.db", result)
    return figures(result, wrong, sizes_mb, idle.pct, loaded_note(loaded.pct))


def watch(
    endpoint: RunningEndpoint, folder: Path, told: Path, batches: int
) -> tuple[Result, list[float]]:
    """Let them send, and look at the endpoint's memory meanwhile."""
    pairs = folder / "pairs"
    pairs.mkdir()
    command = [
        sys.executable, "-m", "benchmarks.cloud.crowd", endpoint.secured_url,
        str(folder / "ca" / "ca.pem"), str(told), str(pairs), "--batches", str(batches),
        "--items", str(ITEMS),
    ]  # fmt: skip
    sizes_mb: list[float] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as crowd:
        try:
            if read_line(crowd, GO_WITHIN_S).strip() != "GO":
                raise NotReady("the crowd did not get in")
            while crowd.poll() is None:
                sizes_mb.append(endpoint.rss_mb())
                time.sleep(LOOK_S)
            out, _ = crowd.communicate()
        finally:
            if crowd.poll() is None:
                crowd.kill()
    if crowd.returncode:
        raise NotReady("the crowd failed")
    return msgspec.json.decode(out, type=Result), sizes_mb


def wrong_records(database: Path, result: Result) -> int:
    """Acknowledged and not there, or there twice."""
    with contextlib.closing(sqlite3.connect(database)) as connection:
        query = "SELECT count(*), count(DISTINCT id) FROM record"
        row: tuple[int, int] = connection.execute(query).fetchone()
    rows, distinct = row
    return abs(result.sent - result.acknowledged) + abs(result.sent - rows) + (rows - distinct)


def figures(
    result: Result, wrong: int, sizes_mb: list[float], idle_pct: float | None, note: str
) -> list[Figure]:
    """The table's lines."""
    growths = [max(0.0, sizes_mb[-1] - sizes_mb[len(sizes_mb) // 3])] if sizes_mb else []
    trouble = ", ".join(f"{why} {times}" for why, times in sorted(result.trouble.items()))
    return [
        figure(
            "cloud.nodes_mtls", "nodes", [float(min(result.connected, result.still))],
            direction="higher", n=result.nodes, target=Target("value", NODES),
            pressure_pct=idle_pct, note=f"connected before the sending and after it; {note}",
        ),
        figure(
            "cloud.nodes_mtls_ingest", "1/s", [result.acknowledged / result.seconds],
            direction="higher", n=result.acknowledged, target=Target("value", PER_S),
            pressure_pct=idle_pct,
            note=f"batches of {ITEMS}; turned away and asked again: {trouble or 'never'}; {note}",
        ),
        figure(
            "cloud.nodes_mtls_wrong", "records", [float(wrong)], direction="lower",
            n=result.sent, target=Target("value", 0), pressure_pct=idle_pct, worst=True,
            note="lost or doubled",
        ),
        figure(
            "cloud.nodes_mtls_memory", "MB", [max(sizes_mb, default=0.0)], direction="lower",
            n=len(sizes_mb), pressure_pct=idle_pct, note=f"with {result.nodes} open connections",
        ),
        figure(
            "cloud.nodes_mtls_memory_growth", "MB", growths, direction="lower", n=len(sizes_mb),
            target=Target("value", GROWTH_MB), pressure_pct=idle_pct, worst=True,
            note="from the first third of the sending to its end",
        ),
        figure(
            "cloud.enrolments", "1/s", [result.nodes / result.enrol_s], direction="higher",
            n=result.nodes, pressure_pct=idle_pct, note="by EST, a token each, fsync and all",
        ),
    ]  # fmt: skip


async def new_tokens(database: Path, count: int) -> list[str]:
    """Tokens that any node may enrol with, written into an endpoint's database."""
    engine = SqliteEngine(database)
    await engine.open()
    made = [tokens.new_text() for _ in range(count)]
    now_ns = time.time_ns()

    def work(db: Session) -> None:
        for text in made:
            tokens.keep(db, text, "", now_ns, 3600)

    try:
        await engine.write(work)
    finally:
        await engine.close()
    return made


def _allow_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < FILES:
        wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
