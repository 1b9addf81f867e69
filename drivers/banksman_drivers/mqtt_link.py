"""A lasting link to an MQTT broker that lives on the loop that runs it and never blocks it.

    link = MqttLink(MqttEndpoint("broker.lan", client_id="banksman-press-1"), clock,
                    on_state=print)
    task = asyncio.create_task(link.run())
    taken = link.publish("banksman/press-1/decision", payload, qos=1, done=note)

Rules of this file
- The broker may be away, frozen, mad or behind a black hole: the loop does not notice. Waiting
  for names, TCP and TLS is asyncio's; every wait has a limit; retries back off with jitter.
- `publish` keeps nothing. False means: not taken, keep it yourself (back-pressure). A QoS 1
  message that was taken ends in one call of ``done``: True at the broker's acknowledgement,
  False when the link broke first and nobody knows.
- No thread of its own, except for reading certificates and the password file.
- MQTT 3.1.1 with a clean session: every broker speaks it, and our outbox, not the broker's
  session, holds what is not yet delivered.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from banksman_drivers.back_off import BackOff
from banksman_drivers.mqtt_session import Done, OnMessage, Session, SessionLimits, Will
from banksman_drivers.ports import Ticks

log = logging.getLogger(__name__)

LinkState = Literal["connecting", "up", "down"]
OnState = Callable[[LinkState], None]


class TlsFiles(msgspec.Struct, frozen=True):
    """PEM files. Without ``ca_file`` the system's authorities are trusted."""

    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None


class MqttEndpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Where the broker is, who we are there, and the limits."""

    host: str
    port: int = 1883
    client_id: str
    tls: TlsFiles | None = None
    username: str | None = None
    password_file: str | None = None
    will: Will | None = None
    topics: Sequence[str] = ()
    limits: SessionLimits = SessionLimits()
    connect_timeout_s: float = 10.0
    back_off_first_s: float = 0.25
    back_off_most_s: float = 15.0
    steady_s: float = 5.0  # a connection that held this long resets the back-off


class LinkReport(msgspec.Struct, frozen=True):
    """The link's condition for people; counters since start."""

    state: LinkState
    peer: str
    message: str
    since_mono_ns: int
    round_trip_ms: float
    in_flight: int
    published: int
    acknowledged: int
    refused: int  # publish() calls that were not taken
    reconnects: int
    malformed: int  # broken packets from the broker
    oversized: int  # packets thrown away for their size


