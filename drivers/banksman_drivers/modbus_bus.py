"""A serial line that many Modbus RTU units share: one request at a time, and nobody starves.

Rules of this file
- The unit's own doings are its `Session`: lost for one is not lost for the others. Only the
  port's end (adapter pulled) ends all of them.
- Between two frames lies the silence of the standard; whoever asks in it waits for its end.
- RTU has no transaction numbers, so a late answer is kept out by time and by what was asked:

    ask A  ...no answer            hold            ask A'       answer
    |------ time-out -----|------ time-out -----|------------|----->
                              a late one is         if A' = A it is believed, else
                              a stray: dropped      dropped and A' asked once more;
                                                    then the unit is held once more

  While an answer is owed, one is believed only if it is to the very request that it is owed to.
- An adapter that gives back what is sent would confirm every write of function 5, 6 and 22 to
  itself. So without ``echo`` the first of them is preceded by a read of the same place.
- All times are the loop's; the wire's own are in ``modbus_rtu_frame.py``, turns in
  ``modbus_turns.py``.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

from banksman_drivers.modbus_link import Answer, Refused
from banksman_drivers.modbus_port import RtuPort, open_port, wire_of
from banksman_drivers.modbus_rtu_frame import FRAME_MAX, find, probe_of
from banksman_drivers.modbus_session import Job, Session
from banksman_drivers.modbus_turns import Turns, Unit
from banksman_drivers.ports import CommandExpired, DeviceLost, Ticks
from banksman_drivers.settings.modbus_rtu import ModbusRtuSettings

HEARD_MAX = 4 * FRAME_MAX
ANSWERS_WITH_DATA = (1, 2, 3, 4, 23)  # an answer to one could be one to another


class Bus:
    """The bus on one port. ``strays`` counts bytes that were no answer to anything awaited.

    Who uses it holds it (``held``); the port is opened by the first session and closed when
    nobody holds the bus any more.
    """

    def __init__(self, line: ModbusRtuSettings, ticks: Ticks) -> None:
        self.strays = 0
        self.waited_s = 0.0  # about how long a request waits for its turn, at the worst
        self._line = line
        self._wire = wire_of(line)
        self._pause_s = self._wire.silence_s + line.turnaround_ms / 1e3
        self._ticks = ticks
        self._holders = 0
        self._port: RtuPort | None = None
        self._opening: asyncio.Task[DeviceLost | None] | None = None
        self._closing: asyncio.Future[None] | None = None
        self._sessions: set[Session] = set()
        self._turns: Turns[Job] = Turns()
        self._owed: dict[int, bytes] = {}  # unit -> the request that it never answered
        self._echo_told = line.echo  # whether it is known how the adapter does it
        self._job: Job | None = None
        self._echo_due = b""
        self._heard = bytearray()
        self._sent_ns = 0
        self._free_s = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_open(self) -> bool:
        """Whether the port is open now."""
        return self._port is not None

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Hold the bus: its port stays open until the last holder leaves."""
        self._holders += 1
        try:
            yield
        finally:
            self._holders -= 1
            if not self._holders:
                self._close("the bus was given up")

    async def session(self, unit: int, timeout_s: float, retries: int) -> Session:
        """Begin to talk to ``unit``. Raises DeviceLost saying why there is no port."""
        if self._port is None:
            await self._open()
        session = Session(self, unit, timeout_s, retries)
        self._sessions.add(session)
        return session

    def put(self, job: Job) -> None:
        """Let ``job`` wait for its turn, which may be now."""
        job.put_s = asyncio.get_running_loop().time()
        self._wait_for_turn(job)
        self._go()

    def forget(self, session: Session) -> list[Job]:
        """Take out what waits for a session that has ended, the request under way included.

        Its answer is still awaited, because it occupies the line.
        """
        self._sessions.discard(session)
        unit = self._turns.unit(session.unit)
        if all(other.unit != session.unit for other in self._sessions):
            unit.answering = False
        left = unit.drop(lambda job: job.session is session)
        if self._job is not None and self._job.session is session:
            left.insert(0, self._job)
        return left

    async def _open(self) -> None:
        loop = asyncio.get_running_loop()
        if self._opening is None:
            self._opening = loop.create_task(self._open_once())
        problem = await asyncio.shield(self._opening)
        if problem is not None:
            raise DeviceLost(*problem.args)
        if self._port is None:
            raise DeviceLost(f"{self._line.port} was closed")

    async def _open_once(self) -> DeviceLost | None:
        loop = asyncio.get_running_loop()
        try:
            if self._closing is not None:
                await self._closing
            port = await loop.run_in_executor(None, open_port, self._line)
        except DeviceLost as error:
            return error
        finally:
            self._opening = None
        self._port = port
        self._free_s = loop.time() + self._pause_s
        self._echo_told = self._line.echo
        if self._holders:
            loop.add_reader(port.fd, self._readable)
        else:
            self._close("the bus was given up")
        return None

    def _close(self, problem: str) -> None:
        """Close the port, if it is open, and end every session."""
        port, self._port = self._port, None
        if port is not None:
            loop = asyncio.get_running_loop()
            loop.remove_reader(port.fd)
            self._closing = loop.run_in_executor(None, port.close)
        self._stop_timer()
        for session in tuple(self._sessions):
            session.kill(problem)
        self._job = None
        self._owed.clear()

    def _wait_for_turn(self, job: Job, first: bool = False) -> None:
        unit = self._turns.unit(job.session.unit)
        queue = unit.writes if job.urgent else unit.polls
        if first:
            queue.appendleft(job)
        else:
            queue.append(job)

    def _go(self) -> None:
        """Send the next request if the line is free and somebody may; else wake up when so."""
        loop = asyncio.get_running_loop()
        while self._job is None and self._port is not None:
            self._stop_timer()
            now_s = loop.time()
            if now_s < self._free_s:
                self._timer = loop.call_at(self._free_s, self._go)
                return
            turn = self._turns.next(now_s)
            if turn is None:
                return
            if isinstance(turn, float):
                self._timer = loop.call_at(turn, self._go)
                return
            self._begin(turn[1], now_s)

    def _begin(self, job: Job, now_s: float) -> None:
        if job.expires_mono_ns is not None and self._ticks.mono_ns() > job.expires_mono_ns:
            job.end(
                DeviceLost("sent, and too old to be sent again")
                if job.sent
                else CommandExpired("it waited for its turn until it was too old; nothing written")
            )
            return
        if not self._echo_told and not job.question.tells_from_echo:
            job = self._probe(job)
        asked = job.question
        self.waited_s = max(now_s - job.put_s, self.waited_s * 0.95)
        self._heard.clear()
        self._echo_due = asked.frame if self._line.echo else b""
        self._job = job
        job.sent = True
        self._sent_ns = self._ticks.mono_ns()
        due_s = job.session.timeout_s + self._wire.seconds(len(asked.frame) + asked.answer_size)
        self._timer = asyncio.get_running_loop().call_at(now_s + due_s, self._too_late, due_s)
        self._send(asked.frame)

    def _send(self, frame: bytes) -> None:
        if self._port is None:
            return
        try:
            self._port.write(frame)
        except OSError as error:
            self._gone(error)

    def _probe(self, write: Job) -> Job:
        """A read to be sent before ``write``, which has its turn when it was answered."""

        def probed(outcome: Answer | Exception) -> None:
            if isinstance(outcome, (Answer, Refused)):
                write.put_s = asyncio.get_running_loop().time()
                self._wait_for_turn(write, first=True)
            else:
                write.end(outcome)

        session = write.session
        asked = probe_of(session.unit, write.question)
        return Job(session, asked, probed, None, True, tries_left=session.tries, put_s=write.put_s)

    def _readable(self) -> None:
        if self._port is None:
            return
        try:
            data = self._port.read()
        except OSError as error:
            self._gone(error)
            return
        self._free_s = asyncio.get_running_loop().time() + self._pause_s
        job = self._job
        if job is None:
            self.strays += len(data)
            return
        heard = self._heard
        heard += data
        if len(heard) > HEARD_MAX:
            self.strays += len(heard) - HEARD_MAX
            del heard[:-HEARD_MAX]
        if self._echo_due:
            at = heard.find(self._echo_due)
            if at < 0:
                return
            self.strays += at
            del heard[: at + len(self._echo_due)]
            self._echo_due = b""
        found = find(job.question, bytes(heard))
        if found is not None:
            self.strays += len(heard) - (found.end - found.start)
            answer = Answer(found.function, found.body, self._ticks.mono_ns())
            self._answered(job, answer)
        elif not self._echo_told and job.question.frame in heard:
            self._stop_timer()
            self._job = None
            job.session.kill("the adapter gives back what is sent to it; write echo = true")
            self._go()

    def _answered(self, job: Job, answer: Answer) -> None:
        self._stop_timer()
        self._job = None
        unit = self._turns.unit(job.session.unit)
        refused = answer.function & 0x80
        if refused or job.question.tells_from_echo:
            self._echo_told = True
        believed = self._believed(job, unit)
        if job.session.problem is not None:
            pass  # nobody waits for it any more
        elif not believed:
            self._wait_for_turn(job, first=True)
        else:
            unit.answering = True
            job.session.heard(answer.mono_ns - self._sent_ns)
            job.end(Refused(answer.body[0]) if refused else answer)
        self._go()

    def _believed(self, job: Job, unit: Unit[Job]) -> bool:
        """Whether this answer is to this request, as far as one may be owed to an older one."""
        owed = self._owed.get(unit.number)
        if owed is None or job.question.function not in ANSWERS_WITH_DATA:
            return True
        unit.held_until_s = asyncio.get_running_loop().time() + job.session.timeout_s
        if owed != job.question.frame:
            self._owed[unit.number] = job.question.frame
            return False
        del self._owed[unit.number]
        return True

    def _too_late(self, waited_s: float) -> None:
        job, self._job = self._job, None
        self._timer = None
        if job is None:
            return
        now_s = asyncio.get_running_loop().time()
        unit = self._turns.unit(job.session.unit)
        self._owed[unit.number] = job.question.frame
        unit.held_until_s = now_s + job.session.timeout_s
        heard = len(self._heard)
        self.strays += heard
        if job.tries_left and job.session.problem is None:
            job.tries_left -= 1
            self._wait_for_turn(job, first=True)
        else:
            self._turns.missed(unit, waited_s, now_s)
            job.session.kill(self._silence(job, heard), job)
        self._go()

    def _silence(self, job: Job, heard: int) -> str:
        told = f"no answer of unit {job.session.unit} within {job.session.timeout_s * 1e3:g} ms"
        if self._echo_due:
            return f"{told}, nor the echo of the adapter; drop echo if it has none"
        if heard:
            return (
                f"{told}, but {heard} bytes that are none; check baud, parity, termination, and"
                " that no two units have one number"
            )
        return f"{told}; check its number, its power and the two wires"

    def _gone(self, error: OSError) -> None:
        self._close(f"{self._line.port} is gone ({error}); is the adapter plugged in?")

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
