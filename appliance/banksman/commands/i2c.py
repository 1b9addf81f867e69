"""`banksman i2c`: which I2C buses there are, and who is on them.

Straight through the kernel's bus device, so it works before anything is configured. It only reads.
"""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from banksman.commands.options import Subparsers
from banksman.errors import BanksmanError

if TYPE_CHECKING:
    from banksman_drivers.i2c.scan import Found


class I2cUnusable(BanksmanError, OSError):
    """A bus cannot be used; the message says which, why and what to do."""


def register(commands: Subparsers) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "i2c",
        help="list I2C buses, or the chips on one",
        description="Without a bus it lists them. With one it asks each address for a byte and "
        "recognises the chips that it knows; nothing is written. Exit code 1: no such bus, no "
        "permission, or a line is held low.",
        epilog="example: banksman i2c /dev/i2c-1",
    )
    parser.add_argument("bus", nargs="?", metavar="BUS", help="such as /dev/i2c-1, or 1")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """List the buses, or scan one."""
    from banksman_drivers.i2c.scan import list_buses

    if arguments.bus is not None:
        found = scan_bus(arguments.bus)
        print(json.dumps([_as_json(each) for each in found]) if arguments.json else table(found))
        return 0
    buses = list_buses()
    if arguments.json:
        print(json.dumps([{"path": bus.path, "name": bus.name} for bus in buses]))
    elif buses:
        print("\n".join(f"{bus.path}  {bus.name}" for bus in buses))
    else:
        raise I2cUnusable(
            "there is no I2C bus: switch it on (Raspberry Pi: dtparam=i2c_arm=on) and load i2c-dev"
        )
    return 0


def scan_bus(name: str) -> list[Found]:
    """Everybody on the bus. Raises I2cUnusable."""
    from banksman_drivers.i2c.port import open_port, require_smbus2
    from banksman_drivers.i2c.scan import scan
    from banksman_drivers.ports import Unsupported

    path = f"/dev/i2c-{name}" if name.isascii() and name.isdigit() else name
    try:
        require_smbus2(path)
        port = open_port(path)
    except FileNotFoundError as error:
        raise I2cUnusable(f"there is no {path}; `banksman i2c` lists the buses") from error
    except PermissionError as error:
        raise I2cUnusable(f"{path}: no permission; join the group i2c or use sudo") from error
    except (OSError, Unsupported) as error:
        raise I2cUnusable(f"{path} cannot be used as an I2C bus: {error}") from error
    try:
        return scan(port)
    except OSError as error:
        raise I2cUnusable(
            f"{path}: {error}; a line may be held low: power the chips off and on"
        ) from error
    finally:
        port.close()


def table(found: list[Found]) -> str:
    """For people: a line for each address."""
    lines = []
    for each in found:
        if each.state == "kernel":
            told = "in use by a kernel driver"
        elif not each.chips:
            told = "somebody that we do not know"
        else:
            told = ("" if each.sure else "may be ") + " or ".join(each.chips)
        lines.append(f"0x{each.address:02x}  {told}")
    return "\n".join(lines) or "nobody answers"


def _as_json(each: Found) -> dict[str, object]:
    return {
        "address": each.address,
        "state": each.state,
        "chips": list(each.chips),
        "sure": each.sure,
    }
