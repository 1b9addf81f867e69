"""Handlers of the machines that are watched: what is said of them, and what people say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import msgspec
from aiohttp import web

from banksman.errors import VersionRefused
from banksman.maintenance.shown import MachineBrief
from banksman.web.callers import Caller
from banksman.web.ports import Machines
from banksman.web.replies import body_of, json_reply
from banksman.wire.problems import Refusal

if TYPE_CHECKING:
    from banksman.maintenance.attending import Word


class MachineList(msgspec.Struct, frozen=True):
    """Every machine at a glance."""

    machines: Sequence[MachineBrief]


class GoBackBody(msgspec.Struct, forbid_unknown_fields=True):
    """The number of the former normal, of ``versions``."""

    version: Annotated[int, msgspec.Meta(ge=1, le=2**31)]


class MachinePages:
    """The handlers; ``machines`` is None on a box without a ``[[machine]]``."""

    def __init__(self, machines: Machines | None) -> None:
        self._machines = machines

    async def machines(self, _request: web.Request, _caller: Caller) -> web.Response:
        """Every machine."""
        return json_reply(MachineList(() if self._machines is None else self._machines.machines()))

    async def machine(self, request: web.Request, _caller: Caller) -> web.Response:
        """One machine with all that is known of it."""
        try:
            return json_reply(await self._desk().machine(request.match_info["id"]))
        except KeyError:
            raise _no_machine() from None

    async def renew(self, request: web.Request, caller: Caller) -> web.Response:
        """A person says: as it is now, it is well."""
        return self._say(request, caller, "renew")

    async def failed(self, request: web.Request, caller: Caller) -> web.Response:
        """A person says: it failed. Its life is a known run from now on, and it is new."""
        return self._say(request, caller, "failed")

    async def replaced(self, request: web.Request, caller: Caller) -> web.Response:
        """A person says: a part was replaced before it failed. It is new."""
        return self._say(request, caller, "replaced")

    async def go_back(self, request: web.Request, caller: Caller) -> web.Response:
        """A person says: an earlier normal was the right one."""
        body = await body_of(request, GoBackBody)
        try:
            brief = await self._desk().go_back(request.match_info["id"], body.version, caller.by)
        except KeyError:
            raise _no_machine() from None
        except VersionRefused as refused:
            raise Refusal(
                409, "version-refused", str(refused), "See its versions, or renew it."
            ) from None
        return json_reply(brief)

    def _say(self, request: web.Request, caller: Caller, word: Word) -> web.Response:
        try:
            return json_reply(self._desk().say(request.match_info["id"], word, caller.by))
        except KeyError:
            raise _no_machine() from None

    def _desk(self) -> Machines:
        if self._machines is None:
            raise _no_machine()
        return self._machines


def _no_machine() -> Refusal:
    return Refusal(404, "no-machine", "there is no such machine", "See /api/v1/machines.")
