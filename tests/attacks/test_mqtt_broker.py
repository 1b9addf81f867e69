"""A broker that means harm, or is broken: whatever it sends, the link counts it and comes back."""

from __future__ import annotations

import asyncio
import random
import struct
import time
from collections.abc import AsyncIterator, Callable

import pytest

from banksman_drivers.mqtt_link import MqttEndpoint, MqttLink
from banksman_drivers.mqtt_session import SessionLimits

CONNACK = b"\x20\x02\x00\x00"
SUBACK = b"\x90\x03\x00\x01\x00"


def message(topic: bytes, payload: bytes, flags: int = 0) -> bytes:
    body = struct.pack("!H", len(topic)) + topic + payload
    length, header = len(body), bytearray([0x30 | flags])
    while True:
        length, digit = divmod(length, 128)
        header.append(digit | (128 if length else 0))
        if not length:
            return bytes(header) + body


class Clock:
    def mono_ns(self) -> int:
        return time.monotonic_ns()


class Victim:
    """A link against a broker that answers each connection with the next of ``answers``."""

    def __init__(self, answers: list[bytes], topics: tuple[str, ...], limits: SessionLimits):
        self.messages: list[tuple[str, bytes]] = []
        self.connections = 0
        self._answers = answers
        self._topics = topics
        self._limits = limits

    async def start(self) -> None:
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self.server.sockets[0].getsockname()[1]
        self.link = MqttLink(
            MqttEndpoint(
                host="127.0.0.1",
                port=port,
                client_id="victim",
                topics=self._topics,
                limits=self._limits,
                connect_timeout_s=2.0,
                back_off_first_s=0.001,
                back_off_most_s=0.01,
            ),
            Clock(),
            on_message=lambda topic, payload, _: self.messages.append((topic, payload)),
        )
        self.task = asyncio.create_task(self.link.run())

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        self.server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answer = self._answers[min(self.connections, len(self._answers) - 1)]
        self.connections += 1
        try:
            await reader.read(4096)
            writer.write(answer)
            await writer.drain()
            while await reader.read(4096):
                pass
        except ConnectionError:
            pass
        finally:
            writer.close()


@pytest.fixture
async def attack() -> AsyncIterator[Callable[..., Victim]]:
    victims: list[Victim] = []

    async def start(
        *answers: bytes, topics: tuple[str, ...] = (), limits: SessionLimits | None = None
    ) -> Victim:
        victim = Victim(list(answers), topics, limits or SessionLimits())
        victims.append(victim)
        await victim.start()
        return victim

    yield start
    for victim in victims:
        await victim.stop()


@pytest.mark.parametrize(
    "poison",
    [
        pytest.param(b"HTTP/1.1 400 Bad Request\r\n\r\n", id="a web server"),
        pytest.param(b"\x00\x00", id="reserved packet type"),
        pytest.param(b"\xf0\x00", id="unknown packet type"),
        pytest.param(b"\x20\x00", id="empty CONNACK"),
        pytest.param(b"\x20\x01\x00", id="short CONNACK"),
        pytest.param(b"\x20\x02\x00\xff", id="CONNACK with an unknown code"),
        pytest.param(b"\x20\x02\x00\x01", id="CONNACK that refuses the version"),
        pytest.param(CONNACK + b"\x30\x00", id="empty PUBLISH"),
        pytest.param(CONNACK + b"\x30\x02\xff\xff", id="topic longer than its packet"),
        pytest.param(CONNACK + b"\x32\x03\x00\x01a", id="QoS 1 without an id"),
        pytest.param(CONNACK + b"\x36\x05\x00\x01a\x00\x01", id="QoS 3"),
        pytest.param(CONNACK + b"\x40\x00", id="empty PUBACK"),
        pytest.param(CONNACK + b"\x90\x00", id="empty SUBACK"),
        pytest.param(CONNACK + b"\x30\xff\xff\xff\xff\x7f", id="five length bytes"),
        pytest.param(CONNACK + b"\xe0\x00", id="DISCONNECT, which 3.1.1 brokers never send"),
    ],
)
async def test_a_broken_packet_costs_the_connection_and_the_next_one_works(attack, until, poison):
    victim = await attack(poison, CONNACK)
    await until(lambda: victim.connections >= 2 and victim.link.up, "a second, good connection")
    assert victim.link.publish("t", b"still alive")


async def test_broken_packets_are_counted(attack, until):
    victim = await attack(CONNACK + b"\x40\x00", CONNACK)
    await until(lambda: victim.connections >= 2 and victim.link.up, "the second connection")
    assert victim.link.report().malformed == 1


async def test_a_topic_that_is_no_text_is_ignored_and_the_connection_stays(attack, until):
    victim = await attack(CONNACK + message(b"\xff\xfe", b"x") + message(b"good", b"y"))
    await until(lambda: victim.messages, "the good message")
    assert victim.messages == [("good", b"y")]
    assert victim.connections == 1
    assert victim.link.report().malformed == 1


async def test_a_giant_message_is_thrown_away_and_what_follows_is_heard(attack, until):
    giant = message(b"big", bytes(3_000_000))
    victim = await attack(
        CONNACK + giant + message(b"small", b"y"), limits=SessionLimits(max_packet_bytes=100_000)
    )
    await until(lambda: victim.messages, "the small message")
    assert victim.messages == [("small", b"y")]
    assert victim.link.report().oversized == 1
    assert victim.connections == 1


async def test_acknowledgements_of_what_we_never_sent_are_ignored(attack, until):
    strange = b"".join(b"\x40\x02" + struct.pack("!H", mid) for mid in range(1, 200))
    victim = await attack(CONNACK + strange + message(b"good", b"y"))
    await until(lambda: victim.messages, "the message after them")
    assert victim.link.report().acknowledged == 0


async def test_a_refused_subscription_ends_the_connection_with_its_reason(attack, until):
    victim = await attack(CONNACK + b"\x90\x03\x00\x01\x80", topics=("secret/#",))
    await until(lambda: "secret/#" in victim.link.report().message, "the reason")
    assert not victim.link.up


async def test_a_flood_does_not_keep_other_work_of_the_loop_waiting(attack, until):
    victim = await attack(CONNACK + message(b"t", b"x" * 20) * 20_000)
    turns = 0
    while len(victim.messages) < 20_000:
        await asyncio.sleep(0)
        turns += 1
    assert turns > 20_000 / 100, "the flood was handled in few long turns"


async def test_random_noise_after_login_never_ends_the_link(attack, until):
    chance = random.Random(5050)
    noise = [CONNACK + chance.randbytes(chance.randrange(1, 400)) for _ in range(150)]
    mutated = []
    for _ in range(150):
        good = bytearray(SUBACK + message(b"topic", b"payload", 2) + b"\x40\x02\x00\x01")
        good[chance.randrange(len(good))] = chance.randrange(256)
        mutated.append(CONNACK + bytes(good) + b"\x30\xff\xff\xff\xff")
    victim = await attack(*noise, *mutated, CONNACK)
    # A connection whose noise announces more bytes than come would wait for ever: end those.
    while victim.connections < 300:
        await asyncio.sleep(0.002)
        session = victim.link._session
        if session is not None and not session.lost.done():
            session.close()
        assert not victim.task.done(), "the link has ended"
    await until(lambda: victim.link.up, "it still connects")
