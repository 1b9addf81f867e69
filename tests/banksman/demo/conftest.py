"""A prepared demo folder with ports of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from banksman.demo.prepare import Ports, prepare
from tcp_ports import free_tcp_ports


@pytest.fixture
def free_ports() -> Ports:
    return Ports(*free_tcp_ports(4))


@pytest.fixture
def prepared(tmp_path: Path, free_ports: Ports) -> tuple[Path, Ports]:
    folder, ports, _notes = prepare(tmp_path / "run", free_ports)
    return folder, ports


@pytest.fixture
def until() -> Callable[[Callable[[], object]], Awaitable[None]]:
    """Wait until a condition holds; fails by name after twenty seconds."""

    async def wait(condition: Callable[[], object]) -> None:
        async with asyncio.timeout(20):
            while not condition():
                await asyncio.sleep(0.02)

    return wait
