"""Which source stands behind `source = …`. Each is imported when a config asks for it."""

from __future__ import annotations

from banksman_drivers.camera.library import must_be_there
from banksman_drivers.camera.source import Source
from banksman_drivers.ports import Unsupported
from banksman_drivers.settings.camera import CameraSettings


def check(settings: CameraSettings) -> None:
    """Raises Unsupported, naming the device, when its pictures could never be had here."""
    for flaw in settings.flaws():
        raise Unsupported(f"{settings.id}: {'.'.join(map(str, flaw.path))} {flaw.message}")
    if settings.kind != "fake":
        must_be_there(settings.id)


def open_source(settings: CameraSettings) -> Source:
    """Open it, on the camera's thread. Raises DeviceLost with what to check."""
    match settings.kind:
        case "v4l2":
            from banksman_drivers.camera.v4l2 import V4l2Source

            return V4l2Source(settings)
        case "rtsp" | "rtsps":
            from banksman_drivers.camera.stream import StreamSource

            return StreamSource(settings)
        case "file":
            from banksman_drivers.camera.file import FileSource

            return FileSource(settings)
        case "folder":
            from banksman_drivers.camera.folder import FolderSource

            return FolderSource(settings)
        case "fake":
            from banksman_drivers.fake.camera import FakeCamera

            return FakeCamera().open(settings)
        case other:
            raise Unsupported(f"{settings.id}: {other} is no source of pictures")
