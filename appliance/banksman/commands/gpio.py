"""`banksman gpio`: which chips and lines there are, who holds them, and what they do.

Straight through the kernel's character device, so it works before anything is configured and beside
a running daemon. Only ``watch`` takes lines, as inputs and for as long as it runs.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from banksman.commands.options import Subparsers
from banksman.errors import BanksmanError

if TYPE_CHECKING:
    from banksman_drivers.gpio.chips import ChipInfo, LineInfo
    from banksman_drivers.gpio.edges import Edge, Watch


class GpioUnusable(BanksmanError, OSError):
    """A chip or line cannot be used; the message says which, why and what to do."""


class NoLine(GpioUnusable, ValueError):
    """The text names no line."""

    exit_code = 2


def register(commands: Subparsers) -> None:
    """Add the command with its two verbs."""
    parser = commands.add_parser(
        "gpio",
        help="list GPIO lines and watch their edges",
        description="Asks the kernel. Exit code 1: no chip, no permission, or the line is taken.",
        epilog="example: banksman gpio watch /dev/gpiochip0:17",
    )
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    listing = verbs.add_parser(
        "list",
        help="chips and lines: name, direction, consumer, flags",
        description="Takes no line, so it may run beside the daemon.",
        epilog="example: banksman gpio list pinctrl-bcm2711",
    )
    listing.add_argument(
        "chip", nargs="?", metavar="CHIP", help="path, number or label; default: every chip"
    )
    listing.add_argument("--used", action="store_true", help="only lines that somebody holds")
    listing.add_argument("--json", action="store_true", help="print JSON")
    listing.set_defaults(run=run_list)
    watch = verbs.add_parser(
        "watch",
        help="print edges as they come",
        description="Takes the lines as inputs while it runs. Ends with Ctrl-C.",
        epilog="example: banksman gpio watch 0:17 0:27 --pull up",
    )
    watch.add_argument(
        "lines", nargs="+", metavar="CHIP:LINE", help="0:17, /dev/gpiochip0:17 or LABEL:17"
    )
    watch.add_argument(
        "--pull",
        choices=("up", "down", "none"),
        default="none",
        help="the chip's own resistor; default: %(default)s",
    )
    watch.add_argument("--count", type=int, default=0, metavar="N", help="end after N edges")
    watch.add_argument("--json", action="store_true", help="print JSON, one edge a line")
    watch.set_defaults(run=run_watch)


def run_list(arguments: argparse.Namespace) -> int:
    """Print chips and lines."""
    from banksman_drivers.gpio.chips import find_chip, list_chips, list_lines, open_and_ask
    from banksman_drivers.ports import DeviceLost

    try:
        if arguments.chip is None:
            chips = list_chips()
        else:
            chips = [open_and_ask(find_chip(arguments.chip))]
        found = [(chip, list_lines(Path(chip.path))) for chip in chips]
    except DeviceLost as error:
        raise GpioUnusable(str(error)) from error
    if arguments.used:
        found = [(chip, [line for line in lines if line.used]) for chip, lines in found]
    if arguments.json:
        print(json.dumps([_as_json(chip, lines) for chip, lines in found]))
        return 0
    for chip, lines in found:
        print(f"{chip.path}  {chip.label}, {chip.lines} lines")
        for text in line_table(lines):
            print(f"  {text}")
    return 0


def run_watch(arguments: argparse.Namespace) -> int:
    """Print the levels, then edges until enough came."""
    from banksman_drivers.gpio.edges import edges_of, watching
    from banksman_drivers.ports import DeviceLost

    try:
        with watching(_by_chip(arguments.lines), arguments.pull) as watches:
            _print_levels(watches, arguments.json)
            for number, edge in enumerate(edges_of(watches), start=1):
                _print_edge(edge, arguments.json)
                if number == arguments.count:
                    break
    except DeviceLost as error:
        raise GpioUnusable(str(error)) from error
    return 0


def line_table(lines: Sequence[LineInfo]) -> list[str]:
    """Lines for people, columns aligned."""
    names = max((len(line.name) for line in lines), default=0)
    holders = max((len(_holder(line)) for line in lines), default=0)
    return [
        f"{line.line:>3}  {line.name:<{names}}  {line.direction:<6}  {_holder(line):<{holders}}"
        f"  {' '.join(line.flags)}".rstrip()
        for line in lines
    ]


def _holder(line: LineInfo) -> str:
    return (line.consumer or "in use") if line.used else "free"


def _as_json(chip: ChipInfo, lines: Sequence[LineInfo]) -> dict[str, object]:
    return {
        "path": chip.path,
        "name": chip.name,
        "label": chip.label,
        "lines": [
            {
                "line": line.line,
                "name": line.name,
                "direction": line.direction,
                "used": line.used,
                "consumer": line.consumer,
                "flags": list(line.flags),
            }
            for line in lines
        ],
    }


def _by_chip(texts: Sequence[str]) -> dict[Path, list[int]]:
    """The lines that were asked for, by chip. Raises NoLine for what is none."""
    from banksman_drivers.gpio.chips import find_chip

    chips: dict[Path, list[int]] = {}
    for text in texts:
        chip, _, number = text.rpartition(":")
        if not (chip and number.isascii() and number.isdigit() and len(number) <= 4):
            raise NoLine(f"{text!r} is no line: write CHIP:LINE, such as /dev/gpiochip0:17")
        lines = chips.setdefault(find_chip(chip), [])
        if int(number) not in lines:
            lines.append(int(number))
    return chips


def _print_levels(watches: Sequence[Watch], as_json: bool) -> None:
    """What the lines are now: the first state is no edge."""
    for watch in watches:
        for line, high in watch.levels().items():
            if as_json:
                text = json.dumps({"chip": str(watch.path), "line": line, "high": high})
            else:
                text = f"{watch.path}:{line} is {'high' if high else 'low'}"
            print(text)
    sys.stdout.flush()


def _print_edge(edge: Edge, as_json: bool) -> None:
    if as_json:
        fields = {
            "chip": edge.path,
            "line": edge.line,
            "high": edge.high,
            "mono_ns": edge.mono_ns,
            "lost": edge.lost,
        }
        print(json.dumps(fields), flush=True)
        return
    age_ns = time.monotonic_ns() - edge.mono_ns
    when = time.strftime("%H:%M:%S", time.localtime(time.time() - age_ns / 1e9))
    lost = f"  ({edge.lost} edges before it were lost)" if edge.lost else ""
    arrow = "rising" if edge.high else "falling"
    seconds = f"{edge.mono_ns / 1e9:.6f} s"
    print(f"{when}  {seconds:>18}  {edge.path}:{edge.line} {arrow}{lost}", flush=True)
