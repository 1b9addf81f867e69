"""Handlers of visual quality control: stations, kept pictures, reviews, commissioning."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Literal

import msgspec
from aiohttp import web

from banksman.status import InspectionStatus
from banksman.vision.commission_view import CommissionRefused, CommissionView
from banksman.vision.exhibit import Answer, Exhibit
from banksman.vision.part_list import PartShown
from banksman.vision.rates import Rates
from banksman.vision.showing import NoPicture
from banksman.web.callers import Caller
from banksman.web.ports import Commissioner, Quality
from banksman.web.reading import ID_MAX_CHARS, limit_of
from banksman.web.replies import body_of, json_reply
from banksman.wire.problems import Refusal

EXHIBITS_MAX = 200
Rate = Annotated[float, msgspec.Meta(gt=0, lt=1)]


class Inspections(msgspec.Struct, frozen=True):
    """Every station, and how often each is wrong as far as people have looked."""

    inspections: Sequence[InspectionStatus]
    rates: Sequence[Rates]


class Exhibits(msgspec.Struct, frozen=True):
    """Kept pictures. ``next_before`` is the id to page on from."""

    exhibits: Sequence[Exhibit]
    next_before: str | None


class PartList(msgspec.Struct, frozen=True):
    """The parts that a station shall learn from: good ones, the oddest first, then defects."""

    parts: Sequence[PartShown]


class AnswerBody(msgspec.Struct, forbid_unknown_fields=True):
    """What the part was; an empty answer takes one back. ``label``: the class of a defect."""

    answer: Answer
    label: Annotated[str, msgspec.Meta(max_length=64)] = ""


class CollectBody(msgspec.Struct, forbid_unknown_fields=True):
    """Take so many parts; ``label`` is the class of defects.

    ``folder`` of the box: take its pictures instead. Over the Unix socket only.
    """

    what: Literal["good", "defect"]
    wanted: int = 0
    folder: Annotated[str, msgspec.Meta(max_length=1024)] = ""
    label: Annotated[str, msgspec.Meta(max_length=32)] = ""


class SaveBody(msgspec.Struct, forbid_unknown_fields=True):
    """Shares of good parts that may be doubtful, and critical (else a tenth of that)."""

    rate: Rate
    stop_rate: Rate | None = None


class QualityPages:
    """The handlers; ``quality`` is None on a box without a station."""

    def __init__(self, quality: Quality | None) -> None:
        self._quality = quality

    async def inspections(self, _request: web.Request, _caller: Caller) -> web.Response:
        """Every station."""
        desk = self._quality
        if desk is None:
            return json_reply(Inspections((), ()))
        return json_reply(Inspections(desk.inspections(), desk.rates()))

    async def exhibits(self, request: web.Request, _caller: Caller) -> web.Response:
        """Kept pictures, by pages."""
        limit = limit_of(request, default=20, maximum=EXHIBITS_MAX)
        before, station = request.query.get("before"), request.query.get("station")
        if any(each is not None and len(each) > ID_MAX_CHARS for each in (before, station)):
            raise Refusal(400, "bad-query", "before and station are ids")
        waiting, passes = _flag(request, "waiting"), _flag(request, "passes")
        if self._quality is None:
            return json_reply(Exhibits((), None))
        try:
            found = self._quality.exhibits(station, waiting, limit, before, passes)
        except KeyError:
            raise _no_station() from None
        return json_reply(Exhibits(found, found[-1].id if len(found) == limit else None))

    async def picture(self, request: web.Request, _caller: Caller) -> web.Response:
        """One picture."""
        try:
            jpeg = await self._desk().picture(request.match_info["id"])
        except KeyError:
            raise _no_exhibit() from None
        return web.Response(body=jpeg, content_type="image/jpeg")

    async def answer(self, request: web.Request, caller: Caller) -> web.Response:
        """A person says what it was."""
        body = await body_of(request, AnswerBody)
        try:
            answered = await self._desk().answer(
                request.match_info["id"], body.answer, body.label, caller.by
            )
        except KeyError:
            raise _no_exhibit() from None
        except OSError as error:
            raise Refusal(
                503, "not-kept", f"the answer could not be kept: {error.strerror}",
                "Free some space in the store's folder on the box.",
            ) from None  # fmt: skip
        return json_reply(answered)

    async def commission(self, request: web.Request, _caller: Caller) -> web.Response:
        """How far commissioning is."""
        try:
            return json_reply(await self._desk().commission_view(request.match_info["id"]))
        except KeyError:
            raise _no_station() from None

    async def parts(self, request: web.Request, _caller: Caller) -> web.Response:
        """The parts that were taken."""
        try:
            return json_reply(PartList(await self._desk().parts(request.match_info["id"])))
        except KeyError:
            raise _no_station() from None

    async def part_picture(self, request: web.Request, _caller: Caller) -> web.Response:
        """One of them, small."""
        names = request.match_info
        try:
            jpeg = await self._desk().part_picture(names["id"], names["part"])
        except KeyError:
            raise _no_part() from None
        return web.Response(body=jpeg, content_type="image/jpeg")

    async def remove_part(self, request: web.Request, caller: Caller) -> web.Response:
        """Learn from one part no more."""
        change = self._commissioner(request).remove_part
        return await self._change_part(change, "commissioning removed a part", request, caller)

    async def put_part_back(self, request: web.Request, caller: Caller) -> web.Response:
        """It was all right."""
        change = self._commissioner(request).put_part_back
        return await self._change_part(change, "commissioning put a part back", request, caller)

    async def _change_part(
        self,
        change: Callable[[str], Awaitable[None]],
        event: str,
        request: web.Request,
        caller: Caller,
    ) -> web.Response:
        try:
            await change(request.match_info["part"])
        except KeyError:
            raise _no_part() from None
        except CommissionRefused as error:
            raise _refused(error) from None
        except OSError as error:
            raise Refusal(
                503, "not-kept", f"the part could not be moved: {error.strerror}",
                "Free some space in the store's folder on the box.",
            ) from None  # fmt: skip
        return await self._done(event, request, caller)

    async def live(self, request: web.Request, _caller: Caller) -> web.Response:
        """What a station's camera shows now."""
        try:
            jpeg = await self._desk().live(request.match_info["id"])
        except KeyError:
            raise _no_station() from None
        except NoPicture as error:
            raise Refusal(
                503, "no-live-picture", str(error), "See docs/operate/cameras.md."
            ) from None
        return web.Response(body=jpeg, content_type="image/jpeg")

    async def collect(self, request: web.Request, caller: Caller) -> web.Response:
        """Take parts."""
        body = await body_of(request, CollectBody)
        work = self._commissioner(request)
        if body.folder and caller.way != "socket":
            raise Refusal(
                403, "not-here", "a folder of the box is read over the local socket only",
                "Use banksman commission on the box.",
            )  # fmt: skip
        try:
            if body.folder:
                work.collect_folder(body.what, body.label, body.folder)
            else:
                work.collect(body.what, body.label, body.wanted)
        except CommissionRefused as error:
            raise _refused(error) from None
        return await self._done("commissioning takes parts", request, caller)

    async def pause(self, request: web.Request, caller: Caller) -> web.Response:
        """Take no more parts for now, or end the learning."""
        work = self._commissioner(request)
        work.pause()
        return await self._done("commissioning paused", request, caller)

    async def fit(self, request: web.Request, caller: Caller) -> web.Response:
        """Learn from what was taken."""
        work = self._commissioner(request)
        try:
            work.fit()
        except CommissionRefused as error:
            raise _refused(error) from None
        return await self._done("commissioning learns", request, caller)

    async def save(self, request: web.Request, caller: Caller) -> web.Response:
        """Build a bundle and try it beside the one in use."""
        body = await body_of(request, SaveBody)
        work = self._commissioner(request)
        try:
            await work.save(body.rate, body.stop_rate)
        except CommissionRefused as error:
            raise _refused(error) from None
        return await self._done("commissioning saved a bundle", request, caller)

    async def confirm(self, request: web.Request, caller: Caller) -> web.Response:
        """Put the bundle on trial in use."""
        work = self._commissioner(request)
        try:
            await work.confirm()
        except CommissionRefused as error:
            raise _refused(error) from None
        return await self._done("commissioning confirmed", request, caller)

    async def roll_back(self, request: web.Request, caller: Caller) -> web.Response:
        """Put the bundle before in use again."""
        work = self._commissioner(request)
        try:
            await work.roll_back()
        except CommissionRefused as error:
            raise _refused(error) from None
        return await self._done("commissioning rolled back", request, caller)

    async def drop(self, request: web.Request, caller: Caller) -> web.Response:
        """Forget the parts that were taken."""
        work = self._commissioner(request)
        try:
            await work.drop()
        except CommissionRefused as error:
            raise _refused(error) from None
        return await self._done("commissioning dropped its parts", request, caller)

    async def _done(self, event: str, request: web.Request, caller: Caller) -> web.Response:
        name = request.match_info["id"]
        view: CommissionView = await self._desk().commission_view(name)
        details = {
            **({"part": request.match_info["part"]} if "part" in request.match_info else {}),
            "station": name,
            "good": str(view.good),
            "bundle": view.candidate or view.in_use,
        }
        self._desk().note(event, caller.by, details)
        return json_reply(view)

    def _desk(self) -> Quality:
        if self._quality is None:
            raise Refusal(
                404, "no-inspection", "this box has no visual quality control",
                "Add an [[inspection]] to appliance.toml.",
            )  # fmt: skip
        return self._quality

    def _commissioner(self, request: web.Request) -> Commissioner:
        try:
            return self._desk().commissioning(request.match_info["id"])
        except KeyError:
            raise _no_station() from None


def _refused(error: CommissionRefused) -> Refusal:
    return Refusal(409, "commission-refused", str(error), "See how far it is, and do that first.")


def _flag(request: web.Request, name: str) -> bool:
    value = request.query.get(name, "false")
    if value not in ("true", "false"):
        raise Refusal(400, "bad-query", f"{name} is true or false")
    return value == "true"


def _no_station() -> Refusal:
    return Refusal(404, "no-inspection", "there is no such inspection", "See /api/v1/inspections.")


def _no_part() -> Refusal:
    return Refusal(404, "no-part", "there is no such part", "See the inspection's parts.")


def _no_exhibit() -> Refusal:
    return Refusal(
        404, "no-picture", "there is no such picture", "It may have given way to newer ones."
    )
