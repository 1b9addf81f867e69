"""One TCP connection to a Modbus device, on pymodbus: strict, and dead once anything is wrong.

Rules of this file
- One request at a time. A request ends with its answer, a refusal, or the link's death.
- Every answer must name our transaction, our unit and our function. pymodbus 3.16 accepts an
  answer with transaction 0, does not compare functions or byte counts, and notices a closed
  connection only by the timeout; ``StrictFramer`` and ``Link`` close those holes.
- No answer in time, a broken frame or another unit's answer kill the link, so a late answer
  has no connection left to arrive on: it can never be taken for a later request's.
- A frame with another transaction number is counted and skipped: a stray.

       [         MBAP header         ] [ function ] [ data ]
       [ tid ][ pid=0 ][ length ][ uid ]
         2b      2b       2b       1b       1b         nb        length = uid + function + data

``AsyncModbusTcpClient`` keeps the transport, the transaction numbers and the frames' making.
Its inner ``ctx`` is used beside its public methods: ``framer`` is replaced by ours, and what
``pdu_send`` does is done here in fewer steps; ``execute`` would answer one turn of the loop later.
"""

from __future__ import annotations

import asyncio
import os
import struct
from collections import deque
from collections.abc import Callable

import msgspec
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.framer import FramerSocket
from pymodbus.pdu import DecodePDU, ModbusPDU

from banksman_drivers.ports import CommandExpired, DeviceLost, Ticks

HEADER = struct.Struct(">HHHBB")
LENGTH_MAX = 254  # unit id and a PDU of at most 253 bytes

EXCEPTIONS = {
    1: "illegal function",
    2: "illegal data address",
    3: "illegal data value",
    4: "device failure",
    5: "acknowledged, still working",
    6: "device busy",
    8: "memory parity error",
    10: "gateway path unavailable",
    11: "gateway target failed to respond",
}


class Refused(Exception):
    """The device answered with a Modbus exception; ``code`` is its number."""

    def __init__(self, code: int) -> None:
        self.code = code
        super().__init__(f"{EXCEPTIONS.get(code, 'unknown exception')} (exception {code})")


class Answer(msgspec.Struct, frozen=True, gc=False):
    """A whole answer, undecoded: ``body`` follows the function code; ``mono_ns`` is its arrival."""

    function: int
    body: bytes
    mono_ns: int


# Gets the answer, or why there is none; called once, from the socket's callback.
Done = Callable[[Answer | Exception], None]


class StrictFramer(FramerSocket):
    """Cuts the byte stream into answers and gives the awaited one to its link."""

    def __init__(self, link: Link, ticks: Ticks) -> None:
        super().__init__(DecodePDU(False))
        self.strays = 0
        self.rest = 0  # bytes of a frame that has begun
        self._link = link
        self._ticks = ticks

    def handleFrame(  # noqa: N802  pymodbus's name
        self, data: bytes, exp_devid: int, exp_tid: int
    ) -> tuple[int, None]:
        """Find the answer to transaction ``exp_tid``; kill the link over anything malformed."""
        size = len(data)
        used = 0
        answer: Answer | None = None
        while size - used >= HEADER.size:
            tid, protocol, length, unit, function = HEADER.unpack_from(data, used)
            if protocol or not 2 <= length <= LENGTH_MAX:
                self._link.kill("it sends what is not Modbus TCP; check the port")
                return size, None
            end = used + 6 + length
            if end > size:
                break
            if tid != exp_tid or answer is not None or not self._link.waiting:
                self.strays += 1
            elif unit != exp_devid:
                self._link.kill(f"unit {unit} answered, not unit {exp_devid}; check unit_id")
                return size, None
            else:
                body = data[used + HEADER.size : end]
                answer = Answer(function, body, self._ticks.mono_ns())
            used = end
        self.rest = size - used
        if answer is not None:
            # Last of all: what the answer causes may send the next request from in here.
            self._link.take(answer)
        return used, None


class Job(msgspec.Struct, frozen=True):
    """A request that waits for its turn or its answer. ``done`` is called once, with either."""

    request: ModbusPDU
    done: Done
    expires_mono_ns: int | None


