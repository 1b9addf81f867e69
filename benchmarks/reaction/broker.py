"""A private mosquitto that keeps its sessions over a restart, as a plant's broker would."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType

CONFIG = """\
listener {port} 127.0.0.1
allow_anonymous true
persistence true
persistence_location {folder}/
autosave_interval 0
max_queued_messages 0
queue_qos0_messages true
log_dest file {folder}/mosquitto.log
{user}"""
START_S = 15.0


class BrokerMissing(RuntimeError):
    """mosquitto is not installed or did not start."""


def free_port() -> int:
    """A port of loopback that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Broker:
    """mosquitto on a port that stays the same over `stop` and `start`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self._config = folder / "mosquitto.conf"
        # As root it would become "mosquitto", who may not write to our folder.
        user = "user root\n" if os.geteuid() == 0 else ""
        self._config.write_text(CONFIG.format(port=self.port, folder=folder, user=user))
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Broker:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start and wait until it accepts. Raises BrokerMissing."""
        path = os.environ.get("PATH", "") + ":/usr/sbin"
        try:
            self._process = subprocess.Popen(
                ["mosquitto", "-c", self._config],
                env=os.environ | {"PATH": path},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        except FileNotFoundError as error:
            raise BrokerMissing("mosquitto is missing: apt-get install mosquitto") from error
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                return
            time.sleep(0.02)
        raise BrokerMissing(f"mosquitto did not listen on {self.port} within {START_S} s")

    def stop(self) -> None:
        """Stop it orderly; its clients see the connection close."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=30)
            self._process = None
