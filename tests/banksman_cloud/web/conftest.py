"""The endpoint over HTTP, on SQLite: what HTTP does does not depend on the database."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from cloud_site import CloudSite

from banksman_cloud.answering import Adviser, compiled
from banksman_cloud.endpoint import Endpoint
from banksman_cloud.storage.sqlite import SqliteEngine

POINTS = """
[[input]]
name = "vib.rms"
unit = "mm/s"

[[point]]
name = "bearing"
actions = ["stop_press"]
"""
RULES = """
[[rule]]
name = "zone_d"
point = "bearing"
when = "vib.rms > '7.1 mm/s'"
then = "stop_press"
confidence = 0.9
"""


@pytest.fixture
async def endpoint(tmp_path, now) -> AsyncIterator[Endpoint]:
    engine = SqliteEngine(tmp_path / "cloud.db", now)
    await engine.open()
    yield Endpoint(engine, now)
    await engine.close()


@pytest.fixture
def adviser() -> Adviser:
    return Adviser(compiled(POINTS, RULES))


@pytest.fixture
async def site(endpoint, now, adviser) -> AsyncIterator[CloudSite]:
    async with CloudSite(endpoint, now, adviser) as running:
        yield running


@pytest.fixture
async def operator(site):
    """Headers of a logged-in operator; the cookie is in the client's jar."""
    await site.site.operators.set_password("anna", "correct horse")
    status, session, _ = await site.ask(
        "POST", "/api/v1/session", json={"name": "anna", "password": "correct horse"}
    )
    assert status == 200
    return {"X-CSRF-Token": session["csrf"]}