class Link:
    """The connection. ``open``, ``send`` or ``ask``, ``close`` it; ``died`` ends when it is dead.

    ``send`` is the fast way: it sends at once when the line is free, and calls ``done`` from the
    socket's own callback. No turn of the loop lies between an answer and the write it causes.
    """

    def __init__(self, host: str, port: int, timeout_s: float, ticks: Ticks) -> None:
        self.problem: str | None = None
        self._loop = asyncio.get_running_loop()
        self.died: asyncio.Future[str] = self._loop.create_future()
        self._job: Job | None = None
        self._sent_ns = 0
        self._patience: asyncio.TimerHandle | None = None
        self._queue: deque[Job] = deque()
        self.round_trip_ns = 0
        self._host = host
        self._port = port
        self._timeout_s = timeout_s
        self._ticks = ticks
        self._client = AsyncModbusTcpClient(
            host,
            port=port,
            timeout=timeout_s,
            retries=0,
            reconnect_delay=0,
            trace_connect=self._connection,
        )
        self._framer = StrictFramer(self, ticks)
        self._client.ctx.framer = self._framer

    async def open(self) -> None:
        """Connect. Raises DeviceLost saying why it could not.

        pymodbus's own ``connect`` tells only that it failed, so the socket is opened here.
        """
        where = f"{self._host}:{self._port}"
        try:
            async with asyncio.timeout(self._timeout_s):
                self._transport, _ = await self._loop.create_connection(
                    lambda: self._client.ctx, self._host, self._port
                )
        except TimeoutError as error:
            raise DeviceLost(f"{where} does not answer; check power, cable and address") from error
        except UnicodeError as error:
            raise DeviceLost(f"{where} is no address: {error}; correct host") from error
        except OSError as error:
            # asyncio hides the system's words behind its own; a failed look-up has its own number.
            number = error.errno or 0
            why = os.strerror(number) if number > 0 else str(error)
            raise DeviceLost(
                f"no connection to {where}: {why}; check address, port and that it is on"
            ) from error

    def send(self, request: ModbusPDU, done: Done, expires_mono_ns: int | None = None) -> None:
        """Send ``request``: now if the line is free, else when those before it are done.

        ``done`` gets the Answer; or Refused with the device's exception, DeviceLost when the link
        is or goes dead, CommandExpired when its turn came after ``expires_mono_ns`` and nothing
        was sent. It is called once, on this loop, and must not raise.
        """
        job = Job(request, done, expires_mono_ns)
        if self.problem is not None:
            done(DeviceLost(self.problem))
        elif self._job is None:
            self._begin(job)
        else:
            self._queue.append(job)

    def ask(self, request: ModbusPDU, expires_mono_ns: int | None = None) -> asyncio.Future[Answer]:
        """Do as ``send``; the future has the answer, or raises what ``done`` would get."""
        future: asyncio.Future[Answer] = self._loop.create_future()

        def done(outcome: Answer | Exception) -> None:
            if future.done():
                return
            if isinstance(outcome, Exception):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)

        self.send(request, done, expires_mono_ns)
        return future

    @property
    def waiting(self) -> bool:
        """Whether an answer is awaited now."""
        return self._job is not None

    def take(self, answer: Answer) -> None:
        """Give the awaited answer to who asked; whoever waits for the line goes next."""
        job = self._end_job()
        if job is None:
            return
        self.round_trip_ns = answer.mono_ns - self._sent_ns
        function = job.request.function_code
        outcome: Answer | Exception = answer
        if answer.function == function | 0x80 and len(answer.body) == 1:
            outcome = Refused(answer.body[0])
        elif answer.function != function:
            outcome = self._dead(f"it answered function {answer.function} to function {function}")
        if self._queue:
            self._next()
        job.done(outcome)

    def kill(self, problem: str) -> None:
        """End the link at once, and whatever waits on it; the first problem stands."""
        if self.problem is not None:
            return
        self.problem = problem
        if not self.died.done():
            self.died.set_result(problem)
        transport = self._client.ctx.transport
        if isinstance(transport, asyncio.Transport):
            transport.abort()
        self._client.close()
        job = self._end_job()
        left = [job] if job is not None else []
        left += self._queue
        self._queue.clear()
        for each in left:
            each.done(DeviceLost(problem))

    def close(self) -> None:
        """Close the connection; the link can then be used no more."""
        self.kill("the connection was closed")

    def _begin(self, job: Job) -> None:
        self._sent_ns = self._ticks.mono_ns()
        if job.expires_mono_ns is not None and self._sent_ns > job.expires_mono_ns:
            job.done(CommandExpired("it waited for its turn until it was too old; nothing written"))
            return
        if self._framer.rest:
            # pymodbus would drop the begun frame, and its end would then look like a header.
            job.done(self._dead("it sends frames nobody asked for"))
            return
        self._job = job
        request, context = job.request, self._client.ctx
        tid = context.getNextTID()
        context.request_dev_id, context.request_transaction_id = request.dev_id, tid
        data = request.encode()
        head = HEADER.pack(tid, 0, len(data) + 2, request.dev_id, request.function_code)
        self._transport.write(head + data)
        # After the write: each microsecond before it is one of the reaction.
        self._patience = self._loop.call_later(self._timeout_s, self._too_late)

    def _next(self) -> None:
        while self._queue and self._job is None and self.problem is None:
            self._begin(self._queue.popleft())

    def _end_job(self) -> Job | None:
        job, self._job = self._job, None
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
        return job

    def _too_late(self) -> None:
        strays = self._framer.strays
        told = f" ({strays} answers to other transactions)" if strays else ""
        self.kill(f"no answer within {self._timeout_s * 1e3:g} ms{told}")

    def _dead(self, problem: str) -> DeviceLost:
        self.kill(problem)
        return DeviceLost(self.problem)

    def _connection(self, up: bool) -> None:
        if not up:
            self.kill("it closed the connection")
