"""What one look at one picture found, on its way from the looking thread to the control loop."""

from __future__ import annotations

import msgspec

from banksman.vision.inspection import Inspection, Picture
from banksman.vision.severity import Severity


class Finding(msgspec.Struct, frozen=True):
    """One frame, looked at or not.

    ``severity`` is this frame's alone, before the debounce; None: it could not be judged, and
    ``why`` says why. ``exposed_ns`` is when the part was before the camera: the frame's exposure,
    or where there is no frame, when the trigger said so. ``of_part``: a trigger asked for it.
    ``picture`` is what was looked at; ``took_ns`` how long looking took.
    """

    frame: int
    exposed_ns: int
    severity: Severity | None
    why: str = ""
    of_part: bool = False
    inspection: Inspection | None = None
    picture: Picture | None = None
    took_ns: int = 0


class CodesRead(msgspec.Struct, frozen=True):
    """The codes that one frame showed. It follows the frame's finding: no verdict waits for it."""

    frame: int
    codes: tuple[str, ...]


Told = Finding | CodesRead


class Tally(msgspec.Struct):
    """What a station has counted since the start; each field has one writer."""

    frames_skipped: int = 0  # the looking thread: newer ones came first
    inspected: int = 0
    failed: int = 0  # looked at in vain
    missed: int = 0  # parts of which there was no picture in time
    warnings: int = 0  # the control loop: findings by themselves, before the debounce
    criticals: int = 0
    handed_late: int = 0  # the control loop did not take them in time
    codes_failed: int = 0  # frames whose codes could not be read, because the reader broke
