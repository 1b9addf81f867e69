"""`banksman acknowledge`: a person has seen an alarm."""

from __future__ import annotations

import argparse
import json
from urllib.parse import quote

from banksman.commands.options import Subparsers, add_daemon_options


def register(commands: Subparsers) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "acknowledge",
        help="acknowledge an alarm",
        description="Says that a person has seen the alarm. Works over the daemon's Unix socket on "
        "this box; over the page's URL it needs a login, so use the page.",
        epilog="example: banksman acknowledge trip.line",
    )
    parser.add_argument("alarm", help="the alarm's key, as `banksman status` shows it")
    add_daemon_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Ask the daemon."""
    from banksman.commands.client import Client

    client = Client(arguments.url, arguments.socket)
    alarm = client.post(f"/api/v1/alarms/{quote(arguments.alarm, safe='')}/acknowledge")
    print(json.dumps(alarm) if arguments.json else f"acknowledged: {arguments.alarm}")
    return 0
