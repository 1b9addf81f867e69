"""Cuts a broker's byte stream into whole MQTT packets, within bounds. Pure: no socket, no clock.

    byte 0          bytes 1..4                     remaining length bytes
    +-------------+------------------------------+-------------------------+
    | type, flags | remaining length, 7 bits each | variable header, payload |
    +-------------+------------------------------+-------------------------+
    (MQTT 3.1.1, chapter 2.2)

Rules of this file
- A packet larger than the limit is never held in memory: its bytes are thrown away as they
  come and it is counted. A retained giant on a topic we listen to must not cut us off for ever.
- A remaining length of more than four bytes is no MQTT: `NotMqtt`, and the connection ends.
"""

from __future__ import annotations


class NotMqtt(ValueError):
    """The bytes are no MQTT packets; the connection cannot be used further."""


class PacketSplitter:
    """Takes bytes as they come and gives whole packets of at most ``max_packet_bytes``."""

    def __init__(self, max_packet_bytes: int) -> None:
        self.oversized = 0
        self._max_packet_bytes = max_packet_bytes
        self._buffer = bytearray()
        self._at = 0
        self._skip_bytes = 0

    def feed(self, data: bytes) -> None:
        """Take bytes from the wire."""
        if self._skip_bytes:
            gone = min(self._skip_bytes, len(data))
            self._skip_bytes -= gone
            data = data[gone:]
        self._buffer += data

    def next_packet(self) -> bytes | None:
        """The next whole packet, or None until more bytes come. Raises NotMqtt."""
        while True:
            size = self._packet_bytes()
            held = len(self._buffer) - self._at
            if size is None or (size > held and size <= self._max_packet_bytes):
                self._forget_used()
                return None
            if size <= self._max_packet_bytes:
                packet = bytes(self._buffer[self._at : self._at + size])
                self._at += size
                return packet
            self.oversized += 1
            self._skip_bytes = max(0, size - held)
            self._at += min(size, held)

    def _packet_bytes(self) -> int | None:
        """How long the packet at hand is, header included; None while its header is incomplete."""
        remaining = 0
        for index in range(4):
            at = self._at + 1 + index
            if at >= len(self._buffer):
                return None
            byte = self._buffer[at]
            remaining |= (byte & 127) << (7 * index)
            if not byte & 128:
                return 2 + index + remaining
        raise NotMqtt("a packet announces a length of more than four bytes")

    def _forget_used(self) -> None:
        del self._buffer[: self._at]
        self._at = 0
