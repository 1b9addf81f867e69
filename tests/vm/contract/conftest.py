"""The contract of every driver (the suite next door, by a link), on the kernel's own buses."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The suite has no mark of its own; here it is for the virtual machine."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.vm)


def _rigs() -> dict[str, type]:
    from driver_rigs.gpio_sim import GpioSimRig
    from driver_rigs.i2c_stub import I2cStubAdcRig, I2cStubPinsRig

    return {"gpio_sim": GpioSimRig, "i2c_stub_adc": I2cStubAdcRig, "i2c_stub_pins": I2cStubPinsRig}


async def _lend(name: str, folder: Path) -> AsyncIterator:
    rig = _rigs()[name](folder)
    await rig.begin()
    yield rig
    await rig.cancel()
    await rig.end()


@pytest.fixture(params=["gpio_sim", "i2c_stub_adc", "i2c_stub_pins"])
async def rig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator:
    """Each driver in turn."""
    async for each in _lend(request.param, tmp_path):
        yield each


@pytest.fixture(params=["gpio_sim", "i2c_stub_pins"])
async def acting_rig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator:
    """Each driver that has outputs."""
    async for each in _lend(request.param, tmp_path):
        yield each
