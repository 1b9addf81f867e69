"""The sensor that says a part is there: a rise of it asks the looking thread for a frame."""

from __future__ import annotations

from banksman.config.schema_vision import InspectionSettings
from banksman.control.stream import Stream
from banksman.vision.finding import Finding
from banksman.vision.looking import missed
from banksman.vision.triggers import Triggers


class PartTrigger:
    """One station's; the control thread's. Unusable readings count as no rise."""

    def __init__(self, triggers: Triggers) -> None:
        self._triggers = triggers
        self._pressed = True  # the first state of the trigger is no edge

    def take(self, stream: Stream) -> Finding | None:
        """A new reading; returns the part that it pushed out unseen."""
        pressed = stream.value == 1.0
        rose = pressed and not self._pressed
        self._pressed = pressed if stream.value == stream.value else True
        if not rose:
            return None
        pushed = self._triggers.put(stream.mono_ns)
        return None if pushed is None else missed(0, self._triggers.exposure_ns(pushed))


def triggers_of(settings: InspectionSettings) -> Triggers | None:
    """Those of a station that waits for a sensor; None: it looks at every frame."""
    if settings.trigger is None:
        return None
    delay_ns, wait_ns = settings.trigger_delay_ms * 1e6, settings.trigger_wait_ms * 1e6
    return Triggers(round(delay_ns), round(wait_ns))
