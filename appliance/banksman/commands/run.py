"""`banksman run`: the daemon."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from banksman.commands.options import CONFIG_FILE, Subparsers

# The pools of OpenBLAS, and of BLAS libraries that are built on OpenMP.
ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")

log = logging.getLogger(__name__)


def register(commands: Subparsers) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "run",
        help="run the appliance until SIGTERM",
        description="Reads the config, starts every thread, and serves until SIGTERM. SIGHUP reads "
        "the rules file anew.",
        epilog="example: banksman run --config /etc/banksman/appliance.toml",
    )
    parser.add_argument("--config", type=Path, default=CONFIG_FILE, help="default: %(default)s")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Assemble and run; ConfigError, NotArmable and StoreError end it with their exit codes."""
    # Imported here, so that `banksman --help` does not pay for the whole daemon.
    import asyncio
    import os
    import sys

    # Read once, when numpy is imported: its pool of threads would take the control loop's core and
    # tens of megabytes. The unit says the same; a site may say otherwise.
    for name in ONE_THREAD:
        os.environ.setdefault(name, "1")

    from banksman.assembly import assemble
    from banksman.clock import SystemClock
    from banksman.config.load import load_config
    from banksman.config.running import keep_running
    from banksman.daemon import Daemon
    from banksman.logs import Logs

    # What it keeps is for its own user, however it was started. The unit says the same.
    os.umask(0o077)
    logs = Logs(with_time=sys.stderr.isatty())
    logs.start()
    try:
        loaded = load_config(arguments.config)
        try:
            keep_running(loaded.config)
        except OSError as error:
            # The store says what to do about its folder; this only costs `safe` its second source.
            log.warning("the running config was not kept for banksman safe: %s", error)

        async def main() -> int:
            return await Daemon(await assemble(loaded, SystemClock())).run()

        return asyncio.run(main())
    finally:
        logs.stop()
