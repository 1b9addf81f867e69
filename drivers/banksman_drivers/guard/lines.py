"""Where a guard line is, and how it is opened: GPIO line or FIFO.

Rules of this file
- A missing FIFO is made for this user alone: who can write an input can hide an open e-stop.
- An input FIFO is opened for reading only, so that its last writer's death is a hang-up and
  the guard reads "unknown". An output FIFO is opened for both, so that a reader may come and
  go; when this process dies its reader gets end of file, which it must take as a stop.
- Everything is non-blocking and closed on exec. Foreign errors become DriverErrors here.

    gpio:/dev/gpiochip0:17       chip and line offset, through the v2 character device
    fifo:/run/banksman/estop     bytes '0' and '1'
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
from pathlib import Path

import msgspec

from banksman_drivers.guard.available import why_not_available
from banksman_drivers.ports import CommandFailed, DeviceLost, DriverError, Unsupported

FIFO_MODE = 0o600
OFFSET_DIGITS_MAX = 5  # far beyond any chip; a number that wraps round would name another line
# One page: a reader that comes late gets little history before the present level.
FIFO_BYTES = 4096


Identity = tuple[int, int]


class Place(msgspec.Struct, frozen=True):
    """A parsed source or target. ``offset`` is the GPIO line, None for a FIFO."""

    path: str
    offset: int | None

    @property
    def is_gpio(self) -> bool:
        """Whether it is a GPIO line rather than a stream of bytes."""
        return self.offset is not None

    def __str__(self) -> str:
        return f"fifo:{self.path}" if self.offset is None else f"gpio:{self.path}:{self.offset}"


def parse_place(text: str) -> Place:
    """Parse ``gpio:/dev/gpiochip0:17`` or ``fifo:/path``; raises Unsupported for anything else."""
    scheme, _, rest = text.partition(":")
    if scheme == "fifo" and rest.startswith("/"):
        return Place(rest, None)
    chip, _, offset = rest.rpartition(":")
    is_number = offset.isascii() and offset.isdigit() and len(offset) <= OFFSET_DIGITS_MAX
    if scheme == "gpio" and chip.startswith("/") and is_number:
        return Place(chip, int(offset))
    raise Unsupported(f"{text}: a guard line is gpio:/dev/gpiochipN:LINE or fifo:/path")


def identity(path: str) -> Identity | None:
    """Which file stands at ``path``; a chip that was pulled out and plugged in is another."""
    try:
        status = Path(path).stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def open_input(place: Place) -> int:
    """Open an input line; the caller closes it. Raises DeviceLost or Unsupported."""
    try:
        if place.offset is not None:
            from banksman_drivers.guard import _native

            return _native.gpio_input(place.path, place.offset)
        return _open_fifo(place.path, os.O_RDONLY)
    except (OSError, ImportError) as error:
        raise _explained(place, error) from error


def open_output(place: Place, safe: bool) -> int:
    """Open an output line at its safe level (a FIFO gets its first byte from the guard)."""
    try:
        if place.offset is not None:
            from banksman_drivers.guard import _native

            return _native.gpio_output(place.path, place.offset, safe)
        fd = _open_fifo(place.path, os.O_RDWR)
        fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, FIFO_BYTES)
    except (OSError, ImportError) as error:
        raise _explained(place, error) from error
    return fd


def write_safe_once(place: Place, safe: bool) -> None:
    """Put one output in its safe state from a process without a guard.

    Raises CommandFailed when that could not be done: treat the output as unknown.
    """
    try:
        fd = open_output(place, safe)
        try:
            if not place.is_gpio:
                os.write(fd, b"1" if safe else b"0")
        finally:
            os.close(fd)
    except (DriverError, OSError) as error:
        raise CommandFailed(f"{place} was not put in its safe state: {error}") from error


def _open_fifo(path: str, mode: int) -> int:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):  # the other side may have made it first
        os.mkfifo(path, FIFO_MODE)
    fd = os.open(path, mode | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    status = os.fstat(fd)
    if stat.S_ISFIFO(status.st_mode) and not status.st_mode & stat.S_IWOTH:
        return fd
    os.close(fd)
    if not stat.S_ISFIFO(status.st_mode):
        raise Unsupported(f"fifo:{path} is not a FIFO: remove it, and the guard makes one")
    raise Unsupported(f"fifo:{path} may be written by anybody: chmod o-w {path}")


def _explained(place: Place, error: OSError | ImportError) -> DriverError:
    if isinstance(error, DriverError):
        return error
    if isinstance(error, ImportError):
        return Unsupported(f"{place}: {why_not_available()}")
    remedy = {
        errno.EBUSY: "another program holds this line: banksman gpio list shows which; stop it",
        errno.EACCES: "this user may not open it: add it to the group that owns it",
        errno.ENOENT: "there is no such file: check the path in the config",
        errno.EINVAL: "the chip has no such line: check the number with banksman gpio list",
    }.get(error.errno or 0, "check the path and the wiring")
    return DeviceLost(f"{place}: {error.strerror}; {remedy}")
