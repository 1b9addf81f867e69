"""What every chip gives its bus: a start that proves who it is, and a poll.

Rules of this file
- Pure: a chip yields asks and is sent answers (asks.py). It knows no bus, clock or thread.
- ``start`` first reads the identity and writes nothing to a chip that is another one.
- A chip that was reset behind our back is noticed by ``poll``, which then raises DeviceLost: the
  bus starts it anew.
"""

from __future__ import annotations

import abc
from typing import NoReturn

import msgspec
import numpy as np
import numpy.typing as npt

from banksman_drivers.i2c.asks import Steps
from banksman_drivers.ports import DeviceLost, Unsupported


class WrongChip(DeviceLost):
    """Another chip, or none that makes sense, answers at this address."""


class ChipReset(DeviceLost):
    """The chip has lost its settings: its supply failed, or somebody else wrote to it."""


class Values(msgspec.Struct, frozen=True):
    """One poll of a slow chip: channel to value, NaN where there is none.

    ``doubtful`` names channels whose value is at an end of the chip's range and so may be more.
    """

    values: dict[str, float]
    doubtful: frozenset[str] = frozenset()


class Samples(msgspec.Struct, frozen=True):
    """What a FIFO held: shape (n, 3), float32, in gn, oldest first.

    The fill level was read between ``before_ns`` and ``after_ns``. ``overrun``: it had been full,
    and older samples may be gone.
    """

    axes: npt.NDArray[np.float32]
    overrun: bool
    before_ns: int
    after_ns: int


class Chip(abc.ABC):
    """One chip, as settings want it. ``name`` is what people read on its case."""

    name: str

    @abc.abstractmethod
    def start(self) -> Steps[None]:
        """Check the identity, then configure. Raises WrongChip naming what was found."""

    @abc.abstractmethod
    def poll(self) -> Steps[Values | Samples]:
        """One look at every channel. Raises DeviceLost when the answer makes no sense."""

    def write(self, channel: str, on: bool) -> Steps[None]:  # noqa: ARG002  chips with pins override it
        """Set one output. Raises CommandFailed if the chip did not take it."""
        raise Unsupported(f"a {self.name} drives nothing, so there is no {channel} to write")

    def make_safe(self) -> Steps[None]:
        """Take every output to its safe state in one write. Raises CommandFailed."""
        yield from ()


def wrong(name: str, register: int, found: int, wanted: int, hint: str = "") -> NoReturn:
    """Say that another chip answers."""
    raise WrongChip(
        f"is no {name}: register 0x{register:02x} holds 0x{found:02x}, not 0x{wanted:02x}"
        f"{hint}; check chip and address"
    )
