"""A small client of the daemon's API, for commands: Unix socket first, else the page's URL."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from banksman.commands.options import DEFAULT_URL, SOCKET
from banksman.errors import BanksmanError, NotReachable

TIMEOUT_S = 5.0


class Refused(BanksmanError):
    """The daemon answered with an error; the message is its own."""


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over the daemon's Unix socket."""

    def __init__(self, path: Path, timeout_s: float | None) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        """Connect to the socket file."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class Client:
    """Asks one daemon. Every method raises NotReachable or Refused with the remedy."""

    def __init__(self, url: str | None, socket_path: Path | None) -> None:
        if url is None and socket_path is None and SOCKET.exists():
            socket_path = SOCKET
        self._socket = socket_path
        self._url = url or DEFAULT_URL

    def get(self, path: str) -> Any:
        """The JSON answer of a GET."""
        return self._ask("GET", path)

    def post(self, path: str, body: Any = None, timeout_s: float = TIMEOUT_S) -> Any:
        """The JSON answer of a POST; ``body`` is sent as JSON."""
        return self._ask("POST", path, body, timeout_s)

    def events(self, path: str) -> Iterator[tuple[str, Any]]:
        """(event name, JSON data) of a server-sent event stream, until it ends or breaks off."""
        connection, response = self._open("GET", path, None)
        name = "message"
        with connection, contextlib.suppress(ConnectionError, http.client.IncompleteRead):
            for raw in response:
                line = raw.decode("utf-8", "replace").rstrip("\r\n")
                if line.startswith("event:"):
                    name = line[6:].strip()
                elif line.startswith("data:"):
                    yield name, json.loads(line[5:])

    def _ask(self, method: str, path: str, body: Any = None, timeout_s: float = TIMEOUT_S) -> Any:
        connection, response = self._open(method, path, timeout_s, body)
        with connection:
            answer = response.read()
        return json.loads(answer) if answer else None

    def _open(
        self, method: str, path: str, timeout_s: float | None, body: Any = None
    ) -> tuple[_Closing, http.client.HTTPResponse]:
        connection = self._connection(timeout_s)
        try:
            headers = {"Accept": "application/json"}
            sent = None if body is None else json.dumps(body).encode()
            if sent is not None:
                headers["Content-Type"] = "application/json"
            connection.request(method, path, sent, headers)
            response = connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            where = str(self._socket) if self._socket else self._url
            raise NotReachable(
                f"no daemon answers at {where} ({error}). Is it running (systemctl status banksman)"
                ", and is this where it listens ([web] in its config)?"
            ) from error
        if response.status >= 400:
            text = _detail(response.read())
            connection.close()
            raise Refused(f"{response.status} {response.reason}: {text}")
        return _Closing(connection), response

    def _connection(self, timeout_s: float | None) -> http.client.HTTPConnection:
        if self._socket is not None:
            return _UnixConnection(self._socket, timeout_s)
        parts = urlsplit(self._url)
        kind = (
            http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        )
        return kind(parts.hostname or "127.0.0.1", parts.port, timeout=timeout_s)


class _Closing:
    """Closes the connection at the end of a with block."""

    def __init__(self, connection: http.client.HTTPConnection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        self._connection.close()


def _detail(body: bytes) -> str:
    """The words of a JSON problem, or the body's beginning."""
    try:
        problem = json.loads(body)
    except ValueError:
        return body[:200].decode("utf-8", "replace")
    if not isinstance(problem, dict):
        return str(problem)[:200]
    return ". ".join(str(problem[key]) for key in ("detail", "remedy") if problem.get(key))
