"""The command line: one module per command in `banksman.commands`, joined here.

Exit codes: 0 done, 1 failed, 2 wrong usage or a wrong file, 3 not armable, 4 store unusable,
5 reset refused, 6 no daemon answered (see `banksman.errors`).
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from banksman.commands.showing import show_error
from banksman.errors import BanksmanError

# Each has `register(commands)`, which adds its parser with set_defaults(run=callable(args) -> int).
COMMANDS = (
    "run",
    "check",
    "rules",
    "safe",
    "status",
    "tail",
    "acknowledge",
    "shelve",
    "commission",
    "demo",
    "modbus",
    "gpio",
    "i2c",
    "board",
    "links",
    "bundle",
    "sync",
    "analyse",
    "machines",
    "enrol",
)


class Version(argparse.Action):
    """``--version``: looked up only when asked for, because that reads files."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        """Print it and end."""
        from importlib.metadata import version

        print(f"banksman {version('banksman')}")
        parser.exit()


def build_parser() -> argparse.ArgumentParser:
    """The whole command line; imports each command's module, which keeps heavy imports inside."""
    parser = argparse.ArgumentParser(
        prog="banksman",
        description="An edge appliance that senses, decides and acts on the factory floor.",
        epilog="example: banksman check /etc/banksman/appliance.toml",
    )
    parser.add_argument("--version", action=Version, nargs=0, help="show the version")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name in COMMANDS:
        importlib.import_module(f"banksman.commands.{name}").register(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; errors of ours become one clear message and an exit code."""
    arguments = build_parser().parse_args(argv)
    try:
        code: int = arguments.run(arguments)
    except BanksmanError as error:
        show_error(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read our output, `head` for one, has seen enough. What Python would still
        # flush at its end has no reader either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    return code


if __name__ == "__main__":
    sys.exit(main())
