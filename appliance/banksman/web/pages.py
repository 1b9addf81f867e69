"""The page's files, read once at start from the package. No path is ever made from a request."""

from __future__ import annotations

import hashlib
from importlib import resources

import msgspec
from aiohttp import web

from banksman.web.callers import Caller
from banksman.wire.problems import Refusal

MEDIA = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}


class Asset(msgspec.Struct, frozen=True):
    """One file and its validator."""

    body: bytes
    media: str
    etag: str


class Pages:
    """Every asset by name; a name that is not in the table does not exist."""

    def __init__(self) -> None:
        self.assets: dict[str, Asset] = {}
        for file in (resources.files("banksman.web") / "static").iterdir():
            media = MEDIA.get(file.name[file.name.rfind(".") :])
            if media:
                body = file.read_bytes()
                etag = hashlib.sha256(body).hexdigest()[:20]
                self.assets[file.name] = Asset(body, media, etag)

    async def index(self, request: web.Request, _caller: Caller) -> web.Response:
        """The status page: a shell without data, the same on every box."""
        return self._serve(request, "index.html")

    async def api(self, request: web.Request, _caller: Caller) -> web.Response:
        """The page that lists the API."""
        return self._serve(request, "api.html")

    async def static(self, request: web.Request, _caller: Caller) -> web.Response:
        """One asset; browsers ask again each time and mostly hear 304."""
        return self._serve(request, request.match_info["name"])

    def _serve(self, request: web.Request, name: str) -> web.Response:
        asset = self.assets.get(name)
        if asset is None:
            raise Refusal(404, "http-404", "there is no such file", "See /api for what there is.")
        known = {tag.value for tag in request.if_none_match or ()}
        response = (
            web.Response(status=304)
            if asset.etag in known
            else web.Response(body=asset.body, content_type=asset.media, charset="utf-8")
        )
        response.etag = asset.etag
        response.headers["Cache-Control"] = "no-cache"
        return response
