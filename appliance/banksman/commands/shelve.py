"""`banksman shelve`: an alarm rings nobody for a while."""

from __future__ import annotations

import argparse
import json
import math
from urllib.parse import quote

from banksman.commands.options import Subparsers, add_daemon_options

MINUTES_MAX = 720  # the daemon's limit (banksman.alarm_book.SHELF_MAX_S)


def register(commands: Subparsers) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "shelve",
        help="shelve an alarm for a while",
        description="Lets an alarm ring nobody for a while, 12 hours at most; its condition is "
        "watched all the same, and if it holds then, it rings like new. Trips cannot be shelved.",
        epilog="example: banksman shelve machine.press --minutes 60",
    )
    parser.add_argument("alarm", help="the alarm's key, as `banksman status` shows it")
    parser.add_argument(
        "--minutes", type=_minutes, default=60.0, help="for so long; 0 takes it from the shelf"
    )
    add_daemon_options(parser)
    parser.set_defaults(run=run)


def _minutes(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= MINUTES_MAX:  # NaN is not, either
        raise argparse.ArgumentTypeError(f"{text} is not 0 to {MINUTES_MAX} minutes")
    return value


def run(arguments: argparse.Namespace) -> int:
    """Ask the daemon."""
    from banksman.commands.client import Client

    client = Client(arguments.url, arguments.socket)
    path = f"/api/v1/alarms/{quote(arguments.alarm, safe='')}/shelve"
    alarm = client.post(path, {"minutes": arguments.minutes})
    told = f"for {arguments.minutes:g} min" if arguments.minutes else "no longer"
    print(json.dumps(alarm) if arguments.json else f"shelved {told}: {arguments.alarm}")
    return 0
