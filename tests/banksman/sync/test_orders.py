"""Orders are carried out at most once, over restarts, in their time, and only known ones."""

import asyncio

import msgspec
import pytest

from banksman.clock import ManualClock
from banksman.records import IdSource
from banksman.sync import orders
from banksman.sync.orders import DETAILS_BYTES, RESULTS, Done, OrderBook, OrderFailed, OrderRefused
from banksman.wire.uplink import Order

DAY_NS = 86_400 * 10**9


class Box:
    def __init__(self) -> None:
        self.clock = ManualClock()
        self.state: dict[str, bytes] = {}
        self.done: list[str] = []
        self.noted: list[tuple[str, str]] = []
        self.epoch = 0

    def book(self) -> OrderBook:
        """As after a start."""
        self.epoch += 1
        ids = IdSource("n", self.epoch)
        deeds = {
            name: getattr(self, name) for name in ("ping", "fail", "die", "tell", "hang", "odd")
        }
        return OrderBook(
            "n", self.clock, ids.next, deeds, self.state.get, self.state.__setitem__,
            lambda event, by, _details: self.noted.append((event, by)),
        )  # fmt: skip

    async def ping(self, order) -> Done:
        self.done.append(order.id)
        return Done("pong")

    async def fail(self, order) -> Done:
        raise OrderFailed("no rules file")

    async def die(self, order) -> Done:
        self.done.append(order.id)
        raise KeyboardInterrupt

    async def tell(self, order) -> Done:
        return Done("told", {"text": "x" * order.arguments.get("size", 0)})

    async def hang(self, order) -> Done:
        await asyncio.Event().wait()

    async def odd(self, order) -> Done:
        if order.arguments:
            raise OrderRefused("odd takes no arguments")
        raise ZeroDivisionError

    def order(self, name: str, order_id: str = "o1", for_s: float = 60.0, **more) -> Order:
        return Order(order_id, name, self.clock.wall_ns() + round(for_s * 1e9), **more)


def outcomes(book) -> list[str]:
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


# Attacks, and clocks that are wrong.


async def test_a_replayed_order_is_not_carried_out_however_many_came_in_between(box, monkeypatch):
    monkeypatch.setattr(orders, "REMEMBERED", 50)
    book = box.book()
    first = box.order("ping", "first", for_s=1000)
    await book.carry_out(first)
    for number in range(200):
        await book.carry_out(box.order("ping", f"o{number}", for_s=900))
    await box.book().carry_out(first)
    assert box.done.count("first") == 1
    assert len(box.done) == 50, "the rest is refused, not forgotten"


async def test_ids_are_forgotten_when_their_orders_have_expired(box, monkeypatch):
    monkeypatch.setattr(orders, "REMEMBERED", 3)
    book = box.book()
    for number in range(10):
        await book.carry_out(box.order("ping", f"o{number}", for_s=10))
        box.clock.advance(11.0)
    assert len(box.done) == 10


async def test_a_replay_after_its_expiry_is_answered_and_not_carried_out(box):
    book = box.book()
    old = box.order("ping")
    await book.carry_out(old)
    box.clock.advance(61.0)
    await book.carry_out(box.order("ping", "o2"))  # here the first one's id is forgotten
    await book.carry_out(old)
    assert box.done == ["o1", "o2"]
    assert outcomes(book)[-1] == "expired"


async def test_a_box_whose_clock_is_wrong_judges_by_the_endpoints(box):
    book = box.book()
    endpoint_ns = box.clock.wall_ns() + 400 * DAY_NS  # the box stands a year behind
    stale = Order("stale", "ping", endpoint_ns - 1)
    fresh = Order("fresh", "ping", endpoint_ns + 10**9)
    await book.carry_out(stale, endpoint_ns)
    await book.carry_out(fresh, endpoint_ns)
    assert box.done == ["fresh"]
    assert outcomes(book) == ["expired", "done"]


async def test_an_order_for_another_node_is_refused(box):
    book = box.book()
    await book.carry_out(box.order("ping", "theirs", node="m"))
    await book.carry_out(box.order("ping", "ours", node="n"))
    assert box.done == ["ours"]
    assert outcomes(book) == ["refused", "done"]


async def test_an_order_that_never_expires_is_refused(box):
    book = box.book()
    await book.carry_out(box.order("ping", for_s=40 * 86_400))
    assert (box.done, outcomes(book)) == ([], ["refused"])


@pytest.mark.parametrize("name", ["arm", "reset_trip", "safe", "__class__", "ping ", "", "PING"])
async def test_a_name_that_is_not_in_the_table_does_nothing(box, name):
    book = box.book()
    await book.carry_out(box.order(name))
    assert outcomes(book) == ["unknown_name"]


async def test_arguments_and_details_beyond_bounds_go_nowhere(box):
    book = box.book()
    await book.carry_out(box.order("ping", "big", arguments={"x": "y" * 5000}))
    await book.carry_out(box.order("tell", "long", arguments={"size": DETAILS_BYTES}))
    results = [msgspec.json.decode(item.body) for item in book.items()]
    assert [one["outcome"] for one in results] == ["refused", "done"]
    assert "details" not in results[1]
    assert "too large" in results[1]["message"]


async def test_of_many_results_with_details_the_newest_keep_theirs(box):
    book = box.book()
    for number in range(20):
        await book.carry_out(box.order("tell", f"o{number}", arguments={"size": 20_000}))
    results = [msgspec.json.decode(item.body) for item in book.items()]
    with_details = [index for index, one in enumerate(results) if "details" in one]
    assert with_details == list(range(20 - len(with_details), 20))
    assert 0 < len(with_details) <= 6


async def test_an_order_that_hangs_or_breaks_ends_nothing_but_itself(box, monkeypatch, caplog):
    monkeypatch.setattr(orders, "WITHIN_S", 0.01)
    book = box.book()
    for name in ("hang", "odd", "ping"):
        await book.carry_out(box.order(name, name))
    assert outcomes(book) == ["failed", "failed", "done"]
    assert "nobody foresaw" in caplog.text


async def test_the_audit_names_the_order_who_gave_it_and_what_came_of_it(box):
    book = box.book()
    await book.carry_out(box.order("ping", by="anna"))
    await book.carry_out(box.order("<script>", "o2"))
    assert box.noted == [
        ("order ping: done", "anna by order o1"),
        ("order of an unknown name: unknown_name", "the endpoint by order o2"),
    ]
