"""A compiled plant and a way to speak Modbus to it, byte by byte."""

import shutil
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.reaction import simulator
from benchmarks.reaction.simulator import Simulator


@pytest.fixture(scope="session")
def plant_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("cc") is None:
        pytest.skip("no C compiler")
    return simulator.build(tmp_path_factory.mktemp("cache"))


@pytest.fixture
def plant(plant_program: Path) -> Iterator[Simulator]:
    with Simulator(plant_program) as running:
        yield running


class Client:
    """The least of a Modbus TCP client: a request's function and data in, the answer's out."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)

    def ask(self, function: int, data: bytes) -> bytes:
        self.socket.sendall(struct.pack(">HHHBB", 7, 0, len(data) + 2, 1, function) + data)
        return self.answer()

    def answer(self) -> bytes:
        head = self.read(7)
        transaction, protocol, length, unit = struct.unpack(">HHHB", head)
        assert (transaction, protocol, unit) == (7, 0, 1)
        return self.read(length - 1)

    def read(self, count: int) -> bytes:
        got = b""
        while len(got) < count:
            part = self.socket.recv(count - len(got))
            if not part:
                raise ConnectionResetError
            got += part
        return got

    def poll(self, count: int = 10) -> list[int]:
        answer = self.ask(3, struct.pack(">HH", 0, count))
        assert answer[:2] == bytes([3, count * 2])
        return list(struct.unpack(f">{count}H", answer[2:]))

    def write_coil(self, on: bool) -> None:
        data = struct.pack(">HH", 0, 0xFF00 if on else 0)
        assert self.ask(5, data) == b"\x05" + data


@pytest.fixture
def client(plant: Simulator) -> Iterator[Client]:
    connected = Client(plant.port)
    yield connected
    connected.socket.close()
