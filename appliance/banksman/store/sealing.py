"""Seals what lies on the disk: AES-256-GCM under the box's own key, which systemd hands over.

    0       2           6            22           30
    +-------+-----------+------------+------------+----------------------+
    | magic | key id    | salt       | counter    | ciphertext and tag   |
    +-------+-----------+------------+------------+----------------------+

Rules of this file
- A nonce never comes twice under one key (NIST SP 800-38D, 8.2.1), whatever the disk forgets: each
  start draws a salt of 128 bits, derives a key of its own from it (HKDF, RFC 5869) and counts from
  zero. Nothing of it rests on what was stored, so a restored backup or a copied card repeats none.
- The place (table, number, class, id) is authenticated with the bytes: a row that was moved,
  swapped or given another class does not open.
- The key's id stands in each row: under a new key what the old one sealed still opens.
- Bytes without the magic were never sealed. From the start on that first had a key they are refused
  like tampered ones.
- `cryptography` is imported only where there is a key.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import struct
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from banksman.errors import StoreError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

CREDENTIAL = "banksman.store-key"
KEY_FILE = "BANKSMAN_STORE_KEY"
KEY_BYTES = 32
# 0xb5 begins neither JSON nor zlib; the second byte is the version of this layout.
MAGIC = b"\xb5\x01"
HEAD = struct.Struct(">2s4s16sQ")
NONCE_LEAD = bytes(4)
CIPHERS_KEPT = 256
NOT_HERE = "which is not here"  # a reason that may pass: the key may come back
HOW_TO = "see docs/operate/secure.md"


class Unreadable(ValueError):
    """Bytes that do not open: sealed under a key that is not here, or not as they were written."""


def key_id(key: bytes) -> bytes:
    """What names a key without telling anything of it."""
    return hashlib.sha256(b"banksman store key id\0" + key).digest()[:4]


def place(table: str, *parts: object) -> bytes:
    """Where bytes belong, for the seal: ``place("journal", row_id, kind, priority, id)``."""
    return "\0".join((table, *map(str, parts))).encode("utf-8", "backslashreplace")


def is_sealed(data: bytes) -> bool:
    """Whether bytes claim to be sealed."""
    return data[: len(MAGIC)] == MAGIC


class Seal:
    """The keys of this box; any thread. Without a key it leaves everything as it is.

    ``first_sealed`` is the lowest number (row id or position) that must be sealed.
    """

    def __init__(self, keys: Sequence[bytes] = ()) -> None:
        """``keys``: the one that seals, then those that only open."""
        self._keys = {key_id(key): key for key in keys}
        self._own = key_id(keys[0]) if keys else b""
        self._salt = os.urandom(16)
        self._count = itertools.count()  # next() is one step: no two threads get the same
        self._lock = threading.Lock()
        self._ciphers: dict[tuple[bytes, bytes], AESGCM] = {}
        self.first_sealed: int | None = None
        self.next_number = 1  # the lowest that this start may give out

    @property
    def name(self) -> str:
        """For people; empty when nothing is sealed."""
        return f"AES-256-GCM, key {self._own.hex()}" if self._own else ""

    def knows(self, data: bytes) -> bool:
        """Whether the key that these bytes were sealed under is here."""
        return is_sealed(data) and data[2:6] in self._keys

    def seal(self, data: bytes, where: bytes) -> bytes:
        """The bytes as they go to the disk."""
        if not self._own:
            return data
        count = next(self._count)
        cipher = self._cipher(self._own, self._salt)
        head = HEAD.pack(MAGIC, self._own, self._salt, count)
        return head + cipher.encrypt(_nonce(count), data, where + head[:6])

    def open(self, data: bytes, where: bytes, number: int | None = None) -> bytes:
        """The bytes as they were given to ``seal`` for the same place. Raises Unreadable.

        ``number`` tells whether they may be older than the first key; None: they may not.
        """
        if not isinstance(data, bytes):
            raise Unreadable("it is no bytes at all: damaged or tampered with")
        if not is_sealed(data):
            must = self.first_sealed is not None
            if must and (number is None or number >= (self.first_sealed or 0)):
                raise Unreadable("it is not sealed, though there was a key: tampered with")
            return data
        if len(data) < HEAD.size:
            raise Unreadable("it is cut short")
        _, name, salt, count = HEAD.unpack_from(data)
        if name not in self._keys:
            raise Unreadable(f"it is sealed under key {name.hex()}, {NOT_HERE}")
        from cryptography.exceptions import InvalidTag

        try:
            opened: bytes = self._cipher(name, salt).decrypt(
                _nonce(count), data[HEAD.size :], where + data[:6]
            )
        except InvalidTag:
            raise Unreadable("its seal is broken: damaged or tampered with") from None
        return opened

    def _cipher(self, name: bytes, salt: bytes) -> AESGCM:
        with self._lock:
            cipher = self._ciphers.get((name, salt))
            if cipher is None:
                if len(self._ciphers) >= CIPHERS_KEPT:
                    self._ciphers.clear()
                cipher = self._ciphers[name, salt] = _derive(self._keys[name], salt)
            return cipher


def _derive(key: bytes, salt: bytes) -> AESGCM:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return AESGCM(HKDF(SHA256(), KEY_BYTES, salt, b"banksman store 1").derive(key))


def _nonce(count: int) -> bytes:
    return NONCE_LEAD + count.to_bytes(8, "big")


def load_seal(environ: Mapping[str, str]) -> Seal:
    """The keys that systemd has put into ``$CREDENTIALS_DIRECTORY``; none is fine.

    ``banksman.store-key`` seals; ``banksman.store-key.*`` only open. The file that
    ``$BANKSMAN_STORE_KEY`` names, if it is there, stands in where systemd seals no credentials;
    beside a credential it only opens. Each key is 32 bytes, raw or as 64 hexadecimal digits. Raises
    StoreError for a file that is no key: to go on unsealed would be to take a promise back
    without a word.
    """
    folder, file = environ.get("CREDENTIALS_DIRECTORY"), environ.get(KEY_FILE)
    try:
        found = sorted(Path(folder).glob(f"{CREDENTIAL}*")) if folder else []
        keys = {path.name: _key(path) for path in found}
        plain = [_key(Path(file))] if file and Path(file).exists() else []
    except OSError as error:
        raise StoreError(f"the store's key cannot be read ({error}); {HOW_TO}") from error
    if keys and CREDENTIAL not in keys and not plain:
        raise StoreError(f"{folder} has old keys of the store but not {CREDENTIAL}; {HOW_TO}")
    return Seal([*keys.values(), *plain] if CREDENTIAL in keys else [*plain, *keys.values()])


def _key(path: Path) -> bytes:
    content = path.read_bytes()
    if len(content) == KEY_BYTES:
        return content
    try:
        key = bytes.fromhex(content.decode("ascii").strip())
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise StoreError(f"{path} is no key of 32 bytes or 64 hexadecimal digits; {HOW_TO}")
    return key
