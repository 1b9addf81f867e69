"""`banksman tail`: decisions and alarms as they happen."""

from __future__ import annotations

import argparse
import json
from datetime import datetime
from typing import Any

from banksman.commands.options import Subparsers, add_daemon_options
from banksman.commands.showing import show


def register(commands: Subparsers) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "tail",
        help="follow decisions and alarms",
        description="Prints each recorded decision, trip and alarm as it happens, until Ctrl-C. "
        "Exit code 6: no daemon answers, or it has ended.",
        epilog="example: banksman tail --json | jq .reason",
    )
    add_daemon_options(parser)
    parser.add_argument(
        "--count", type=_count, default=0, metavar="N", help="end after N lines; 0: never"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Follow the event stream."""
    from banksman.commands.client import Client
    from banksman.errors import NotReachable

    printed = 0
    alarms: dict[str, str] = {}
    for name, data in Client(arguments.url, arguments.socket).events("/api/v1/events"):
        if name == "snapshot":
            _changed(data["alarms"], alarms)  # what stood before is no news
        lines = [(name, data)] if name == "decision" else []
        if name == "alarms":
            lines = [("alarm", alarm) for alarm in _changed(data["alarms"], alarms)]
        for kind, record in lines:
            if arguments.json:
                print(json.dumps({"kind": kind, **record}), flush=True)
            else:
                show([line(kind, record)])
            printed += 1
            if arguments.count and printed >= arguments.count:
                return 0
    raise NotReachable("the daemon has ended: see `systemctl status banksman`, then tail anew")


def line(kind: str, record: dict[str, Any]) -> str:
    """One record for people."""
    at = datetime.fromtimestamp(record["wall_ns"] / 1e9).astimezone().strftime("%H:%M:%S.%f")[:-3]
    if kind == "decision":
        flags = "".join(
            mark for mark, on in (("S", record.get("sync")), ("R", record.get("review"))) if on
        )
        return (
            f"{at} {record['type']:<20} {record['action']:<18} {record['confidence']:.2f} "
            f"{record['latency_us'] / 1e3:7.2f} ms {flags:<2} {record['reason']}"
        )
    state = "active" if record["active"] else "cleared"
    cause = f", follows from {record['under']}" if record.get("under") else ""
    return f"{at} ALARM {record['key']} {state}{cause}: {record['text']}"


def _count(text: str) -> int:
    """A number of lines."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text} is not a number of lines")
    return int(text)


def _changed(alarms: list[dict[str, Any]], before: dict[str, str]) -> list[dict[str, Any]]:
    """The alarms whose state is another than in ``before``, which is brought up to date."""
    changed = []
    for alarm in alarms:
        state = f"{alarm['active']} {alarm['acknowledged']} {alarm.get('under', '')}"
        if before.get(alarm["key"]) != state:
            before[alarm["key"]] = state
            changed.append(alarm)
    return changed
