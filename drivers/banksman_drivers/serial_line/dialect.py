"""What a kind of serial device knows that its line does not: the contract, pure.

Rules of this file
- A dialect is handed whole frames and the time; it gives readings. It opens nothing, waits for
  nothing and never raises on what a device sends: `Heard.flaw` says what is wrong with it.
- A frame with a flaw makes every point BAD, but the counts, which are about the line itself.
- Whatever a device can be told is an `Order` that the device answers: nothing is believed to have
  happened because it was sent.
"""

from __future__ import annotations

import abc
import math
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from banksman_drivers.points import judge
from banksman_drivers.ports import Quality, Reading, Value
from banksman_drivers.serial_line.framing import Framer
from banksman_drivers.settings.base import PointSettings


class Shown(msgspec.Struct, frozen=True, gc=False):
    """What a device tells of one field. NaN is BAD, ``sure`` False UNCERTAIN."""

    value: float
    sure: bool = True
    text: str = ""


BAD = Shown(math.nan)


class Heard(msgspec.Struct, frozen=True):
    """What one frame told. ``flaw`` is empty when it could be read; then `Dialect.all_bad` holds.

    ``asked``: it answers `Dialect.ask`, so the next question may go.
    """

    readings: Sequence[Reading] = ()
    flaw: str = ""
    asked: bool = True


class Order(msgspec.Struct, frozen=True):
    """Something that a device is told. ``data`` empty: nothing needs to be sent."""

    output: str
    data: bytes
    word: str = ""  # by which the dialect knows the answer


class Dialect(abc.ABC):
    """One device's language. ``bad_frames`` counts what could not be read.

    ``points`` come with the field that each shows.
    """

    framer: Framer

    def __init__(self, device: str, points: Iterable[tuple[str, PointSettings]]) -> None:
        self.bad_frames = 0
        self._points = [(f"{device}.{point.name}", field, point) for field, point in points]

    @abc.abstractmethod
    def heard(self, data: bytes, mono_ns: int) -> Heard:
        """Read one frame that came at ``mono_ns``."""

    def broken(self, flaw: str) -> Heard:
        """A frame that could not be read, here or by the framer: counted."""
        self.bad_frames += 1
        return Heard(flaw=flaw)

    def all_bad(self, mono_ns: int) -> Sequence[Reading]:
        """What a broken frame makes of the points: BAD, but the counts."""
        fields = dict.fromkeys((field for _, field, _ in self._points), BAD)
        return self._readings({**fields, **self.counts()}, mono_ns)

    def hello(self, unanswered: bool) -> bytes:  # noqa: ARG002  of use to some dialects only
        """What to send when the port has been opened. ``unanswered``: an order got no answer."""
        return b""

    def ask(self) -> bytes:
        """What to send each poll; empty for a device that speaks unasked."""
        return b""

    def counts(self) -> Mapping[str, Shown]:
        """What is known of the line itself and stays true while the port is there."""
        return {"bad_frames": Shown(self.bad_frames)}

    def still(self, mono_ns: int) -> Sequence[Reading]:
        """The counts anew, so that a silent line does not make them stale."""
        return self._readings(self.counts(), mono_ns)

    def order(self, output: str, value: Value) -> Order:  # noqa: ARG002  see `hello`
        """How to tell the device. Raises KeyError for an output it has not got."""
        raise KeyError(output)

    def verdict(self, order: Order, data: bytes) -> str | None:  # noqa: ARG002  see `hello`
        """None: the frame does not answer the order. Empty: it confirms it. Else: the refusal."""
        return None

    def _readings(self, fields: Mapping[str, Shown], mono_ns: int) -> list[Reading]:
        """The readings of those points whose field is told, in the order of the config."""
        readings = []
        for sensor, field, point in self._points:
            shown = fields.get(field)
            if shown is None:
                continue
            value = float(shown.value)  # a flag is 0 or 1 in every record
            quality = judge(point, value, value)
            if quality is Quality.GOOD and not shown.sure:
                quality = Quality.UNCERTAIN
            readings.append(Reading(sensor, value, point.unit, quality, mono_ns, shown.text))
        return readings
