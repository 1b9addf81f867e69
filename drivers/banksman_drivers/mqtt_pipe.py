"""What paho takes for its socket: an asyncio transport with bounded buffers on both sides.

Paho 2 knows how to speak MQTT but not how to wait: its ``connect`` blocks, it sends each packet
with a call of its own and reads byte by byte. Behind this pipe it does neither. Asyncio makes
the connection (names, TLS and time-outs included); packets written during one turn of the loop
leave in one write; what arrives is cut into whole packets first.

    broker <-> asyncio transport <-> Pipe <-> paho's client (codec, ids, keep-alive)

Rules of this file
- Everything happens on the loop that made the connection.
- `send` never blocks and never fails: who writes asks `congested` first.
- Reading pauses while packets wait to be handled, so a flood fills the broker, not us.
- What arrives is acknowledged by our kernel at once. A broker that keeps Nagle's algorithm on
  (mosquitto does, by default) holds its next small packet until then: measured 43 ms instead of
  1 ms for the second of two messages. Linux forgets the wish, so it is said with each read.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import cast

from banksman_drivers.mqtt_frames import PacketSplitter

LINGER_S = 1.0  # how long a closing connection may take to send what is left


class Pipe(asyncio.Protocol):
    """One connection's bytes. ``on_packets`` and ``on_lost`` are called on the loop."""

    def __init__(
        self,
        max_packet_bytes: int,
        max_unsent_bytes: int,
        on_packets: Callable[[], None],
        on_lost: Callable[[str], None],
    ) -> None:
        self._splitter = PacketSplitter(max_packet_bytes)
        self._max_unsent_bytes = max_unsent_bytes
        self._on_packets = on_packets
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._socket: socket.socket | None = None
        self._packet = b""
        self._packet_at = 0
        self._unsent = bytearray()
        self._flush_planned = False
        self._gone = asyncio.Event()
        self._gone.set()

    @property
    def oversized(self) -> int:
        """How many packets were thrown away for their size."""
        return self._splitter.oversized

    @property
    def congested(self) -> bool:
        """Whether the broker takes less than we write, so that nothing more should be written."""
        transport = self._transport
        waiting = transport.get_write_buffer_size() if transport is not None else 0
        return len(self._unsent) + waiting > self._max_unsent_bytes

    # The asyncio side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection stands."""
        self._transport = cast("asyncio.Transport", transport)
        self._socket = transport.get_extra_info("socket")
        self._gone.clear()
        self._acknowledge_at_once()

    def data_received(self, data: bytes) -> None:
        """Bytes from the broker."""
        self._acknowledge_at_once()
        self._splitter.feed(data)
        self._on_packets()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone, by the broker or by us."""
        self._transport = None
        self._gone.set()
        self._on_lost(f"the connection broke ({exc})" if exc else "the broker closed it")

    def load(self) -> bool:
        """Make the next whole packet readable for paho; False when there is none.

        Raises NotMqtt.
        """
        packet = self._splitter.next_packet()
        if packet is None:
            return False
        self._packet = packet
        self._packet_at = 0
        return True

    def pause(self, paused: bool) -> None:
        """Let no more bytes in while packets wait."""
        transport = self._transport
        if transport is None or transport.is_closing() or paused != transport.is_reading():
            return
        if paused:
            transport.pause_reading()
        else:
            transport.resume_reading()

    # Paho's side: its SocketLike protocol

    def recv(self, size: int) -> bytes:
        """Up to ``size`` bytes of the loaded packet. Raises BlockingIOError at its end."""
        if self._packet_at >= len(self._packet):
            raise BlockingIOError
        data = self._packet[self._packet_at : self._packet_at + size]
        self._packet_at += size
        return data

    def send(self, buffer: bytes | bytearray) -> int:
        """Queue for the one write at the end of this turn of the loop."""
        self._unsent += buffer
        if not self._flush_planned:
            self._flush_planned = True
            self._loop.call_soon(self._flush)
        return len(buffer)

    def close(self) -> None:
        """Send what is left, then close; a broker that takes nothing is cut off."""
        self._flush()
        transport = self._transport
        if transport is not None and not transport.is_closing():
            transport.close()
            self._loop.call_later(LINGER_S, transport.abort)

    async def wait_closed(self) -> None:
        """Until the connection is gone; at most `LINGER_S` after `close`."""
        await self._gone.wait()

    def fileno(self) -> int:
        """No file of paho's own: it must not select on it."""
        return -1

    def setblocking(self, flag: bool) -> None:
        """Nothing to do: an asyncio transport never blocks."""

    def _acknowledge_at_once(self) -> None:
        if self._socket is not None and hasattr(socket, "TCP_QUICKACK"):
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    def _flush(self) -> None:
        self._flush_planned = False
        if self._transport is not None and self._unsent:
            self._transport.write(bytes(self._unsent))
        self._unsent.clear()
