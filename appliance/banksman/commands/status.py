"""`banksman status`: the appliance at a glance."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from banksman.commands.options import Subparsers, add_daemon_options
from banksman.commands.showing import show

WAITS_LONG_S = 60  # what waits shorter is on its way


def register(commands: Subparsers) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "status",
        help="show what the running appliance sees and does",
        description="Asks the running daemon. Exit code 0: ready; 1: running, not ready; 6: no "
        "daemon answers.",
        epilog="example: banksman status --url http://127.0.0.1:8080",
    )
    add_daemon_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the status."""
    from banksman.commands.client import Client

    status = Client(arguments.url, arguments.socket).get("/api/v1/status")
    if arguments.json:
        print(json.dumps(status))
    else:
        show(lines(status))
    return 0 if status["readiness"]["ready"] else 1


def lines(status: dict[str, Any]) -> list[str]:
    """The status for people: what may not run first, then alarms, devices, values, records."""
    ready = status["readiness"]
    head = f"{status['node']} {status['site']}".rstrip()
    out = [f"{head}: {status['mode'].upper()}, {'ready' if ready['ready'] else 'NOT READY'}"]
    out += [f"  ! {reason}" for reason in ready.get("reasons", ())]
    for trip in status["trips"]:
        causes = "; ".join(trip["causes"])
        state = f"TRIPPED by {trip['cause']}" if trip["latched"] else (causes or "clear")
        out.append(f"trip {trip['name']} ({trip['kind']}): {state}")
    out += [
        f"not permitted: {item['output']}: {item['reason']}"
        for item in status["permissives"]
        if not item["satisfied"]
    ]
    out += _alarm_lines(status["alarms"])
    out += [
        f"device {item['id']} ({item['driver']}): {item['state']} {item['message']}".rstrip()
        for item in status["devices"]
    ]
    width = max((len(sensor["id"]) for sensor in status["sensors"]), default=0)
    for sensor in status["sensors"]:
        value = "-" if sensor["value"] is None else f"{sensor['value']:.6g}"
        doubt = "" if sensor["quality"] == "good" and not sensor["stale"] else sensor["quality"]
        doubt = "stale" if sensor["stale"] else doubt
        told = f"{value:>12} {sensor['unit']:<6} {doubt:<9} {sensor['text']}"
        out.append(f"  {sensor['id']:<{width}}  {told}".rstrip())
    for output in status["outputs"]:
        value = "unknown" if output["value"] is None else output["value"]
        held = f" held safe: {output['forced_by']}" if output["forced_by"] else ""
        loose = " (unsupervised)" if output["supervision"] == "none" else ""
        out.append(f"  {output['id']} = {value}{loose}{held}")
    store, link = status["store"], status["link"]
    waiting = sum(store.get("outbox_depth", {}).values())
    out.append(
        f"store: {store['state']}, {waiting} records wait, durable up to {store['durable_mark']}"
    )
    out += [
        _oldest_line(name, row)
        for name, row in store.get("oldest", {}).items()
        if row["waits_s"] >= WAITS_LONG_S
    ]
    out += _sync_lines(status.get("sync") or {})
    out += _identity_lines(status.get("identity") or {})
    out.append(f"records on the disk: {store.get('sealing') or 'not sealed'}")
    out.append(f"link: {link['state']} {link['peer']} {link['message']}".rstrip())
    return out


def _sync_lines(sync: dict[str, Any]) -> list[str]:
    """The uplink: whether it is up, what the link carries, what waits for it."""
    state = sync.get("state", "off")
    if state == "off":
        return []
    told = f"uplink: {state} {sync['peer']} {sync['message']}".rstrip()
    if (mbit := sync.get("goodput_mbit")) is not None:
        told += f", {mbit:.0f} Mbit/s" if mbit >= 100 else f", {mbit:.3g} Mbit/s"
    rows = ", ".join(f"{count} {name}" for name, count in sync["rows_waiting"].items() if count)
    return [
        f"{told}, profile {sync['profile']}",
        f"  waiting: {rows or 'no records'}, {sync['readings_waiting']} readings",
        *_thinned_lines(sync),
    ]


def _thinned_lines(sync: dict[str, Any]) -> list[str]:
    """What the endpoint has as least, most and mean only, and of which times."""
    if not sync.get("readings_thinned"):
        return []
    return [
        f"  {sync['readings_thinned']} readings went up thinned:",
        *(
            f"    {_minute(each['from_wall_ns'])} to {_minute(each['to_wall_ns'])}: "
            f"{each['readings']}"
            for each in sync.get("thinned", ())
        ),
    ]


def _oldest_line(name: str, row: dict[str, Any]) -> str:
    """The row of a class that has waited longest, and what becomes of it."""
    what = f"{row['kind']} {row['id']}" if row["id"] else "a bundled row"
    told = f"  oldest {name}: {what} for {row['channel']}, waits {_span(row['waits_s'])}"
    told += f", {row['attempts']} tries in vain" if row["attempts"] else ""
    if (deadline_s := row.get("deadline_s")) is not None:
        late = deadline_s < 0
        told += f", {_span(abs(deadline_s))} {'over its' if late else 'to its'} deadline"
    if (lives_s := row.get("lives_s")) is not None:
        told += f", lives {_span(max(0, lives_s))} more"
    return told


def _span(seconds: int) -> str:
    for unit, size in (("days", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _minute(wall_ns: int) -> str:
    return f"{datetime.fromtimestamp(wall_ns / 1e9, UTC):%Y-%m-%d %H:%M}Z"


def _identity_lines(identity: dict[str, Any]) -> list[str]:
    """The certificate at the endpoint, where there is one or should be."""
    state = identity.get("state", "off")
    if state == "off":
        return []
    told = f"certificate: {state}"
    if ends_ns := identity.get("ends_wall_ns"):
        told += f", until {_minute(ends_ns)}"
    return [f"{told} {identity.get('message', '')}".rstrip()]


def _alarm_lines(alarms: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Each alarm, and under it what followed from it."""
    keys = {alarm["key"] for alarm in alarms}
    for alarm in sorted(alarms, key=lambda alarm: not alarm["active"]):
        if alarm.get("under") in keys:
            continue
        yield f"alarm {alarm['key']} ({_alarm_state(alarm)}): {alarm['text']}"
        for other in alarms:
            if other.get("under") == alarm["key"]:
                yield f"  it caused {other['key']}: {other['text']}"


def _alarm_state(alarm: dict[str, Any]) -> str:
    """Whether it holds now, and whether somebody has seen it."""
    state = "active" if alarm["active"] else "over"
    return state if alarm["acknowledged"] else f"{state}, not acknowledged"
