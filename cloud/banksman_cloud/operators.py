"""The people who may look and order: passwords, sessions, and how often one may try.

Rules of this file
- Passwords are kept as scrypt (RFC 7914, OWASP's N = 2**14, r = 8, p = 5). Checking one takes a
  tenth of a second of a thread, one at a time.
- A session's token is made at login and nowhere else; the database holds its SHA-256. It ends
  IDLE_S after its last use and ABSOLUTE_S after login. All workers know it.
- Whether a name exists is not told: a wrong name costs as much time as a wrong password.
- Tries are counted for each client, in this worker: WAIT_AFTER free ones, then ever longer waits.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Callable

import msgspec

from banksman_cloud.errors import SettingsError
from banksman_cloud.storage.port import Engine, Session

PASSWORD_CHARS = (10, 128)
IDLE_S = 1800
ABSOLUTE_S = 12 * 3600
TOUCH_S = 60  # a session's last use is written down this often
SESSIONS_MAX = 200
WAIT_AFTER = 4
WAIT_MAX_S = 900.0
FORGET_S = 3600.0
CLIENTS_MAX = 1024
_SALT = 16
_LINE = "scrypt-14-8-5"


class LogIn(msgspec.Struct, frozen=True):
    """A session that has just begun. ``token`` goes into the cookie, ``csrf`` into the page."""

    name: str
    token: str
    csrf: str


class Operator(msgspec.Struct, frozen=True):
    """Who is logged in."""

    name: str
    csrf: str


class WrongPassword(PermissionError):
    """Name or password is wrong."""


class TooManyTries(PermissionError):
    """``wait_s``: when the next try is heard."""

    def __init__(self, wait_s: float) -> None:
        super().__init__(f"too many failed tries: wait {wait_s:.0f} s")
        self.wait_s = wait_s


class Tries:
    """Failed tries of each client, bounded. Pure."""

    def __init__(self) -> None:
        self._clients: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def admit(self, client: str, now_s: float) -> None:
        """Count a try, as failed until ``succeeded``. Raises TooManyTries."""
        count, last_s = self._clients.get(client, (0, now_s))
        if now_s - last_s >= FORGET_S:
            count = 0
        if count >= WAIT_AFTER:
            wait_s = min(WAIT_MAX_S, 2.0 ** min(count - WAIT_AFTER + 1, 32)) - (now_s - last_s)
            if wait_s > 0:
                raise TooManyTries(wait_s)
        self._clients[client] = (count + 1, now_s)
        self._clients.move_to_end(client)
        while len(self._clients) > CLIENTS_MAX:
            self._clients.popitem(last=False)

    def succeeded(self, client: str) -> None:
        """The try was good."""
        self._clients.pop(client, None)


class Operators:
    """Over one database; ``now_ns`` is the endpoint's clock."""

    def __init__(self, engine: Engine, now_ns: Callable[[], int]) -> None:
        self._engine = engine
        self._now_ns = now_ns
        self._tries = Tries()
        self._one_at_a_time = asyncio.Semaphore(1)

    async def any(self) -> bool:
        """Whether there is an operator at all."""
        return await self._engine.read(
            lambda db: db.one("SELECT name FROM operator LIMIT 1") is not None
        )

    async def set_password(self, name: str, password: str) -> None:
        """Make an operator or change the password; ends all sessions of that name.

        Raises SettingsError.
        """
        least, most = PASSWORD_CHARS
        if not least <= len(password) <= most:
            raise SettingsError(f"a password has {least} to {most} characters")
        if not name.isprintable() or not 0 < len(name) <= 64:
            raise SettingsError("an operator's name has 1 to 64 printable characters")
        line = await asyncio.to_thread(_hashed, password, secrets.token_bytes(_SALT))
        now_ns = self._now_ns()

        def work(db: Session) -> None:
            db.run(
                "INSERT INTO operator (name, password, made_ns) VALUES (:name, :line, :now) "
                "ON CONFLICT (name) DO UPDATE SET password = excluded.password",
                name=name,
                line=line,
                now=now_ns,
            )
            db.run("DELETE FROM session WHERE name = :name", name=name)

        await self._engine.write(work)

    async def log_in(self, name: str, password: str, client: str) -> LogIn:
        """Begin a session. Raises WrongPassword, TooManyTries."""
        self._tries.admit(client, self._now_ns() / 1e9)
        row = await self._engine.read(
            lambda db: db.one("SELECT password FROM operator WHERE name = :name", name=name)
        )
        line = str(row[0]) if row else _hashed_nobody()
        async with self._one_at_a_time:
            good = await asyncio.to_thread(_matches, password, line)
        if row is None or not good:
            raise WrongPassword("name or password is wrong")
        self._tries.succeeded(client)
        begun = LogIn(name, secrets.token_urlsafe(32), secrets.token_urlsafe(24))
        now_ns = self._now_ns()

        def work(db: Session) -> None:
            db.run("DELETE FROM session WHERE used_ns < :idle", idle=now_ns - IDLE_S * 10**9)
            db.run(
                "DELETE FROM session WHERE digest IN (SELECT digest FROM session "
                "ORDER BY used_ns DESC LIMIT 1000 OFFSET :most)",
                most=SESSIONS_MAX - 1,
            )
            columns = ("digest", "name", "csrf", "begun_ns", "used_ns")
            row = (_digest(begun.token), name, begun.csrf, now_ns, now_ns)
            db.insert_new("session", columns, [row])

        await self._engine.write(work)
        return begun

    async def operator(self, token: str) -> Operator | None:
        """Who has this token; None for nobody."""
        if not token or len(token) > 200:
            return None
        digest, now_ns = _digest(token), self._now_ns()
        row = await self._engine.read(
            lambda db: db.one(
                "SELECT name, csrf, begun_ns, used_ns FROM session WHERE digest = :digest",
                digest=digest,
            )
        )
        if row is None:
            return None
        name, csrf, begun_ns, used_ns = row
        if now_ns - used_ns > IDLE_S * 10**9 or now_ns - begun_ns > ABSOLUTE_S * 10**9:
            return None
        if now_ns - used_ns > TOUCH_S * 10**9:
            await self._engine.write(
                lambda db: db.run(
                    "UPDATE session SET used_ns = :now WHERE digest = :digest",
                    now=now_ns,
                    digest=digest,
                )
            )
        return Operator(name, csrf)

    async def log_out(self, token: str) -> None:
        """End the session; nothing if there is none."""
        digest = _digest(token)
        await self._engine.write(
            lambda db: db.run("DELETE FROM session WHERE digest = :digest", digest=digest)
        )


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def _hashed(password: str, salt: bytes) -> str:
    digest = hashlib.scrypt(
        password.encode("utf-8", "surrogatepass"),
        salt=salt,
        n=1 << 14,
        r=8,
        p=5,
        maxmem=64 * 1024 * 1024,
        dklen=32,
    )
    return _line(salt, digest)


def _line(salt: bytes, digest: bytes) -> str:
    return f"{_LINE}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def _hashed_nobody() -> str:
    """A line that no password matches, and that takes as long to find out."""
    return (
        f"{_LINE}${base64.b64encode(bytes(_SALT)).decode()}${base64.b64encode(bytes(32)).decode()}"
    )


def _matches(password: str, line: str) -> bool:
    kind, _, rest = line.partition("$")
    if kind != _LINE or len(password) > PASSWORD_CHARS[1]:
        return False
    salt = base64.b64decode(rest.partition("$")[0])
    return hmac.compare_digest(_hashed(password, salt), line)
