from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable

import msgspec
import pytest

from banksman_drivers.mqtt_link import MqttEndpoint, MqttLink
from banksman_drivers.mqtt_session import SessionLimits

LIMITS = SessionLimits()


class Clock:
    def mono_ns(self) -> int:
        return time.monotonic_ns()


class RunningLink:
    """A link that runs in this test's loop, with what it told."""

    def __init__(self, endpoint: MqttEndpoint) -> None:
        self.messages: list[tuple[str, bytes, bool]] = []
        self.states: list[str] = []
        self.link = MqttLink(
            endpoint,
            Clock(),
            on_message=lambda *message: self.messages.append(message),
            on_state=self.states.append,
        )
        self.task = asyncio.create_task(self.link.run())

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


@pytest.fixture
async def start_link() -> AsyncIterator[Callable[..., RunningLink]]:
    """Start a link: ``start_link(port=…, topics=("a",))``; endpoint fields by name."""
    running: list[RunningLink] = []

    def start(port: int, limits: SessionLimits = LIMITS, **fields: object) -> RunningLink:
        endpoint = MqttEndpoint(
            host=str(fields.pop("host", "127.0.0.1")),
            port=port,
            client_id=str(fields.pop("client_id", "link-under-test")),
            limits=limits,
            back_off_first_s=0.01,
            back_off_most_s=0.1,
        )
        running.append(RunningLink(msgspec.structs.replace(endpoint, **fields)))
        return running[-1]

    yield start
    for one in running:
        await one.stop()
