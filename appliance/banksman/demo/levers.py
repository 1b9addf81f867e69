"""The demo's levers from a terminal: which command goes to which socket, and its answer.

broker-off, restore broker-off     demo.sock   (the demo owns the broker)
everything else                    plant.sock  (the plant owns its machines)
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Final

from banksman.demo.orchestra import SOCKET as DEMO_SOCKET
from banksman.errors import BanksmanError, NotReachable
from banksman_drivers.fake.plant.control import ask
from banksman_drivers.fake.plant.service import SOCKET as PLANT_SOCKET

Answer = dict[str, Any]
WITHIN_S: Final = 10.0


class LeverRefused(BanksmanError):
    """The plant or the demo answered that it cannot do that; the message is its own."""


def pull(folder: Path, command: str, seconds: float | None = None) -> Answer:
    """Pull one lever and return the answer; raises NotReachable or LeverRefused."""
    request: Answer = {"command": command}
    if seconds is not None:
        request["seconds"] = seconds
    where = DEMO_SOCKET if command == "broker-off" else PLANT_SOCKET
    return asyncio.run(_ask(folder / where, request))


def restore(folder: Path, what: str | None) -> Answer:
    """Put one incident right, or all; raises NotReachable or LeverRefused."""
    return asyncio.run(_restore(folder, what))


def status(folder: Path) -> Answer:
    """What plant and demo see; raises NotReachable or LeverRefused."""
    return asyncio.run(_status(folder))


async def _restore(folder: Path, what: str | None) -> Answer:
    if what == "broker-off":
        return await _ask(folder / DEMO_SOCKET, {"command": "broker-on"})
    request: Answer = {"command": "restore"}
    if what is not None:
        return await _ask(folder / PLANT_SOCKET, request | {"what": what})
    answer = await _ask(folder / PLANT_SOCKET, request)
    demo = await _ask(folder / DEMO_SOCKET, {"command": "status"})
    if demo["status"]["broker"] == "off":
        await _ask(folder / DEMO_SOCKET, {"command": "broker-on"})
    return answer


async def _status(folder: Path) -> Answer:
    plant = await _ask(folder / PLANT_SOCKET, {"command": "status"})
    demo = await _ask(folder / DEMO_SOCKET, {"command": "status"})
    return {"message": demo["message"], "status": {**demo["status"], **plant["status"]}}


async def _ask(path: Path, request: Answer) -> Answer:
    try:
        answer = await ask(path, request, WITHIN_S)
    except (OSError, TimeoutError, ValueError) as error:
        raise NotReachable(
            f"no demo answers on {path} ({error or 'it is silent'}); start one with "
            "`banksman demo run`, or name its folder with --folder"
        ) from error
    if not answer.pop("ok", False):
        raise LeverRefused(str(answer.get("message", "refused without a reason")))
    return answer
