"""Helpers that tests of several packages share, as fixtures."""

from __future__ import annotations

import asyncio
import ipaddress
import shutil
import threading
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import settings

from real_broker import Mosquitto
from tcp_ports import free_tcp_port

# Speed belongs into benchmarks: a law that holds slowly on a loaded machine holds.
settings.register_profile("banksman", deadline=None)
settings.load_profile("banksman")


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--hardware``: run what stands in tests/hardware, on a bench that is wired for it."""
    parser.addoption("--hardware", action="store_true", help="run tests that need a wired bench")


@pytest.fixture
def free_port() -> int:
    """A TCP port that nobody listens on."""
    return free_tcp_port()


@pytest.fixture
def until() -> Callable[..., Awaitable[None]]:
    """Wait until a condition holds: ``await until(lambda: done, "what")``."""

    async def wait(condition: Callable[[], object], what: str, limit_s: float = 40.0) -> None:
        try:
            async with asyncio.timeout(limit_s):
                # Any condition of any thread or process: there is no event to wait for.
                while not condition():
                    await asyncio.sleep(0.005)
        except TimeoutError:
            pytest.fail(f"did not happen within {limit_s:g} s: {what}")

    return wait


@pytest.fixture
def make_broker(tmp_path: Path) -> Iterator[Callable[..., Mosquitto]]:
    """Start a mosquitto: ``make_broker("max_packet_size 1000", auth="allow_anonymous true")``."""
    if shutil.which("mosquitto") is None:
        pytest.skip("mosquitto is not installed (apt install mosquitto)")
    started: list[Mosquitto] = []

    def make(*lines: str, auth: str = "allow_anonymous true") -> Mosquitto:
        broker = Mosquitto(tmp_path, lines, auth)
        started.append(broker)
        broker.start()
        return broker

    yield make
    for broker in started:
        broker.kill()


@pytest.fixture
def broker(make_broker: Callable[..., Mosquitto]) -> Mosquitto:
    """A running mosquitto that lets anybody in."""
    return make_broker()


class Listener:
    """Somebody else's MQTT client (paho with its own thread) that keeps what it hears."""

    def __init__(self, port: int, topic: str, client_id: str, persistent: bool) -> None:
        self.heard: list[tuple[str, bytes, bool]] = []
        self.subscribed = threading.Event()
        self._topic = topic
        client = self._client = paho.Client(
            paho.CallbackAPIVersion.VERSION2, client_id, clean_session=not persistent
        )
        client.reconnect_delay_set(1, 1)
        client.on_connect = self._connected
        client.on_subscribe = lambda *_: self.subscribed.set()
        client.on_message = self._took
        client.connect("127.0.0.1", port, keepalive=30)
        client.loop_start()

    def topics(self) -> list[str]:
        return [topic for topic, _, _ in list(self.heard)]

    def payloads(self, topic: str) -> list[bytes]:
        return [payload for name, payload, _ in list(self.heard) if name == topic]

    def publish(self, topic: str, payload: bytes, qos: int = 0, retain: bool = False) -> None:
        self._client.publish(topic, payload, qos, retain)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _connected(self, client: paho.Client, *_: object) -> None:
        client.subscribe(self._topic, qos=1)

    def _took(self, _client: object, _data: object, message: paho.MQTTMessage) -> None:
        self.heard.append((message.topic, message.payload, message.retain))


@pytest.fixture
def listen() -> Iterator[Callable[..., Listener]]:
    """Somebody else who listens: ``listen(broker, "#")``; waits until it is subscribed."""
    opened: list[Listener] = []

    def start(
        broker: Mosquitto, topic: str = "#", client_id: str = "", persistent: bool = False
    ) -> Listener:
        listener = Listener(broker.port, topic, client_id, persistent)
        opened.append(listener)
        assert listener.subscribed.wait(10), "the broker took no subscription"
        return listener

    yield start
    for listener in opened:
        listener.close()


_SIGNS = x509.KeyUsage(
    key_cert_sign=True,
    crl_sign=True,
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    encipher_only=False,
    decipher_only=False,
)


class Authority:
    """A certificate authority made for one test; files are PEM."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.ca_file = folder / f"{name}.pem"
        # As strict as OpenSSL from Python 3.13 on: who may sign, and whose key it was.
        own = (
            self._builder(self._name, self._key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_SIGNS, critical=True)
        )
        self._write(self.ca_file, own)

    def issue(self, name: str, *, server: bool = False) -> tuple[Path, Path]:
        """(certificate, key) for ``name``; a server's is for 127.0.0.1 too."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = self._builder(subject, key)
        if server:
            address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
            builder = builder.add_extension(x509.SubjectAlternativeName([address]), critical=False)
        cert_file, key_file = self._folder / f"{name}.crt", self._folder / f"{name}.key"
        self._write(cert_file, builder)
        key_file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return cert_file, key_file

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey
    ) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), False
            )
        )

    def _write(self, file: Path, builder: x509.CertificateBuilder) -> None:
        certificate = builder.sign(self._key, hashes.SHA256())
        file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


@pytest.fixture
def make_authority(tmp_path: Path) -> Callable[[str], Authority]:
    """A certificate authority of this test: ``make_authority("ours").issue("broker")``."""
    return lambda name: Authority(tmp_path, name)
