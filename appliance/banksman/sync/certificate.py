"""Keeps the box's certificate at its endpoint: loads it, renews it, hands it to every connection.

    identity.pem --every LOOK_S--> newest context --> uplink, questions to the cloud
          ^                            |
          '-- renewed when due --- EST over that very context

Rules of this file
- `banksman enrol` may replace the file at any time: what it wrote holds within LOOK_S, and a
  renewal that was under way meanwhile is thrown away.
- A new context drops nothing that is in flight (`sessions`).
- A renewal that fails is tried again with back-off; the old certificate serves until its end. One
  that found nobody there is tried again sooner, for that costs nobody anything, and at once when
  the uplink reaches its endpoint again: whoever comes back after weeks has little time left.
- An order may ask for a renewal before it is due; one renewal runs at a time.
- No secret is logged. Work on keys is done on worker threads.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, Protocol
from urllib.parse import urlsplit

from banksman.control.ports import AlarmSignal
from banksman.errors import IdentityError
from banksman.security.enrolment import accepted, certificates_in, new_request
from banksman.security.identity import ENROL, Identity, client_context, compose, parse, read
from banksman.security.private_file import write_private
from banksman.security.renewal import Life, life_of
from banksman.status import IdentityStatus
from banksman.sync.est import Est
from banksman.sync.transport import NoAnswer, Transport
from banksman.wire.messages import Priority
from banksman_drivers.back_off import BackOff

LOOK_S = 10.0
AGAIN_S = (60.0, 6 * 3600.0)
NOBODY_AGAIN_S = 600.0  # the most where nobody was reached
ALARM = "certificate"

log = logging.getLogger(__name__)


class Sender(Protocol):
    """Who sends by this certificate: the uplink."""

    @property
    def interface(self) -> str | None:
        """Where its sockets leave; None leaves it to the routes."""

    @property
    def up(self) -> bool:
        """Whether the endpoint has answered it last."""

    def try_anew(self) -> None:
        """There is another certificate. Main loop."""


class CertificateKeeper:
    """See the rules above. ``load`` it once before use, then ``run`` it on the main loop."""

    def __init__(
        self,
        file: Path,
        url: str,
        node: str,
        alarms: AlarmSignal,
        wall_s: Callable[[], float],
        mono_s: Callable[[], float],
    ) -> None:
        self._file = file
        self._node = node
        self._alarms = alarms
        self._wall_s = wall_s
        self._mono_s = mono_s
        self._raw: bytes | None = None
        self._identity: Identity | None = None
        self._context: ssl.SSLContext | None = None
        self._damage = ""
        self._trouble = ""
        self._renewals = 0
        self._back_off = BackOff(*AGAIN_S)
        self._try_at_s = 0.0
        self._sender: Sender | None = None
        self._was_up = False
        self._one = asyncio.Lock()
        parts = urlsplit(url)
        self._transport = Transport(f"{parts.scheme}://{parts.netloc}", mono_s, tls=self.context)
        self._est = Est(self._transport)

    def join(self, sender: Sender) -> None:
        """Renew by the interface that it leaves by, and tell it of each other certificate."""
        self._sender = sender

    def context(self) -> ssl.SSLContext | None:
        """TLS of the newest identity; None without one: the system's authorities are asked."""
        return self._context

    def status(self) -> IdentityStatus:
        """The certificate's condition now; any thread."""
        identity = self._identity
        if identity is None:
            state = "damaged" if self._damage else "none"
            return IdentityStatus(state=state, message=self._damage or ENROL)
        life = life_of(identity, self._wall_s())
        return IdentityStatus(
            state=life.age,
            node=identity.node,
            serial=identity.serial,
            message=self._words(life),
            ends_wall_ns=round(identity.ends_s * 1e9),
            renew_wall_ns=round(life.renew_s * 1e9),
            renewals=self._renewals,
            failures=self._back_off.waits,
        )

    def load(self) -> bool:
        """Take the file's content if it is another than before. Blocks; True when it was."""
        try:
            raw = read(self._file)
            if raw is not None and raw == self._raw:
                return False
            identity = None if raw is None else self._own(parse(raw))
            context = None if identity is None else client_context(identity, self._file)
        except IdentityError as error:
            changed = self._damage != str(error)
            self._raw, self._identity, self._context = None, None, None
            self._damage = str(error)
            return changed
        changed = self._identity != identity or bool(self._damage)
        self._raw, self._identity, self._context = raw, identity, context
        self._damage = self._trouble = ""
        self._back_off.reset()
        self._try_at_s = 0.0
        return changed

    def _own(self, identity: Identity) -> Identity:
        """It, if it is this node's. Raises IdentityError."""
        if identity.node == self._node:
            return identity
        raise IdentityError(
            f"{self._file} is of node {identity.node}, and [node] id is {self._node}: {ENROL}"
        )

    async def run(self) -> None:
        """Look after it until cancelled."""
        self._tell()
        async with self._transport:
            while True:
                await self.look()
                await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Take a new file, renew what is due, and say what people must know."""
        if await asyncio.to_thread(self.load):
            self._changed()
        self._hear_of_the_link()
        async with self._one:
            identity = self._identity
            if identity is not None:
                age = life_of(identity, self._wall_s()).age
                if age in ("due", "short") and self._mono_s() >= self._try_at_s:
                    await self._renew(identity)
        self._ring()

    def _hear_of_the_link(self) -> None:
        """With the link's return waits are over: they were for an endpoint that did not answer."""
        up = self._sender is not None and self._sender.up
        if up and not self._was_up:
            self._back_off.reset()
            self._try_at_s = self._mono_s()
        self._was_up = up

    async def renew_now(self) -> str:
        """Renew it though it is not due. Raises IdentityError; the old one then serves on."""
        async with self._one:
            identity = self._identity
            if identity is None:
                raise IdentityError(self._damage or ENROL)
            self._trouble = ""
            await self._renew(identity)
            if self._trouble:
                raise IdentityError(f"the certificate could not be renewed: {self._trouble}")
        return f"the certificate holds until {_day(self._identity or identity)}"

    async def _renew(self, identity: Identity) -> None:
        before = self._raw
        if self._sender is not None:
            await self._transport.leave_by(self._sender.interface)
        try:
            anchors = certificates_in(await self._est.cacerts())
            request = await asyncio.to_thread(new_request, self._node)
            body = await self._est.renew(request.body)
            made = await asyncio.to_thread(accepted, request, self._node, body, anchors)
            if await asyncio.to_thread(read, self._file) != before:
                return  # enrolled anew meanwhile
            content = compose(request.key_pem, made, anchors)
            await asyncio.to_thread(write_private, self._file, content, like_folder=True)
        except (IdentityError, NoAnswer, OSError) as error:
            self._trouble = str(error)
            wait_s = self._back_off.next_s()
            if isinstance(error, NoAnswer) and not error.reached:
                wait_s = min(wait_s, NOBODY_AGAIN_S)
            self._try_at_s = self._mono_s() + wait_s
            log.warning("the certificate %s could not be renewed: %s", identity.serial, error)
            return
        await asyncio.to_thread(self.load)
        self._renewals += 1
        self._changed()

    def _changed(self) -> None:
        self._tell()
        if self._sender is not None:
            self._sender.try_anew()

    def _tell(self) -> None:
        identity = self._identity
        if identity is None:
            log.log(logging.ERROR if self._damage else logging.INFO, "%s", self._damage or ENROL)
            return
        told = (identity.node, identity.serial, _day(identity))
        log.info("the certificate of %s, %s, holds until %s", *told)

    def _ring(self) -> None:
        """The alarm that a person should know of, if there is one."""
        status = self.status()
        told: tuple[Literal["short", "ended", "damaged", "clock"], ...]
        told = ("short", "ended", "damaged", "clock")
        if status.state in told:
            self._alarms.raise_alarm(ALARM, status.message, Priority.IMPORTANT, "certificate")
        else:
            self._alarms.clear_alarm(ALARM)

    def _words(self, life: Life) -> str:
        days = abs(life.left_s) / 86_400
        match life.age:
            case "good":
                return ""
            case "due":
                return f"being renewed{f': {self._trouble}' if self._trouble else ''}"
            case "short":
                why = self._trouble or "no answer yet"
                return f"renewal fails ({why}) and the certificate ends in {days:.1f} days"
            case "ended":
                return f"the certificate ended {days:.1f} days ago; with a new token {ENROL}"
            case "clock":
                return "this box's clock stands before the certificate's beginning: set it"


def _day(identity: Identity) -> str:
    return f"{datetime.fromtimestamp(identity.ends_s, UTC):%Y-%m-%d %H:%M}Z"
