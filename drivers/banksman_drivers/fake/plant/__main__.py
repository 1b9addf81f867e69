"""``python -m banksman_drivers.fake.plant``: the demo plant as a process of its own.

Prints READY on stdout once everything listens; ends cleanly at SIGTERM or SIGINT. Exit codes:
0 ended, 1 a port or file could not be had.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from pathlib import Path

from banksman_drivers.fake.plant.service import Plant, PlantOptions


def main() -> int:
    """Run the plant until a signal."""
    defaults = PlantOptions(Path())
    parser = argparse.ArgumentParser(
        prog="python -m banksman_drivers.fake.plant",
        description="A make-believe plant that speaks Modbus TCP, VDA 5050 and HTTP.",
        epilog="example: python -m banksman_drivers.fake.plant --folder run --bridge-permit",
    )
    parser.add_argument("--folder", type=Path, required=True, help="for FIFOs and the socket")
    parser.add_argument("--modbus-port", type=int, default=defaults.modbus_port)
    parser.add_argument(
        "--mqtt-port", type=int, default=defaults.mqtt_port, help="of a broker; 0: there is none"
    )
    parser.add_argument("--cloud-port", type=int, default=defaults.cloud_port)
    parser.add_argument("--seed", type=int, default=defaults.seed, help="of noise and defects")
    parser.add_argument(
        "--bridge-permit",
        action="store_true",
        help="run without a guard's permit line (for trying a Modbus client)",
    )
    arguments = parser.parse_args()
    options = PlantOptions(
        folder=arguments.folder,
        modbus_port=arguments.modbus_port,
        mqtt_port=arguments.mqtt_port,
        cloud_port=arguments.cloud_port,
        seed=arguments.seed,
        bridged=arguments.bridge_permit,
    )
    try:
        asyncio.run(_serve(options))
    except OSError as error:
        print(f"plant: {error}", file=sys.stderr)
        return 1
    return 0


async def _serve(options: PlantOptions) -> None:
    options.folder.mkdir(parents=True, exist_ok=True)
    stop, ready = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    plant = asyncio.create_task(Plant(options).run(stop, ready))
    waiting = asyncio.create_task(ready.wait())
    await asyncio.wait({plant, waiting}, return_when=asyncio.FIRST_COMPLETED)
    if ready.is_set():
        print("READY", flush=True)
    waiting.cancel()
    await plant


if __name__ == "__main__":
    sys.exit(main())
