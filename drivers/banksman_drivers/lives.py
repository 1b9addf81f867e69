"""One life of a device after the other: connect, serve, lose, wait, again.

What most drivers' ``run`` is. ``live`` serves one connection and ends with DeviceLost, whose words
say which device and what to check; everything else ends the run.

    live ----------- lost | wait | live ---------------- lost | wait ...
    readings  good         BAD BAD BAD    good                  BAD BAD
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from banksman_drivers.back_off import BackOff
from banksman_drivers.condition import BadBeat, Condition
from banksman_drivers.ports import DeviceLost, SensorInfo, Sink, Ticks


async def run_lives(
    live: Callable[[Sink, BadBeat], Awaitable[None]],
    sink: Sink,
    sensors: Sequence[SensorInfo],
    condition: Condition,
    back_off: BackOff,
    ticks: Ticks,
) -> None:
    """Run ``live`` for ever; returns only by cancellation, or by an error that is not DeviceLost.

    ``live`` stops the beat once it has readings, and resets the back-off once the device is well.
    """
    beat = BadBeat(sink, sensors, ticks)
    beat.arm()
    try:
        while True:
            try:
                await live(sink, beat)
            except DeviceLost as error:
                condition.lose(str(error))
                beat.start()
            await asyncio.sleep(back_off.next_s())
    finally:
        beat.stop()
        condition.say("starting", "not running")
