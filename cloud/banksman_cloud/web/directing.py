"""What operators want of one node: orders, and its desired state. Each names who asked for it."""

from __future__ import annotations

from typing import Any

import msgspec
from aiohttp import web

from banksman.wire.problems import Refusal
from banksman.wire.uplink import Desired, Order
from banksman_cloud.endpoint import Endpoint, NoSuchNode
from banksman_cloud.operators import Operator
from banksman_cloud.orders import NotOffered, NotWaiting, TooManyOrders
from banksman_cloud.shadow import NotSettable, VersionConflict
from banksman_cloud.web.replies import json_of, json_reply

EXPIRES_MAX_S = 30 * 86_400.0
ARGUMENTS_BYTES_MAX = 4 * 1024
NAME_CHARS_MAX = 64


class OrderWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An order to give; never carried out later than ``expires_s`` from now."""

    name: str
    expires_s: float
    arguments: dict[str, Any] = {}


class DesiredWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole desired state. ``if_version``: refuse if somebody has changed it meanwhile."""

    values: dict[str, Any]
    if_version: int | None = None


class Directing:
    """The handlers. ``by`` is who is logged in."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    async def order(self, request: web.Request, by: Operator | None) -> web.Response:
        """Give a node an order."""
        wish = await json_of(request, OrderWish)
        if not 0 < wish.expires_s <= EXPIRES_MAX_S:
            raise Refusal(400, "bad-order", f"expires_s is over 0 and up to {EXPIRES_MAX_S:g}")
        if not wish.name.isidentifier() or len(wish.name) > NAME_CHARS_MAX:
            raise Refusal(400, "bad-order", "name is a word of letters, digits and '_'")
        if len(msgspec.json.encode(wish.arguments)) > ARGUMENTS_BYTES_MAX:
            raise Refusal(400, "bad-order", f"arguments have at most {ARGUMENTS_BYTES_MAX} bytes")
        try:
            order: Order = await self._endpoint.order(
                request.match_info["node"], wish.name, wish.arguments, wish.expires_s, _name(by)
            )
        except NoSuchNode as error:
            raise unknown(error) from None
        except NotOffered as error:
            raise Refusal(400, "bad-order", str(error)) from None
        except TooManyOrders as error:
            raise Refusal(409, "too-many", str(error), "Wait for results.") from None
        return json_reply(order, 201)

    async def withdraw(self, request: web.Request, _by: Operator | None) -> web.Response:
        """Withdraw an order that waits."""
        try:
            await self._endpoint.withdraw(request.match_info["node"], request.match_info["id"])
        except NoSuchNode as error:
            raise unknown(error) from None
        except NotWaiting as error:
            raise Refusal(409, "not-waiting", str(error), "Look at its state.") from None
        return web.Response(status=204)

    async def desire(self, request: web.Request, by: Operator | None) -> web.Response:
        """Set a node's desired state."""
        wish = await json_of(request, DesiredWish)
        try:
            desired: Desired = await self._endpoint.desire(
                request.match_info["node"], wish.values, _name(by), wish.if_version
            )
        except NoSuchNode as error:
            raise unknown(error) from None
        except NotSettable as error:
            raise Refusal(400, "bad-value", str(error)) from None
        except VersionConflict as error:
            raise Refusal(409, "version", str(error), "Look at it anew.") from None
        return json_reply(desired)


def unknown(error: NoSuchNode) -> Refusal:
    """There is no such node."""
    return Refusal(404, "no-node", str(error), "See GET /api/v1/fleet.")


def _name(by: Operator | None) -> str:
    return by.name if by else ""
