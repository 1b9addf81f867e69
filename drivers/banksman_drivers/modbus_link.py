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
Its inner ``ctx`` is used beside its public methods: ``framer`` is replaced by ours, and
``pdu_send`` takes the place of ``execute``, which answers one turn of the loop later.
"""

from __future__ import annotations

import asyncio
import os
import struct

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
        while size - used >= HEADER.size:
            tid, protocol, length, unit, function = HEADER.unpack_from(data, used)
            if protocol or not 2 <= length <= LENGTH_MAX:
                self._link.kill("it sends what is not Modbus TCP; check the port")
                return size, None
            end = used + 6 + length
            if end > size:
                break
            if tid != exp_tid or not self._link.waiting:
                self.strays += 1
            elif unit != exp_devid:
                self._link.kill(f"unit {unit} answered, not unit {exp_devid}; check unit_id")
                return size, None
            else:
                body = data[used + HEADER.size : end]
                self._link.take(Answer(function, body, self._ticks.mono_ns()))
            used = end
        self.rest = size - used
        return used, None


class Link:
    """The connection. ``open`` it, ``ask`` it, ``close`` it; ``died`` ends when it is dead."""

    def __init__(self, host: str, port: int, timeout_s: float, ticks: Ticks) -> None:
        self.problem: str | None = None
        self._loop = asyncio.get_running_loop()
        self.died: asyncio.Future[str] = self._loop.create_future()
        self._awaited: asyncio.Future[Answer] | None = None
        self.round_trip_ns = 0
        self._host = host
        self._port = port
        self._timeout_s = timeout_s
        self._ticks = ticks
        self._turn = asyncio.Lock()
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
                await self._loop.create_connection(lambda: self._client.ctx, self._host, self._port)
        except TimeoutError as error:
            raise DeviceLost(f"{where} does not answer; check power, cable and address") from error
        except OSError as error:
            # asyncio hides the system's words behind its own; a failed look-up has its own number.
            number = error.errno or 0
            why = os.strerror(number) if number > 0 else str(error)
            raise DeviceLost(
                f"no connection to {where}: {why}; check address, port and that it is on"
            ) from error

    async def ask(self, request: ModbusPDU, expires_mono_ns: int | None = None) -> Answer:
        """Send ``request`` and return the answer to it.

        Raises: Refused with the device's exception, DeviceLost when the link is or goes dead,
        CommandExpired when its turn came after ``expires_mono_ns``; nothing was sent then.
        """
        async with self._turn:
            sent_ns = self._ticks.mono_ns()
            if self.problem is not None:
                raise DeviceLost(self.problem)
            if expires_mono_ns is not None and sent_ns > expires_mono_ns:
                raise CommandExpired("it waited for its turn until it was too old; nothing written")
            if self._framer.rest:
                # pymodbus would drop the begun frame, and its end would then look like a header.
                raise self._dead("it sends frames nobody asked for")
            answer = await self._exchange(request)
            self.round_trip_ns = answer.mono_ns - sent_ns
        if answer.function == request.function_code:
            return answer
        if answer.function == request.function_code | 0x80 and len(answer.body) == 1:
            raise Refused(answer.body[0])
        raise self._dead(
            f"it answered function {answer.function} to function {request.function_code}"
        )

    async def _exchange(self, request: ModbusPDU) -> Answer:
        context = self._client.ctx
        request.transaction_id = context.getNextTID()
        awaited: asyncio.Future[Answer] = self._loop.create_future()
        self._awaited = awaited
        patience = self._loop.call_later(self._timeout_s, self._too_late)
        try:
            context.pdu_send(request)
            return await awaited
        finally:
            patience.cancel()
            self._awaited = None

    @property
    def waiting(self) -> bool:
        """Whether an answer is awaited now."""
        return self._awaited is not None and not self._awaited.done()

    def take(self, answer: Answer) -> None:
        """Give the awaited answer to who asked."""
        if self._awaited is not None:
            self._awaited.set_result(answer)

    def _too_late(self) -> None:
        strays = self._framer.strays
        told = f" ({strays} answers to other transactions)" if strays else ""
        self.kill(f"no answer within {self._timeout_s * 1e3:g} ms{told}")

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
        if self._awaited is not None and not self._awaited.done():
            self._awaited.set_exception(DeviceLost(problem))

    def close(self) -> None:
        """Close the connection; the link can then be used no more."""
        self.kill("the connection was closed")

    def _dead(self, problem: str) -> DeviceLost:
        self.kill(problem)
        return DeviceLost(self.problem)

    def _connection(self, up: bool) -> None:
        if not up:
            self.kill("it closed the connection")
