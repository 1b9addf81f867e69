"""Boxes that send decisions as fast as they are taken; a process of its own.

    python -m benchmarks.cloud.feeder URL --nodes 8 --batches 50 --items 500

Prints one JSON line: how many records the endpoint has acknowledged, how long that took, and what
it refused meanwhile. What was not acknowledged is sent again, as a box would. Everything is
made before the clock starts: the figure is the endpoint's, not the feeder's.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections import Counter

import aiohttp
import msgspec
import zstandard

from banksman.wire.messages import DecisionMessage, Priority
from banksman.wire.uplink import Batch, Item, Receipt

WALL_NS = 1_790_000_000_000_000_000
AGAIN_S = 0.1
TRIES_MAX = 600
TYPES = ("quality_control", "process_control", "maintenance_advice", "inventory_alert")


class Fed(msgspec.Struct, frozen=True):
    """What came of it. ``taken`` and ``repeated`` are sums of the Receipts."""

    acknowledged: int
    taken: int
    repeated: int
    seconds: float
    wire_bytes: int
    trouble: dict[str, int]


def node_name(number: int) -> str:
    """What a node of the bench is called."""
    return f"bench-{number:04}"


def decision(node: str, sequence: int) -> Item:
    """A decision as a press would send it, about 600 bytes."""
    wall_ns = WALL_NS + sequence * 10_000_000
    message = DecisionMessage(
        id=f"{node}-7-{sequence}",
        node=node,
        type=TYPES[sequence % 4],
        point="oven_guard",
        wall_ns=wall_ns,
        mono_ns=sequence * 10_000_000,
        boot_id="2f1d6a0c-5b0e-4a51-9d0b-0f3f8b8f2f11",
        clock_quality="synchronised",
        latency_us=180.0 + sequence % 97,
        action="none" if sequence % 5 else "open_valve",
        confidence=0.5 + sequence % 50 / 100,
        source="rule",
        reason=f"oven at {70 + sequence % 23}.{sequence % 10} degC, limit 80 degC",
        inputs={"plc.oven": 70.0 + sequence % 23, "plc.speed": 3.0 + sequence % 7, "vib.rms": 2.1},
        rules_version="9f2c51aa03de",
        rule="over",
    )
    return Item(message.id, "decision", Priority.NORMAL, wall_ns, msgspec.json.encode(message))


def packed(node: str, first: int, count: int) -> bytes:
    """A batch of decisions on the wire."""
    items = [decision(node, first + n) for n in range(count)]
    batch = Batch(node, "2f1d6a0c", WALL_NS, 1, "synchronised", items)
    return zstandard.ZstdCompressor(level=1).compress(msgspec.msgpack.encode(batch))


class Feeder:
    """Counts what came back."""

    def __init__(self, url: str) -> None:
        self.acknowledged = self.taken = self.repeated = self.wire_bytes = 0
        self.trouble: Counter[str] = Counter()
        self._url = f"{url.rstrip('/')}/v1/ingest"
        self._receipts = msgspec.json.Decoder(Receipt)

    async def feed(self, session: aiohttp.ClientSession, node: str, bodies: list[bytes]) -> None:
        """One node: a batch at a time, each until it is acknowledged."""
        headers = {
            "X-Banksman-Node": node,
            "Content-Encoding": "zstd",
            "Content-Type": "application/msgpack",
        }
        for body in bodies:
            await self._until_acknowledged(session, headers, body)
            self.wire_bytes += len(body)

    async def _until_acknowledged(
        self, session: aiohttp.ClientSession, headers: dict[str, str], body: bytes
    ) -> None:
        for _ in range(TRIES_MAX):
            if await self._send(session, headers, body):
                return
            await asyncio.sleep(AGAIN_S)
        raise RuntimeError(f"not acknowledged after {TRIES_MAX} tries")

    async def _send(
        self, session: aiohttp.ClientSession, headers: dict[str, str], body: bytes
    ) -> bool:
        try:
            async with session.post(self._url, data=body, headers=headers) as answer:
                data = await answer.read()
                if answer.status != 200:
                    self.trouble[str(answer.status)] += 1
                    if answer.status not in (429, 503):
                        raise RuntimeError(data.decode(errors="replace"))
                    return False
        except (aiohttp.ClientError, ConnectionError, TimeoutError) as error:
            self.trouble[type(error).__name__] += 1
            return False
        receipt = self._receipts.decode(data)
        self.taken += receipt.taken
        self.repeated += receipt.repeated
        self.acknowledged += receipt.taken + receipt.repeated
        return True


async def feed(url: str, nodes: int, batches: int, items: int, first: int) -> Fed:
    """Feed until all is acknowledged."""
    bodies = {
        node_name(n): [packed(node_name(n), first + b * items, items) for b in range(batches)]
        for n in range(nodes)
    }
    feeder = Feeder(url)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(
        connector=connector, timeout=aiohttp.ClientTimeout(total=60)
    ) as session:
        print("GO", flush=True)
        begun = time.perf_counter()
        await asyncio.gather(*(feeder.feed(session, node, own) for node, own in bodies.items()))
        seconds = time.perf_counter() - begun
    return Fed(
        acknowledged=feeder.acknowledged,
        taken=feeder.taken,
        repeated=feeder.repeated,
        seconds=seconds,
        wire_bytes=feeder.wire_bytes,
        trouble=dict(feeder.trouble),
    )


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--nodes", type=int, default=8)
    parser.add_argument("--batches", type=int, default=50)
    parser.add_argument("--items", type=int, default=500)
    parser.add_argument("--first", type=int, default=1)
    given = parser.parse_args()
    fed = asyncio.run(feed(given.url, given.nodes, given.batches, given.items, given.first))
    print(msgspec.json.encode(fed).decode(), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
