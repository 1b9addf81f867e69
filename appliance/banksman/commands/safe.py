"""`banksman safe`: every output in its safe state, without a daemon. The unit's ExecStopPost."""

from __future__ import annotations

import argparse
from pathlib import Path

from banksman.commands.options import CONFIG_FILE, Subparsers

TIMEOUT_S = 3.0
STORE_FOLDER = Path("/var/lib/banksman")


def register(commands: Subparsers) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "safe",
        help="put every output in its safe state",
        description="Connects to each device by itself and writes the declared safe state of each "
        "output. In observe mode nothing is written. Where the config cannot be read, the one that "
        "the daemon last ran with is used. Exit code 1: an output could not be reached.",
        epilog="example: banksman safe --config /etc/banksman/appliance.toml",
    )
    parser.add_argument("--config", type=Path, default=CONFIG_FILE, help="default: %(default)s")
    parser.add_argument(
        "--store",
        type=Path,
        default=STORE_FOLDER,
        help="where the daemon's own copy of its config lies; default: %(default)s",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the safe states, all devices at once, each with its own time limit."""
    import asyncio
    import json
    import sys

    from banksman.assembly_drivers import make_drivers
    from banksman.clock import SystemClock
    from banksman.config.load import load_config
    from banksman.config.running import load_running
    from banksman.errors import ConfigError
    from banksman_drivers.ports import Driver, DriverError

    try:
        config = load_config(arguments.config).config
    except ConfigError as error:
        running = load_running(arguments.store)
        if running is None:
            raise
        print(f"{error}\nUsing the config the daemon last ran with.", file=sys.stderr)
        config = running
    if config.node.mode == "observe":
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

    async def everyone() -> dict[str, str]:
        drivers = [
            driver
            for driver in make_drivers(config, SystemClock(), lambda _: None)
            if driver.outputs()
        ]
        results = await asyncio.gather(*(one(driver) for driver in drivers))
        return {driver.id: result for driver, result in zip(drivers, results, strict=True)}

    results = asyncio.run(everyone())
    if arguments.json:
        print(json.dumps(results))
    else:
        for device, result in results.items():
            print(f"{device}: {result}")
    return 0 if all(result == "safe" for result in results.values()) else 1
