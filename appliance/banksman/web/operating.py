"""Handlers that change something: acknowledge, reset, reload, and the operator's session."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated

import msgspec
from aiohttp import web

from banksman.alarm_book import SHELF_MAX_S
from banksman.errors import Problem, ResetRefused, ShelfRefused
from banksman.security.accounts import Accounts
from banksman.security.refusals import (
    AccessRefused,
    LockedOut,
    SetupClosed,
    SetupNeeded,
    WeakPassword,
    WrongCredentials,
)
from banksman.security.sessions import ABSOLUTE_S, Session
from banksman.web.callers import Access, Caller
from banksman.web.ports import Appliance
from banksman.web.reading import in_time
from banksman.web.replies import body_of, json_reply
from banksman.wire.problems import Refusal

Note = Callable[[str, str, dict[str, str]], None]


class LoginBody(msgspec.Struct, forbid_unknown_fields=True):
    """The operator's password."""

    password: str


class SetupBody(msgspec.Struct, forbid_unknown_fields=True):
    """The console's one-time code and the first password, 10 to 128 characters."""

    code: str
    password: str


class ShelfBody(msgspec.Struct, forbid_unknown_fields=True):
    """For how long an alarm rings nobody, up to 720 minutes; 0 takes it from the shelf."""

    minutes: Annotated[float, msgspec.Meta(ge=0, le=SHELF_MAX_S / 60)]


class SessionState(msgspec.Struct, frozen=True):
    """Who is logged in. ``csrf`` goes into X-CSRF-Token; ``login_to_read``: beyond loopback."""

    signed_in: bool
    name: str
    csrf: str
    setup_needed: bool
    login_to_read: bool


class RulesReloaded(msgspec.Struct, frozen=True):
    """With problems the old rules stay."""

    loaded: bool
    problems: Sequence[Problem]


class TripReset(msgspec.Struct, frozen=True):
    """The latch is released; a reset never restarts anything."""

    name: str
    reset: bool = True


