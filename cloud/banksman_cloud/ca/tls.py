"""The listener's TLS: a client certificate is asked for, and only this authority's are believed.

Rules of this file
- Without a certificate a connection is made all the same: to enrol, and for operators' browsers.
  What each route asks for is decided behind it.
- A certificate whose time is over is let in, and told so by an answer (`web.certified` looks at the
  time of each): a connection that breaks off looks like a broken link, and its box would try again
  twice a second for ever.
- No session is resumed: each connection shows its certificate anew, and none outlives its key.
- A renewed pair of the listener holds for connections from then on.
"""

from __future__ import annotations

import ssl
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding

from banksman_cloud.ca.authority import Authority
from banksman_cloud.errors import SettingsError

NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME of openssl/x509_vfy.h; ssl has no name for it


def server_context(authority: Authority, pair: Path) -> ssl.SSLContext:
    """TLS 1.2 or newer. ``pair`` is the listener's PEM. Raises SettingsError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.num_tickets = 0
    context.verify_mode = ssl.CERT_OPTIONAL
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | ssl.VERIFY_X509_STRICT
    context.verify_flags |= NO_CHECK_TIME
    context.load_verify_locations(cadata=authority.certificate.public_bytes(Encoding.DER))
    load_pair(context, pair)
    return context


def load_pair(context: ssl.SSLContext, pair: Path) -> None:
    """Show this pair to connections from now on. Raises SettingsError."""
    try:
        context.load_cert_chain(pair)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(
            f"{pair} cannot be used ({error}): move it away, it is made anew"
        ) from None
