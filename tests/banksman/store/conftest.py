"""What the store's tests share: stores on real files, decisions and polls to put into them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from banksman.clock import Clock, SystemClock
from banksman.config.schema_services import StoreSettings
from banksman.deciding.decision import Decision
from banksman.store.sealing import Seal
from banksman.store.store import Store
from banksman.wire.messages import AlarmMessage, AuditMessage, Priority
from banksman_drivers.ports import Quality, Reading


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The store's folder, not made yet."""
    return tmp_path / "store"


@pytest.fixture
def open_store(folder: Path) -> Iterator[Callable[..., Store]]:
    """Open a store in ``folder``, stopped at the end: ``open_store(quota_mb=16)``."""
    opened: list[Store] = []

    def make(
        *,
        start: bool = True,
        clock: Clock | None = None,
        channels: Sequence[str] = ("mqtt",),
        at: Path | None = None,
        seal: Seal | None = None,
        **settings: float,
    ) -> Store:
        options = {"free_floor_mb": 0, "block_s": 0.1, **settings}
        store = Store.open(
            StoreSettings(folder=str(at or folder), **options),
            "press",
            clock or SystemClock(),
            channels,
            seal,
        )
        opened.append(store)
        if start:
            store.start()
        return store

    yield make
    for store in opened:
        store.stop()


@pytest.fixture
def make_decision() -> Callable[..., Decision]:
    """A decision with any fields of its own: ``make_decision(store, reason="hot")``."""

    def make(store: Store, **fields: object) -> Decision:
        values: dict[str, object] = {
            "id": store.ids.next(),
            "node": "press",
            "type": "quality_control",
            "point": "oven",
            "wall_ns": 1_700_000_000_000_000_000,
            "mono_ns": 5_000_000_000,
            "boot_id": "boot",
            "clock_quality": "synchronised",
            "latency_us": 12.5,
            "action": "reject",
            "confidence": 0.9,
            "source": "rule",
            "reason": "too hot",
            "inputs": {"plc.oven": 251.0},
            "rules_version": "v1",
            "rule": "oven_hot",
            "model_version": None,
            "sync": False,
            "review": False,
            "mode": "observe",
        }
        return Decision(**(values | fields))  # type: ignore[arg-type]

    return make


@pytest.fixture
def make_batch() -> Callable[..., tuple[Reading, ...]]:
    """One poll of ``plc``: ``make_batch(oven=250.0)``."""

    def make(quality: Quality = Quality.GOOD, mono_ns: int = 7, **values: float):
        return tuple(
            Reading(f"plc.{name}", value, "degC", quality, mono_ns)
            for name, value in values.items()
        )

    return make


@pytest.fixture
def make_alarm() -> Callable[..., AlarmMessage]:
    def make(store: Store, key: str, **fields: object) -> AlarmMessage:
        values: dict[str, object] = {
            "id": store.ids.next(),
            "node": "press",
            "key": key,
            "text": f"{key} holds",
            "priority": Priority.IMPORTANT,
            "active": True,
            "acknowledged": False,
            "wall_ns": 1,
            "mono_ns": 2,
            "boot_id": "boot",
        }
        return AlarmMessage(**(values | fields))  # type: ignore[arg-type]

    return make


@pytest.fixture
def make_audit() -> Callable[..., AuditMessage]:
    def make(store: Store, event: str = "reset") -> AuditMessage:
        return AuditMessage(
            store.ids.next(), "press", event, "anna", 1, 2, "boot", {"trip": "oven"}
        )

    return make


class SmallDisk:
    """A real file system of a few MB that can be filled, emptied and made read-only."""

    def __init__(self, path: Path, size_mb: int) -> None:
        self.path = path
        self._ballast = path / "ballast"
        path.mkdir()
        self._mount("-t", "tmpfs", "-o", f"size={size_mb}m", "tmpfs")

    def _mount(self, *options: str) -> None:
        done = subprocess.run(
            ["mount", *options, str(self.path)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            pytest.skip(f"this machine does not let the test mount a small disk: {done.stderr}")

    def fill(self, leave_kb: int = 0) -> None:
        with self._ballast.open("ab", buffering=0) as file:
            disk = os.statvfs(self.path)
            spare = disk.f_bavail * disk.f_frsize - leave_kb * 1024
            file.write(bytes(max(0, spare)))

    def empty(self) -> None:
        self._ballast.unlink()

    def make_read_only(self) -> None:
        self._mount("-o", "remount,ro")

    def make_writable(self) -> None:
        self._mount("-o", "remount,rw")

    def unmount(self) -> None:
        subprocess.run(["umount", "-l", str(self.path)], check=False, capture_output=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[int], SmallDisk]]:
    """A small disk: ``small_disk(4)`` has 4 MB. Needs root; skipped without."""
    mounted: list[SmallDisk] = []

    def make(size_mb: int) -> SmallDisk:
        disk = SmallDisk(tmp_path / f"disk{len(mounted)}", size_mb)
        mounted.append(disk)
        return disk

    yield make
    for disk in mounted:
        disk.unmount()
