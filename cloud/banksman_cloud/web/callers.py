"""Who speaks: the seam between a request and the node that it comes from.

Rules of this file
- With TLS the client certificate tells, and nothing else does: an `Identity` of that kind stands
  beside the certificate authority.
- `DeveloperIdentity` believes a header, or the body where there is none. It serves plain HTTP
  on loopback only; the settings refuse it anywhere else.
- What a body says of its node is compared with who speaks, and never believed over it.
"""

from __future__ import annotations

from typing import Protocol

from aiohttp import web

from banksman.wire.problems import Refusal
from banksman_cloud.nodes import NAME, NodeRevoked

NODE_HEADER = "X-Banksman-Node"


class Identity(Protocol):
    """Tells which node speaks."""

    async def caller(self, request: web.Request) -> str:
        """The node's name; empty where only the body can tell.

        Raises Refusal 401 without a certificate that is ours, 403 for one that is revoked. It is
        asked before the body is read, once for each request.
        """


class DeveloperIdentity:
    """Believes whoever speaks: loopback only."""

    async def caller(self, request: web.Request) -> str:
        """The header's node, or empty. Raises Refusal for a browser: no page speaks for a box."""
        if "Origin" in request.headers or "Sec-Fetch-Site" in request.headers:
            raise Refusal(403, "browser", "a web page does not speak for a box")
        name = request.headers.get(NODE_HEADER, "")
        return checked_name(name) if name else ""


def checked_name(name: str) -> str:
    """``name``, if a node may be called so. Raises Refusal."""
    if not NAME.fullmatch(name):
        raise Refusal(
            400, "bad-node", "a node's name has letters, digits, '.', '_' and '-', at most 63"
        )
    return name


def revoked(error: NodeRevoked) -> Refusal:
    """What a revoked node is told. Its connection ends."""
    return Refusal(
        403, "revoked", str(error), "An operator restores it: banksman-cloud restore.",
        {"Connection": "close"},
    )  # fmt: skip


def speaker(caller: str, claimed: str) -> str:
    """Who speaks, given what the certificate and the body say. Raises Refusal."""
    if not caller:
        return checked_name(claimed)
    if claimed != caller:
        raise Refusal(
            403,
            "other-node",
            f"the body is of another node than its sender, {caller}",
            "Set [node] id to the name in the node's certificate, or enrol it anew.",
        )
    return caller
