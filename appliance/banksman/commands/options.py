"""What several commands share: where the config and the running daemon are."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

CONFIG_FILE = Path("/etc/banksman/appliance.toml")
SOCKET = Path("/run/banksman/api.sock")
DEFAULT_URL = "http://127.0.0.1:8080"

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]
else:
    Subparsers = argparse._SubParsersAction


def add_daemon_options(parser: argparse.ArgumentParser) -> None:
    """Where to find the daemon: its Unix socket on this box, or a URL."""
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--socket", type=Path, default=None, help=f"the daemon's Unix socket, e.g. {SOCKET}"
    )
    where.add_argument(
        "--url", type=_url, default=None, help=f"the daemon's page, e.g. {DEFAULT_URL}"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def _url(text: str) -> str:
    """A URL with a host: without one the client would ask this box, whatever was meant."""
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise argparse.ArgumentTypeError(f"{text} is no URL like {DEFAULT_URL}")
    return text
