"""The guard's chip is pulled out while its lines are held, and plugged in again."""

import asyncio
import contextlib

import pytest

from banksman_drivers.guard.driver import GuardDriver
from banksman_drivers.ports import Quality
from banksman_drivers.settings.guard import GuardSettings
from batch_sink import Ticks
from driver_rigs.base import Sink

pytestmark = pytest.mark.vm

ESTOP_A, PERMIT = 1, 4


def test_a_chip_that_is_pulled_out_is_an_unknown_estop_and_latches(make_floor, chip):
    floor = make_floor()
    floor.energise()
    chip.unplug()
    try:
        state = floor.until(lambda state: state.inputs["estop_a"] is None and state.latched)
        assert state.outputs["permit"] is not True
    finally:
        chip.plug()


async def test_a_chip_that_comes_back_under_its_udev_name_is_opened_again(chip, tmp_path):
    """Linux 6.1 never gives the number of a chip again that went while its lines were held."""
    name = tmp_path / "safety-chip"
    name.symlink_to(chip.path)  # as a udev rule makes it
    settings = GuardSettings.model_validate(
        {
            "input": [{"name": "estop", "kind": "estop", "source": f"gpio:{name}:{ESTOP_A}"}],
            "output": [{"name": "permit", "target": f"gpio:{name}:{PERMIT}"}],
        }
    )
    driver, sink = GuardDriver(settings, Ticks(), lambda _: None), Sink()
    task = asyncio.create_task(driver.run(sink))

    def is_read(batch):
        return all(each.quality is Quality.GOOD for each in batch)

    async with asyncio.timeout(60):
        await sink.until(is_read)
        chip.unplug()
        name.unlink()
        await sink.until(lambda batch: not is_read(batch))
        chip.plug()
        name.symlink_to(chip.path)
        await sink.until(is_read)
    assert driver.state().latched
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
