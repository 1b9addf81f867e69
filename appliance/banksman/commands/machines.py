"""`banksman machines`: how the machines are, what is wrong with them, how long they will do."""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import Any
from urllib.parse import quote

from banksman.commands.options import Subparsers, add_daemon_options
from banksman.commands.showing import show

EPILOG = """\
examples:
  banksman machines                   every machine in a line
  banksman machines press             one, with its findings and what is furthest from its normal
  banksman machines press --renew     after a repair: as it is now, it is well; learn that anew
  banksman machines press --failed    it failed: from its life the life of others is told
  banksman machines press --replaced  a part was replaced before it failed: its hours begin anew
  banksman machines press --back 2    that renewal was wrong: what normal 2 was is its normal again

exit codes: 0 done, 1 refused, 2 wrong usage, 6 no daemon answers
"""


SAID = {
    "renew": "what it does from now on is its normal; it is learned anew",
    "failed": "its life is a known run to failure; from now on it is new, and learned anew",
    "replaced": "from now on it is new, and learned anew",
}


def register(commands: Subparsers) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "machines",
        help="show how the machines are, call the present normal, say that one failed",
        description="Shows what the daemon knows of each [[machine]]. Works over the daemon's\n"
        "Unix socket on this box; over the page's URL a word needs a login, so use the page.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("machine", nargs="?", help="id of a [[machine]]; left out: all")
    words = parser.add_mutually_exclusive_group()
    words.add_argument("--renew", action="store_true", help="the present is its new normal")
    words.add_argument("--failed", action="store_true", help="it failed, and is new from now on")
    words.add_argument(
        "--replaced", action="store_true", help="it did not fail, and is new from now on"
    )
    words.add_argument(
        "--back", type=int, metavar="N", help="go back to its former normal N, as listed"
    )
    add_daemon_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Ask the daemon."""
    from banksman.commands.client import Client

    word = next((word for word in SAID if getattr(arguments, word)), None)
    if word is None and arguments.back is not None:
        word = "back"
    if word is not None and arguments.machine is None:
        print(f"banksman: --{word} needs the id of a machine", file=sys.stderr)
        return 2
    client = Client(arguments.url, arguments.socket)
    if arguments.machine is None:
        found = client.get("/api/v1/machines")["machines"]
        if arguments.json:
            print(json.dumps(found))
        else:
            show(list(map(line, found)) or [_NONE])
        return 0
    path = f"/api/v1/machines/{quote(arguments.machine, safe='')}"
    if word is not None:
        body = {"version": arguments.back} if word == "back" else None
        said = SAID.get(word, f"what normal {arguments.back} was is its normal again")
        brief = client.post(f"{path}/{word}", body)
        print(json.dumps(brief) if arguments.json else f"{arguments.machine}: {said}")
        return 0
    machine = client.get(path)
    if arguments.json:
        print(json.dumps(machine))
    else:
        show(lines(machine))
    return 0


_NONE = "no machine is watched; add a [[machine]] to appliance.toml"


def line(brief: dict[str, Any]) -> str:
    """One machine in a line."""
    parts = [f"{brief['id']}: {brief['verdict']}", brief["what"]]
    if brief["blind"] and brief["condition"]:
        parts.append(f"! {brief['condition']}")
    if brief["fault_certainty"] in ("named", "suspected"):
        parts.append(f"{brief['fault']} ({100 * brief['fault_confidence']:.0f} %)")
    if brief["zone"] != "unknown":
        parts.append(f"zone {brief['zone']}")
    if brief["hours"] is not None:
        parts.append(f"{brief['hours']:.1f} h left")
    return "; ".join(parts)


def lines(machine: dict[str, Any]) -> list[str]:
    """One machine for people, the conclusions first."""
    brief = machine["brief"]
    out = [
        line(brief),
        f"  state: {brief['state'] or 'unknown'}, normal {100 * brief['learned']:.0f} % learned",
        f"  hours left: {brief['hours_reason']}",
        f"  has run {brief['hours_run']:.1f} h since new; known runs to failure: {brief['runs']}",
    ]
    if brief["change"]:
        out.append(f"  just now: {brief['change']}")
    if brief["bursts_dropped"] or brief["bursts_skipped"]:
        out.append(
            f"  bursts: {brief['bursts_dropped']} came too fast, "
            f"{brief['bursts_skipped']} could not be judged"
        )
    for each in machine["sensors"]:
        zone = each["severity"]
        out.append(f"  {each['sensor']}: {each['words']}: {each['finding']['reason']}")
        out.append(f"    ISO 20816-3: zone {zone['zone']}: {zone['reason']}")
        out += [f"    samples: {flaw['kind']}: {flaw['reason']}" for flaw in each["flaws"]]
        out += [_peak(peak) for peak in each["finding"]["peaks"]]
    since_s = machine["version_since_s"]
    since = "" if since_s is None else f", since {_when(since_s)}"
    out.append(f"  normal {machine['version']}{since}")
    out += [
        f"    former: normal {each['number']}, {_when(each['began_s'])} to"
        f" {_when(each['ended_s'])}: {each['why']}"
        for each in reversed(machine["versions"])
    ]
    known = [row for row in machine["rows"] if row["sigmas"] is not None]
    known.sort(key=lambda row: -abs(row["sigmas"]))
    out += [
        f"  {row['sigmas']:+7.1f} sigma  {row['verdict']:<8} {row['name']}" for row in known[:10]
    ]
    return out


def _when(wall_s: float) -> str:
    # With the year: a former normal may be old.
    return time.strftime("%d %b %Y %H:%M UTC", time.gmtime(wall_s))


def _peak(peak: dict[str, Any]) -> str:
    frequency, floor = peak["frequency_hz"], peak["times_floor"]
    return f"    {frequency:9.2f} Hz {floor:8.1f} x floor  {peak['label']}"
