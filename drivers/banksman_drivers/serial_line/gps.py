"""The dialect of position receivers: each sentence tells the fields that it has."""

from __future__ import annotations

from banksman_drivers.serial_line.dialect import Dialect, Heard, Shown
from banksman_drivers.serial_line.framing import LineFramer
from banksman_drivers.serial_line.nmea import SENTENCE_MAX, NmeaError, parse
from banksman_drivers.settings.nmea import NmeaSettings


class NmeaDialect(Dialect):
    """One receiver."""

    def __init__(self, settings: NmeaSettings) -> None:
        super().__init__(settings.id, [(point.field, point) for point in settings.points])
        self.framer = LineFramer(SENTENCE_MAX)

    def heard(self, data: bytes, mono_ns: int) -> Heard:
        """One sentence; those of other kinds tell nothing and are no fault."""
        try:
            fix = parse(data)
        except NmeaError as error:
            return self.broken(str(error))
        fields = {name: Shown(value) for name, value in fix.values.items()}
        return Heard(self._readings({**fields, **self.counts()}, mono_ns))
