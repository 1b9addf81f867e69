"""One session: a plant, a broker, a subscriber and one peer that does the job between them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from benchmarks.reaction import simulator
from benchmarks.reaction.broker import Broker
from benchmarks.reaction.peer import Peer
from benchmarks.reaction.recipe import PeerMissing, Prepare, Recipe, Setting
from benchmarks.reaction.simulator import Simulator
from benchmarks.reaction.subscriber import Subscriber

START_S = 60.0
LOOK_S = 0.02


class Session(msgspec.Struct, frozen=True):
    """The parts of a running session. ``poll_s`` and ``readings_s``: start to the first of each."""

    recipe: Recipe
    plant: Simulator
    broker: Broker
    subscriber: Subscriber
    peer: Peer
    poll_s: float
    readings_s: float


@contextlib.contextmanager
def session(
    prepare: Prepare, folder: Path, cache: Path, poll_ms: int, *, standin: bool = False
) -> Iterator[Session]:
    """Start everything and wait until readings flow; the end kills everything.

    Raises PeerMissing when the peer cannot be had or does not come to work.
    """
    folder.mkdir(parents=True)
    with contextlib.ExitStack() as stack:
        plant = stack.enter_context(Simulator(simulator.build(cache)))
        broker = stack.enter_context(Broker(folder / "broker"))
        setting = Setting(plant.port, broker.port, poll_ms, folder, cache, standin=standin)
        recipe = prepare(setting)
        subscriber = stack.enter_context(
            Subscriber(broker.port, recipe.topic, recipe.sequence, recipe.message_id)
        )
        peer = stack.enter_context(Peer(recipe, folder / "peer.log"))
        poll_s = first_time(lambda: plant.mark().reads > 0, peer)
        readings_s = first_time(lambda: subscriber.arrived() > 0, peer)
        yield Session(recipe, plant, broker, subscriber, peer, poll_s, readings_s)


def first_time(happened: Callable[[], bool], peer: Peer) -> float:
    """Seconds from the peer's start until it is so. Raises PeerMissing when it never is."""
    while not happened():
        if not peer.alive:
            raise PeerMissing(f"it ended: {peer.tail()}")
        if time.monotonic() - peer.started_s > START_S:
            raise PeerMissing(f"it did not come to work within {START_S:g} s: {peer.tail()}")
        time.sleep(LOOK_S)
    return time.monotonic() - peer.started_s