class Operating:
    """The handlers. ``note`` takes (event, by, details) for the audit; it returns at once."""

    def __init__(
        self, appliance: Appliance, accounts: Accounts, note: Note, cookie: str, *, secure: bool
    ) -> None:
        self._appliance = appliance
        self._accounts = accounts
        self._note = note
        self._cookie = cookie
        self._secure = secure

    async def acknowledge(self, request: web.Request, caller: Caller) -> web.Response:
        """A person has seen an alarm."""
        try:
            key = request.match_info["key"]
            alarm = await in_time(self._appliance.acknowledge(key, caller.by))
        except KeyError:
            raise Refusal(
                404, "no-alarm", "there is no such alarm", "It may have cleared."
            ) from None
        return json_reply(alarm)

    async def shelve(self, request: web.Request, caller: Caller) -> web.Response:
        """An alarm rings nobody for a while."""
        body = await body_of(request, ShelfBody)
        key = request.match_info["key"]
        try:
            alarm = await in_time(self._appliance.shelve(key, caller.by, body.minutes))
        except KeyError:
            raise Refusal(
                404, "no-alarm", "there is no such alarm", "It may have cleared."
            ) from None
        except ShelfRefused as refused:
            raise Refusal(409, "shelf-refused", str(refused), "Acknowledge it.") from None
        return json_reply(alarm)

    async def reset_trip(self, request: web.Request, caller: Caller) -> web.Response:
        """A person releases a process trip; e-stop trips are refused here already."""
        name = request.match_info["name"]
        trip = next((trip for trip in self._appliance.snapshot().trips if trip.name == name), None)
        if trip is not None and trip.kind == "estop":
            raise Refusal(
                409,
                "reset-refused",
                "an e-stop trip is not reset over the network",
                "Release the e-stop and use its reset input at the machine.",
            )
        try:
            await in_time_or_refused(self._appliance, name, caller.by)
        except KeyError:
            raise Refusal(404, "no-trip", "there is no such trip", "See /api/v1/trips.") from None
        return json_reply(TripReset(name))

    async def reload_rules(self, _request: web.Request, caller: Caller) -> web.Response:
        """Load the rules file anew."""
        problems = await in_time(self._appliance.reload_rules(caller.by))
        return json_reply(RulesReloaded(not problems, problems), status=422 if problems else 200)

    async def session(self, _request: web.Request, caller: Caller) -> web.Response:
        """Who is logged in here."""
        return json_reply(self._state(caller, caller.session))

    async def log_in(self, request: web.Request, caller: Caller) -> web.Response:
        """Check the password; a session that came along is ended, never adopted."""
        body = await body_of(request, LoginBody)
        try:
            token, session = await self._accounts.log_in(caller.client, body.password)
        except AccessRefused as refused:
            raise self._refused("login_refused", caller, refused) from None
        return self._signed_in("login", caller, token, session)

    async def set_up(self, request: web.Request, caller: Caller) -> web.Response:
        """Set the first password with the console's code."""
        body = await body_of(request, SetupBody)
        try:
            token, session = await self._accounts.set_up(caller.client, body.code, body.password)
        except AccessRefused as refused:
            raise self._refused("setup_refused", caller, refused) from None
        except OSError as error:
            raise Refusal(
                500, "not-kept", f"the password could not be kept: {error.strerror}",
                "Free some space or repair the state folder on the box.",
            ) from None  # fmt: skip
        return self._signed_in("password_set", caller, token, session)

    async def log_out(self, _request: web.Request, caller: Caller) -> web.Response:
        """End this session."""
        self._accounts.log_out(caller.token)
        self._note("logout", caller.by, {})
        response = json_reply(self._state(caller, None))
        response.del_cookie(self._cookie, path="/", secure=self._secure, samesite="Strict")
        return response

    def _signed_in(self, event: str, caller: Caller, token: str, session: Session) -> web.Response:
        if caller.session is not None:
            self._accounts.log_out(caller.token)
        self._note(event, f"{session.name} at {caller.client}", {"way": caller.way})
        response = json_reply(self._state(caller, session))
        response.set_cookie(
            self._cookie,
            token,
            path="/",
            max_age=int(ABSOLUTE_S),
            httponly=True,
            samesite="Strict",
            secure=self._secure,
        )
        return response

    def _refused(self, event: str, caller: Caller, refused: AccessRefused) -> Refusal:
        # Only tries that were judged are noted: the lock-out bounds those, so nobody can flood
        # the audit. The ones turned away at the door are counted.
        if isinstance(refused, WrongCredentials):
            self._note(event, caller.client, {"why": str(refused)})
        return refusal_of(refused)

    def _state(self, caller: Caller, session: Session | None) -> SessionState:
        return SessionState(
            signed_in=session is not None,
            name=session.name if session else "",
            csrf=session.csrf if session else "",
            setup_needed=self._accounts.setup_needed,
            login_to_read=not Caller(caller.way, "", "", None).may(Access.READ),
        )


async def in_time_or_refused(appliance: Appliance, name: str, by: str) -> None:
    """Reset a trip; the interlock's refusal becomes an answer. Raises Refusal, KeyError."""
    try:
        await in_time(appliance.reset_trip(name, by))
    except ResetRefused as error:
        raise Refusal(
            409, "reset-refused", str(error), "Clear every cause first; the page lists them."
        ) from None


def refusal_of(refused: AccessRefused) -> Refusal:
    """The answer for someone who was not let in."""
    headers: dict[str, str] = {}
    status, kind = 401, "wrong-credentials"
    if isinstance(refused, LockedOut):
        status, kind = 429, "locked-out"
        headers["Retry-After"] = str(int(refused.wait_s) + 1)
    elif isinstance(refused, WeakPassword):
        status, kind = 400, "weak-password"
    elif isinstance(refused, SetupClosed | SetupNeeded):
        status, kind = 409, "setup"
    return Refusal(status, kind, str(refused), refused.remedy, headers)
