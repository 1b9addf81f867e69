"""Who looks at the box while `coil` measures: two live pages, and a scraper each second."""

from __future__ import annotations

import contextlib
import http
import http.client
import json
import os
import threading
from collections.abc import Iterator

STREAMS = 2


class Counted:
    """What the pages got. Each field has one writer for each thread; read it when they rest."""

    def __init__(self) -> None:
        self.events = [0] * STREAMS
        self.answers = 0


@contextlib.contextmanager
def open_pages(port: int, nice: int) -> Iterator[Counted]:
    """Two live streams, and a scraper each second, on threads of that niceness."""
    ending = threading.Event()
    counted = Counted()

    def listen(number: int) -> None:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), nice)
        while not ending.is_set():
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            with contextlib.suppress(OSError, http.client.HTTPException):
                connection.request("GET", "/api/v1/events")
                answer = connection.getresponse()
                while not ending.is_set() and (line := answer.readline()):
                    counted.events[number] += line.startswith(b"data:")
            connection.close()

    def scrape() -> None:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), nice)
        while not ending.wait(1.0):
            for path in ("/metrics", "/api/v1/status", "/api/v1/inspections"):
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
                with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
                    connection.request("GET", path)
                    answer = connection.getresponse()
                    body = answer.read()
                    if path != "/metrics":
                        json.loads(body)
                    counted.answers += answer.status == http.HTTPStatus.OK
                connection.close()

    threads = [threading.Thread(target=listen, args=(each,)) for each in range(STREAMS)]
    threads.append(threading.Thread(target=scrape))
    for thread in threads:
        thread.start()
    try:
        yield counted
    finally:
        ending.set()
        for thread in threads:
            thread.join(10)
