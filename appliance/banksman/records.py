"""Turns our values into wire messages and their bytes; nothing else in the daemon does.

Rules of this file
- Pure: time, node and ids are arguments. Any thread may call it.
- A number that JSON cannot say (NaN, infinity) becomes null, and so does every BAD reading:
  a consumer that averages must never take a dead sensor's last value for a measurement.
- A message's JSON is one line without a newline, so lines of messages can be cut apart again.
- An id, once given, stays with its bytes: repeats after a restart are the very same bytes.

    ids = IdSource("press-3", epoch=12)
    ids.next()                                  # 'press-3-12-1'
    readings_messages(batch, stamp)             # [ReadingsMessage(...)]
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Literal

import msgspec

from banksman.deciding.decision import Decision
from banksman.wire.messages import AlarmMessage, AuditMessage, DecisionMessage, ReadingsMessage
from banksman_drivers.ports import Quality, Reading

Wire = ReadingsMessage | DecisionMessage | AlarmMessage | AuditMessage


class IdSource:
    """Hands out ids ``node-epoch-sequence``, each once; any thread, never waits.

    The epoch grows at each start (the store sees to it), so ids never repeat over restarts.
    """

    def __init__(self, node: str, epoch: int) -> None:
        self._prefix = f"{node}-{epoch}-"
        # next() of a count is one step of the interpreter: no two threads get the same.
        self._sequence = itertools.count(1)

    def next(self) -> str:
        """The next id."""
        return f"{self._prefix}{next(self._sequence)}"


class Stamp(msgspec.Struct, frozen=True, gc=False):
    """What a batch of readings needs to become messages.

    ``wall_offset_ns`` is wall time minus monotonic time now; ``next_id`` gives the ids of
    further messages when one batch needs more than one.
    """

    id: str
    node: str
    device: str
    boot_id: str
    wall_offset_ns: int
    next_id: Callable[[], str]


def readings_messages(batch: Sequence[Reading], stamp: Stamp) -> list[ReadingsMessage]:
    """One message per poll, keyed by point name (``plc.door`` of device ``plc`` is ``door``).

    A message holds each point once, so a batch that repeats a sensor (a fast replay does)
    becomes as many messages as it takes. Each has the time of its newest reading.
    """
    messages: list[ReadingsMessage] = []
    prefix = f"{stamp.device}."
    cut = len(prefix)
    message_id = stamp.id
    values: dict[str, float | None] = {}
    quality: dict[str, Literal["bad", "uncertain"]] = {}
    texts: dict[str, str] = {}
    mono_ns = 0
    for reading in batch:
        sensor = reading.sensor
        name = sensor[cut:] if sensor.startswith(prefix) else sensor
        if name in values:
            messages.append(_readings_message(message_id, stamp, mono_ns, values, quality, texts))
            message_id, values, quality, texts = stamp.next_id(), {}, {}, {}
        mono_ns = reading.mono_ns
        value: float | None = reading.value
        if reading.quality is not Quality.GOOD:
            bad = reading.quality is Quality.BAD
            quality[name] = "bad" if bad else "uncertain"
            value = None if bad else value
        values[name] = value if value is not None and math.isfinite(value) else None
        if reading.text:
            texts[name] = reading.text
    if values:
        messages.append(_readings_message(message_id, stamp, mono_ns, values, quality, texts))
    return messages


def _readings_message(
    message_id: str,
    stamp: Stamp,
    mono_ns: int,
    values: dict[str, float | None],
    quality: dict[str, Literal["bad", "uncertain"]],
    texts: dict[str, str],
) -> ReadingsMessage:
    return ReadingsMessage(
        id=message_id,
        node=stamp.node,
        device=stamp.device,
        wall_ns=mono_ns + stamp.wall_offset_ns,
        mono_ns=mono_ns,
        boot_id=stamp.boot_id,
        values=values,
        quality=quality,
        texts=texts,
    )


def decision_message(decision: Decision) -> DecisionMessage:
    """A decision as it leaves the box. A confidence that is no number is none at all: 0."""
    return DecisionMessage(
        id=decision.id,
        node=decision.node,
        type=decision.type,
        point=decision.point,
        wall_ns=decision.wall_ns,
        mono_ns=decision.mono_ns,
        boot_id=decision.boot_id,
        clock_quality=decision.clock_quality,
        latency_us=_finite(decision.latency_us),
        action=decision.action,
        confidence=_finite(decision.confidence),
        source=decision.source,
        reason=decision.reason,
        inputs={
            name: float(value) if math.isfinite(value) else None
            for name, value in decision.inputs.items()
        },
        rules_version=decision.rules_version,
        rule=decision.rule,
        model_version=decision.model_version,
        sync=decision.sync,
        review=decision.review,
        mode=decision.mode,
    )


def _finite(number: float) -> float:
    return float(number) if math.isfinite(number) else 0.0


def to_json(message: Wire) -> bytes:
    """The message's bytes for disk, broker and page. Raises ValueError for unencodable text."""
    return msgspec.json.encode(message)
