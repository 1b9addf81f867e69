"""`banksman sync`: record what the link carries, and try the sync policy on such a record."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from banksman.commands.options import Subparsers, add_daemon_options

if TYPE_CHECKING:
    from banksman.sync.simulate import Step


def register(commands: Subparsers) -> None:
    """Add the command and what is below it."""
    parser = commands.add_parser(
        "sync",
        help="look at how records go up to the endpoint",
        description="Tools for the uplink; its state is part of `banksman status --json`.",
    )
    below = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    simulate = below.add_parser(
        "simulate",
        help="show what the policy would do on a recorded link trace",
        description="Reads a CSV of time (s), goodput (Mbit/s), round trip (ms), loss (0..1: the "
        "share of transfers that fail) and, if you like, metered (0 or 1), and lets the box's own "
        "meter, table and schedule decide. Exit code 2: the trace is wrong.",
        epilog="example: banksman sync simulate trace.csv --config appliance.toml --plot sync.svg",
    )
    simulate.add_argument("trace", type=Path, metavar="TRACE")
    simulate.add_argument(
        "--config", type=Path, default=None,
        help="take [sync] and the deadlines of [store] from there; without: the defaults",
    )  # fmt: skip
    simulate.add_argument("--metered", action="store_true", help="as if every byte cost money")
    simulate.add_argument(
        "--readings", type=float, default=10.0, metavar="N", help="a second (default: 10)"
    )
    simulate.add_argument(
        "--seed", type=int, default=1, metavar="N", help="draws which transfers fail (default: 1)"
    )
    simulate.add_argument(
        "--plot", type=Path, default=None, metavar="FILE", help="draw it: an SVG file"
    )
    simulate.add_argument("--json", action="store_true", help="print JSON, a step every 5 s")
    simulate.set_defaults(run=run)
    history = below.add_parser(
        "history",
        help="show the link's last hour as the running daemon has measured it",
        description="A line for each change of state or profile, and one a minute. --json prints "
        "every state, one each 5 s, as columns. Exit code 6: no daemon answers.",
        epilog="example: banksman sync history",
    )
    add_daemon_options(history)
    history.set_defaults(run=show_history)
    record = below.add_parser(
        "record",
        help="record the link as the running daemon measures it",
        description="Writes the CSV that `simulate` reads, a line every 5 s, until Ctrl-C. While "
        "the uplink is down the line says 0 Mbit/s; before anything was measured there is none. "
        "Exit code 6: no daemon answers.",
        epilog="example: banksman sync record > trace.csv",
    )
    add_daemon_options(record)
    record.add_argument("--count", type=int, default=None, help="end after so many looks")
    record.set_defaults(run=record_link)


def show_history(arguments: argparse.Namespace) -> int:
    """Print the link's last hour."""
    import json

    from banksman.commands.client import Client

    history = Client(arguments.url, arguments.socket).get("/api/v1/sync/history")
    print(json.dumps(history) if arguments.json else "\n".join(history_lines(history)))
    return 0


