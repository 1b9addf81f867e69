"""A real MQTT broker for tests and rigs: mosquitto in a process of its own."""

from __future__ import annotations

import getpass
import signal
import socket
import subprocess
import time
from pathlib import Path

from tcp_ports import free_tcp_port


class Mosquitto:
    """A real broker on a free port of loopback, which can be killed, frozen and started again."""

    def __init__(
        self, folder: Path, lines: tuple[str, ...] = (), auth: str = "allow_anonymous true"
    ) -> None:
        self.host = "127.0.0.1"
        self.port = free_tcp_port()
        self._folder = folder
        self._config = folder / f"mosquitto-{self.port}.conf"
        self._config.write_text(
            "\n".join(
                (
                    f"listener {self.port} 127.0.0.1",
                    auth,
                    f"user {getpass.getuser()}",
                    "persistence true",
                    f"persistence_location {folder}/",
                    "autosave_interval 1",
                    "autosave_on_changes true",
                    "max_queued_messages 100000",
                    *lines,
                    "",
                )
            )
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self._folder / "mosquitto.log").open("ab") as log:
            self._process = subprocess.Popen(
                ["mosquitto", "-c", str(self._config)], stdout=subprocess.DEVNULL, stderr=log
            )
        limit = time.monotonic() + 15
        while True:
            try:
                socket.create_connection((self.host, self.port), timeout=1).close()
            except OSError:
                assert self._process.poll() is None, (self._folder / "mosquitto.log").read_text()
                assert time.monotonic() < limit, "mosquitto does not listen"
                time.sleep(0.01)
            else:
                return

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def freeze(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(how)
            process.send_signal(signal.SIGCONT)
            process.wait(10)
