"""Who speaks by TLS: the certificate of the connection, looked up at each request.

Rules of this file
- OpenSSL has checked that our authority signed it and that it is a client's. Its time, and whether
  it may still speak, are the registry's to say, at every request, on connections that have been
  open for long as well.
- The node's name is the registry's, of the certificate's number; nothing that a caller says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from aiohttp import web

from banksman.wire.problems import Refusal
from banksman_cloud.ca.roll import Roll
from banksman_cloud.nodes import NodeRevoked
from banksman_cloud.web.callers import revoked

_END = {"Connection": "close"}
ENROL = "Enrol it with a new token: banksman enrol."


class Shown(msgspec.Struct, frozen=True):
    """A certificate that may speak now."""

    node: str
    serial: str


class CertificateIdentity:
    """Implements ``web.callers.Identity``. ``now_ns`` is this endpoint's clock."""

    def __init__(self, roll: Roll, now_ns: Callable[[], int]) -> None:
        self._roll = roll
        self._now_ns = now_ns

    async def caller(self, request: web.Request) -> str:
        """The node's name. Raises Refusal."""
        return (await self.shown(request)).node

    async def shown(self, request: web.Request) -> Shown:
        """The certificate that the connection showed, if it may speak. Raises Refusal."""
        certificate: Mapping[str, Any] | None = request.get_extra_info("peercert")
        serial = str(certificate.get("serialNumber", "")) if certificate else ""
        if certificate is None or not serial:
            raise Refusal(
                401, "no-certificate", "this needs a node's certificate, and none was shown", ENROL
            )
        standing = await self._roll.look(serial)
        if standing is None or standing.node != _common_name(certificate):
            raise Refusal(403, "unknown-certificate", "this certificate is not in the registry",
                          ENROL, _END)  # fmt: skip
        if standing.node_revoked_ns:
            raise revoked(NodeRevoked(standing.node))
        if standing.revoked_ns:
            raise Refusal(
                403, "revoked-certificate", "this certificate was ended: another took its place",
                ENROL, _END,
            )  # fmt: skip
        if standing.ends_ns <= self._now_ns():
            raise Refusal(403, "ended-certificate", "this certificate's time is over", ENROL, _END)
        return Shown(standing.node, serial)


def _common_name(certificate: Mapping[str, Any]) -> str:
    """The subject's CN, as Python's ``ssl`` gives it."""
    names = [
        value
        for part in certificate.get("subject", ())
        for key, value in part
        if key == "commonName"
    ]
    return str(names[0]) if len(names) == 1 else ""
