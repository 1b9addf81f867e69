"""What a driver gives and what it owes: the values and contracts every driver shares.

Rules of this file
- It holds values and contracts only. It opens nothing and reads no clock.
- A device has an id (``plc``); a sensor or output is ``device.point`` (``plc.oven_temperature``).
- Every driver lives on the control loop's thread unless its class says otherwise, and
  never blocks it: no call of a driver holds that thread for over a millisecond.
- A lost device degrades its own readings to BAD, is retried with back-off and jitter,
  and comes back without a restart. A driver's ``run`` ends by cancellation only.

    reading in:   device -> Driver.run -> Sink.readings(batch)
    command out:  interlock -> Driver.apply(command) -> device
"""

from __future__ import annotations

import abc
import enum
from collections.abc import Awaitable, Sequence
from typing import Literal, Protocol

import msgspec
import numpy as np
import numpy.typing as npt

Value = float | bool | str


class DriverError(Exception):
    """The root of what a driver may raise.

    DriverError
    ├── DeviceLost      the device does not answer; its readings are BAD until it does
    ├── CommandFailed   a command was not confirmed: its effect is unknown
    │   └── CommandExpired  it was too late to send; nothing was written
    └── Unsupported     this device cannot do that; found at start, not at run time
    """


class DeviceLost(DriverError, ConnectionError):
    """The device does not answer; the message names it and what to check."""


class CommandFailed(DriverError, OSError):
    """The command was refused or not confirmed: treat the output as unknown."""


class CommandExpired(CommandFailed):
    """The command was older than its expiry; nothing was written."""


class Unsupported(DriverError, NotImplementedError):
    """The device has no such output, register or feature."""


class Quality(enum.IntEnum):
    """How far a reading may be trusted (the three classes of OPC UA)."""

    BAD = 0
    UNCERTAIN = 1
    GOOD = 2


class Reading(msgspec.Struct, frozen=True, gc=False):
    """One calibrated value with unit, quality and time.

    ``value`` is NaN when the quality is BAD and no value could be had. ``mono_ns`` is the
    monotonic time at which the answer that carries it had arrived. ``text`` is what a value stands
    for where people read words and no number: a scanned code beside the count of scans. It is for
    records and people; rules see the value.
    """

    sensor: str
    value: float
    unit: str
    quality: Quality
    mono_ns: int
    text: str = ""


class Burst(msgspec.Struct, frozen=True):
    """Equally spaced samples of one sensor, shape (n,), float32, in ``unit``.

    ``mono_ns`` is the time of the last sample.
    """

    sensor: str
    samples: npt.NDArray[np.float32]
    rate_hz: float
    unit: str
    quality: Quality
    mono_ns: int


class Frame(msgspec.Struct, frozen=True):
    """One picture of a camera: BGR, shape (height, width, 3), uint8, read-only.

    ``mono_ns`` is when it was exposed, as near as the camera tells; ``number`` counts every frame
    captured since the start, so that gaps show what was dropped.
    """

    camera: str
    image: npt.NDArray[np.uint8]
    number: int
    quality: Quality
    mono_ns: int


class Command(msgspec.Struct, frozen=True, gc=False):
    """A request to act: ``output`` shall take ``value``, unless it is past ``expires_mono_ns``.

    ``cause`` is the id of the decision, trip or person that asked.
    """

    id: str
    output: str
    value: Value
    expires_mono_ns: int
    cause: str


class SensorInfo(msgspec.Struct, frozen=True):
    """What is known of a sensor before its first reading. ``low``/``high``: plausible range."""

    id: str
    unit: str
    label: str
    stale_ms: float
    low: float | None = None
    high: float | None = None


class OutputInfo(msgspec.Struct, frozen=True):
    """What is known of an output: its declared safe state and who takes it there.

    ``supervision``: ``guard`` is a local lease (dropped when the control loop dies),
    ``watchdog_register`` is a remote output whose PLC watches us, ``none`` is a remote output
    that outlives us and so never carries a run permit.
    """

    id: str
    safe: Value
    label: str
    supervision: Literal["guard", "watchdog_register", "none"]
    run_permit: bool = False
    real: bool = True


class DeviceHealth(msgspec.Struct, frozen=True):
    """A device's condition for people: ``message`` says what is wrong and what to do.

    ``polls_skipped`` counts polls given up because the device or the box was too slow for them.
    ``fault`` says why a device that answers is of no use all the same (a frozen picture): people
    are alarmed while it is not empty.
    """

    id: str
    driver: str
    state: Literal["starting", "connected", "lost"]
    message: str
    since_mono_ns: int
    reconnects: int = 0
    requests: int = 0
    errors: int = 0
    round_trip_us: float = 0.0
    polls_skipped: int = 0
    fault: str = ""


class Sink(Protocol):
    """Where a driver delivers; implemented by the control loop. Calls return within a millisecond.

    Called on the control loop's thread only. Neither method raises.
    """

    def readings(self, batch: Sequence[Reading]) -> None:
        """Take the readings of one poll of one device, taken together, oldest first."""

    def burst(self, burst: Burst) -> None:
        """Take one burst of samples."""


class Ticks(Protocol):
    """The time source that a driver is given (``banksman.clock`` has the real one)."""

    def mono_ns(self) -> int:
        """Nanoseconds of CLOCK_MONOTONIC."""


class Driver(abc.ABC):
    """One device. Must override all abstract methods; none may block the control loop."""

    id: str

    @abc.abstractmethod
    def sensors(self) -> Sequence[SensorInfo]:
        """Every sensor this device can deliver, fixed for its life."""

    @abc.abstractmethod
    def outputs(self) -> Sequence[OutputInfo]:
        """Every output this device can take, fixed for its life."""

    @abc.abstractmethod
    async def run(self, sink: Sink) -> None:
        """Connect, deliver readings, reconnect; returns only by cancellation.

        On cancellation it closes its connection. While the device is lost it delivers one BAD
        reading for each sensor at least each second, so that nobody mistakes silence for health.
        """

    @abc.abstractmethod
    def apply(self, command: Command) -> Awaitable[None]:
        """Write the command; what is returned ends when the device has confirmed it.

        A driver may send in here at once, so that no turn of the loop lies between a reading
        and the write it causes; ``async def`` is as good where that does not matter. The result
        must be awaited.

        Raises, now or when awaited: CommandExpired if it is too late, CommandFailed if it was not
        confirmed, Unsupported if there is no such output. At most one call per output at a time.
        """

    @abc.abstractmethod
    def health(self) -> DeviceHealth:
        """The device's condition now; cheap, may be called from any thread."""

    async def to_safe(self) -> None:  # noqa: B027  a device without outputs has nothing to do
        """Put every output in its declared safe state, connecting first if need be.

        Used by ``banksman safe`` and at shutdown. Raises CommandFailed naming the outputs
        that could not be reached.
        """


class Camera(Driver):
    """A driver that has pictures beside its readings (``frames_per_s``, ``dark``, ``frozen``…).

    Frames do not pass the control loop: who looks at them runs on a thread of its own.
    """

    @abc.abstractmethod
    def newest(self, after: int, timeout_s: float) -> Frame | None:
        """Wait for a frame whose number is over ``after`` and return the newest one there is.

        Called from a thread that may block; several may wait at once, and each gets every newest
        frame it is quick enough for. None when no such frame came in time.
        """
