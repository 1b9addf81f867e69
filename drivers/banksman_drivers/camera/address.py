"""Addresses of RTSP cameras: with the login for the library, without it for everybody else.

The login stands in a file. What people and logs are shown ends after the port: some cameras
carry a password in the path or the query.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

from banksman_drivers.ports import DeviceLost


def shown(source: str) -> str:
    """The address as it may be told: scheme, host and port."""
    url = urlsplit(source)
    return f"{url.scheme}://{url.netloc.rpartition('@')[2]}"


def with_login(source: str, username: str | None, password_file: str | None) -> str:
    """The address as the library wants it. Raises DeviceLost if the file cannot be read."""
    if username is None:
        return source
    login = quote(username, safe="")
    if password_file is not None:
        try:
            password = Path(password_file).read_text(encoding="utf-8").strip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "is no UTF-8 text"
            raise DeviceLost(
                f"the password file {password_file} cannot be used: {reason}; bring it, readable"
                " for the daemon only"
            ) from None
        login += ":" + quote(password, safe="")
    url = urlsplit(source)
    return urlunsplit(url._replace(netloc=f"{login}@{url.netloc}"))
