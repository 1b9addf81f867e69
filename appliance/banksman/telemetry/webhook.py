"""Posts alerts as JSON to the configured addresses, until they are delivered.

    POST <url>   Idempotency-Key: <message id>   Authorization: Bearer <token>   {AlarmMessage}

Rules of this file
- Delivered means a 2xx answer. A receiver that is away is tried again with back-off and jitter;
  the same id tells it a repeat. 400, 413 and 422 mean that this alert will never be taken.
- Redirects are not followed: the token goes to the configured address only.
- The token stands in a file, is read anew for each try, and appears in no log or status. Of the
  address only scheme and host do: its path may be a secret too.
- What never rang is not posted: receivers page people.
- One address that is down does not hold up another.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import msgspec

from banksman.clock import Clock
from banksman.config.schema_services import WebhookSettings
from banksman.telemetry.alerts import AlertQueue
from banksman.wire.messages import AlarmMessage
from banksman_drivers.back_off import BackOff

QUEUE_MAX = 500
NEVER_TAKEN = frozenset({400, 413, 422})
BACK_OFF_FIRST_S, BACK_OFF_MOST_S = 1.0, 60.0

log = logging.getLogger(__name__)


class WebhookStatus(msgspec.Struct, frozen=True):
    """One address's condition. ``peer`` is scheme and host; counters since start."""

    peer: str
    message: str
    since_mono_ns: int
    waiting: int
    delivered: int
    refused: int
    retries: int
    dropped: int


class Webhook:
    """One address. ``put`` from any thread, ``run`` on the main loop."""

    def __init__(
        self,
        settings: WebhookSettings,
        clock: Clock,
        back_off: BackOff | None = None,
        limit: int = QUEUE_MAX,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._back_off = back_off or BackOff(BACK_OFF_FIRST_S, BACK_OFF_MOST_S)
        self._lock = threading.Lock()
        self._queue = AlertQueue(limit)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake = asyncio.Event()
        parts = urlsplit(settings.url)
        self._peer = f"{parts.scheme}://{parts.hostname or ''}"
        self._message = ""
        self._since_mono_ns = clock.mono_ns()
        self._delivered = self._refused = self._retries = 0

    def put(self, alert: AlarmMessage) -> None:
        """Take an alert; returns at once. Any thread, also before ``run``."""
        with self._lock:
            self._queue.put(alert)
            loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._wake.set)

    def status(self) -> WebhookStatus:
        """The address's condition; any thread."""
        with self._lock:
            waiting, dropped = len(self._queue), sum(self._queue.dropped.values())
        return WebhookStatus(
            peer=self._peer,
            message=self._message,
            since_mono_ns=self._since_mono_ns,
            waiting=waiting,
            delivered=self._delivered,
            refused=self._refused,
            retries=self._retries,
            dropped=dropped,
        )

    async def run(self, session: aiohttp.ClientSession) -> None:
        """Deliver until cancelled."""
        with self._lock:
            self._loop = asyncio.get_running_loop()
        while True:
            with self._lock:
                alert = self._queue.first()
                if alert is None:
                    self._wake.clear()
            if alert is None:
                await self._wake.wait()
                continue
            trouble = await self._post(session, alert)
            if trouble:
                self._retries += 1
                self._say(f"{self._peer}: {trouble}; trying again")
                await asyncio.sleep(self._back_off.next_s())
                continue
            self._back_off.reset()
            with self._lock:
                self._queue.done(alert)

    async def _post(self, session: aiohttp.ClientSession, alert: AlarmMessage) -> str:
        """One try: nothing when the alert is dealt with, else what went wrong."""
        try:
            headers = {"Content-Type": "application/json", "Idempotency-Key": alert.id}
            if self._settings.token_file is not None:
                headers["Authorization"] = f"Bearer {await _token(self._settings.token_file)}"
            async with session.post(
                self._settings.url,
                data=msgspec.json.encode(alert),
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=self._settings.timeout_s),
                allow_redirects=False,
            ) as answer:
                status = answer.status
        except TimeoutError:
            return f"no answer within {self._settings.timeout_s:g} s"
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # Never the error's text: it may hold the whole address, or a header.
            return f"the alert could not be posted ({type(error).__name__})"
        if 200 <= status < 300:
            self._delivered += 1
            self._say("")
            return ""
        if status in NEVER_TAKEN:
            self._refused += 1
            self._say(f"{self._peer} refused alert {alert.id} with status {status}")
            return ""
        return f"it answered with status {status}; check url and token_file"

    def _say(self, message: str) -> None:
        if message == self._message:
            return
        self._message = message
        self._since_mono_ns = self._clock.mono_ns()
        if message:
            log.warning("webhook: %s", message)
        else:
            log.info("webhook: %s takes alerts again", self._peer)


class Webhooks:
    """Every configured address."""

    def __init__(self, settings: Sequence[WebhookSettings], clock: Clock) -> None:
        self._hooks = [Webhook(one, clock) for one in settings]

    def put(self, alert: AlarmMessage) -> None:
        """Tell every address; returns at once. Any thread.

        What follows from another alarm from the start is not told: its cause is.
        """
        if alert.under and alert.active and alert.wall_ns == alert.raised_wall_ns:
            return
        for hook in self._hooks:
            hook.put(alert)

    def status(self) -> tuple[WebhookStatus, ...]:
        """Every address's condition; any thread."""
        return tuple(hook.status() for hook in self._hooks)

    async def run(self) -> None:
        """Deliver until cancelled."""
        async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as tasks:
            for hook in self._hooks:
                tasks.create_task(hook.run(session))


async def _token(file: str) -> str:
    text = await asyncio.to_thread(Path(file).read_text, encoding="utf-8")
    return text.strip()
