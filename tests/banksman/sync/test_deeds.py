"""What may be ordered: bounded, useful, and nothing that moves a machine."""

import msgspec
import pytest

from banksman.clock import ManualClock
from banksman.errors import IdentityError, Problem
from banksman.sync.deeds import deeds
from banksman.sync.orders import DETAILS_BYTES, OrderFailed, OrderRefused
from banksman.web.fake import FakeAppliance
from banksman.wire.messages import Priority
from banksman.wire.uplink import Order


class Box:
    def __init__(self) -> None:
        self.desk = FakeAppliance(ManualClock())
        self.hurried = 0
        self.trouble = ""
        self.table = deeds(self.desk, self.hurry, self.renew)

    def hurry(self) -> None:
        self.hurried += 1

    async def renew(self) -> str:
        if self.trouble:
            raise IdentityError(self.trouble)
        return "the certificate holds until then"

    async def do(self, name: str, **arguments):
        return await self.table[name](Order("o1", name, 2**62, arguments))


@pytest.fixture
def box() -> Box:
    return Box()


def test_the_table_has_nothing_that_moves_a_machine(box):
    assert set(box.table) == {
        "ping", "send_diagnosis", "sync_now", "renew_certificate", "reload_rules",
    }  # fmt: skip


async def test_a_diagnosis_has_what_status_has(box):
    done = await box.do("send_diagnosis")
    assert done.message == "ready"
    assert done.details["sync"]["peer"] == "cloud.plant"
    assert {"store", "versions", "devices", "identity", "counters"} <= set(done.details)


async def test_a_diagnosis_stays_within_its_bounds_whatever_there_is_to_tell(box):
    for number in range(200):
        box.desk.alarm(f"key{number}", "x" * 2000, Priority.NORMAL)
    done = await box.do("send_diagnosis")
    assert len(msgspec.json.encode(done.details)) <= DETAILS_BYTES
    assert "left out for their size: alarms" in done.message
    assert "devices" in done.details, "what fits is there"


async def test_sync_now_hurries_and_says_what_waits(box):
    done = await box.do("sync_now")
    assert box.hurried == 1
    assert done.message == "3 records and 41 readings wait"


async def test_sync_now_over_a_metered_link_says_what_is_left(box):
    box.desk.sync = msgspec.structs.replace(box.desk.sync, metered=True, budget_left_bytes=0)
    assert (await box.do("sync_now")).message.endswith("over a metered link with 0 bytes left")


async def test_a_certificate_is_renewed_or_the_reason_told(box):
    assert "holds until" in (await box.do("renew_certificate")).message
    box.trouble = "the endpoint is away"
    with pytest.raises(OrderFailed, match="away"):
        await box.do("renew_certificate")
    plain = deeds(box.desk, box.hurry, None)
    with pytest.raises(OrderFailed, match="no certificate"):
        await plain["renew_certificate"](Order("o1", "renew_certificate", 1))


async def test_rules_with_a_flaw_are_told(box):
    box.desk.problems = (Problem("rules.toml", 3, "when", "no such sensor"),)
    with pytest.raises(OrderFailed, match="no such sensor"):
        await box.do("reload_rules")


@pytest.mark.parametrize("name", ["ping", "sync_now", "send_diagnosis", "reload_rules"])
async def test_arguments_that_nobody_asked_for_are_refused(box, name):
    with pytest.raises(OrderRefused, match="no arguments"):
        await box.do(name, file="/etc/passwd")
    assert box.hurried == 0
