"""What boxes ask about pictures that come in pieces."""

from __future__ import annotations

import re

from aiohttp import web

from banksman.wire.problems import Refusal
from banksman.wire.uplink import PICTURE_BYTES_MAX, PIECE_BYTES_MAX, UploadState
from banksman_cloud.endpoint import Endpoint
from banksman_cloud.errors import Unavailable
from banksman_cloud.ingest.checking import WALL_NS_MAX, ItemRefused
from banksman_cloud.operators import Operator
from banksman_cloud.uploads import Piece, TooManyUploads, WrongPlace
from banksman_cloud.web.callers import Identity, speaker
from banksman_cloud.web.replies import bytes_of, json_reply, later
from banksman_cloud.web.routes import Access, Query, Route
from banksman_cloud.web.turnstile import Full, Turnstile

ABOUT_CHARS_MAX = 200
ID_CHARS_MAX = 200
RETRY_S = 5
BUSY_S = 60
HELD_FOLD = 2  # a piece is held as it came, and on its way to the database
_SUM = re.compile(r"[0-9a-f]{64}", re.ASCII)


class Uploads:
    """The handlers."""

    def __init__(self, endpoint: Endpoint, identity: Identity, turnstile: Turnstile) -> None:
        self._endpoint = endpoint
        self._identity = identity
        self._turnstile = turnstile

    def routes(self) -> tuple[Route, ...]:
        """The rows of the table."""
        path = "/v1/uploads/{id}"
        whole = {"type": "integer", "minimum": 0}
        text = {"type": "string"}
        node = Query("node", text, "whose picture it is")
        known = Query("sha256", text, "the sum of the whole picture, in hexadecimal")
        return (
            Route(
                "GET", path, Access.BOX, self.state, "How much of a picture is there?",
                UploadState, queries=(node, known), refusals=(400, 401, 403, 503),
            ),
            Route(
                "PUT", path, Access.BOX, self.take,
                "The next piece of a picture: 409 says from where to go on", UploadState,
                queries=(
                    node, known,
                    Query("at", whole, "how many bytes come before this piece"),
                    Query("size", whole, "of the whole picture"),
                    Query("priority", whole, "0 critical to 3 background"),
                    Query("wall_ns", whole, "when it was taken, ns since 1970 UTC"),
                    Query("sent_wall_ns", whole, "the box's time now"),
                    Query("about", text, "what it shows, for people"),
                ),
                refusals=(400, 401, 403, 408, 409, 413, 422, 429, 503),
            ),
        )  # fmt: skip

    async def state(self, request: web.Request, _by: Operator | None) -> web.Response:
        """How far it has come."""
        caller = await self._identity.caller(request)
        node = speaker(caller, request.query.get("node", ""))
        try:
            return json_reply(await self._endpoint.upload_state(node, _id(request), _sum(request)))
        except Unavailable as error:
            raise later("unavailable", str(error), RETRY_S, 503) from None

    async def take(self, request: web.Request, _by: Operator | None) -> web.Response:
        """A piece, durable when it is answered."""
        caller = await self._identity.caller(request)
        node = speaker(caller, request.query.get("node", ""))
        declared = request.content_length
        room = PIECE_BYTES_MAX if declared is None else min(declared, PIECE_BYTES_MAX)
        size = _whole(request, "size", PICTURE_BYTES_MAX)
        try:
            with self._turnstile.enter(caller, HELD_FOLD * room) as ticket:
                body = await bytes_of(request, PIECE_BYTES_MAX)
                piece = Piece(
                    id=_id(request),
                    at=_whole(request, "at", PICTURE_BYTES_MAX),
                    size=size,
                    sha256=_sum(request),
                    priority=_whole(request, "priority", 3),
                    wall_ns=_whole(request, "wall_ns", WALL_NS_MAX),
                    sent_wall_ns=_whole(request, "sent_wall_ns", WALL_NS_MAX),
                    about=request.query.get("about", "")[:ABOUT_CHARS_MAX],
                    body=body,
                )
                if piece.at + len(body) >= size:
                    ticket.grow(HELD_FOLD * size)  # the whole of it is put together
                return json_reply(await self._endpoint.upload(node, piece))
        except Full as full:
            raise later("busy", str(full), full.retry_after_s) from None
        except TooManyUploads as error:
            raise later("busy", str(error), BUSY_S) from None
        except WrongPlace as wrong:
            return json_reply(UploadState(_id(request), wrong.here), 409)
        except ItemRefused as error:
            raise Refusal(422, "no-picture", str(error), "Keep it on the box.") from None
        except Unavailable as error:
            raise later("unavailable", str(error), RETRY_S, 503) from None


def _id(request: web.Request) -> str:
    name = request.match_info["id"]
    if len(name) > ID_CHARS_MAX or not name.isprintable():
        raise Refusal(400, "bad-upload", "the id is not node-epoch-sequence")
    return name


def _sum(request: web.Request) -> str:
    found = request.query.get("sha256", "")
    if not _SUM.fullmatch(found):
        raise Refusal(400, "bad-upload", "sha256 is 64 hexadecimal digits")
    return found


def _whole(request: web.Request, name: str, most: int) -> int:
    text = request.query.get(name, "")
    if not (text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= most):
        raise Refusal(400, "bad-upload", f"{name} is a whole number up to {most}")
    return int(text)
