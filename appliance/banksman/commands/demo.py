"""``banksman demo``: run the demo plant with the daemon, and make things go wrong in it."""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path

from banksman.commands.options import Subparsers

FOLDER = Path("run")

# lever -> what it does, for the help. The plant and the demo say the same in their answers.
LEVERS = {
    "jam": "a part jams on the conveyor: its motor current rises",
    "overheat": "the oven's thermostat welds: it heats past its setpoint",
    "bearing": "the press bearing wears out within a minute",
    "defects": "the tool wears: every part is out of tolerance",
    "leak": "the hopper loses material",
    "door": "the press guard door opens",
    "estop": "the e-stop is pressed in",
    "night": "the shift ends",
    "plc-off": "the PLC leaves the network",
    "broker-off": "the MQTT broker ends",
}
HANDS = {
    "estop-release": "pull the e-stop out again (it still wants a reset)",
    "reset-button": "press and release the local reset button",
    "start": "press the start button",
}
TIMED = ("plc-off", "broker-off")

EPILOG = """\
examples:
  banksman demo run                     the plant and the daemon, page on http://127.0.0.1:8080/
  banksman demo jam                     in another terminal: the line stops
  banksman demo restore jam             take the part out; then reset the trip on the page
  banksman demo start                   nothing restarts by itself
  banksman demo plc-off --seconds 10    the PLC is unreachable for ten seconds

exit codes: 0 done, 1 refused or a part of the demo failed, 2 wrong usage, 6 no demo answers
"""


def register(commands: Subparsers) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "demo",
        help="run a make-believe plant with the daemon, and make it fail",
        description="A demo plant that speaks real protocols, and levers to make it fail.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_run(actions)
    for name, text in (LEVERS | HANDS).items():
        lever = _add(actions, name, text)
        lever.set_defaults(run=_pull, lever=name, seconds=None)
        if name in TIMED:
            lever.add_argument(
                "--seconds", type=_duration, help="come back after this long (default: at restore)"
            )
    restore = _add(actions, "restore", "put one thing right, or everything")
    restore.add_argument("what", nargs="?", choices=tuple(LEVERS), metavar="WHAT")
    restore.set_defaults(run=_restore)
    _add(actions, "status", "what plant, broker and forklift do now").set_defaults(run=_status)


def _add(actions: Subparsers, name: str, text: str) -> argparse.ArgumentParser:
    parser = actions.add_parser(
        name,
        help=text,
        description=f"{text[0].upper()}{text[1:]}.",
        epilog=f"example: banksman demo {name}",
    )
    parser.add_argument(
        "--folder", type=Path, default=FOLDER, help="the demo's folder (%(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="print the answer as JSON")
    return parser


def _add_run(actions: Subparsers) -> None:
    text = "start broker, plant and daemon; Ctrl-C ends them all"
    parser = actions.add_parser(
        "run",
        help=text,
        description=f"{text[0].upper()}{text[1:]}. Ports that are taken are replaced by free ones.",
        epilog="example: banksman demo run --folder run --port 8080",
    )
    parser.add_argument("--folder", type=Path, default=FOLDER, help="made if need be (%(default)s)")
    parser.add_argument("--port", type=_port, default=8080, help="of the page (%(default)s)")
    parser.add_argument("--seconds", type=_duration, help="end after this long")
    parser.add_argument(
        "--no-camera", action="store_true", help="spare the camera, where it could be had"
    )
    parser.set_defaults(run=_run)


def _duration(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise argparse.ArgumentTypeError(f"{text} is not over 0 seconds")
    return value


def _port(text: str) -> int:
    value = int(text) if text.isdecimal() else 0
    if not 1 <= value <= 65535:
        raise argparse.ArgumentTypeError(f"{text} is not 1 to 65535")
    return value


def _run(arguments: argparse.Namespace) -> int:
    from banksman.demo.session import run_demo

    return run_demo(
        arguments.folder, arguments.port, arguments.seconds, with_camera=not arguments.no_camera
    )


def _pull(arguments: argparse.Namespace) -> int:
    from banksman.demo.levers import pull

    return _print(arguments, pull(arguments.folder, arguments.lever, arguments.seconds))


def _restore(arguments: argparse.Namespace) -> int:
    from banksman.demo.levers import restore

    return _print(arguments, restore(arguments.folder, arguments.what))


def _status(arguments: argparse.Namespace) -> int:
    from banksman.demo.levers import status

    return _print(arguments, status(arguments.folder))


def _print(arguments: argparse.Namespace, answer: dict[str, object]) -> int:
    """The answer as JSON, or its message and its status as lines."""
    if arguments.json:
        print(json.dumps(answer, indent=2))
        return 0
    print(answer["message"])
    status = answer.get("status")
    for key, value in status.items() if isinstance(status, dict) else ():
        rows = value.items() if isinstance(value, dict) else ((key, value),)
        for name, shown in rows:
            print(f"  {name:26} {', '.join(shown) or 'none' if isinstance(shown, list) else shown}")
    return 0
