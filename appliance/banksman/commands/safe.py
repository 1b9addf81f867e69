"""`banksman safe`: every output in its safe state, without a daemon. The unit's ExecStopPost.

Rules of this file
- What the daemon ran with counts: the file may have been edited since, into one that is broken,
  names other outputs or only observes. Outputs of both are made safe, those it drove first.
- A device that is the same in both is asked once.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from banksman.commands.options import CONFIG_FILE, Subparsers

if TYPE_CHECKING:
    from banksman.config.schema import Config

TIMEOUT_S = 3.0
STORE_FOLDER = Path("/var/lib/banksman")


def register(commands: Subparsers) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "safe",
        help="put every output in its safe state",
        description="Connects to each device by itself and writes the declared safe state of each "
        "output, of the config and of the one that the daemon last ran with. What only observes is "
        "not written to. Exit code 1: an output could not be reached.",
        epilog="example: banksman safe --config /etc/banksman/appliance.toml",
    )
    parser.add_argument("--config", type=Path, default=CONFIG_FILE, help="default: %(default)s")
    parser.add_argument(
        "--store",
        type=Path,
        default=STORE_FOLDER,
        help="where the daemon's own copy of its config lies if the config cannot be read; default:"
        " %(default)s",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the safe states, all devices at once, each with its own time limit."""
    import asyncio
    import json

    from banksman.assembly_drivers import make_drivers
    from banksman.clock import SystemClock
    from banksman_drivers.ports import Driver, DriverError

    armed = [each for each in _configs(arguments) if each.node.mode == "armed"]
    if not armed:
        print("{}" if arguments.json else "observe mode: this box writes nothing")
        return 0

    async def one(driver: Driver) -> str:
        try:
            async with asyncio.timeout(TIMEOUT_S):
                await driver.to_safe()
        except TimeoutError:
            return f"no answer within {TIMEOUT_S:g} s"
        except (DriverError, OSError) as error:
            return str(error)
        return "safe"

    async def everyone(config: Config) -> dict[str, str]:
        drivers = [
            driver
            for driver in make_drivers(config, SystemClock(), lambda _: None)
            if driver.outputs()
        ]
        results = await asyncio.gather(*(one(driver) for driver in drivers))
        return {driver.id: result for driver, result in zip(drivers, results, strict=True)}

    results: dict[str, str] = {}
    for config in armed:
        for device, result in asyncio.run(everyone(config)).items():
            if results.get(device, "safe") == "safe":
                results[device] = result
    if arguments.json:
        print(json.dumps(results))
    else:
        for device, result in results.items():
            print(f"{device}: {result}")
    return 0 if all(result == "safe" for result in results.values()) else 1


def _configs(arguments: argparse.Namespace) -> list[Config]:
    """What was in force, then what the file says besides; ConfigError where there is neither."""
    import sys

    from banksman.config.load import load_config
    from banksman.config.running import load_running
    from banksman.errors import ConfigError

    try:
        config = load_config(arguments.config).config
    except ConfigError as error:
        running = load_running(arguments.store)
        if running is None:
            raise
        print(f"{error}\nUsing the config the daemon last ran with.", file=sys.stderr)
        return [running]
    running = load_running(Path(config.store.folder))
    if running is None or running == config:
        return [config]
    print("The config was changed since the daemon ran: its old outputs too.", file=sys.stderr)
    if running.node.mode == "observe":
        return [running, config]
    others = [device for device in config.devices if device not in running.devices]
    guard = None if config.guard == running.guard else config.guard
    return [running, config.model_copy(update={"devices": others, "guard": guard})]
