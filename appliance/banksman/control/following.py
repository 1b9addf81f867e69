"""Which alarms an alarm of the loop may follow from, so that one loss rings once. Pure.

- The alert of an action that trips tells what the trip's own alarm tells.
- A safe action taken because inputs cannot be read follows from the loss of their devices.
- A machine's watch or an inspection, which lives on the readings of others, is lost with them.
- Devices on one link (a gateway, a serial bus) that are lost together have one cause.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from banksman.control.point import Action, Point
from banksman.control.ports import NOTHING, Follows
from banksman.deciding.decision import Verdict
from banksman_drivers.ports import Driver


def of_alert(point: Point, action: Action, verdict: Verdict, now_ns: int) -> Follows:
    """What the alert of ``action`` may follow from."""
    keys = [] if action.trip is None else [f"trip.{action.trip}"]
    if verdict.source == "safe_default":
        faults = point.inputs.faults(now_ns) or ()
        keys += [
            f"device.{name.partition('.')[0]}"
            for name, fault in zip(point.inputs.names, faults, strict=False)
            if fault
        ]
    return Follows(tuple(dict.fromkeys(keys))) if keys else NOTHING


def of_losses(
    drivers: Sequence[Driver],
    links: Mapping[str, str],
    fed_by: Mapping[str, Collection[str]],
) -> dict[str, Follows]:
    """What the loss of each device may follow from.

    ``links``: device -> the address or port that it is reached by. ``fed_by``: device -> devices
    whose readings or pictures it lives on.
    """
    found = {}
    for driver in drivers:
        link = links.get(driver.id)
        beside = [other for other, its in links.items() if its == link and other != driver.id]
        feeds = sorted(fed_by.get(driver.id, ()))
        # It may take as long to come back as its readings may be silent.
        silent_s = max((info.stale_ms / 1e3 for info in driver.sensors()), default=0.0)
        if feeds or beside:
            found[driver.id] = Follows(
                keys=tuple(f"device.{each}" for each in feeds),
                beside=tuple(f"device.{each}" for each in beside),
                within_s=NOTHING.within_s + silent_s,
            )
    return found
