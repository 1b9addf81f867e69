"""The operator's account: first password, login, logout. Lives on the main loop.

- One account, ``operator``. Its scrypt line stands in ``operator.password`` (0600).
- While there is no password, each start makes a one-time setup code and announces it on the
  console: who can read the console may set the password. The code dies with its use and with
  the process; guesses fall under the same lock-out as passwords.
- scrypt runs in a worker thread, one at a time, so a flood of logins takes one core at most.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections.abc import Callable
from pathlib import Path

from banksman.clock import Clock
from banksman.security import passwords
from banksman.security.lockout import Lockout
from banksman.security.private_file import write_private
from banksman.security.refusals import (
    LockedOut,
    SetupClosed,
    SetupNeeded,
    WeakPassword,
    WrongCredentials,
)
from banksman.security.sessions import TOKEN_BYTES, Session, Sessions

OPERATOR = "operator"
FILE_NAME = "operator.password"
# No 0/O, 1/I/L, U: read from a console, typed on a phone. 30**10 is 49 bits.
CODE_ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
CODE_CHARS = 10


class Accounts:
    """Who may operate this box. ``announce`` prints one line on the console, never to a log file
    that leaves the box.
    """

    def __init__(self, folder: Path, clock: Clock, announce: Callable[[str], None]) -> None:
        self.lockout = Lockout()
        self.sessions = Sessions()
        self._file = folder / FILE_NAME
        self._clock = clock
        self._announce = announce
        self._stored = ""
        self._code: str | None = None
        self._one_at_a_time = asyncio.Lock()

    def open(self) -> None:
        """Read the stored password, or make and announce a setup code. Called once at start."""
        if self._file.exists():
            self._stored = self._file.read_text(encoding="ascii", errors="replace").strip()
        if not self._stored:
            self._code = "".join(secrets.choice(CODE_ALPHABET) for _ in range(CODE_CHARS))
            self._announce(
                f"No operator password is set. Setup code for the status page: {self._code[:5]}-"
                f"{self._code[5:]} (valid once, until the next restart)"
            )

    @property
    def setup_needed(self) -> bool:
        """Whether no password has been set yet."""
        return not self._stored

    async def set_up(self, client: str, code: str, password: str) -> tuple[str, Session]:
        """Set the first password with the console's code and log in: (token, session).

        Raises SetupClosed, WeakPassword, LockedOut, WrongCredentials, OSError.
        """
        self._setup_open()
        if not passwords.acceptable(password):
            raise WeakPassword("that password is too short or too long")
        self._admit(client)
        given = "".join(character for character in code.upper() if character.isalnum())
        async with self._one_at_a_time:
            expected = self._setup_open()
            if not hmac.compare_digest(expected.encode(), given.encode("utf-8", "replace")):
                raise WrongCredentials("that setup code is wrong")
            salt = secrets.token_bytes(passwords.SALT_BYTES)
            stored = await asyncio.to_thread(passwords.hash_password, password, salt)
            await asyncio.to_thread(write_private, self._file, f"{stored}\n".encode("ascii"))
            self._stored, self._code = stored, None
        self.lockout.succeeded(client)
        return self._begin(client)

    async def log_in(self, client: str, password: str) -> tuple[str, Session]:
        """Check the password and begin a session: (token, session).

        Raises SetupNeeded, LockedOut, WrongCredentials.
        """
        if self.setup_needed:
            raise SetupNeeded("no password has been set on this box yet")
        self._admit(client)
        async with self._one_at_a_time:
            right = await asyncio.to_thread(passwords.verify_password, password, self._stored)
        if not right:
            raise WrongCredentials("that password is wrong")
        self.lockout.succeeded(client)
        return self._begin(client)

    def session(self, token: str, *, touch: bool = True) -> Session | None:
        """The living session of a cookie's token, if any."""
        return self.sessions.find(token, self._clock.mono_ns(), touch=touch) if token else None

    def log_out(self, token: str) -> bool:
        """End a session; false when there was none."""
        return self.sessions.end(token)

    def _setup_open(self) -> str:
        if self._code is None:
            raise SetupClosed("a password has been set already")
        return self._code

    def _admit(self, client: str) -> None:
        wait_s = self.lockout.admit(client, self._clock.mono_ns())
        if wait_s > 0:
            raise LockedOut(wait_s)

    def _begin(self, client: str) -> tuple[str, Session]:
        token, csrf = secrets.token_urlsafe(TOKEN_BYTES), secrets.token_urlsafe(TOKEN_BYTES)
        return token, self.sessions.begin(token, csrf, OPERATOR, client, self._clock.mono_ns())
