"""The thread of one accelerator, ``infer-N``: takes turns as `sharing` says and does their work.

    shared = SharedAccelerator("infer-0")
    camera = shared.join("line3", work=inspect, failed=note_error)
    shared.start()
    camera.offer(frame)                 # any thread, never waits; the newest frame wins
    shared.stop(timeout_s=2.0)          # False: the model has not come back yet

Rules of this file
- ``work`` runs on this thread alone, so a network needs no lock; it releases the interpreter lock
  while it computes.
- One client's error is told to that client and disturbs no other.
- What waits at the stop is not worked on.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from banksman_inference.sharing import ShareCounts, Turns

Item = TypeVar("Item")


class Client(Generic[Item]):
    """One camera's end of the accelerator."""

    def __init__(
        self,
        name: str,
        offer: Callable[[str, Item], bool],
        work: Callable[[Item], None],
        failed: Callable[[Exception], None],
    ) -> None:
        self.name = name
        self.work = work
        self.failed = failed
        self._offer = offer

    def offer(self, item: Item) -> bool:
        """Ask for a turn with this frame; True where an older one was dropped for it."""
        return self._offer(self.name, item)


class SharedAccelerator:
    """An accelerator (the CPU is one too) and those who share it."""

    def __init__(self, name: str, begin: Callable[[], None] = lambda: None) -> None:
        """``name``: the thread's, as `infer-0`. ``begin`` is its first call: its priority, say."""
        self.name = name
        self._turns: Turns[Any] = Turns()
        self._clients: dict[str, Client[Any]] = {}
        self._wake = threading.Condition()
        self._stopping = False
        self._begin = begin
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def join(
        self, name: str, work: Callable[[Item], None], failed: Callable[[Exception], None]
    ) -> Client[Item]:
        """A new client. ``failed`` is told on the accelerator's thread what ``work`` raised."""
        client: Client[Item] = Client(name, self._offer, work, failed)
        with self._wake:
            self._turns.join(name)
            self._clients[name] = client
        return client

    def leave(self, name: str) -> None:
        """Forget a client; a turn of it that runs now ends as usual."""
        with self._wake:
            self._turns.leave(name)
            self._clients.pop(name, None)

    def start(self) -> None:
        """Begin to take turns."""
        self._thread.start()

    def stop(self, timeout_s: float) -> bool:
        """Stop after the turn that runs; whether it did within ``timeout_s``."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        if self._thread.ident is None:
            return True
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    @property
    def stopping(self) -> bool:
        """Whether it was told to stop: what waits for a turn waits in vain."""
        return self._stopping

    def counts(self) -> list[ShareCounts]:
        """Every client's turns; from any thread."""
        with self._wake:
            return self._turns.counts()

    def _offer(self, name: str, item: Any) -> bool:
        with self._wake:
            if name not in self._clients:
                return True
            dropped = self._turns.offer(name, item)
            self._wake.notify()
        return dropped

    def _run(self) -> None:
        self._begin()
        while (turn := self._next()) is not None:
            client, item = turn
            try:
                client.work(item)
            except Exception as error:  # noqa: BLE001  told to its client; the others go on
                self._tell(client, error)

    def _next(self) -> tuple[Client[Any], Any] | None:
        with self._wake:
            while not self._stopping:
                turn = self._turns.take()
                if turn is not None:
                    return self._clients[turn[0]], turn[1]
                self._wake.wait()
        return None

    def _tell(self, client: Client[Any], error: Exception) -> None:
        with self._wake:
            self._turns.note_failure(client.name)
        client.failed(error)
