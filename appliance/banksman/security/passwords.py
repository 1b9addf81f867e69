"""Passwords at rest: scrypt (RFC 7914) with its parameters beside the hash. Pure; costs CPU.

    scrypt$ln=14,r=8,p=5$<salt, base64>$<hash, base64>

- N = 2**14, r = 8, p = 5 is the OWASP choice for 16 MiB of memory: a box has 80 MB for all.
- One verification takes 0.15 s here and about a second on a Raspberry Pi: never on a loop.
- A stored line that cannot be read verifies nothing; it never raises and never lets in.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re

MIN_CHARS = 10
MAX_CHARS = 128
LOG2_N, R, P = 14, 8, 5
SALT_BYTES = 16
HASH_BYTES = 32
# Twice what these parameters need, and no more if the file was tampered with.
MAX_MEMORY_BYTES = 64 * 1024 * 1024
_LINE = re.compile(
    r"scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([\w+/=]+)\$([\w+/=]+)", re.ASCII
)


def acceptable(password: str) -> bool:
    """Whether a new password has a sensible length; composition rules help nobody (SP 800-63B)."""
    return MIN_CHARS <= len(password) <= MAX_CHARS


def hash_password(password: str, salt: bytes) -> str:
    """Return the line to store. ``salt`` is SALT_BYTES fresh random bytes."""
    digest = _scrypt(password, salt, LOG2_N, R, P)
    return f"scrypt$ln={LOG2_N},r={R},p={P}${_text(salt)}${_text(digest)}"


def verify_password(password: str, stored: str) -> bool:
    """Whether ``password`` made the line ``stored``, compared in constant time."""
    match = _LINE.fullmatch(stored.strip())
    if match is None or len(password) > MAX_CHARS:
        return False
    try:
        salt, expected = (base64.b64decode(part, validate=True) for part in match.group(4, 5))
        log2_n, r, p = (int(part) for part in match.group(1, 2, 3))
        return hmac.compare_digest(_scrypt(password, salt, log2_n, r, p), expected)
    except (ValueError, TypeError, OverflowError, MemoryError):
        return False


def _scrypt(password: str, salt: bytes, log2_n: int, r: int, p: int) -> bytes:
    return hashlib.scrypt(
        password.encode("utf-8", "surrogatepass"),
        salt=salt,
        n=1 << log2_n,
        r=r,
        p=p,
        maxmem=MAX_MEMORY_BYTES,
        dklen=HASH_BYTES,
    )


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")
