"""Whether gpiozero and lgpio are here; if not, which device wants them and what to do."""

from __future__ import annotations

from banksman_drivers.gpio.session import OpenChip
from banksman_drivers.ports import Unsupported

REMEDY = (
    "pip install 'banksman[gpio]' (lgpio has no wheel for CPython 3.13: there, apt install"
    " python3-lgpio and make the environment with --system-site-packages)"
)


def real_chips(device: str) -> OpenChip:
    """What opens this machine's chips. Raises Unsupported, naming the device."""
    try:
        from banksman_drivers.gpio.lg_factory import open_lgpio_chip
    except (ImportError, OSError) as error:
        raise Unsupported(
            f"device {device} needs gpiozero and lgpio, which do not load ({error}): {REMEDY}"
        ) from error
    return open_lgpio_chip
