"""What a card's thread does: open, wait for a period, read, tell. It opens a lost card anew.

Rules of this file
- One thread from the driver's start to its end. It blocks in libasound only, which has let go of
  the interpreter lock by then, and looks each 0.1 s whether it shall end.
- An overrun ends nothing: it is counted, the burst is cut there, the capture begins anew.
- The control loop gets a report for each complete burst and for each loss, nothing in between.

    back-off <-- lost <--.
       '--> open --> wait -> read -> clock -> block full? -> bursts -> loop
                       ^------ overrun: recover, gap ------'
"""

from __future__ import annotations

import msgspec

from banksman_drivers.audio.blocks import Blocks
from banksman_drivers.audio.card import Card, OpenHandle, Overrun
from banksman_drivers.audio.formats import unpacked
from banksman_drivers.audio.sample_clock import SampleClock
from banksman_drivers.audio.telling import fault, message, told
from banksman_drivers.back_off import BackOff
from banksman_drivers.bridge import Bridge
from banksman_drivers.ports import Burst, DeviceLost, Ticks
from banksman_drivers.settings.audio import AudioSettings

BACK_OFF_FIRST_S = 0.2
WAIT_S = 0.1
PAUSE_S = 0.02
FOREIGN_NS = 1_000_000_000  # a stamp so far from now is not of CLOCK_MONOTONIC


class Heard(msgspec.Struct, frozen=True):
    """Bursts, and how the card does. ``periods`` and ``overruns`` count since the start."""

    bursts: tuple[Burst, ...]
    message: str
    fault: str
    periods: int
    overruns: int


class Gone(msgspec.Struct, frozen=True):
    """The card cannot be read; it is tried again."""

    message: str


Report = Heard | Gone


class Listening:
    """One card's thread. ``alive_ns``: when it last came back; any thread may ask."""

    def __init__(self, settings: AudioSettings, ticks: Ticks, open_it: OpenHandle) -> None:
        self.alive_ns = ticks.mono_ns()
        self.back_off = BackOff(BACK_OFF_FIRST_S, settings.back_off_max_ms / 1e3)
        self._settings = settings
        self._ticks = ticks
        self._open_it = open_it
        self._clock = SampleClock(settings.rate_hz)
        self._blocks = Blocks(self._clock, settings.burst_samples)
        self._overran = False
        self._heard_ns = 0
        self._periods = 0
        self._clipped = 0

    def work(self, bridge: Bridge[Report]) -> None:
        """The thread's function."""
        while not bridge.stopping:
            try:
                self._session(bridge)
            except DeviceLost as error:
                bridge.put(Gone(str(error)))
                wait_s = self.back_off.next_s()
                self.alive_ns = self._ticks.mono_ns() + round(wait_s * 1e9)
                bridge.wait(wait_s)

    def _session(self, bridge: Bridge[Report]) -> None:
        self.alive_ns = self._ticks.mono_ns()
        card = Card(self._settings, self._open_it)
        self._blocks.restart()
        self._overran = False
        self._heard_ns = self._ticks.mono_ns()
        try:
            while not bridge.stopping:
                self.alive_ns = self._ticks.mono_ns()
                self._mind_silence()
                try:
                    if card.wait(WAIT_S) and not self._hear(card, bridge):
                        bridge.wait(PAUSE_S)  # woken for nothing: never a busy loop
                except Overrun:
                    if self._overran:
                        bridge.wait(PAUSE_S)
                    self._overran = True
                    card.recover()
        finally:
            card.close()

    def _hear(self, card: Card, bridge: Bridge[Report]) -> bool:
        """Take a period; False if there was nothing. Raises Overrun, DeviceLost."""
        settings = self._settings
        samples = unpacked(card.read(), settings.sample_format, settings.channels)
        if not len(samples):
            return False
        now_ns = self._ticks.mono_ns()
        at_ns, waiting = card.stamp()
        if abs(now_ns - at_ns) > FOREIGN_NS:
            at_ns = now_ns
        at_ns = min(now_ns, at_ns - round(waiting * 1e9 / self._clock.rate_hz))
        taken = self._clock.take(len(samples), at_ns, self._overran)
        if self._clock.racing(now_ns):
            raise DeviceLost(
                f"{settings.card} gives samples faster than time passes; it is no card that samples"
            )
        self._overran = False
        self._heard_ns = now_ns
        self._periods += 1
        for block in self._blocks.take(samples, taken):
            result = told(settings, block, self._clock.off)
            self._clipped += bool(result.clipped)
            self.back_off.reset()
            bridge.put(
                Heard(
                    result.bursts,
                    message(self._clock, self._blocks, self._clipped, card.remark),
                    fault(result.silent),
                    self._periods,
                    self._clock.overruns,
                )
            )
        return True

    def _mind_silence(self) -> None:
        quiet_ms = (self._ticks.mono_ns() - self._heard_ns) / 1e6
        if quiet_ms > self._settings.lost_after_ms:
            raise DeviceLost(
                f"{self._settings.card} has given no sample for {quiet_ms:.0f} ms; check its plug"
            )
