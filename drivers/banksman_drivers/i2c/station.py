"""One chip's life on its bus: started, polled, written, lost, started anew. One transfer at a time.

Rules of this file
- Waits for nothing and owns no thread: it says when it is due and by when it should be done, and is
  given one turn, which is one transfer at most. So no chip holds the bus while it converts.
- Orders (commands, safe states) go before polls, each as a whole: nothing comes between what an
  order writes and its read-back. One that comes while the chip is lost fails at once.
- Lost means started anew after a back-off, identity first. A chip that comes back is in its safe
  state: what it was told before the loss is forgotten.

    start --ok--> poll, poll, order, poll ...
      ^             |
      '-- back-off -+-- lost (no answer, nonsense, reset behind our back)
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future

import msgspec

from banksman_drivers.back_off import BackOff
from banksman_drivers.i2c.asks import Answer, Ask, Pause, Steps
from banksman_drivers.i2c.bursts import Collector
from banksman_drivers.i2c.chip import Chip, Samples, Values
from banksman_drivers.i2c.reports import Gone, Polled, Report, bursts_of, readings_of
from banksman_drivers.pace import Pace
from banksman_drivers.ports import (
    Burst,
    CommandExpired,
    CommandFailed,
    DeviceLost,
    Reading,
    Ticks,
    Unsupported,
)
from banksman_drivers.settings.i2c import I2cSettings

BACK_OFF_FIRST_S = 0.2
ORDERS_MOST = 16
ORDER_DEADLINE_NS = 1_000_000
NEVER_NS = 2**62
NO_ANSWER = Answer(b"", 0, 0)

Transfer = Callable[[int, Ask], Answer]


class Order(msgspec.Struct, frozen=True):
    """Something to write. ``safe``: may also be done by starting the chip."""

    what: str
    steps: Callable[[], Steps[None]]
    safe: bool
    expires_mono_ns: int | None
    done: Future[None]


class _Job(msgspec.Struct):
    """What is under way: a start, a poll, or an order (which may itself be a start).

    ``resume_ns``: it pauses until then.
    """

    steps: Steps[Values | Samples | None]
    starts: bool
    order: Order | None
    ask: Ask | None = None
    resume_ns: int = 0
    transfers: int = 0
    round_trip_ns: int = 0
    arrived_ns: int = 0


class Station:
    """One chip. ``polling`` is False where only orders are wanted."""

    def __init__(
        self, settings: I2cSettings, chip: Chip, collector: Collector | None, ticks: Ticks
    ) -> None:
        self.device = settings.id
        self.address = settings.address
        self.polling = True
        self.orders: deque[Order] = deque()  # appended to by the control loop's thread
        self.back_off = BackOff(BACK_OFF_FIRST_S, settings.back_off_max_ms / 1e3)
        self._settings = settings
        self._chip = chip
        self._collector = collector
        self._ticks = ticks
        self._job: _Job | None = None
        self._started = False
        self._lost_because = "not started yet"
        self._written = False  # since the last safe state
        self._next_ns = 0
        self._pace: Pace | None = None
        self._skipped = 0

    def due_ns(self) -> int:
        """When a turn makes sense; 0 is now. Far away when there is nothing to do."""
        if self._job is not None:
            return self._job.resume_ns
        if self.orders:
            return 0
        return self._next_ns if self.polling else NEVER_NS

    def deadline_ns(self, now_ns: int) -> int:
        """By when it should be done: the earliest deadline has the next turn."""
        if self.orders or (self._job is not None and self._job.order is not None):
            return min(now_ns, self._next_ns) + ORDER_DEADLINE_NS
        return self._next_ns + round(self._settings.period_s * 1e9)

    def retry_now(self) -> None:
        """The bus was opened anew: be due, whatever the back-off says."""
        if not self._started:
            self._next_ns = 0

    def lose(self, message: str) -> Gone:
        """The chip cannot be reached; what is under way and what waits has failed."""
        self._lost_because = message
        self._started = False
        self._end_job(message)
        self.refuse(message)
        self._next_ns = self._ticks.mono_ns() + round(self.back_off.next_s() * 1e9)
        return Gone(message)

    def refuse(self, message: str) -> None:
        """Fail every order that waits."""
        while self.orders:
            order = self.orders.popleft()
            if order.done.set_running_or_notify_cancel():
                order.done.set_exception(CommandFailed(f"{order.what}: {message}"))

    def turn(self, transfer: Transfer) -> Report | None:
        """Do one step; the report if that ended something. Raises nothing but errors of ours."""
        now_ns = self._ticks.mono_ns()
        job = self._job
        if job is None:
            job = self._job = self._begin(now_ns)
            if job is None:
                return None
        try:
            self._advance(job, transfer)
        except StopIteration as end:
            self._job = None
            return self._finished(job, end.value)
        except DeviceLost as error:
            return self.lose(str(error))
        except (CommandFailed, Unsupported) as error:
            if job.order is None or job.starts:
                return self.lose(str(error))
            self._job = None
            job.order.done.set_exception(_about(job.order, error))
        return None

    def finish(self, transfer: Transfer) -> None:
        """The last turns: what a command has written goes to its safe state, as far as possible."""
        message = "the bus is let go"
        self._end_job(message)
        self.refuse(message)
        if not (self._started and self._written):
            self._started = False
            return
        self._started = False
        job = _Job(self._chip.make_safe(), starts=False, order=None)
        try:
            while True:
                self._advance(job, transfer)
        except StopIteration:
            self._written = False
        except (DeviceLost, CommandFailed) as error:
            self._lost_because = str(error)  # `to_safe` tells; this was a courtesy

    def _begin(self, now_ns: int) -> _Job | None:
        while self.orders:
            order = self.orders.popleft()
            if not order.done.set_running_or_notify_cancel():
                continue
            if order.expires_mono_ns is not None and now_ns > order.expires_mono_ns:
                late = CommandExpired(f"{order.what}: the command came too late; nothing written")
                order.done.set_exception(late)
            elif self._started:
                return _Job(order.steps(), starts=False, order=order)
            elif order.safe:
                return _Job(self._chip.start(), starts=True, order=order)
            else:
                lost = CommandFailed(f"{order.what}: {self._lost_because}")
                order.done.set_exception(lost)
        if not self.polling or now_ns < self._next_ns:
            return None
        if self._started:
            return _Job(self._chip.poll(), starts=False, order=None)
        return _Job(self._chip.start(), starts=True, order=None)

    def _advance(self, job: _Job, transfer: Transfer) -> None:
        """One transfer, or the end of a pause. Raises StopIteration at the end."""
        if job.ask is None:
            job.ask = next(job.steps)
        answer = NO_ANSWER
        if not isinstance(job.ask, Pause):
            answer = transfer(self.address, job.ask)
            job.transfers += 1
            job.round_trip_ns = answer.after_ns - answer.before_ns
            job.arrived_ns = answer.after_ns
        job.ask = job.steps.send(answer)
        if isinstance(job.ask, Pause):
            job.resume_ns = self._ticks.mono_ns() + round(job.ask.seconds * 1e9)

    def _finished(self, job: _Job, result: Values | Samples | None) -> Report | None:
        now_ns = self._ticks.mono_ns()
        if job.starts:
            self._began(now_ns)
        if job.order is not None:
            self._written = not job.order.safe
            job.order.done.set_result(None)
        if result is None or self._pace is None:
            return None
        readings: tuple[Reading, ...] = ()
        bursts: tuple[Burst, ...] = ()
        points = self._settings.points
        if isinstance(result, Values):
            readings = readings_of(self.device, points, result, job.arrived_ns)
        elif self._collector is not None:
            try:
                blocks = self._collector.take(result)
            except DeviceLost as error:
                return self.lose(str(error))
            for block in blocks:
                bursts += bursts_of(self.device, points, block, self._collector.clock.off)
        self.back_off.reset()
        self._next_ns = round(self._pace.next_s(now_ns / 1e9) * 1e9)
        return Polled(
            readings=readings,
            bursts=bursts,
            message=self._collector.message() if self._collector else "connected",
            transfers=job.transfers,
            round_trip_us=job.round_trip_ns / 1e3,
            skipped=self._skipped + self._pace.skipped,
        )

    def _began(self, now_ns: int) -> None:
        self._started = True
        self._written = False
        if self._pace is not None:
            self._skipped += self._pace.skipped
        if self._collector is not None:
            self._collector.restart(now_ns)
        self._pace = Pace(self._settings.period_s, now_ns / 1e9)
        self._next_ns = now_ns

    def _end_job(self, message: str) -> None:
        job, self._job = self._job, None
        if job is not None:
            job.steps.close()
            if job.order is not None:
                job.order.done.set_exception(CommandFailed(f"{job.order.what}: {message}"))


def _about(order: Order, error: Exception) -> CommandFailed:
    failed = CommandFailed(f"{order.what}: {error}")
    failed.__cause__ = error
    return failed
