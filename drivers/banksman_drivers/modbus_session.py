"""One unit's share of a bus: a line of its own, as far as its device can tell.

Rules of this file
- It dies when its unit does not answer, retries included, and with the bus's port. Then a new one
  is begun; a request of a unit that has not answered yet in this session is not retried.
- Every job is told its outcome once.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from pymodbus.pdu import ModbusPDU

from banksman_drivers.modbus_link import Answer, Done
from banksman_drivers.modbus_rtu_frame import Question, question
from banksman_drivers.ports import DeviceLost


class Job:
    """A request that waits for its turn or its answer; ``urgent`` ones go before the polls."""

    def __init__(
        self,
        session: Session,
        question: Question,
        done: Done,
        expires_mono_ns: int | None,
        urgent: bool,
        *,
        tries_left: int,
        put_s: float = 0.0,
    ) -> None:
        self.session = session
        self.question = question
        self.expires_mono_ns = expires_mono_ns
        self.urgent = urgent
        self.tries_left = tries_left
        self.put_s = put_s
        self.sent = False
        self._done: Done | None = done

    def end(self, outcome: Answer | Exception) -> None:
        """Tell who asked; later outcomes are nobody's."""
        done, self._done = self._done, None
        if done is not None:
            done(outcome)


class SharedBus(Protocol):
    """What a session wants of its bus."""

    def put(self, job: Job) -> None:
        """Let the job wait for its turn."""

    def forget(self, session: Session) -> list[Job]:
        """Take out what waits for a session that has ended."""


class Session:
    """A ``Line`` to one unit; see ``modbus_line.py``."""

    def __init__(self, bus: SharedBus, unit: int, timeout_s: float, retries: int) -> None:
        self.problem: str | None = None
        self.died: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.round_trip_ns = 0
        self.unit = unit
        self.timeout_s = timeout_s
        self._bus = bus
        self._retries = retries
        self._has_answered = False

    @property
    def tries(self) -> int:
        """How often a request is repeated now."""
        return self._retries if self._has_answered else 0

    def send(self, request: ModbusPDU, done: Done, expires_mono_ns: int | None = None) -> None:
        """Ask when it is this unit's turn. See ``Line``."""
        self._put(request, done, expires_mono_ns, urgent=False)

    def ask(self, request: ModbusPDU, expires_mono_ns: int | None = None) -> asyncio.Future[Answer]:
        """Ask before any poll of the bus. See ``Line``."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

        def done(outcome: Answer | Exception) -> None:
            if future.done():
                return
            if isinstance(outcome, Exception):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)

        self._put(request, done, expires_mono_ns, urgent=True)
        return future

    def heard(self, round_trip_ns: int) -> None:
        """Note that the unit answered."""
        self._has_answered = True
        self.round_trip_ns = round_trip_ns

    def kill(self, problem: str, under_way: Job | None = None) -> None:
        """End the session and whatever waits on it; the first problem stands."""
        if self.problem is not None:
            return
        self.problem = problem
        left = self._bus.forget(self)
        if under_way is not None:
            left.insert(0, under_way)
        if not self.died.done():
            self.died.set_result(problem)
        for job in left:
            job.end(DeviceLost(problem))

    def close(self) -> None:
        """Give the line up."""
        self.kill("the line was given up")

    def _put(
        self, request: ModbusPDU, done: Done, expires_mono_ns: int | None, *, urgent: bool
    ) -> None:
        if self.problem is not None:
            done(DeviceLost(self.problem))
            return
        asked = question(self.unit, request.function_code, request.encode())
        self._bus.put(Job(self, asked, done, expires_mono_ns, urgent, tries_left=self.tries))
