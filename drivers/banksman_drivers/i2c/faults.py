"""What an errno of the bus means, and when the bus itself is stuck. Pure.

    | errno | who says so | kind |
    |---|---|---|
    | ENXIO, EREMOTEIO, ENODEV | nobody acknowledged the address | absent |
    | ETIMEDOUT, EBUSY, EAGAIN, EIO | line held low, arbitration lost, controller gave up | line |
    | ENOENT, EBADF, EACCES … | the bus device itself | adapter |

Kernel: Documentation/i2c/fault-codes.rst. Adapters are free in what they use, so one errno alone
proves nothing: a bus counts as stuck when a transfer timed out and none has worked since, at any
address; and as dead when nobody on it acknowledges.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Collection
from typing import Literal

from banksman_drivers.ports import DeviceLost

Kind = Literal["absent", "line", "adapter"]

ABSENT = frozenset({errno.ENXIO, errno.EREMOTEIO, errno.ENODEV})
LINE = frozenset({errno.ETIMEDOUT, errno.EBUSY, errno.EAGAIN, errno.EIO})


class BusFault(DeviceLost):
    """A transfer failed. ``kind`` says where to look."""

    def __init__(self, kind: Kind, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def bus_fault(error: OSError, address: int) -> BusFault:
    """The fault in words for an operator."""
    code = error.errno or 0
    name = errno.errorcode.get(code, str(code))
    where = f"0x{address:02x}"
    if code in ABSENT:
        return BusFault(
            "absent", f"nobody answers at {where} ({name}); check address, supply and wiring"
        )
    if code == errno.EBUSY:
        return BusFault(
            "line",
            f"{where} is busy ({name}): a kernel driver holds the address"
            " (see its driver link in /sys/bus/i2c/devices), or a line is held low",
        )
    if code in LINE:
        return BusFault(
            "line", f"the transfer with {where} failed ({name}); SDA or SCL is held low"
        )
    return BusFault("adapter", f"the bus failed at {where}: {os.strerror(code)} ({name})")


class BusWatch:
    """Tells a dead chip from a dead bus. Give it every transfer's end."""

    def __init__(self) -> None:
        self._failed: dict[int, Kind] = {}  # since the last success of anyone

    def good(self) -> None:
        """A transfer worked."""
        if self._failed:
            self._failed.clear()

    def bad(self, address: int, kind: Kind) -> None:
        """A transfer failed."""
        self._failed[address] = kind

    def all_failed(self, addresses: Collection[int]) -> bool:
        """Whether every chip of the bus has failed since anything worked."""
        return bool(addresses) and all(address in self._failed for address in addresses)

    def line_held(self, address: int) -> bool:
        """Whether the last transfer with this chip ended as with a line held low."""
        return self._failed.get(address) == "line"

    def verdict(self, addresses: Collection[int]) -> str:
        """What is wrong with the bus when all have failed; empty: the one chip is the matter."""
        kinds = {self._failed[address] for address in addresses if address in self._failed}
        if "adapter" in kinds:
            return "the bus device is gone; check the adapter (dtoverlay, USB plug)"
        if "line" in kinds:
            return (
                "a line is held low and no transfer works; it is reopened and tried again. If it"
                " stays: power the sensors off and on, or unplug them one by one"
            )
        if len(addresses) > 1:
            return "none of its chips answers; check the bus's supply, ground and pull-ups"
        return ""

    def reopened(self) -> None:
        """The bus was opened anew: everyone has a fresh chance."""
        self._failed.clear()
