"""What keeps a daemon busy beside its job: open pages, a scraper, a broker that comes and goes, and
a model that wants the CPU.

Everything works from outside, as people and plants do it: two live streams, a browser's requests
and Prometheus' every second, and a broker that is away 3 of 8 seconds, so that the outbox fills
and is sent again and again. Inference has two halves: the model that shares the daemon's
interpreter lock is configured in it (peers/banksman.py); the accelerator thread, which holds no
lock and only competes for the CPU, is the process of standin.py.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import subprocess
import sys
import threading
import urllib.parse
import urllib.request
from pathlib import Path
from types import TracebackType

from benchmarks.reaction.broker import Broker

STANDIN = Path(__file__).parent / "standin.py"
STREAMS = 2
PATHS = ("/", "/metrics", "/api/v1/status", "/api/v1/decisions?limit=100", "/api/v1/alarms")
EVERY_S = 1.0
BROKER_UP_S = 5.0
BROKER_DOWN_S = 3.0
TIMEOUT_S = 10.0


class Load:
    """Threads of the bench's own process. ``requests`` and ``events`` show that it was real."""

    def __init__(self, page_url: str, broker: Broker) -> None:
        self.requests = 0
        self.events = 0
        self._page_url = page_url
        self._broker = broker
        self._end = threading.Event()
        self._standin: subprocess.Popen[bytes] | None = None
        self._threads = [
            *(threading.Thread(target=self._listen, name=f"page-{n}") for n in range(STREAMS)),
            threading.Thread(target=self._browse, name="browser"),
            threading.Thread(target=self._bounce, name="broker"),
        ]

    def __enter__(self) -> Load:
        one_thread = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), "1")
        self._standin = subprocess.Popen([sys.executable, STANDIN], env=os.environ | one_thread)
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._end.set()
        if self._standin is not None:
            self._standin.kill()
            self._standin.wait()
        for thread in self._threads:
            thread.join()

    def _listen(self) -> None:
        address = urllib.parse.urlsplit(self._page_url).netloc
        while not self._end.is_set():
            connection = http.client.HTTPConnection(address, timeout=TIMEOUT_S)
            with contextlib.suppress(OSError, http.client.HTTPException):
                connection.request("GET", "/api/v1/events")
                answer = connection.getresponse()
                while not self._end.is_set() and (line := answer.readline()):
                    self.events += line.startswith(b"data:")
            connection.close()
            self._end.wait(0.2)

    def _browse(self) -> None:
        while not self._end.wait(EVERY_S):
            for path in PATHS:
                with (
                    contextlib.suppress(OSError),
                    urllib.request.urlopen(self._page_url + path, timeout=TIMEOUT_S) as answer,
                ):
                    answer.read()
                    self.requests += 1

    def _bounce(self) -> None:
        while not self._end.wait(BROKER_UP_S):
            self._broker.stop()
            self._end.wait(BROKER_DOWN_S)
            self._broker.start()
