"""The machine's own watchdog behind /dev/watchdog: it resets the board when nobody pets it.

Rules of this file
- On a systemd machine PID 1 should hold it (RuntimeWatchdogSec=): it also covers a hung
  kernel or a dead service manager. This driver is for images without systemd, because only
  one process can have the device open.
- Opening it starts it. Closing without the magic letter leaves it running, so a crash resets
  the board; only `release`, an orderly stop, disarms it.
- Petting never raises: a pet that did not arrive is counted, and the reset follows.

Source: Linux Documentation/watchdog/watchdog-api.rst, include/uapi/linux/watchdog.h.
"""

from __future__ import annotations

import fcntl
import os
import struct
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

# _IOWR('W', 6, int) and _IOR('W', 7, int), the same on x86-64, armv7 and aarch64.
WDIOC_SETTIMEOUT = 0xC0045706
WDIOC_GETTIMEOUT = 0x80045707
MAGIC_CLOSE = b"V"
PET = b"\0"

Ioctl = Callable[[int, int, bytes], bytes]


class WatchdogUnavailable(OSError):
    """There is no usable watchdog; the message names the device and the remedy."""


def system_ioctl(fd: int, request: int, argument: bytes) -> bytes:
    """ioctl(2) with a small argument copied in and out."""
    return fcntl.ioctl(fd, request, argument)


class HardwareWatchdog:
    """An open, running watchdog device. ``timeout_s`` is what the device has accepted.

    ``failed`` counts pets that the device did not take.
    """

    def __init__(self, path: Path, timeout_s: int, ioctl: Ioctl = system_ioctl) -> None:
        """Open the device, which starts it, and ask for ``timeout_s``.

        Raises WatchdogUnavailable when it is absent, held by another, or not a watchdog.
        """
        self.failed = 0
        self.path = path
        try:
            self._fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        except OSError as error:
            raise WatchdogUnavailable(
                f"{path} cannot be opened ({error.strerror}); if systemd holds it, set "
                "RuntimeWatchdogSec= in /etc/systemd/system.conf instead"
            ) from error
        try:
            self.timeout_s = self._set_timeout(timeout_s, ioctl)
        except OSError as error:
            self.release()
            raise WatchdogUnavailable(
                f"{path} takes no timeout of {timeout_s} s ({error.strerror}); name a watchdog "
                "device such as /dev/watchdog0 and a timeout that its driver allows"
            ) from error

    def pet(self) -> None:
        """Start the device's timer again."""
        try:
            os.write(self._fd, PET)
        except OSError:
            self.failed += 1

    def release(self) -> None:
        """Disarm by the magic close. With a ``nowayout`` kernel it keeps running all the same."""
        if self._fd < 0:
            return
        try:
            os.write(self._fd, MAGIC_CLOSE)
        except OSError:
            self.failed += 1
        finally:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> HardwareWatchdog:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Disarm after an orderly end; leave it running, to reset the board, after a crash."""
        if kind is None:
            self.release()

    def _set_timeout(self, timeout_s: int, ioctl: Ioctl) -> int:
        ioctl(self._fd, WDIOC_SETTIMEOUT, struct.pack("i", timeout_s))
        # Drivers round to what their counter can hold, so ask what it has become.
        answer = ioctl(self._fd, WDIOC_GETTIMEOUT, struct.pack("i", 0))
        return int(struct.unpack("i", answer)[0])
