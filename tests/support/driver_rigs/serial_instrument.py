"""An instrument with messages of its own on a pseudo-terminal."""

from __future__ import annotations

import asyncio

from banksman_drivers.fake.serial_instrument import FakeInstrument
from banksman_drivers.ports import Value
from banksman_drivers.serial_line.make import make_serial
from banksman_drivers.settings.serial_text import SerialOutput, SerialPoint, SerialTextSettings
from batch_sink import Ticks
from driver_rigs.base import Rig


class SerialInstrumentRig(Rig):
    port = ""  # of the driver; the fake's own, unless a bench names another

    async def begin(self) -> None:
        self.instrument = FakeInstrument(self.folder / "usb-instrument")
        self.instrument.plug()
        settings = SerialTextSettings(
            driver="serial",
            id="device",
            port=self.port or str(self.folder / "usb-instrument"),
            ask="?\r\n",
            poll_ms=5,
            timeout_ms=1000,
            back_off_max_ms=50,
            point=[
                SerialPoint(name="level", unit="kg", after="LEVEL"),
                SerialPoint(name="door", unit="flag", after="DOOR"),
            ],
            output=[
                SerialOutput(
                    name="lamp",
                    safe=False,
                    on="LAMP 1\r\n",
                    off="LAMP 0\r\n",
                    answer="OK LAMP",
                    refusal="ERR",
                )
            ],
        )
        self.driver = make_serial(settings, Ticks(), lambda: 0)

    async def lose(self) -> None:
        self.instrument.unplug()

    async def restore(self) -> None:
        self.instrument.plug()

    async def end(self) -> None:
        self.instrument.unplug()

    def refuse_commands(self) -> None:
        self.instrument.refusing = True

    def written(self) -> list[Value]:
        return [*self.instrument.lamp_history]

    async def closed(self) -> None:
        while self.instrument.pty.users:
            await asyncio.sleep(0.001)