def history_lines(history: Mapping[str, Sequence[Any]]) -> list[str]:
    """The API's SyncHistory for people: what changed, and the state at each minute."""
    from datetime import datetime

    if not history["wall_ms"]:
        return ["nothing is measured yet: is [sync] enabled, and [cloud] url set?"]
    out = ["time      state       profile   Mbit/s  rtt ms  good %"]
    shown: tuple[str, str, int] | None = None
    columns = ("wall_ms", "state", "profile", "goodput_mbit", "round_trip_ms", "reliability")
    for at_ms, state, profile, mbit, trip_ms, good in zip(
        *(history[column] for column in columns), strict=True
    ):
        now = (state, profile, at_ms // 60_000)
        if now == shown:
            continue
        shown = now
        clock = datetime.fromtimestamp(at_ms / 1e3).astimezone().strftime("%H:%M:%S")
        percent = None if good is None else good * 100
        out.append(
            f"{clock}  {state:<10}  {profile:<8}  {_number(mbit):>6}  {_number(trip_ms):>6}  "
            f"{_number(percent):>6}"
        )
    return out


def record_link(arguments: argparse.Namespace) -> int:
    """Print a line for each state of the link."""
    import json
    import time

    from banksman.commands.client import Client
    from banksman.sync.link import STATE_S
    from banksman.sync.trace import COLUMNS

    client = Client(arguments.url, arguments.socket)
    begun_s, looks = time.monotonic(), 0
    if not arguments.json:
        print(",".join(COLUMNS), flush=True)
    while arguments.count is None or looks < arguments.count:
        if looks:
            time.sleep(STATE_S)
        point = point_of(client.get("/api/v1/status")["sync"], time.monotonic() - begun_s)
        looks += 1
        if point is not None:
            told = dict(zip(COLUMNS, point, strict=True))
            print(json.dumps(told) if arguments.json else ",".join(map(str, point)), flush=True)
    return 0


def point_of(sync: Mapping[str, Any], at_s: float) -> tuple[float, float, float, float, int] | None:
    """A line of a trace from a daemon's SyncStatus; None: nothing is known yet."""
    mbit, trip_ms, metered = sync["goodput_mbit"], sync["round_trip_ms"], int(sync["metered"])
    if sync["state"] in ("down", "denied"):
        return round(at_s, 1), 0.0, trip_ms or 0.0, 0.0, metered
    if mbit is None or trip_ms is None:
        return None
    good = sync["reliability"]
    return (
        round(at_s, 1),
        round(mbit, 3),
        round(trip_ms, 1),
        round(1 - (1.0 if good is None else good), 3),
        metered,
    )


def run(arguments: argparse.Namespace) -> int:
    """Simulate and print."""
    import msgspec

    from banksman.config.load import load_config
    from banksman.config.schema_services import StoreSettings
    from banksman.config.schema_sync import SyncSettings
    from banksman.errors import TraceUnreadable
    from banksman.sync.plant import Plant
    from banksman.sync.plot import svg
    from banksman.sync.simulate import Simulation
    from banksman.sync.trace import read_trace

    settings, store = SyncSettings(), StoreSettings()
    if arguments.config is not None:
        config = load_config(arguments.config).config
        settings, store = config.sync, config.store
    if not 0 <= arguments.readings <= 1e6:
        raise TraceUnreadable("--readings is 0 to 1000000 a second")
    name = str(arguments.trace)
    try:
        with arguments.trace.open(encoding="utf-8", newline="") as lines:
            trace = read_trace(lines, name)
    except (OSError, UnicodeDecodeError) as error:
        raise TraceUnreadable(f"{name} cannot be read: {error}") from None
    plant = Plant(readings=arguments.readings)
    steps = Simulation(
        trace, settings, plant, metered=arguments.metered, seed=arguments.seed, store=store
    ).run()
    if arguments.plot is not None:
        rows = [profile.name for profile in settings.profiles]
        arguments.plot.write_text(svg(steps, arguments.trace.name, rows), encoding="utf-8")
    print(msgspec.json.encode(steps).decode() if arguments.json else "\n".join(table(steps)))
    return 0


def table(steps: Sequence[Step]) -> list[str]:
    """The steps for people: a line whenever something changed, and one a minute."""
    out = [
        "  time s  link Mbit/s  measured  rtt ms  good %  profile  critical  important  normal"
        "  readings  sent kB"
    ]
    shown: Step | None = None
    sent = 0
    for step in steps:
        sent += step.sent_bytes
        changed = shown is None or (step.profile, step.link_mbit) != (
            shown.profile,
            shown.link_mbit,
        )
        if (
            shown is not None
            and not changed
            and step.at_s - shown.at_s < 60
            and step is not steps[-1]
        ):
            continue
        out.append(
            f"{step.at_s:8.0f}  {step.link_mbit:11.3g}  {_number(step.measured_mbit):>8}  "
            f"{_number(step.round_trip_ms):>6}  "
            f"{_number(None if step.reliability is None else step.reliability * 100):>6}  "
            f"{step.profile:<7}  {step.critical_waiting:8}  {step.important_waiting:9}  "
            f"{step.normal_waiting:6}  {step.background_waiting:8}  {sent / 1e3:7.1f}"
        )
        shown, sent = step, 0
    return out


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"
