"""The box's own HTTPS certificate: made on the box, never shipped, renewed before it ends.

- Self-signed ECDSA P-256. People compare the fingerprint with the one on the console.
- It is valid from EPOCH, because a box without a battery-backed clock may make it in the past.
- `cryptography` (10 MB) is imported in here only, so a page on loopback never pays for it.
- Key and certificate share one file (0600): they can never belong to different pairs.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from banksman.security.private_file import write_private

if TYPE_CHECKING:
    from cryptography import x509

FILE_NAME = "page-certificate.pem"
EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
VALID = timedelta(days=397)
RENEW_BEFORE = timedelta(days=30)


class PageCertificate(msgspec.Struct, frozen=True):
    """Where the pair stands and how people recognise it. ``made``: it is new since this call."""

    file: Path
    sha256: str
    ends: datetime
    made: bool


def ensure_certificate(folder: Path, names: Sequence[str], now: datetime) -> PageCertificate:
    """Return the certificate in ``folder``; make one if there is none, or none fit for ``names``.

    Takes about 20 ms of CPU: call it in a worker thread. Raises OSError when it cannot be kept.
    """
    file = folder / FILE_NAME
    kept = _read(file)
    if kept is not None and _serves(kept, names, now):
        return _described(file, kept, made=False)
    pem, certificate = _make(names, now)
    write_private(file, pem)
    return _described(file, certificate, made=True)


def _read(file: Path) -> x509.Certificate | None:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        raw = file.read_bytes()
        certificate = x509.load_pem_x509_certificate(raw)
        key = load_pem_private_key(raw, None)
    except (OSError, ValueError, TypeError):
        return None  # a damaged or unreadable pair is replaced
    return certificate if key.public_key() == certificate.public_key() else None


def _serves(certificate: x509.Certificate, names: Sequence[str], now: datetime) -> bool:
    from cryptography import x509

    extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return (
        list(extension.value) == _general_names(names)
        and certificate.not_valid_after_utc - now > RENEW_BEFORE
    )


def _make(names: Sequence[str], now: datetime) -> tuple[bytes, x509.Certificate]:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Banksman {names[0]}"[:64])])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(min(now, EPOCH))
        .not_valid_after(max(now, EPOCH) + VALID)
        .add_extension(x509.SubjectAlternativeName(_general_names(names)), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return pem + certificate.public_bytes(serialization.Encoding.PEM), certificate


def _general_names(names: Sequence[str]) -> list[x509.GeneralName]:
    from cryptography import x509

    found: list[x509.GeneralName] = []
    for name in names:
        try:
            found.append(x509.IPAddress(ipaddress.ip_address(name)))
        except ValueError:
            found.append(x509.DNSName(name))
    return found


def _described(file: Path, certificate: x509.Certificate, *, made: bool) -> PageCertificate:
    from cryptography.hazmat.primitives import hashes

    digest = certificate.fingerprint(hashes.SHA256()).hex(":").upper()
    return PageCertificate(file, digest, certificate.not_valid_after_utc, made)
