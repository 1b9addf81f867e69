"""The looking thread: takes the newest frame, or the one a trigger asks for, and has it inspected.

    every frame     newest ── due? ──────────────────── look ── hand over ── codes
    with a trigger  ┤ wait ├ first frame exposed after it ─ look ── hand over ── codes
                               └ none in time: the part is unknown, and that is handed over

Rules of this file
- One thread for each station. It waits in `Camera.newest`, so an old frame is never looked at while
  there is a newer one; what was passed over is counted.
- It ends soon after it was told to. A looker that fails costs one frame, a reader of codes that
  fails that frame's codes; neither costs the thread.
- Codes are read once the verdict is on its way: they delay the next look, never a stop.
- A frame belongs to a trigger only until the next trigger's own frame is due: then that part has
  gone by unseen, which is told.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections.abc import Callable
from typing import Protocol

from banksman.vision.finding import CodesRead, Finding, Tally, Told
from banksman.vision.inspection import Inspection, Picture, PictureRefused
from banksman.vision.severity import Limits, Unjudgeable, judge
from banksman.vision.triggers import Triggers
from banksman_drivers.bridge import Bridge
from banksman_drivers.ports import Camera, Frame, Quality, Ticks
from banksman_inference.ports import InferenceError

TURN_S = 0.1
LOOK_NICE = -5
LOGGED_MOST = 16
USELESS = "the camera's picture is frozen or black"

log = logging.getLogger(__name__)


class Looker(Protocol):
    """Looks at one picture (`inspector.Inspector` is one); one thread at a time."""

    def inspect(self, picture: Picture) -> Inspection:
        """Raises PictureRefused or InferenceError."""


class Judged(Protocol):
    """A looker in use, with the limits that its scores are judged by."""

    @property
    def looker(self) -> Looker:
        """Who looks."""

    @property
    def limits(self) -> Limits:
        """Where severity begins."""


def come_first() -> None:
    """A look is on the way to the actuator: this thread goes before page, sync and store, and after
    the control loop. As far as the unit's LimitNICE allows."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LOOK_NICE)


class Looking:
    """One station's thread. ``choose`` gives the looker of now, None where there is none.

    ``offer`` gets every usable frame once its finding is handed over: commissioning takes its parts
    from there, and a trial looks at it. It may be set from any thread.
    """

    def __init__(
        self,
        camera: Camera,
        ticks: Ticks,
        tally: Tally,
        choose: Callable[[], Judged | None],
        *,
        triggers: Triggers | None = None,
        period_ns: int = 0,
        codes: Callable[[Picture], tuple[str, ...]] | None = None,
    ) -> None:
        self._camera = camera
        self._ticks = ticks
        self._tally = tally
        self._choose = choose
        self._triggers = triggers
        self._period_ns = period_ns
        self.offer: Callable[[Frame], None] = lambda _: None
        self._codes = codes
        self._number = 0
        self._logged: set[str] = set()

    def work(self, bridge: Bridge[Told]) -> None:
        """The thread's function."""
        come_first()
        turn = self._every_frame if self._triggers is None else self._triggered
        while not bridge.stopping:
            turn(bridge)

    def _newest(self) -> Frame | None:
        frame = self._camera.newest(self._number, TURN_S)
        if frame is not None:
            if self._triggers is None and self._number:
                self._tally.frames_skipped += frame.number - self._number - 1
            self._number = frame.number
        return frame

    def _every_frame(self, bridge: Bridge[Told]) -> None:
        begun_ns = self._ticks.mono_ns()
        frame = self._newest()
        if frame is None:
            return
        self._deal_with(frame, bridge, of_part=False)
        rest_ns = self._period_ns - (self._ticks.mono_ns() - begun_ns)
        if rest_ns > 0:
            bridge.wait(rest_ns / 1e9)

    def _triggered(self, bridge: Bridge[Told]) -> None:
        triggers = self._triggers
        if triggers is None or (at_ns := triggers.wait(TURN_S)) is None:
            return
        exposure_ns = triggers.exposure_ns(at_ns)
        while not bridge.stopping:
            frame = self._newest()
            if frame is not None and frame.mono_ns >= exposure_ns:
                if triggers.is_overtaken(at_ns, frame.mono_ns):
                    self._number -= 1  # the next one's own
                    break
                triggers.done(at_ns)
                self._deal_with(frame, bridge, of_part=True)
                return
            if triggers.is_gone(at_ns, self._ticks.mono_ns()):
                break
        triggers.done(at_ns)
        if not bridge.stopping:
            self._tally.missed += 1
            bridge.put(missed(self._number, exposure_ns))

    def _deal_with(self, frame: Frame, bridge: Bridge[Told], *, of_part: bool) -> None:
        finding = self._look(frame, of_part=of_part)
        if finding is not None:
            bridge.put(finding)
        if frame.quality is Quality.BAD:
            return
        if finding is not None and self._codes is not None:
            codes = self._read(frame, self._codes)
            if codes:
                bridge.put(CodesRead(frame.number, codes))
        self.offer(frame)

    def _look(self, frame: Frame, *, of_part: bool) -> Finding | None:
        """Have it inspected; None where nobody looks."""
        if frame.quality is Quality.BAD:
            self._tally.failed += 1
            return Finding(frame.number, frame.mono_ns, None, USELESS, of_part)
        judged = self._choose()
        if judged is None:
            return None
        begun_ns = self._ticks.mono_ns()
        try:
            seen = judged.looker.inspect(frame.image)
            severity = judge(seen.score, seen.label, seen.confidence, judged.limits)
        except (PictureRefused, InferenceError, Unjudgeable) as error:
            return self._in_vain(frame, str(error), of_part)
        except Exception as error:
            why = f"the inspection broke: {error!r}"
            if self._is_news(why):
                log.exception("looking at a frame of %s failed", frame.camera)
            return self._in_vain(frame, why, of_part)
        self._tally.inspected += 1
        return Finding(
            frame=frame.number,
            exposed_ns=frame.mono_ns,
            severity=severity,
            of_part=of_part,
            inspection=seen,
            picture=frame.image,
            took_ns=self._ticks.mono_ns() - begun_ns,
        )

    def _read(self, frame: Frame, read: Callable[[Picture], tuple[str, ...]]) -> tuple[str, ...]:
        """Its codes; none where the reader breaks."""
        try:
            return read(frame.image)
        except Exception as error:
            self._tally.codes_failed += 1
            if self._is_news(f"codes: {error!r}"):
                log.exception("reading codes in a frame of %s failed", frame.camera)
            return ()

    def _is_news(self, why: str) -> bool:
        """Whether to log it: once each, as there are as many frames as there are."""
        if why in self._logged or len(self._logged) >= LOGGED_MOST:
            return False
        self._logged.add(why)
        return True

    def _in_vain(self, frame: Frame, why: str, of_part: bool) -> Finding:
        self._tally.failed += 1
        return Finding(frame.number, frame.mono_ns, None, why, of_part=of_part, picture=frame.image)


def missed(frame: int, exposed_ns: int) -> Finding:
    """A part of which there is no picture."""
    return Finding(frame, exposed_ns, None, "no picture of this part came in time", of_part=True)
