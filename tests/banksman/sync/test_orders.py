"""Orders are carried out at most once, over restarts, and only those that are known."""

import pytest

from banksman.clock import ManualClock
from banksman.records import IdSource
from banksman.sync.orders import RESULTS, OrderBook, OrderFailed
from banksman.wire.uplink import Order


class Box:
    def __init__(self) -> None:
        self.clock = ManualClock()
        self.state: dict[str, bytes] = {}
        self.done: list[str] = []
        self.epoch = 0

    def book(self) -> OrderBook:
        """As after a start."""
        self.epoch += 1
        ids = IdSource("n", self.epoch)
        deeds = {"ping": self.ping, "fail": self.fail, "die": self.die}
        return OrderBook("n", self.clock, ids.next, deeds, self.state.get, self.state.__setitem__)

    async def ping(self, order) -> str:
        self.done.append(order.id)
        return "pong"

    async def fail(self, order) -> str:
        raise OrderFailed("no rules file")

    async def die(self, order) -> str:
        self.done.append(order.id)
        raise KeyboardInterrupt

    def order(self, name: str, order_id: str = "o1", for_s: float = 60.0) -> Order:
        return Order(order_id, name, self.clock.wall_ns() + round(for_s * 1e9))


def outcomes(book) -> list[str]:
    import msgspec

    return [msgspec.json.decode(item.body)["outcome"] for item in book.items()]


@pytest.fixture
def box() -> Box:
    return Box()


async def test_an_order_that_comes_again_is_not_carried_out_again(box):
    book = box.book()
    for _ in range(3):
        await book.carry_out(box.order("ping"))
    await box.book().carry_out(box.order("ping"))
    assert box.done == ["o1"]
    assert outcomes(box.book()) == ["done"], "and its result waits over restarts"


async def test_late_unknown_and_failing_orders_are_answered_as_such(box):
    book = box.book()
    await book.carry_out(box.order("ping", "late", for_s=0))
    await book.carry_out(box.order("arm", "arm"))
    await book.carry_out(box.order("fail", "fail"))
    assert outcomes(book) == ["expired", "unknown_name", "failed"]
    assert box.done == []


async def test_an_order_during_which_the_box_died_is_answered_and_not_repeated(box):
    with pytest.raises(KeyboardInterrupt):
        await box.book().carry_out(box.order("die"))
    again = box.book()
    await again.carry_out(box.order("die"))
    assert outcomes(again) == ["failed"]
    assert box.done == ["o1"]


async def test_a_flood_of_orders_is_bounded_and_results_that_are_taken_are_gone(box):
    book = box.book()
    for number in range(500):
        await book.carry_out(box.order("ping", f"o{number}"))
    assert len(book.items()) == RESULTS
    book.taken({item.id for item in book.items()})
    assert not box.book().items()


async def test_a_state_that_cannot_be_read_is_an_empty_one(box):
    box.state["sync.orders"] = b"\xff{"
    assert box.book().items() == []
