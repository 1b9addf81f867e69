"""What people type after `banksman modbus`, turned into values; a slip is an argparse error.

Light on imports: every command of the command line loads this file.
"""

from __future__ import annotations

import argparse
import ipaddress
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from banksman_drivers.modbus_ask import Asker
    from banksman_drivers.modbus_plan import Table

TABLES: tuple[Table, ...] = ("coil", "discrete", "input", "holding")
HOSTS_MAX = 1024
PORT = 502


class Place(NamedTuple):
    """A table and an address in it."""

    table: Table
    address: int

    def __str__(self) -> str:
        return f"{self.table}:{self.address}"


def place(text: str) -> Place:
    """``holding:40``."""
    name, _, number = text.partition(":")
    table = next((each for each in TABLES if each == name), None)
    if table is None:
        raise argparse.ArgumentTypeError(f"{text!r}: write {'|'.join(TABLES)}:ADDRESS")
    address = _number(number, f"{text!r}: the address")
    if not 0 <= address <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r}: an address is 0 to 65535, as in the frame")
    return Place(table, address)


def span(text: str, low: int, high: int, what: str) -> list[int]:
    """``1-16,20`` as numbers in order, each within ``low`` to ``high``."""
    found: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.partition("-")
        start = _number(first, what)
        end = _number(last, what) if dash else start
        if not low <= start <= end <= high:
            raise argparse.ArgumentTypeError(f"{what}: {part!r} is not within {low} to {high}")
        found.update(range(start, end + 1))
    return sorted(found)


def units(text: str) -> list[int]:
    """Unit ids. On a serial line 1 to 247 may be; Modbus TCP has 0 and 248 to 255 as well."""
    return span(text, 0, 255, "units")


def addresses(text: str) -> tuple[int, int]:
    """``0-99`` as first and last."""
    found = span(text, 0, 65535, "addresses")
    if found[-1] - found[0] + 1 != len(found):
        raise argparse.ArgumentTypeError(f"addresses: {text!r} is not one range, as 0-99")
    return found[0], found[-1]


def host_and_port(text: str) -> tuple[str, int]:
    """``10.0.0.5``, ``plc.local:1502`` or ``[fe80::1]:502``."""
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        number = rest.removeprefix(":")
    elif text.count(":") == 1:
        host, _, number = text.partition(":")
    else:
        host, number = text, ""
    port = _number(number, f"{text!r}: the port") if number else PORT
    if not host or not 1 <= port <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r}: write HOST or HOST:PORT")
    return host, port


def hosts(text: str) -> list[tuple[str, int]]:
    """One host, ``10.0.0.0/24``, or ``10.0.0.10-40``; with a port where it is not 502.

    Bounded: nobody scans a whole company by a slip.
    """
    body, colon, number = text.rpartition(":")
    if not colon or not number.isdecimal() or ":" in body:
        body, number = text, str(PORT)
    found: Sequence[str]
    if "/" in body:
        try:
            network = ipaddress.ip_network(body, strict=False)
        except ValueError as error:
            raise argparse.ArgumentTypeError(f"{text!r}: {error}") from error
        if network.num_addresses > HOSTS_MAX:
            raise argparse.ArgumentTypeError(f"{text!r}: more than {HOSTS_MAX} addresses")
        found = [str(each) for each in network.hosts()]
    elif "-" in body and body.rpartition("-")[2].isdecimal():
        first, _, last = body.rpartition("-")
        stem, dot, start = first.rpartition(".")
        if not dot or not start.isdecimal():
            return [host_and_port(text)]  # a name with a dash in it
        numbers = span(f"{start}-{last}", 0, 255, f"{text!r}")
        found = [f"{stem}.{each}" for each in numbers]
    else:
        return [host_and_port(text)]
    return [host_and_port(f"{host}:{number}") for host in found]


def add_where(parser: argparse.ArgumentParser, *, many: bool = False) -> None:
    """``--host`` or ``--port`` with the line's settings, ``--timeout-ms`` and ``--json``."""
    where = parser.add_mutually_exclusive_group(required=True)
    if many:
        where.add_argument(
            "--host", type=hosts, help="HOST[:PORT], a range 10.0.0.10-40 or a network 10.0.0.0/24"
        )
    else:
        where.add_argument("--host", type=host_and_port, help="HOST[:PORT] of a Modbus TCP device")
    where.add_argument("--port", metavar="TTY", help="serial port of a Modbus RTU line")
    parser.add_argument("--baud", type=int, default=19_200, help="RTU: default %(default)s")
    parser.add_argument(
        "--parity", choices=("even", "odd", "none"), default="even", help="RTU: default %(default)s"
    )
    parser.add_argument(
        "--stop-bits", type=int, choices=(1, 2), default=1, help="RTU: default %(default)s"
    )
    parser.add_argument(
        "--timeout-ms", type=_timeout, default=500.0, help="for one answer; default %(default)g"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def open_line(arguments: argparse.Namespace) -> Asker:
    """The one line that ``add_where`` was told. Raises DeviceLost, Unsupported."""
    from banksman_drivers.modbus_ask import RtuAsker, TcpAsker

    timeout_s = arguments.timeout_ms / 1e3
    if arguments.port is not None:
        return RtuAsker(
            arguments.port, arguments.baud, arguments.parity, arguments.stop_bits, timeout_s
        )
    host, port = arguments.host
    return TcpAsker(host, port, timeout_s)


def _timeout(text: str) -> float:
    value = float(text)
    if not 10 <= value <= 60_000:
        raise argparse.ArgumentTypeError("10 to 60000 ms")
    return value


def _number(text: str, what: str) -> int:
    try:
        return int(text, 0)  # 0x1000, as manuals write it
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{what} {text!r} is no number") from error
