"""`banksman modbus`: find devices, see what they answer, read and write, list the profiles.

It talks to the device itself, without a daemon and past its interlocks: writing wants ``--yes``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from banksman.commands import modbus_verbs
from banksman.commands.modbus_arguments import add_where, addresses, place, units
from banksman.commands.options import Subparsers


def register(commands: Subparsers) -> None:
    """Add the command and its five verbs."""
    parser = commands.add_parser(
        "modbus",
        help="find, look at, read and write Modbus devices",
        description="Talks to Modbus TCP and RTU devices by itself. Exit code 0: done; 1: no "
        "answer, a refusal, nothing found, or a write that did not hold; 2: wrong usage.",
        epilog="example: banksman modbus scan --host 192.168.10.0/24",
    )
    verbs = parser.add_subparsers(title="what to do", metavar="VERB", required=True)
    _register_scan(verbs)
    _register_probe(verbs)
    _register_read(verbs)
    _register_write(verbs)
    _register_profiles(verbs)


def _register_scan(verbs: Subparsers) -> None:
    scan = verbs.add_parser(
        "scan",
        help="which units answer, in a network or on a serial line",
        description="Asks each unit for its identification (function 43/14), and one that is "
        "silent for holding register 0. Any answer counts, a refusal too.",
        epilog="example: banksman modbus scan --port /dev/ttyUSB0 --units 1-32 --timeout-ms 150",
    )
    add_where(scan, many=True)
    scan.add_argument("--units", type=units, help="as 1-16,20; default: 1 over TCP, 1-247 on RTU")
    scan.add_argument(
        "--rate", type=_rate, default=20.0, help="questions a second at most; default %(default)g"
    )
    scan.set_defaults(run=modbus_verbs.run_scan)


def _register_probe(verbs: Subparsers) -> None:
    probe = verbs.add_parser(
        "probe",
        help="what one device says of itself, and which addresses answer",
        description="Reads only. Reading may clear a latch or a counter in some devices: keep to "
        "the addresses that you mean. With --profile its points are read and judged instead.",
        epilog="example: banksman modbus probe --host 192.168.10.20 --profile eastron_sdm630",
    )
    add_where(probe)
    _add_unit(probe)
    probe.add_argument(
        "--addresses", type=addresses, default=(0, 99), help="of each table; default 0-99"
    )
    probe.add_argument("--profile", help="a name of `banksman modbus profiles`")
    _add_folder(probe)
    probe.set_defaults(run=modbus_verbs.run_probe)


def _register_read(verbs: Subparsers) -> None:
    read = verbs.add_parser(
        "read",
        help="read values",
        epilog="example: banksman modbus read --host 192.168.10.20 input:52 --type float32",
    )
    add_where(read)
    _add_unit(read)
    read.add_argument(
        "places",
        type=place,
        nargs="+",
        metavar="TABLE:ADDRESS",
        help="coil, discrete, holding, input",
    )
    _add_type(read)
    read.set_defaults(run=modbus_verbs.run_read)


def _register_write(verbs: Subparsers) -> None:
    write = verbs.add_parser(
        "write",
        help="write one value and read it back",
        description="Acts on a machine at once, past the interlocks of this appliance. Without "
        "--yes it says what it would write and writes nothing.",
        epilog="example: banksman modbus write --host 192.168.10.20 coil:0 1 --yes",
    )
    add_where(write)
    _add_unit(write)
    write.add_argument("place", type=place, metavar="TABLE:ADDRESS", help="coil or holding")
    write.add_argument("value", type=float, metavar="VALUE", help="in units; 0 or 1 for a coil")
    write.add_argument("--yes", action="store_true", help="I know what this moves")
    _add_type(write)
    write.set_defaults(run=modbus_verbs.run_write)


def _register_profiles(verbs: Subparsers) -> None:
    profiles = verbs.add_parser(
        "profiles",
        help="the device profiles that a config may name",
        epilog="example: banksman modbus profiles eastron_sdm630",
    )
    profiles.add_argument("name", nargs="?", help="one profile with all its points")
    profiles.add_argument("--json", action="store_true", help="print JSON")
    profiles.add_argument("--reference", action="store_true", help="print the reference page")
    _add_folder(profiles)
    profiles.set_defaults(run=modbus_verbs.run_profiles)


def _add_unit(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--unit", type=_unit, default=1, help="unit id; default %(default)s")


def _add_type(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--type", default=None, help="int16, float32, …; default uint16, bit for bits"
    )
    parser.add_argument(
        "--word-order", choices=("high_first", "low_first"), default="high_first",
        help="of values over several registers; default %(default)s",
    )  # fmt: skip
    parser.add_argument("--scale", type=float, default=1.0, help="value = raw * scale")


def _add_folder(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config", type=Path, default=None, help="a config whose folder has profiles of its own"
    )


def _unit(text: str) -> int:
    (unit,) = units(text) if "-" not in text and "," not in text else [-1]
    if unit < 0:
        raise argparse.ArgumentTypeError("one unit id, 0 to 255")
    return unit


def _rate(text: str) -> float:
    value = float(text)
    if not 0.1 <= value <= 1000:
        raise argparse.ArgumentTypeError("0.1 to 1000 a second")
    return value
