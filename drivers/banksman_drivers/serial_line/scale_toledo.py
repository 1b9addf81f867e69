"""The dialect of scales that send Toledo's continuous output: it only listens."""

from __future__ import annotations

from banksman_drivers.serial_line.dialect import Dialect, Heard
from banksman_drivers.serial_line.framing import CR, STX, MarkedFramer
from banksman_drivers.serial_line.scale_fields import weight_fields
from banksman_drivers.serial_line.toledo import parse
from banksman_drivers.settings.scale import ScaleSettings

FRAME_MAX = 16


class ToledoDialect(Dialect):
    """One scale that sends unasked."""

    def __init__(self, settings: ScaleSettings) -> None:
        super().__init__(settings.id, [(point.field, point) for point in settings.points])
        self._checksum = settings.checksum
        self._units: dict[str, str] = {point.field: point.unit for point in settings.points}
        self.framer = MarkedFramer(FRAME_MAX, STX, CR, trailer=1 if settings.checksum else 0)

    def heard(self, data: bytes, mono_ns: int) -> Heard:
        """One frame."""
        try:
            fields = weight_fields(parse(data, checksum=self._checksum), self._units)
        except ValueError as error:
            return self.broken(str(error))
        return Heard(self._readings({**fields, **self.counts()}, mono_ns))
