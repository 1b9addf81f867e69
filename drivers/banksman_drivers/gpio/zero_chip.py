"""A chip through gpiozero: its devices on a factory, its errors as ours.

Rules of this file
- The only place that uses gpiozero's devices. Its factory is lgpio's (`lg_factory`) or the fake's.
- gpiozero holds its callbacks by weak references: they are kept here.
- gpiozero's debounce is not used: lgpio's delays the first edge (its issue 19 tells of worse). Ours
  is `debounce`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from gpiozero import InputDevice, OutputDevice
from gpiozero.exc import GPIOZeroError

from banksman_drivers.ports import DeviceLost
from banksman_drivers.settings.gpio import Pull

PULL_UP = {"up": True, "down": False, "none": None}


class ZeroChip:
    """An open chip called ``name``. ``errors``: what the factory's library raises.

    ``probe`` raises OSError when the chip has gone.
    """

    def __init__(
        self,
        factory: Any,
        name: str,
        errors: tuple[type[Exception], ...],
        probe: Callable[[], None],
    ) -> None:
        self._factory = factory
        self._name = name
        self._errors = (GPIOZeroError, OSError, *errors)
        self._probe = probe
        self._devices: dict[int, Any] = {}
        self._handlers: list[Callable[[float, int], None]] = []

    def watch(self, line: int, pull: Pull, edge: Callable[[bool, int], None]) -> None:
        """See Chip."""

        def handler(ticks_s: float, state: int) -> None:
            edge(bool(state), round(ticks_s * 1e9))

        with self._explained(line):
            device = InputDevice(
                line,
                pull_up=PULL_UP[pull],
                active_state=True if pull == "none" else None,
                pin_factory=self._factory,
            )
            self._devices[line] = device
            self._handlers.append(handler)
            device.pin.edges = "both"
            device.pin.when_changed = handler

    def drive(self, line: int, high: bool) -> None:
        """See Chip."""
        with self._explained(line):
            self._devices[line] = OutputDevice(line, initial_value=high, pin_factory=self._factory)

    def read(self, line: int) -> bool:
        """See Chip."""
        with self._explained(line):
            return bool(self._devices[line].pin.state)

    def write(self, line: int, high: bool) -> None:
        """See Chip."""
        device = self._devices.get(line)
        if device is None:
            raise DeviceLost(f"{self._name} line {line} was never opened")
        with self._explained(line):
            device.value = high

    def probe(self) -> None:
        """See Chip."""
        try:
            self._probe()
        except DeviceLost:
            raise
        except OSError as error:
            raise DeviceLost(
                f"{self._name} has gone ({error.strerror}): plug it in again, or look at its cable"
            ) from error

    def close(self) -> None:
        """See Chip. What a chip that has gone complains of is no news."""
        for device in self._devices.values():
            with contextlib.suppress(*self._errors, DeviceLost):
                device.close()
        self._devices.clear()
        self._handlers.clear()
        with contextlib.suppress(*self._errors):
            self._factory.close()

    @contextlib.contextmanager
    def _explained(self, line: int) -> Iterator[None]:
        try:
            yield
        except self._errors as error:
            remedy = "check that the chip is plugged in and has this line"
            if "busy" in str(error).lower():
                remedy = "another program holds it: banksman gpio list shows which; stop it"
            raise DeviceLost(f"{self._name} line {line}: {_text(error)}; {remedy}") from error


def _text(error: Exception) -> str:
    return str(error).strip("'\"") or type(error).__name__
