"""One opened port's life: frames to readings, orders to answers, and the fault that ends it.

Rules of this file
- Each code, weight or sentence goes to the sink by itself: two codes that came together are two
  events. Frames with a flaw that follow each other in one piece are told once.
- One order is on its way at a time. Its answer must come within ``timeout``; an order without
  answer ends the session, because a late answer must not be taken for the next one's.
- A question that was not answered in time ends the session; so does the silence of a device that
  should speak.
- Control loop's thread only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from banksman_drivers.condition import BEAT_S
from banksman_drivers.pace import Pace
from banksman_drivers.ports import (
    CommandExpired,
    CommandFailed,
    DeviceLost,
    Reading,
    Ticks,
)
from banksman_drivers.serial_line.dialect import Dialect, Order
from banksman_drivers.serial_line.framing import Frame
from banksman_drivers.serial_line.port import Port
from banksman_drivers.settings.serial_base import SerialBase


class Tally:
    """What the sessions of one device counted together."""

    def __init__(self) -> None:
        self.requests = 0
        self.frames = 0
        self.polls_skipped = 0
        self.round_trip_us = 0.0
        self.unanswered = False  # an order got no answer, so the device may still owe one


class Session:
    """Lives from open to close. ``deliver`` takes (readings, flaw); None: nothing was heard."""

    def __init__(
        self,
        port: Port,
        settings: SerialBase,
        dialect: Dialect,
        tally: Tally,
        ticks: Ticks,
        deliver: Callable[[Sequence[Reading], str | None], None],
    ) -> None:
        self._port = port
        self._dialect = dialect
        self._tally = tally
        self._ticks = ticks
        self._deliver = deliver
        self._pause_s = settings.pause_ms / 1e3
        self._timeout_s = settings.timeout_ms / 1e3
        self._silence_s = settings.silence_ms / 1e3
        self._loop = asyncio.get_running_loop()
        self._turn = asyncio.Lock()
        self._order: tuple[Order, asyncio.Future[str]] | None = None
        self._pausing: asyncio.TimerHandle | None = None
        self._heard_s = self._byte_s = self._loop.time()
        self._asked_s: float | None = None
        self._bytes = 0

    async def live(self, poll_s: float) -> None:
        """Read, ask and watch until the device is lost. Always ends with DeviceLost."""
        dialect, port = self._dialect, self._port
        self.begin()
        if dialect.ask() and self._silence_s:
            self._silence_s = max(self._silence_s, poll_s + self._timeout_s)
        pace = Pace(poll_s if dialect.ask() else BEAT_S, self._loop.time())
        skipped_before = self._tally.polls_skipped
        while True:
            self._watch()
            if question := dialect.ask():
                self._ask(question)
            elif not self._silence_s:
                # That the port is there is all that can be known of a device that may be silent.
                self._deliver(dialect.still(self._ticks.mono_ns()), None)
            self._tally.polls_skipped = skipped_before + pace.skipped
            wait_s = max(0.0, pace.next_s(self._loop.time()) - self._loop.time())
            await asyncio.wait([port.lost], timeout=wait_s)
            if port.lost.done():
                port.lost.result()

    def begin(self) -> None:
        """Start listening; say hello."""
        self._dialect.framer.clear()
        self._port.start(self._take)
        hello = self._dialect.hello(self._tally.unanswered)
        self._tally.unanswered = False
        if hello:
            self._send(hello)

    def end(self) -> None:
        """Nobody listens any more; an order on its way has failed."""
        if self._pausing is not None:
            self._pausing.cancel()
        if self._order is not None and not self._order[1].done():
            self._tally.unanswered = True
            self._order[1].set_result("the port was closed before the device answered")

    async def carry_out(self, order: Order, expires_mono_ns: int | None) -> None:
        """Send an order and await its confirmation. Raises CommandFailed, CommandExpired."""
        async with self._turn:
            if expires_mono_ns is not None and self._ticks.mono_ns() > expires_mono_ns:
                raise CommandExpired(f"{order.output}: the command came too late; nothing written")
            if not order.data:
                return
            answered: asyncio.Future[str] = self._loop.create_future()
            self._order = (order, answered)
            sent = False
            try:
                self._port.write(order.data)
                sent = True
                self._tally.requests += 1
                async with asyncio.timeout(self._timeout_s):
                    refusal = await answered
            except CommandFailed as error:
                raise CommandFailed(f"{order.output}: {error}") from error
            except TimeoutError:
                raise CommandFailed(
                    f"{order.output}: no answer within {self._timeout_s * 1e3:g} ms;"
                    " whether it was done is unknown"
                ) from None
            finally:
                self._order = None
                if sent and not (answered.done() and not answered.cancelled()):
                    self._unanswered()
        if refusal:
            raise CommandFailed(f"{order.output}: {refusal}")

    def _unanswered(self) -> None:
        self._tally.unanswered = True
        self._fail("an order got no answer; the port is opened anew")

    def _fail(self, why: str) -> None:
        if not self._port.lost.done():
            self._port.lost.set_exception(DeviceLost(why))

    def _send(self, data: bytes) -> None:
        try:
            self._port.write(data)
        except CommandFailed as error:
            self._fail(str(error))

    def _ask(self, question: bytes) -> None:
        if self._order is not None:
            return  # one thing at a time: its answer is the next that comes
        if self._asked_s is not None:
            self._tally.polls_skipped += 1
            return
        self._asked_s = self._loop.time()
        self._tally.requests += 1
        self._send(question)

    def _watch(self) -> None:
        """Notice a question without answer, and silence."""
        now_s = self._loop.time()
        if self._asked_s is not None and now_s - self._asked_s > self._timeout_s:
            raise DeviceLost(f"no answer within {self._timeout_s * 1e3:g} ms; {self._hint()}")
        if self._silence_s and now_s - self._heard_s > self._silence_s:
            raise DeviceLost(f"nothing readable for {self._silence_s:g} s; {self._hint()}")

    def _hint(self) -> str:
        if not self._bytes:
            return f"nothing at all comes from {self._port.name}: is the device on and wired?"
        return f"{self._bytes} bytes came from {self._port.name}: check baud rate and protocol"

    def _take(self, data: bytes) -> None:
        """What came off the line."""
        mono_ns = self._ticks.mono_ns()
        self._bytes += len(data)
        self._byte_s = self._loop.time()
        self._frames(self._dialect.framer.feed(data), mono_ns)
        if self._pausing is None and self._dialect.framer.unfinished:
            self._pausing = self._loop.call_later(self._pause_s, self._paused)

    def _paused(self) -> None:
        """The line was silent for ``pause``, if nothing came since the timer was set."""
        self._pausing = None
        left_s = self._byte_s + self._pause_s - self._loop.time()
        if left_s > 0:
            self._pausing = self._loop.call_later(left_s, self._paused)
        else:
            self._frames(self._dialect.framer.idle(), self._ticks.mono_ns())

    def _frames(self, frames: Sequence[Frame], mono_ns: int) -> None:
        flaw = ""
        for frame in frames:
            if not frame.flaw and self._answers(frame.data):
                continue
            heard = (
                self._dialect.broken(frame.flaw)
                if frame.flaw
                else self._dialect.heard(frame.data, mono_ns)
            )
            if heard.flaw:
                flaw = heard.flaw
                self._asked_s = None  # it was an answer, if none of use
                continue
            if flaw:
                self._deliver(self._dialect.all_bad(mono_ns), flaw)
                flaw = ""
            self._heard_s = self._loop.time()
            self._tally.frames += 1
            if heard.asked and self._asked_s is not None:
                self._tally.round_trip_us = (self._heard_s - self._asked_s) * 1e6
                self._asked_s = None
            if heard.readings:
                self._deliver(heard.readings, "")
        if flaw:
            self._deliver(self._dialect.all_bad(mono_ns), flaw)

    def _answers(self, data: bytes) -> bool:
        """Whether the frame was the answer to the order on its way."""
        if self._order is None or self._order[1].done():
            return False
        refusal = self._dialect.verdict(self._order[0], data)
        if refusal is None:
            return False
        self._order[1].set_result(refusal)
        return True
