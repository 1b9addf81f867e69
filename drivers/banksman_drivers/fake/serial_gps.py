"""A position receiver on a pseudo-terminal: GGA, RMC and VTG of where it is told to be."""

from __future__ import annotations

from pathlib import Path

from banksman_drivers.fake.serial_pty import SerialPty
from banksman_drivers.serial_line.nmea import KMH_M_S, KNOT_M_S, sentence


class FakeGps:
    """The receiver. ``fix`` False: it sees no sky, and says so."""

    def __init__(self, path: Path, baud: int = 4800) -> None:
        self.pty = SerialPty(path, baud)
        self.latitude = 48.1173
        self.longitude = 11.5167
        self.altitude = 545.4
        self.speed_m_s = 2.5
        self.course = 84.4
        self.fix = True

    def plug(self) -> None:
        """Switch on."""
        self.pty.plug()

    def unplug(self) -> None:
        """Pull the plug."""
        self.pty.unplug()

    def tell(self) -> None:
        """Send the sentences of one second."""
        place = f"{angle(self.latitude, 2, 'NS')},{angle(self.longitude, 3, 'EW')}"
        knots, kmh = self.speed_m_s / KNOT_M_S, self.speed_m_s / KMH_M_S
        if self.fix:
            told = (
                f"GPGGA,123519.00,{place},1,08,0.9,{self.altitude:.1f},M,46.9,M,,",
                f"GPRMC,123519.00,A,{place},{knots:.3f},{self.course:.1f},230326,,,A",
                f"GPVTG,{self.course:.1f},T,,M,{knots:.3f},N,{kmh:.3f},K,A",
            )
        else:
            told = (
                "GPGGA,123519.00,,,,,0,00,99.99,,,,,,",
                "GPRMC,123519.00,V,,,,,,,230326,,,N",
                "GPVTG,,,,,,,,,N",
            )
        for each in told:
            self.pty.send(sentence(each))


def angle(degrees: float, digits: int, sides: str) -> str:
    """Degrees as NMEA writes them: ``4807.0380,N``."""
    whole, minutes = divmod(round(abs(degrees) * 60, 4), 60)
    return f"{int(whole):0{digits}d}{minutes:07.4f},{sides[degrees < 0]}"
