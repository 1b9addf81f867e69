"""Enrolment over Secure Transport (RFC 7030, with the clarifications of RFC 8951).

    GET  /.well-known/est/cacerts         the authority's certificates; asks for nothing
    POST /.well-known/est/simpleenroll    HTTP Basic, the password is a one-time token
    POST /.well-known/est/simplereenroll  by the certificate that is to be renewed

Rules of this file
- Bodies are base64 of DER both ways: a PKCS#10 request in, certs-only PKCS#7 out.
- Who asks is decided before the body is read, as far as that can be.
- It is served by TLS only; RFC 7030 allows nothing else.
"""

from __future__ import annotations

import base64
import logging
from collections.abc import Sequence
from typing import Final

from aiohttp import web
from cryptography import x509

from banksman.wire.problems import Refusal
from banksman_cloud.ca.authority import certs_only
from banksman_cloud.ca.enrolment import Enrolment
from banksman_cloud.ca.profiles import serial_text
from banksman_cloud.ca.requests import REQUEST_BYTES_MAX, BadRequest, decode
from banksman_cloud.ca.tokens import TOKEN_CHARS_MAX, BadToken
from banksman_cloud.operators import Operator
from banksman_cloud.web.certified import CertificateIdentity
from banksman_cloud.web.replies import bytes_of
from banksman_cloud.web.routes import Access, Route

log = logging.getLogger(__name__)

PATH: Final = "/.well-known/est"
BODY_BYTES_MAX: Final = 2 * REQUEST_BYTES_MAX  # base64 and line ends
REALM: Final = 'Basic realm="banksman enrolment", charset="UTF-8"'
PKCS7: Final = "application/pkcs7-mime"
PKCS10: Final = "application/pkcs10"
MAKE_ONE = "An operator makes one: banksman-cloud token new."


class Est:
    """The handlers. Who got a certificate stands in the log."""

    def __init__(self, enrolment: Enrolment, identity: CertificateIdentity) -> None:
        self._enrolment = enrolment
        self._identity = identity

    def routes(self) -> tuple[Route, ...]:
        """The rows of the table."""
        return (
            Route(
                "GET", f"{PATH}/cacerts", Access.PUBLIC, self.cacerts,
                "Whose certificates these are: certs-only PKCS#7", str, media=PKCS7,
            ),
            Route(
                "POST", f"{PATH}/simpleenroll", Access.ENROL, self.enrol,
                "A node's first certificate", str, str, media=PKCS7, body_media=PKCS10,
                refusals=(400, 401, 403, 408, 413, 503),
            ),
            Route(
                "POST", f"{PATH}/simplereenroll", Access.BOX, self.renew,
                "A node's next certificate", str, str, media=PKCS7, body_media=PKCS10,
                refusals=(400, 401, 403, 408, 413, 503),
            ),
        )  # fmt: skip

    async def cacerts(self, _request: web.Request, _by: Operator | None) -> web.Response:
        """The authority's certificates."""
        return _certificates(self._enrolment.authority.chain)

    async def enrol(self, request: web.Request, _by: Operator | None) -> web.Response:
        """By a token."""
        token = _token_of(request)
        der = await self._request_in(request)
        try:
            made = await self._enrolment.enrol(der, token)
        except BadToken as error:
            raise Refusal(
                401, "bad-token", str(error), MAKE_ONE, {"WWW-Authenticate": REALM}
            ) from None
        except BadRequest as error:
            raise _bad(error) from None
        return _given("enrolled", made, request)

    async def renew(self, request: web.Request, _by: Operator | None) -> web.Response:
        """By the certificate that is to be renewed."""
        shown = await self._identity.shown(request)
        der = await self._request_in(request)
        try:
            made = await self._enrolment.renew(der, shown.node, shown.serial)
        except BadRequest as error:
            raise _bad(error) from None
        return _given("renewed", made, request)

    async def _request_in(self, request: web.Request) -> bytes:
        body = await bytes_of(request, BODY_BYTES_MAX)
        try:
            return decode(body)
        except BadRequest as error:
            raise _bad(error) from None


def _token_of(request: web.Request) -> str:
    """The password of HTTP Basic (RFC 7617); the user's name is passed over. Raises Refusal."""
    kind, _, rest = request.headers.get("Authorization", "").partition(" ")
    try:
        decoded = base64.b64decode(rest.strip(), validate=True).decode()
    except ValueError:  # neither ASCII, nor base64, nor UTF-8
        decoded = ""
    _, colon, token = decoded.partition(":")
    if kind.lower() != "basic" or not colon or not 0 < len(token) <= TOKEN_CHARS_MAX:
        raise Refusal(
            401, "no-token", "enrolling needs a one-time token as the password of HTTP Basic",
            MAKE_ONE, {"WWW-Authenticate": REALM},
        )  # fmt: skip
    return token


def _given(how: str, made: x509.Certificate, request: web.Request) -> web.Response:
    log.info(
        "%s: %s, certificate %s, from %s",
        made.subject.rfc4514_string(),
        how,
        serial_text(made.serial_number),
        request.remote,
    )
    return _certificates([made])


def _certificates(certificates: Sequence[x509.Certificate]) -> web.Response:
    return web.Response(
        body=base64.encodebytes(certs_only(certificates)),
        headers={
            "Content-Type": f"{PKCS7}; smime-type=certs-only",
            "Content-Transfer-Encoding": "base64",
        },
    )


def _bad(error: BadRequest) -> Refusal:
    return Refusal(
        400, "bad-request", str(error),
        "Send base64 of a PKCS#10 request in DER, with the node's name as its common name.",
    )  # fmt: skip
