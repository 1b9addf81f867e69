"""How a peer is started: what the bench tells it, and what it tells the bench.

The job is the same for each: poll a Modbus TCP PLC, set coil 0 where holding register 2 is over
500, and publish every reading with the number from registers 0 and 1 to MQTT with QoS 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec


class PeerMissing(RuntimeError):
    """The peer cannot be run here; the message says what is missing. Its figures get a note."""


class Setting(msgspec.Struct, frozen=True):
    """Where the plant and the broker are, and how fast to poll. ``folder`` keeps the peer's state.

    ``standin`` asks for an inference stand-in beside the job, for peers that have models.
    """

    modbus_port: int
    mqtt_port: int
    poll_ms: int
    folder: Path
    cache: Path
    registers: int = 10
    standin: bool = False

    def environ(self) -> dict[str, str]:
        """As the small peers read it."""
        return {
            "MB_PORT": str(self.modbus_port),
            "MQTT_PORT": str(self.mqtt_port),
            "POLL_MS": str(self.poll_ms),
            "NREGS": str(self.registers),
        }


class Recipe(msgspec.Struct, frozen=True):
    """A prepared peer: the command, and where its readings are seen.

    ``sequence`` and ``message_id`` are patterns with one group; ``page_url`` is its web page.
    """

    command: tuple[str, ...]
    topic: str = "edge/reading"
    sequence: str = r'"seq":\s*(\d+)'
    message_id: str | None = None
    page_url: str | None = None
    environ: Mapping[str, str] = {}


Prepare = Callable[[Setting], Recipe]