class MqttLink:
    """Keeps one session after the other alive. ``run`` once, on the loop that calls the rest."""

    def __init__(
        self,
        endpoint: MqttEndpoint,
        ticks: Ticks,
        *,
        on_message: OnMessage = lambda _topic, _payload, _retained: None,
        on_state: OnState = lambda _state: None,
    ) -> None:
        self._endpoint = endpoint
        self._ticks = ticks
        self._on_message = on_message
        self._on_state = on_state
        self._peer = f"{endpoint.host}:{endpoint.port}"
        self._state: LinkState = "connecting"
        self._message = f"connecting to the broker at {self._peer}"
        self._since_mono_ns = ticks.mono_ns()
        self._session: Session | None = None
        self._back_off = BackOff(endpoint.back_off_first_s, endpoint.back_off_most_s)
        self._sessions = 0
        self._refused = 0
        self._round_trip_ms = 0.0
        # What ended sessions have counted: published, acknowledged, malformed, oversized.
        self._past = [0, 0, 0, 0]

    @property
    def up(self) -> bool:
        """Whether messages are taken now."""
        return self._state == "up"

    def room(self) -> int:
        """How many more QoS 1 messages would be taken now."""
        session = self._session
        if session is None or self._state != "up" or session.pipe.congested:
            return 0
        return self._endpoint.limits.max_in_flight - session.in_flight

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        qos: Literal[0, 1] = 0,
        retain: bool = False,
        done: Done | None = None,
    ) -> bool:
        """Hand one message to the broker, or return False and do nothing.

        Raises ValueError for a topic with wildcards.
        """
        session = self._session
        if (
            session is not None
            and self._state == "up"
            and session.publish(topic, payload, qos, retain, done)
        ):
            return True
        self._refused += 1
        return False

    def report(self) -> LinkReport:
        """The link's condition now; cheap, may be called from any thread."""
        session = self._session
        published, acknowledged, malformed, oversized = self._past
        in_flight, round_trip_ms = 0, self._round_trip_ms
        if session is not None:
            published += session.published
            acknowledged += session.acknowledged
            malformed += session.malformed
            oversized += session.pipe.oversized
            in_flight = session.in_flight
            round_trip_ms = session.round_trip_ms
        return LinkReport(
            state=self._state,
            peer=self._peer,
            message=self._message,
            since_mono_ns=self._since_mono_ns,
            round_trip_ms=round_trip_ms,
            in_flight=in_flight,
            published=published,
            acknowledged=acknowledged,
            refused=self._refused,
            reconnects=max(0, self._sessions - 1),
            malformed=malformed,
            oversized=oversized,
        )

    async def run(self) -> None:
        """Connect and reconnect until cancelled; says goodbye to the broker then."""
        try:
            while True:
                reason = await self._one_connection()
                self._become("down", f"{reason}; trying again")
                await asyncio.sleep(self._back_off.next_s())
                self._become("connecting", f"{self._peer}: {reason}; connecting again")
        finally:
            # Who ended it knows. A link that is run again must not begin by calling itself up.
            self._state = "connecting"
            self._message = f"not connected to {self._peer}"

    async def _one_connection(self) -> str:
        session = Session(self._ticks, self._endpoint.limits, self._on_message)
        try:
            reason = await self._open(session)
            if reason:
                return reason
            self._session = session
            self._sessions += 1
            self._become("up", f"connected to {self._peer}")
            up_since_ns = self._ticks.mono_ns()
            reason = await self._hold(session)
            if self._ticks.mono_ns() - up_since_ns > self._endpoint.steady_s * 1e9:
                self._back_off.reset()
            return reason
        finally:
            self._session = None
            session.close()
            self._round_trip_ms = session.round_trip_ms
            for index, count in enumerate(
                (session.published, session.acknowledged, session.malformed, session.pipe.oversized)
            ):
                self._past[index] += count
            await session.pipe.wait_closed()

    async def _open(self, session: Session) -> str:
        """Connect and log in; returns what went wrong, or nothing."""
        endpoint = self._endpoint
        try:
            async with asyncio.timeout(endpoint.connect_timeout_s):
                context, password = await self._secrets()
                await asyncio.get_running_loop().create_connection(
                    lambda: session.pipe, endpoint.host, endpoint.port, ssl=context
                )
                session.start(
                    endpoint.client_id, endpoint.topics, endpoint.will, endpoint.username, password
                )
                await asyncio.wait(
                    (session.ready, session.lost), return_when=asyncio.FIRST_COMPLETED
                )
        except TimeoutError:
            return (
                f"no answer from {self._peer} within {endpoint.connect_timeout_s:g} s;"
                " check the network and that it is a broker"
            )
        except ssl.SSLError as error:
            return f"TLS with {self._peer} failed ({error}); check ca_file and its host name"
        except (OSError, UnicodeError, ValueError) as error:
            return f"cannot reach the broker at {self._peer} ({error}); check that it runs"
        return f"{self._peer}: {session.lost.result()}" if session.lost.done() else ""

    async def _hold(self, session: Session) -> str:
        period_s = self._endpoint.limits.keepalive_s / 4
        while not session.lost.done():
            await asyncio.wait((session.lost,), timeout=period_s)
            session.tick()
        return f"lost the broker at {self._peer}: {session.lost.result()}"

    async def _secrets(self) -> tuple[ssl.SSLContext | None, str | None]:
        """Certificates and password, read anew at each connection so that they can be renewed."""
        endpoint = self._endpoint
        if endpoint.tls is None and endpoint.password_file is None:
            return None, None
        return await asyncio.to_thread(_read_secrets, endpoint.tls, endpoint.password_file)

    def _become(self, state: LinkState, message: str) -> None:
        if state == "up" or (state == "down" and message != self._message):
            log.log(logging.INFO if state == "up" else logging.WARNING, "MQTT: %s", message)
        self._message = message
        if state != self._state:
            self._state = state
            self._since_mono_ns = self._ticks.mono_ns()
            self._on_state(state)


def _read_secrets(
    tls: TlsFiles | None, password_file: str | None
) -> tuple[ssl.SSLContext | None, str | None]:
    context = None
    if tls is not None:
        context = ssl.create_default_context(cafile=tls.ca_file)
        if tls.cert_file is not None:
            context.load_cert_chain(tls.cert_file, tls.key_file)
    if password_file is None:
        return context, None
    return context, Path(password_file).read_text(encoding="utf-8").strip()
