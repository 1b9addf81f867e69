"""`banksman check`: is this config right, and what does it describe?"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from banksman.commands.options import CONFIG_FILE, Subparsers

if TYPE_CHECKING:
    from banksman.config.load import LoadedConfig
    from banksman.config.schema import Config
    from banksman.errors import Problem


def register(commands: Subparsers) -> None:
    """Add the parser."""
    parser = commands.add_parser(
        "check",
        help="check a config and its rules; every problem at once",
        description="Checks appliance.toml and its rules. Exit code 2 when something is wrong.",
        epilog="example: banksman check /etc/banksman/appliance.toml",
    )
    parser.add_argument(
        "file", type=Path, nargs="?", default=CONFIG_FILE, help="default: %(default)s"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument("--schema", action="store_true", help="print the JSON Schema instead")
    instead.add_argument(
        "--reference", action="store_true", help="print the reference page instead"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """0 when all is well; 2 with every problem on standard output."""
    import json

    if arguments.schema:
        from banksman.config.datasheet import published_schema

        print(json.dumps(published_schema(), indent=2))
        return 0
    if arguments.reference:
        from banksman.config.reference import reference_page

        print(reference_page())
        return 0

    from banksman.config.load import load_config
    from banksman.errors import ConfigError

    try:
        loaded = load_config(arguments.file)
    except ConfigError as error:
        if arguments.json:
            problems = [as_json(problem) for problem in error.problems]
            print(json.dumps({"ok": False, "problems": problems}, indent=2))
        else:
            for problem in error.problems:
                print(problem)
            count = len(error.problems)
            print(f"{count} problem{'s' if count > 1 else ''}", file=sys.stderr)
        return error.exit_code
    from banksman.store.key_place import told

    summary = summary_of(loaded) | {"records": told(Path("/"))}
    if arguments.json:
        warnings = [as_json(problem) for problem in loaded.warnings]
        print(json.dumps({"ok": True, "summary": summary, "warnings": warnings}, indent=2))
        return 0
    for warning in loaded.warnings:
        print(f"warning: {warning}")
    for name, value in summary.items():
        text = ", ".join(value) or "none" if isinstance(value, list) else value
        print(f"{name:16} {text}")
    return 0


def as_json(problem: Problem) -> dict[str, str | int | None]:
    """A problem as JSON objects have it."""
    return {
        "file": problem.file,
        "line": problem.line,
        "key": problem.key,
        "message": problem.message,
        "hint": problem.hint,
    }


def summary_of(loaded: LoadedConfig) -> dict[str, str | int | list[str]]:
    """What the config describes, for a person to compare with the plant."""
    config, inventory = loaded.config, loaded.inventory
    outputs = [
        f"{entry.id}{' (run permit)' if entry.run_permit else ''}"
        f"{'' if entry.supervised else ' (unsupervised)'}"
        for entry in inventory.outputs.values()
    ]
    return {
        "node": config.node.id,
        "mode": config.node.mode,
        "devices": [f"{device.id} ({device.driver})" for device in config.devices],
        **_inspections(config),
        "guard": "yes" if config.guard is not None else "no",
        "sensors": len(inventory.sensors),
        "outputs": outputs,
        "decision points": [decision.name for decision in config.decisions],
        "rules": f"{len(loaded.rules.rows)} rows, version {loaded.rules.version}",
        "trips": [f"{trip.name} ({trip.kind})" for trip in config.trips],
    }


def _inspections(config: Config) -> dict[str, list[str]]:
    found = [f"{each.id} (on {each.camera})" for each in config.inspections]
    return {"inspections": found} if found else {}
