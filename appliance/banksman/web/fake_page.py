"""The page over a fake appliance, for tests and for whoever works on its looks:

    python -m banksman.web.fake_page --port 8081

Everything but the plant is the real thing: server, accounts, certificate, stream.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

from banksman.clock import Clock, SystemClock
from banksman.config.schema_services import WebSettings
from banksman.security.accounts import Accounts
from banksman.web.fake import FakeAppliance
from banksman.web.fake_machines import FakeMachines
from banksman.web.fake_quality import FakeQuality
from banksman.web.server import WebServer

STEP_S = 0.2
STEPS_PER_DECISION = 8
# type, point, action, reason, source, confidence
CASES = (
    ("forklift_navigation", "aisle_4", "none", "path clear: nearest at 6.2 m", "rule", 0.99),
    ("quality_control", "press_check", "reject", "force peak 596 kN is over 590 kN", "rule", 0.97),
    ("quality_control", "press_check", "none", "force curve within its band", "combined", 0.93),
    ("inventory_alert", "blanks", "none", "38 blanks left, 20 are needed", "rule", 0.99),
    ("maintenance_advice", "spindle", "none", "vibration as learnt, score 0.31", "model", 0.74),
    ("process_control", "oven", "none", "oven at 182.4 degC, band 175 to 190", "rule", 0.98),
    ("forklift_navigation", "aisle_4", "pause", "press crew in aisle 4: door open", "cloud", 0.58),
)


class FakePage:
    """A served fake, used with ``async with``. ``said`` holds what the console showed."""

    def __init__(
        self,
        clock: Clock,
        folder: Path,
        settings: WebSettings | None = None,
        announce: Callable[[str], None] | None = None,
    ) -> None:
        self.said: list[str] = []
        self.appliance = FakeAppliance(clock)
        self.quality = FakeQuality(clock)
        self.machines = FakeMachines(clock)
        self.accounts = Accounts(folder, clock, announce or self.said.append)
        # Port 0 lets the system choose; no config may ask for that, so it goes past the bounds.
        chosen = settings or WebSettings().model_copy(update={"port": 0})
        self.server = WebServer(
            chosen,
            self.appliance,
            self.accounts,
            clock,
            folder,
            site="Hall 2",
            quality=self.quality,
            machines=self.machines,
            note=self.appliance.note,
            announce=announce or self.said.append,
        )

    async def __aenter__(self) -> Self:
        await self.server.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.server.stop()

    @property
    def url(self) -> str:
        """Where it is served."""
        scheme = "https" if self.server.remote else "http"
        return f"{scheme}://127.0.0.1:{self.server.port}"

    @property
    def code(self) -> str:
        """The setup code, read off the console."""
        line = next(line for line in self.said if "Setup code" in line)
        return line.split(": ")[1].split()[0]


async def live(appliance: FakeAppliance, clock: Clock) -> None:
    """Let the plant run at its pace until cancelled, deciding now and then."""
    for step in itertools.count():
        appliance.advance(clock.mono_ns() / 1e9)
        if step % STEPS_PER_DECISION == 0:
            appliance.decide(*CASES[step // STEPS_PER_DECISION % len(CASES)])
        await asyncio.sleep(STEP_S)


async def serve(port: int, folder: Path) -> None:
    """Serve the page over a living fake until interrupted."""
    clock = SystemClock()
    async with FakePage(clock, folder, WebSettings(port=port), print) as page:
        print(page.url)
        await live(page.appliance, clock)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="The status page over a fake plant.")
    parser.add_argument("--port", type=int, default=8081)
    with TemporaryDirectory() as scratch:
        asyncio.run(serve(parser.parse_args().port, Path(scratch)))
