"""Who may use what of the box: a port, a camera or a GPIO line serves one device, or the guard.

Two users of one thing would take it from each other at run time: the second finds it held, or both
get half of what comes. Two names for one thing (``/dev/serial/by-id/…`` and ``/dev/ttyUSB0``) are
seen through where the check runs on a box that has them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import msgspec

from banksman.config.inventory import GUARD_ID
from banksman.config.report import Report
from banksman.config.schema import Config
from banksman_drivers.settings.base import Claim
from banksman_drivers.settings.guard import GuardSettings


class _Holder(msgspec.Struct, frozen=True):
    who: str
    kind: str  # devices of one kind may hold a thing together; empty: nobody else may


def check_claims(config: Config, report: Report) -> None:
    """The guard comes first: what both want is told at the device."""
    holders: dict[tuple[str, str], _Holder] = {}
    if config.guard is not None:
        for claim in guard_claims(config.guard):
            holders.setdefault(_key(claim), _Holder(GUARD_ID, ""))
    for index, device in enumerate(config.devices):
        for claim in device.claims():
            mine = _Holder(device.id, device.driver if claim.shared else "")
            first = holders.setdefault(_key(claim), mine)
            if first.who == mine.who or (first.kind and first.kind == mine.kind):
                continue
            thing = f"{claim.part} of {claim.place}" if claim.part else claim.place
            message = f"{thing} is used by {first.who} as well"
            report.problem(("device", index, *claim.path), message, "one user each")


def guard_claims(guard: GuardSettings) -> Iterator[Claim]:
    """The GPIO lines of the guard, inputs before outputs."""
    ends = [(("input", index, "source"), item.source) for index, item in enumerate(guard.inputs)]
    ends += [(("output", index, "target"), item.target) for index, item in enumerate(guard.outputs)]
    for path, end in ends:
        scheme, _, rest = end.partition(":")
        chip, _, line = rest.rpartition(":")
        if scheme == "gpio":
            yield Claim(path, chip, f"line {int(line)}")


def _key(claim: Claim) -> tuple[str, str]:
    """A chip may also go by its label, which is no path."""
    place = os.path.realpath(claim.place) if claim.place.startswith("/") else claim.place
    return place, claim.part
